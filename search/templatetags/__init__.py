"""Template filters of the search part."""
