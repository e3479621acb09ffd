"""The SQLite file: schema, migrations, and a repository for each thing it holds. One writer; readers see commits."""
