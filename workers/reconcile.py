"""Comparing the record with the index and the files, and repairing what differs.

Both sides are walked in batches, so memory does not grow with the gallery. SQL decides: a point
without a row goes, a row without a point is projected again. Originals are never removed while
their row lives.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import F
from django.utils import timezone

from gallery import files
from gallery.ingest import sha256
from gallery.models import Embedding, EmbeddingModel, Photo
from search.index import StoredPoint, VectorIndex, open_index

BATCH = 1000
MASS = 0.1  # repairs that touch more than this share of all rows are refused
MASS_AT_LEAST = 20


@dataclass
class Report:
    """What was found, by check, with a few examples of each, and what was repaired."""

    rows: int = 0
    found: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    repaired: Counter[str] = field(default_factory=Counter)
    refused: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, check: str, what: object) -> None:
        """Note one finding."""
        self.found[check] += 1
        self.examples.setdefault(check, [])
        if len(self.examples[check]) < 5:
            self.examples[check].append(str(what))

    @property
    def left(self) -> int:
        """Return how many findings were not repaired."""
        return sum(self.found.values()) - sum(self.repaired.values())


def after_start(model: EmbeddingModel) -> int:
    """Send rows back for projection when the index lost points; return how many.

    Counting is cheap, so this runs at every start.
    """
    index = open_index(model.key, model.dim)
    index.ensure()
    indexed = Embedding.objects.filter(model=model, state=Embedding.State.INDEXED)
    if getattr(index, "was_reset", False):
        return indexed.update(state=Embedding.State.EMBEDDED)
    if index.count() >= indexed.count():
        return 0
    report = Report()
    compare_index(model, index, report, repair=True, force=True)
    return report.repaired["row without a point"]


def compare_index(
    model: EmbeddingModel,
    index: VectorIndex,
    report: Report,
    *,
    repair: bool,
    force: bool = False,
) -> None:
    """Compare points and rows in both directions."""
    lost = list(_rows_without_point(model, index, report))
    if repair and _allowed(report, "row without a point", len(lost), force=force):
        for part in _parts(lost):
            report.repaired["row without a point"] += Embedding.objects.filter(
                pk__in=part, state=Embedding.State.INDEXED
            ).update(state=Embedding.State.EMBEDDED)
    stray = list(_points_without_row(model, index, report))
    if repair and _allowed(report, "point without a row", len(stray), force=force):
        index.delete(stray)
        index.flush()
        report.repaired["point without a row"] += len(stray)


def _rows_without_point(model: EmbeddingModel, index: VectorIndex, report: Report) -> Iterator[int]:
    """Yield the ids of indexed rows whose point is missing or says something else."""
    rows = Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED)
    for batch in _batches(rows.select_related("photo").defer("vector")):
        points = {p.id: p for p in index.fetch([row.photo_id for row in batch])}
        for row in batch:
            point = points.get(row.photo_id)
            if point is None or not _agrees(row, point):
                report.add("row without a point", row.photo_id)
                yield row.pk


def _agrees(row: Embedding, point: StoredPoint) -> bool:
    return (
        point.payload.get("owner") == str(row.photo.owner_id)
        and point.payload.get("gen") == row.generation
    )


def _points_without_row(
    model: EmbeddingModel, index: VectorIndex, report: Report
) -> Iterator[UUID]:
    batch: list[UUID] = []
    for point in index.scroll():
        batch.append(point.id)
        if len(batch) == BATCH:
            yield from _strays(model, batch, report)
            batch = []
    yield from _strays(model, batch, report)


def _strays(model: EmbeddingModel, ids: list[UUID], report: Report) -> Iterator[UUID]:
    known = set(
        Embedding.objects.live()
        .filter(model=model, photo_id__in=ids)
        .values_list("photo_id", flat=True)
    )
    for point_id in ids:
        if point_id not in known:
            report.add("point without a row", point_id)
            yield point_id


def compare_files(report: Report, *, repair: bool, deep: bool, grace: float) -> None:
    """Compare originals with rows; with `deep`, their checksums too (reads every byte)."""
    report.rows = Photo.objects.live().count()
    for batch in _batches(Photo.objects.live()):
        for photo in batch:
            path = files.original(photo)
            if not path.exists():
                report.add("row without a file", photo.pk)
            elif deep and sha256(path) != photo.sha256:
                report.add("file changed on disk", photo.pk)
    strays = list(_files_without_row(report, grace))
    if repair and _allowed(report, "file without a row", len(strays), force=False):
        for path in strays:
            path.unlink(missing_ok=True)
            report.repaired["file without a row"] += 1


def _files_without_row(report: Report, grace: float) -> Iterator[Path]:
    """Yield media files whose photo does not exist, older than `grace` seconds."""
    oldest = timezone.now().timestamp() - grace
    for path in Path(settings.MEDIA_DIR).rglob("*"):
        if not path.is_file() or path.stat().st_mtime > oldest:
            continue
        try:
            known = Photo.objects.filter(pk=UUID(path.name.partition(".")[0])).exists()
        except ValueError:
            known = False
        if not known:
            report.add("file without a row", path.name)
            yield path


def compare_rows(report: Report, *, repair: bool, deep: bool) -> None:
    """Check the rows by themselves: missing ones, vectors with a wrong checksum, the database."""
    for model in EmbeddingModel.objects.wanted():
        lacking = Photo.objects.live().exclude(embeddings__model=model).count()
        if lacking:
            report.found["photo without a row of work"] += lacking
            if repair:
                report.repaired["photo without a row of work"] += Embedding.objects.add_missing(
                    model, limit=10_000_000
                )
    saved = [Embedding.State.EMBEDDED, Embedding.State.INDEXED]
    if deep:
        for batch in _batches(Embedding.objects.live().filter(state__in=saved)):
            _check_vectors(batch, report, repair=repair)
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA quick_check")
            answer = cursor.fetchone()[0]
        if answer != "ok":
            report.add("database damaged", answer)


def _check_vectors(batch: list[Embedding], report: Report, *, repair: bool) -> None:
    bad = [row for row in batch if row.get_vector() is None]
    for row in bad:
        report.add("vector damaged", row.photo_id)
    if repair:
        report.repaired["vector damaged"] += Embedding.objects.filter(
            pk__in=[row.pk for row in bad]
        ).update(state=Embedding.State.PENDING, generation=F("generation") + 1, attempts=0)


def sample_search(model: EmbeddingModel, index: VectorIndex, report: Report, size: int) -> None:
    """Ask the index for a few photos by their own vectors; each must come first or tie."""
    rows = Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED)
    ids = list(rows.values_list("pk", flat=True))
    for pk in random.sample(ids, min(size, len(ids))):
        row = rows.get(pk=pk)
        vector = row.get_vector()
        if vector is None:
            continue
        hits = index.query(vector, limit=1)
        near = bool(hits) and (
            hits[0].id == row.photo_id or np.isclose(hits[0].score, 1, atol=1e-3)
        )
        if not near:
            report.add("photo does not find itself", row.photo_id)


def _allowed(report: Report, check: str, count: int, *, force: bool) -> bool:
    """Return whether a repair is small enough not to be a mistake in the comparison itself."""
    rows = max(report.rows, Photo.objects.live().count())
    if force or count <= max(MASS_AT_LEAST, MASS * rows):
        return True
    report.refused.append(f"{check}: {count} of {rows} is too many to repair without --force")
    return False


def _batches(rows: object) -> Iterator[list]:  # type: ignore[type-arg]
    """Yield all rows in lists of BATCH, in key order, with one query each."""
    last = None
    while True:
        part = rows.order_by("pk")  # type: ignore[attr-defined]
        batch = list((part if last is None else part.filter(pk__gt=last))[:BATCH])
        if not batch:
            return
        yield batch
        last = batch[-1].pk


def _parts(ids: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), BATCH):
        yield ids[start : start + BATCH]
