"""Rebuild the index from the vectors in the database, or the vectors from the pictures."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import F
from tqdm import tqdm

from gallery.models import Embedding, EmbeddingModel
from gallery.models.embeddings import BACKFILL_PRIORITY
from gallery.system_checks import BEFORE_COMMANDS
from search.vectors.index import IndexLocked, VectorIndexError, close_all
from workers import doorbell
from workers.index_sync.projection import project_waiting
from workers.index_sync.sources import PHOTOS, SOURCES


class Command(BaseCommand):
    help = (
        "Put all vectors of the database into the index again; with --from-pictures, have the "
        "running gallery embed every photo again."
    )
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from-pictures", action="store_true")

    def handle(self, *args: Any, from_pictures: bool, **options: Any) -> None:
        for model in EmbeddingModel.objects.wanted():
            if from_pictures:
                count = _embed_again(model)
                self.stdout.write(f"{model.key}: {count} photos will be embedded again.")
            else:
                self._reindex(model, quiet=options["verbosity"] == 0)
        close_all()
        doorbell.ring()

    def _reindex(self, model: EmbeddingModel, *, quiet: bool) -> None:
        """Project here if the index can be opened, or else leave it to the running gallery."""
        try:
            PHOTOS.index(model).ensure()
            _wait_again(model)
            for source in SOURCES:
                if source.is_in_use(model):
                    source.index(model).drop()
                    source.index(model).ensure()
            # A worker may have put some of them into the index that was just dropped.
            count = _wait_again(model)
            with tqdm(total=count, unit="photo", disable=quiet) as bar:
                done = project_waiting(PHOTOS, model, on_progress=bar.update)
        except IndexLocked:
            count = _wait_again(model)
            self.stdout.write(f"{model.key}: the running gallery indexes {count} photos again.")
        except VectorIndexError as error:
            _wait_again(model)
            self.stdout.write(f"{model.key}: this will be done when the index is back. {error}")
        else:
            self.stdout.write(f"{model.key}: {done} of {count} photos are in the index.")


def _wait_again(model: EmbeddingModel) -> int:
    """Have all rows wait for the indexes again; return how many photos wait."""
    photo_ids = list(Embedding.objects.filter(model=model).values_list("photo_id", flat=True))
    for source in SOURCES:
        source.wait_again(model, photo_ids)
    return PHOTOS.waiting(model).count()


def _embed_again(model: EmbeddingModel) -> int:
    """Start all finished rows again; results of work in progress are dropped."""
    settled = [Embedding.State.INDEXED, Embedding.State.EMBEDDED, Embedding.State.FAILED]
    return Embedding.objects.filter(model=model, state__in=settled).update(
        state=Embedding.State.PENDING,
        generation=F("generation") + 1,
        priority=BACKFILL_PRIORITY,
        attempts=0,
        crashes=0,
        not_before=None,
        reason="",
        detail="",
    )
