"""Stand-ins for a site's own interpreter and dose engine, and synthetic cases; programs of their own, none clinical."""
