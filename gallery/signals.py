"""Signals by which the gallery tells search and the workers about changes; it knows neither."""

from __future__ import annotations

from django.dispatch import Signal

photos_changed = Signal()
"""Sent after commit when photos were added, deleted or should be tried again. No arguments,
because the rows say what to do; receivers must return quickly and never raise."""

photos_moved = Signal()
"""Sent after commit when photos went to the trash or came back, with `photo_ids`: list[UUID]
(up to thousands); receivers must return quickly and never raise."""

photos_stacked = Signal()
"""Sent after commit when photos were stacked or unstacked, with `photo_ids`: list[UUID];
receivers must return quickly and never raise."""
