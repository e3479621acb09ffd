"""The transport over SSH: one supervised connection, commands, files, checksums."""
