"""Suggestions for the search bar while somebody types."""
