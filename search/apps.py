"""The search app: finding photos by describing them, and the pages that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from gallery.models import EmbeddingModel


class SearchConfig(AppConfig):
    name = "search"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate, pre_migrate

        from gallery import health
        from search.fulltext import upkeep

        pre_migrate.connect(upkeep.before_migrations, sender=self, dispatch_uid="search.fulltext")
        post_migrate.connect(upkeep.after_migrations, sender=self, dispatch_uid="search.fulltext")
        health.ask_search(_can_answer)


def _can_answer(model: EmbeddingModel) -> bool:
    from search.engine import readiness

    return readiness.can_answer(model)
