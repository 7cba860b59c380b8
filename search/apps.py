"""The search app: finding photos by describing them, and the pages that show them."""

from __future__ import annotations

from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "search"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate, pre_migrate

        from search.fulltext import schema

        pre_migrate.connect(schema.before_migrations, sender=self, dispatch_uid="search.fulltext")
        post_migrate.connect(schema.after_migrations, sender=self, dispatch_uid="search.fulltext")
