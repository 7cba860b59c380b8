"""The app of labels, lessons, quality, themes and the map."""

from __future__ import annotations

from django.apps import AppConfig


class UnderstandingConfig(AppConfig):
    name = "search.understanding"

    def ready(self) -> None:
        """Tell the gallery what photos show, and which of them machines suspect."""
        from gallery import alternative_texts, sensitive
        from gallery.models import sharing
        from search.understanding.labels.alternative_texts import describe
        from search.understanding.sensitive.leaving import suspected_or_unseen
        from search.understanding.sensitive.review import suspected_photos

        alternative_texts.describers.append(describe)
        sensitive.suspected_of.append(suspected_photos)
        sharing.suspects.append(suspected_or_unseen)
