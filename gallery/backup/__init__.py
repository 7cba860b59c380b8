"""Backups of a whole gallery: made while it runs, verified, and restored into an empty one.

A target holds a marker, `files/` with every file once under its SHA-256, and `generations/` with
one folder for each backup: the rows of the database, the list of files, and a manifest, which is
written last. Nothing here overwrites what an earlier generation needs.
"""
