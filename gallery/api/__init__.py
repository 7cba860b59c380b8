"""The gallery's part of the API.

Errors have its shape everywhere, so importing this package loads no routes.
"""
