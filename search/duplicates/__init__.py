"""Duplicates: which photos are the same picture or similar shots, and what is done about them.

Compared one by one as they are indexed; the edges found (`Likeness`) are kept in SQL and gathered
into groups that wait for a decision.
"""
