"""What has points in a vector index: photos, and parts of photos.

A source knows which rows wait for its index, which rows have points there, and what those points
are. Projecting, removing and reconciling are the same code for both sources.
"""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.db.models.functions import Length
from django.utils import timezone

from gallery import colours, facts
from gallery.logs.log_context import about_photo
from gallery.models import Embedding, EmbeddingModel, Photo, PhotoParts
from gallery.models.embeddings import EmbeddingQuerySet
from gallery.reasons import Reason
from gallery.slices import slices
from search.parts import boxes, nearest
from search.vectors.index import BadVector, Payload, Place, Point, VectorIndex, open_index, slug

logger = logging.getLogger(__name__)

PAYLOAD_COLUMNS = (
    "generation",
    *(
        f"photo__{column}"
        for column in (
            *("owner_id", "wall_at", "taken_at", "width", "height", "format", "size", "colours"),
            *("camera", "lens", "latitude", "longitude", "place_id"),
        )
    ),
)
"""What `point_payload` reads. A row of all columns takes twice as long to load."""

payload_facts = attrgetter(*(column.replace("__", ".") for column in PAYLOAD_COLUMNS))
"""Return the values of these columns from a row."""

_BOX_BYTES = 8
"""A box is four numbers of two bytes."""


class Source(ABC):
    """One kind of points and the rows behind them, which are `Embedding` rows."""

    name: str
    chunk: int
    """Photos in one request to the index."""
    columns: tuple[str, ...]
    """What of a row its points are made of, besides the vectors."""
    vectors: tuple[str, ...]
    """The columns with vectors, which most walks over the rows leave out."""

    @abstractmethod
    def index(self, model: EmbeddingModel) -> VectorIndex:
        """Return the index that holds the points."""

    @abstractmethod
    def is_in_use(self, model: EmbeddingModel) -> bool:
        """Tell whether the index may hold points; if not, it need not be opened or created."""

    @abstractmethod
    def waiting(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        """Return the live rows whose points are not in the index yet."""

    @abstractmethod
    def promised(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        """Return the live rows that are marked as indexed."""

    @abstractmethod
    def kept(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        """Return the live rows that may have points now or soon."""

    @abstractmethod
    def counts(self, model: EmbeddingModel) -> tuple[int, int]:
        """Return the least and the greatest number of points of an index in order."""

    @abstractmethod
    def points(self, row: Embedding) -> list[Point]:
        """Return the points of a waiting row; none if its stored vectors are damaged."""

    @abstractmethod
    def mark_indexed(self, model: EmbeddingModel, rows: Sequence[Embedding]) -> int:
        """Mark the rows that still wait as indexed; return how many."""

    @abstractmethod
    def _wait_again(self, model: EmbeddingModel, photo_ids: Sequence[UUID]) -> int:
        """Have rows wait for the index again; return how many."""

    @abstractmethod
    def embed_again(self, rows: Sequence[Embedding]) -> None:
        """Discard the damaged vectors of rows, so that they are embedded again."""

    @abstractmethod
    def refuse(self, row: Embedding, error: BadVector) -> None:
        """Record that the index refused the points of a row."""

    # By default, a photo has one point, whose id is its own.

    def load(self, rows: EmbeddingQuerySet, *, with_vectors: bool) -> EmbeddingQuerySet:
        """Have `rows` read nothing but what their points are made of, in one query."""
        columns = self.columns + (self.vectors if with_vectors else ())
        related = {column.rpartition("__")[0] for column in columns} - {""}
        return rows.select_related(*related).only(*columns)

    def number_of_points(self, row: Embedding) -> int:
        """Return how many points a promised row has."""
        return 1

    def point_ids(self, photo_ids: Iterable[UUID]) -> list[UUID]:
        """Return the ids of all points that photos may have."""
        return list(photo_ids)

    def photo_id(self, point_id: UUID) -> UUID:
        """Return the photo that a point belongs to."""
        return point_id

    def wait_again(self, model: EmbeddingModel, photo_ids: Iterable[UUID]) -> int:
        """Have promised rows of these photos wait for the index again; return how many."""
        return sum(self._wait_again(model, some) for some in slices(photo_ids, self.chunk))

    def remove_points(self, model: EmbeddingModel, photo_ids: Iterable[UUID]) -> None:
        """Remove the photos' points and flush; raise `IndexUnavailable`."""
        index = self.index(model)
        for some in slices(photo_ids, self.chunk):
            index.delete(self.point_ids(some))
        index.flush()


class PhotoSource(Source):
    """Whole photos. `Embedding.state` tells whether a row waits or is indexed."""

    name = "photos"
    chunk = 1000
    columns = PAYLOAD_COLUMNS
    vectors = ("vector", "vector_crc")

    def index(self, model: EmbeddingModel) -> VectorIndex:
        return open_index(model.collection, model.dim)

    def is_in_use(self, model: EmbeddingModel) -> bool:
        return (
            model.state in {EmbeddingModel.State.ACTIVE, EmbeddingModel.State.BUILDING}
            or bool(settings.QDRANT_URL)
            or (Path(settings.DATA_DIR) / "index" / slug(model.collection)).is_dir()
        )

    def waiting(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        return Embedding.objects.live().filter(model=model, state=Embedding.State.EMBEDDED)

    def promised(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        return Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED)

    def kept(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        # A photo that is embedded again keeps its old point until the new one replaces it.
        return Embedding.objects.live().filter(model=model)

    def counts(self, model: EmbeddingModel) -> tuple[int, int]:
        leaving = owed().filter(model=model).count()
        rows = Embedding.objects.filter(model=model)
        promised = rows.filter(state=Embedding.State.INDEXED)
        return promised.count_live(), rows.count_live() + leaving

    def points(self, row: Embedding) -> list[Point]:
        payload, vector = point_payload(row), row.get_vector()
        return [] if vector is None else [Point(row.photo_id, vector, payload)]

    def mark_indexed(self, model: EmbeddingModel, rows: Sequence[Embedding]) -> int:
        # Their parts have the same payload, so they have to follow.
        parts = PhotoParts.objects.filter(pk__in=[row.pk for row in rows])
        parts.exclude(boxes=b"").update(indexed_at=None)
        unchanged = Q(pk__in=[])
        for generation in {row.generation for row in rows}:
            keys = [row.pk for row in rows if row.generation == generation]
            unchanged |= Q(generation=generation, pk__in=keys)
        # A condition on each row: with a list of photos beside the list of rows, SQLite tries every
        # pair of the two, which takes 0.4 s for 1,000 photos instead of 0.02 s.
        is_live = Exists(Photo.objects.live().filter(pk=OuterRef("photo_id")))
        waiting = Embedding.objects.filter(unchanged, is_live, state=Embedding.State.EMBEDDED)
        return waiting.update(
            state=Embedding.State.INDEXED,
            indexed_at=timezone.now(),
            lease_token=None,
            attempts=0,
            crashes=0,
            not_before=None,
        )

    def _wait_again(self, model: EmbeddingModel, photo_ids: Sequence[UUID]) -> int:
        return Embedding.objects.filter(model=model).project_again(photo_ids)

    def embed_again(self, rows: Sequence[Embedding]) -> None:
        logger.warning("%d stored vectors are damaged; embedding them again.", len(rows))
        damaged = Embedding.objects.filter(pk__in=[row.pk for row in rows])
        damaged.filter(state=Embedding.State.EMBEDDED).update(
            state=Embedding.State.PENDING, generation=F("generation") + 1, vector=None, attempts=0
        )

    def refuse(self, row: Embedding, error: BadVector) -> None:
        same = Embedding.objects.filter(pk=row.pk, generation=row.generation)
        same.filter(state=Embedding.State.EMBEDDED).update(
            state=Embedding.State.FAILED, reason=Reason.INDEX_REJECTED, detail=str(error)[:300]
        )


class PartSource(Source):
    """Parts of photos. `PhotoParts.indexed_at` tells whether a row waits or is indexed."""

    name = "parts"
    chunk = 200
    columns = (*PAYLOAD_COLUMNS, "parts__boxes")
    vectors = ("parts__vectors", "parts__crc")

    def index(self, model: EmbeddingModel) -> VectorIndex:
        return nearest.index_of(model)

    def is_in_use(self, model: EmbeddingModel) -> bool:
        return nearest.is_in_use(model)

    def waiting(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        parts = self._parts(model).filter(indexed_at=None, generation=F("embedding__generation"))
        rows = Embedding.objects.live().filter(state=Embedding.State.INDEXED)
        return rows.filter(pk__in=parts.values("pk"))

    def promised(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        parts = self._parts(model).exclude(indexed_at=None)
        return Embedding.objects.live().filter(pk__in=parts.values("pk"))

    def kept(self, model: EmbeddingModel) -> EmbeddingQuerySet:
        return Embedding.objects.live().filter(pk__in=self._parts(model).values("pk"))

    def counts(self, model: EmbeddingModel) -> tuple[int, int]:
        parts = self._parts(model)
        least = _number_of_boxes(parts.exclude(indexed_at=None))
        return least, least + _number_of_boxes(parts.filter(indexed_at=None))

    def number_of_points(self, row: Embedding) -> int:
        return len(row.parts.boxes) // _BOX_BYTES

    def points(self, row: Embedding) -> list[Point]:
        kept = row.parts.get_parts()
        numbers = boxes.numbers_of(kept[0]) if kept else None
        if kept is None or numbers is None:
            return []
        payload = point_payload(row)
        return [
            Point(boxes.point_id(row.photo_id, number), vector, payload)
            for number, vector in zip(numbers, kept[1], strict=True)
        ]

    def point_ids(self, photo_ids: Iterable[UUID]) -> list[UUID]:
        return [point_id for photo_id in photo_ids for point_id in boxes.all_points(photo_id)]

    def photo_id(self, point_id: UUID) -> UUID:
        return boxes.part_of(point_id)[0]

    def mark_indexed(self, model: EmbeddingModel, rows: Sequence[Embedding]) -> int:
        still = self.waiting(model).filter(pk__in=[row.pk for row in rows])
        keys = list(still.values_list("pk", flat=True))
        return PhotoParts.objects.filter(pk__in=keys).update(indexed_at=timezone.now())

    def _wait_again(self, model: EmbeddingModel, photo_ids: Sequence[UUID]) -> int:
        return self._parts(model).filter(embedding__photo__in=photo_ids).update(indexed_at=None)

    def embed_again(self, rows: Sequence[Embedding]) -> None:
        logger.warning("The parts of %d photos are damaged; embedding them again.", len(rows))
        self._forget(row.pk for row in rows)

    def refuse(self, row: Embedding, error: BadVector) -> None:
        with about_photo(row.photo_id):
            logger.warning("The index refuses the parts of photo %s: %s", row.photo_id, error)
        self._forget([row.pk])

    def _forget(self, keys: Iterable[int]) -> None:
        keys = list(keys)
        with transaction.atomic():
            Embedding.objects.filter(pk__in=keys).update(parts_generation=0)
            PhotoParts.objects.filter(pk__in=keys).delete()

    def _parts(self, model: EmbeddingModel) -> QuerySet[PhotoParts]:
        return PhotoParts.objects.filter(embedding__model=model).exclude(boxes=b"")


def _number_of_boxes(rows: QuerySet[PhotoParts]) -> int:
    total: int = rows.aggregate(total=Sum(Length("boxes")))["total"] or 0
    return total // _BOX_BYTES


PHOTOS = PhotoSource()
PARTS = PartSource()
SOURCES: tuple[Source, ...] = (PHOTOS, PARTS)


def owed() -> EmbeddingQuerySet:
    """Return the rows of trashed photos, of any model, whose point may still be in the index.

    Such a row is `indexed`, was once (`indexed_at`), or was on its way to the index (`embedded`
    with a `lease_token`). These marks are cleared after the point was removed.
    """
    promised = Q(state=Embedding.State.INDEXED) | Q(indexed_at__isnull=False)
    on_the_way = Q(state=Embedding.State.EMBEDDED, lease_token__isnull=False)
    return Embedding.objects.filter(promised | on_the_way, photo__in=Photo.objects.trashed())


def point_payload(row: Embedding) -> Payload:
    """Return the payload for filters; facts that people change often stay in SQL.

    `owner` and `gen`eration; `taken`, the clock on the wall in seconds since 1970, and whether it
    is `dated`;
    `orientation`, `aspect` (width by height) and `megapixels`; `type` (lower case) and `bytes`;
    `colours` by name; and where they are known `camera`, `lens`, `place`, and `town`, its number.
    """
    photo = row.photo
    payload: dict[str, Any] = {
        "owner": str(photo.owner_id),
        "gen": row.generation,
        "taken": math.floor(photo.wall_at.timestamp()),
        "dated": photo.taken_at is not None,
        "orientation": facts.orientation(photo.width, photo.height),
        "aspect": photo.width / photo.height,
        "megapixels": photo.width * photo.height / 1e6,
        "type": photo.format.lower(),
        "bytes": photo.size,
    }
    if names := colours.from_column(photo.colours):
        payload["colours"] = names
    if photo.latitude is not None and photo.longitude is not None:
        payload["place"] = Place(photo.latitude, photo.longitude)
    town = "" if photo.place_id is None else str(photo.place_id)
    named = {"camera": photo.camera, "lens": photo.lens, "town": town}
    return payload | {key: name for key, name in named.items() if name}
