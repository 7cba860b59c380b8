"""Duplicates: which photos are the same picture or similar shots, and what to do about them.

Photos are compared as they are indexed (`find`). Pairs that are alike are edges in SQL, gathered
into groups (`groups`) that wait for a person's decision (`review`).
"""
