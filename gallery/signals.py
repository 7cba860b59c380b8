"""The one way in which the gallery speaks upward."""

from __future__ import annotations

from django.dispatch import Signal

photos_changed = Signal()
"""Sent after commit when photos were added, deleted or are to be tried again. No arguments:
the rows say what is to be done; receivers must return quickly and never raise."""
