"""Facets: what the photos of a result have in common, with counts."""
