"""Template tags and filters of every page; settings.py makes them builtins."""
