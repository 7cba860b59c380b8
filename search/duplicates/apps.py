"""The app of duplicates."""

from __future__ import annotations

from django.apps import AppConfig


class DuplicatesConfig(AppConfig):
    name = "search.duplicates"

    def ready(self) -> None:
        from gallery.signals import photos_moved, photos_stacked
        from search.duplicates.groups.groups import on_photos_moved, on_photos_stacked

        photos_moved.connect(on_photos_moved, dispatch_uid="search.duplicates")
        photos_stacked.connect(on_photos_stacked, dispatch_uid="search.duplicates")
