"""The search app: the vector space, duplicates, and the pages that show them."""

from __future__ import annotations

from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "search"

    def ready(self) -> None:
        from gallery.signals import photos_moved, photos_stacked
        from search.duplicates.groups import on_photos_moved, on_photos_stacked

        photos_moved.connect(on_photos_moved, dispatch_uid="search.duplicates.groups")
        photos_stacked.connect(on_photos_stacked, dispatch_uid="search.duplicates.groups")
