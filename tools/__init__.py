"""What makes parts of the project from others; no part of the program."""
