"""Sharing albums and saved searches: with members, and by links.

`gallery.models.sharing` says who sees which photos. Here grants are made, opened and revoked.
"""
