"""Build the index anew from the vectors in the database, or the vectors from the pictures."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import F

from gallery.models import Embedding, EmbeddingModel
from search.index import IndexLocked, VectorIndexError, open_index
from workers import doorbell, pipeline


class Command(BaseCommand):
    help = "Project all vectors into the index again; with --from-pictures, embed all photos again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from-pictures", action="store_true")

    def handle(self, *args: Any, from_pictures: bool, **options: Any) -> None:
        for model in EmbeddingModel.objects.wanted():
            count = _again_from_pictures(model) if from_pictures else _again_from_vectors(model)
            self.stdout.write(f"{model.key}: {count} photos to be done again.")
            if not from_pictures:
                self._project(model)
        doorbell.ring()

    def _project(self, model: EmbeddingModel) -> None:
        """Do it here where the index can be opened, else leave it to the running gallery."""
        try:
            index = open_index(model.key, model.dim)
            index.drop()
            index.ensure()
            done = pipeline.project(model, index)
            index.close()
        except IndexLocked:
            self.stdout.write("The running gallery does it now.")
        except VectorIndexError as error:
            self.stdout.write(f"It will be done when the index is back: {error}")
        else:
            self.stdout.write(f"{model.key}: {done} points written.")


def _again_from_vectors(model: EmbeddingModel) -> int:
    rows = Embedding.objects.filter(model=model, state=Embedding.State.INDEXED)
    return rows.update(state=Embedding.State.EMBEDDED)


def _again_from_pictures(model: EmbeddingModel) -> int:
    settled = [Embedding.State.INDEXED, Embedding.State.EMBEDDED, Embedding.State.FAILED]
    return Embedding.objects.filter(model=model, state__in=settled).update(
        state=Embedding.State.PENDING,
        generation=F("generation") + 1,
        priority=0,
        attempts=0,
        crashes=0,
        not_before=None,
        reason="",
    )
