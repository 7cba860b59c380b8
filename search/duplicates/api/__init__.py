"""The duplicates part of the API."""
