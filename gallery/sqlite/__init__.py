"""Django's SQLite backend, for a file that may vanish, be replaced or be damaged."""
