"""Template filters of Scry."""
