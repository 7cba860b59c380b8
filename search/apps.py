"""The search app: the vector space, duplicates, and the pages that show them."""

from __future__ import annotations

from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "search"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate, pre_migrate

        from gallery.signals import photos_moved, photos_stacked
        from search.duplicates.groups import on_photos_moved, on_photos_stacked
        from search.words import schema

        photos_moved.connect(on_photos_moved, dispatch_uid="search.duplicates.groups")
        photos_stacked.connect(on_photos_stacked, dispatch_uid="search.duplicates.groups")
        pre_migrate.connect(schema.before_migrations, sender=self, dispatch_uid="search.words")
        post_migrate.connect(schema.after_migrations, sender=self, dispatch_uid="search.words")
