"""Themes, which are groups of photos that look alike, and the map on which all photos lie."""
