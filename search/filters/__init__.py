"""Filters of a query, as conditions in SQL and for the vector index.

The payload of a point holds what a photo is born with (camera, date, place, size, colours), so the
index applies those filters. What people change (albums, tags, favourites, stars, captions, stacks)
and file names are looked up in SQL, and the index gets the ids. See docs/explanation/filters.md.
"""
