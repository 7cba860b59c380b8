"""The search app: finding photos by describing them, and the pages that show them."""

from __future__ import annotations

from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "search"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate, pre_migrate

        from search.fulltext import upkeep

        pre_migrate.connect(upkeep.before_migrations, sender=self, dispatch_uid="search.fulltext")
        post_migrate.connect(upkeep.after_migrations, sender=self, dispatch_uid="search.fulltext")
