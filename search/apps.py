"""The search app: finding photos by describing them, and the pages that show them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

if TYPE_CHECKING:
    from uuid import UUID

    from gallery.models import EmbeddingModel, User
    from gallery.sharing.shared_sets import Thing


class SearchConfig(AppConfig):
    name = "search"

    def ready(self) -> None:
        from django.db.models.signals import post_delete, post_migrate, pre_migrate

        from gallery import health
        from gallery.sharing import shared_sets
        from search.fulltext import upkeep
        from search.models import SavedSearch

        pre_migrate.connect(upkeep.before_migrations, sender=self, dispatch_uid="search.fulltext")
        post_migrate.connect(upkeep.after_migrations, sender=self, dispatch_uid="search.fulltext")
        post_delete.connect(_end_sharing, sender=SavedSearch, dispatch_uid="search.shared_searches")
        shared_sets.saved_searches.append(_thing_of_search)
        health.ask_search(_can_answer)


def _can_answer(model: EmbeddingModel) -> bool:
    from search.engine import readiness

    return readiness.can_answer(model)


# Imported when first used, for commands that ask no search load no engine.


def _end_sharing(sender: Any, instance: Any, **details: Any) -> None:
    from search.engine import shared_searches

    shared_searches.end(sender, instance, **details)


def _thing_of_search(user: User, saved_id: UUID) -> Thing | None:
    from search.engine import shared_searches

    return shared_searches.find_thing(user, saved_id)
