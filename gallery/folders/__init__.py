"""Folders of the server: copying what is in them, watching them, and showing photos in place."""
