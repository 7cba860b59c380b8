"""The pages of the search: results, facets, suggestions, saved searches, settings."""
