"""Formats of one language; see Django's `FORMAT_MODULE_PATH`."""
