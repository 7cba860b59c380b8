"""Make the index anew from the vectors in the database, or the vectors from the pictures."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db.models import F
from tqdm import tqdm

from gallery.models import Embedding, EmbeddingModel
from search.vectors.index import IndexLocked, VectorIndexError, close_all, open_index
from workers import doorbell
from workers.index_sync import parts, photos


class Command(BaseCommand):
    help = (
        "Put all vectors of the database into the index again; with --from-pictures, have the "
        "running gallery embed every photo again."
    )

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
        """Project here where the index can be opened, else leave it to the running gallery."""
        try:
            index = open_index(model.key, model.dim)
            index.ensure()
            _project_again(model)
            index.drop()
            index.ensure()
            parts.drop(model)
            # A worker may have projected some of them into the index that was just dropped.
            count = _project_again(model)
        except IndexLocked:
            count = _project_again(model)
            self.stdout.write(f"{model.key}: the running gallery indexes {count} photos again.")
            return
        except VectorIndexError as error:
            _project_again(model)
            self.stdout.write(f"{model.key}: this will be done when the index is back. {error}")
            return
        with tqdm(total=count, unit="photo", disable=quiet) as bar:
            done = photos.project_waiting(model, told=bar.update)
        self.stdout.write(f"{model.key}: {done} of {count} photos are in the index.")


def _project_again(model: EmbeddingModel) -> int:
    """Send indexed rows back to wait for the index; return how many rows wait now."""
    rows = Embedding.objects.filter(model=model)
    rows.filter(state=Embedding.State.INDEXED).update(state=Embedding.State.EMBEDDED)
    return photos.waiting().filter(model=model).count()


def _embed_again(model: EmbeddingModel) -> int:
    """Start all settled rows anew; results of work that is under way are dropped."""
    settled = [Embedding.State.INDEXED, Embedding.State.EMBEDDED, Embedding.State.FAILED]
    return Embedding.objects.filter(model=model, state__in=settled).update(
        state=Embedding.State.PENDING,
        generation=F("generation") + 1,
        priority=0,
        attempts=0,
        crashes=0,
        not_before=None,
        reason="",
        detail="",
    )
