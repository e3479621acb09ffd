"""One screen or modal a module."""
