"""How the gallery speaks upward: the search and the workers listen, and it knows neither."""

from __future__ import annotations

from django.dispatch import Signal

photos_changed = Signal()
"""Sent after commit when photos were added, deleted or are to be tried again. No arguments:
the rows say what is to be done; receivers must return quickly and never raise."""

photos_moved = Signal()
"""Sent after commit when photos went to the trash or came back, with `photo_ids`: list[UUID]
(up to thousands); receivers must return quickly and never raise."""

photos_stacked = Signal()
"""Sent after commit when photos were stacked or unstacked, with `photo_ids`: list[UUID];
receivers must return quickly and never raise."""
