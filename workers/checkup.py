"""The checks of `manage.py fsck`: the record against itself, the files and the index.

SQL decides. Repairs remove only what nothing stands behind, and never an original whose row
lives; whatever else is wrong is made again from what SQL keeps. Memory does not grow with the
gallery, and everything is looked at a second time before it is acted on, so that a gallery at
work raises no false alarm.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import Count, F
from django.utils import timezone

from gallery import files
from gallery.files import sha256
from gallery.models import Embedding, EmbeddingModel, Photo
from gallery.models.embeddings import LEASE
from gallery.slices import slices
from search import fulltext
from search.parts import nearest
from search.vectors.index import StoredPoint, VectorIndex, VectorIndexError, open_index
from workers import model_choice, purge
from workers.embedding import NORM_TOLERANCE
from workers.index_sync import parts, reconcile, withdrawal
from workers.report import Check, Report

STUCK_AFTER = 2 * LEASE
SAME_COSINE = 0.999
"""The point holds what SQL keeps as float16 unless their cosine is lower."""

_LOST = (Check.MISSING_POINT, Check.WRONG_PAYLOAD, Check.WRONG_VECTOR)


@dataclass(frozen=True)
class Options:
    """`deep` reads every file and vector; `grace` is the age in seconds from which a file may be
    a stray; `sample` photos are searched by their own vector."""

    repair: bool = False
    deep: bool = False
    force: bool = False
    sample: int = 20
    grace: float = 24 * 3600.0


def run(options: Options, *, index: bool = True) -> Report:
    """Check everything and return what was found and repaired."""
    report = Report(photos=Photo.objects.live().count())
    check_record(report, options)
    check_originals(report, options)
    check_stray_files(report, options)
    for model in EmbeddingModel.objects.wanted() if index else ():
        try:
            check_index(model, report, options)
        except VectorIndexError as error:
            report.skipped.append(f"The index of {model.key} was not checked: {error}")
    return report


# --- the record -----------------------------------------------------------------------------------


def check_record(report: Report, options: Options) -> None:
    """Check what SQL can say of itself."""
    _check_database(report)
    _check_registry(report)
    _check_duplicates(report)
    _check_words(report, options)
    for row in Embedding.objects.filter(state=Embedding.State.FAILED, reason=""):
        report.add(Check.NO_REASON, row.photo_id)
    _check_rows(report, options)
    _check_stuck(report, options)
    if options.deep:
        _check_vectors(report, options)


def _check_database(report: Report) -> None:
    if connection.vendor != "sqlite":
        return
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        for (answer,) in cursor.fetchall():
            if answer != "ok":
                report.add(Check.DATABASE, answer)
        cursor.execute("PRAGMA foreign_key_check")
        for row in cursor.fetchall():
            report.add(Check.DATABASE, f"row {row[1]} of {row[0]} points nowhere")


def _check_registry(report: Report) -> None:
    if EmbeddingModel.objects.exists() and EmbeddingModel.objects.active() is None:
        report.add(Check.MODEL, "no model is active")


def _check_duplicates(report: Report) -> None:
    groups = Photo.objects.not_deleted().values("owner_id", "sha256").annotate(copies=Count("pk"))
    for group in groups.filter(copies__gt=1):
        report.add(Check.DUPLICATE, group["sha256"])


def _check_words(report: Report, options: Options) -> None:
    """Check what full-text search looks in; it is made anew from the photos."""
    for fault in fulltext.faults(deep=options.deep):
        report.add(Check.WORDS, fault)
    if options.repair and report.found[Check.WORDS]:
        fulltext.make_anew()
        report.repaired[Check.WORDS] = report.found[Check.WORDS]


def _check_rows(report: Report, options: Options) -> None:
    for model in EmbeddingModel.objects.wanted():
        lacking = Photo.objects.live().exclude(embeddings__model=model)
        for photo_id in lacking.values_list("pk", flat=True):
            report.add(Check.NO_ROW, photo_id)
    if options.repair:
        report.repaired[Check.NO_ROW] += model_choice.add_missing_rows()


def _check_stuck(report: Report, options: Options) -> None:
    """Find leases that ran out, and photos that workers should have let go of long ago."""
    since = timezone.now() - STUCK_AFTER
    leases = Embedding.objects.live().filter(
        state=Embedding.State.LEASED, lease_until__lt=since + LEASE
    )
    doomed = Photo.objects.filter(deleted_at__lt=since)
    leaving = withdrawal.owed().filter(photo__trashed_at__lt=since)
    for row in leases:
        report.add(Check.STUCK, row.photo_id)
    for photo in doomed:
        report.add(Check.STUCK, photo.pk)
    for row in leaving:
        report.add(Check.STUCK, row.photo_id)
    if options.repair and report.found[Check.STUCK]:
        report.repaired[Check.STUCK] += leases.update(
            state=Embedding.State.PENDING, lease_until=None, crashes=F("crashes") + 1
        )
        done = withdrawal.withdraw() + purge.purge()
        report.repaired[Check.STUCK] += min(done, report.found[Check.STUCK])


def _check_vectors(report: Report, options: Options) -> None:
    saved = [Embedding.State.EMBEDDED, Embedding.State.INDEXED]
    rows = Embedding.objects.live().filter(state__in=saved)
    damaged = [row.pk for row in rows.iterator(chunk_size=500) if row.get_vector() is None]
    for part in slices(damaged, reconcile.CHUNK):
        for photo_id in rows.filter(pk__in=part).values_list("photo_id", flat=True):
            report.add(Check.DAMAGED_VECTOR, photo_id)
        if options.repair:
            report.repaired[Check.DAMAGED_VECTOR] += rows.filter(pk__in=part).update(
                state=Embedding.State.PENDING,
                generation=F("generation") + 1,
                attempts=0,
                not_before=None,
                vector=None,
            )


# --- the files ------------------------------------------------------------------------------------


def check_originals(report: Report, options: Options) -> None:
    """Look for each photo's original; with `deep`, read it and compare its checksum."""
    for photo in _photos():
        path = files.original(photo)
        if not path.exists():
            # It may have been deleted since the page of rows was read.
            if Photo.objects.not_deleted().filter(pk=photo.pk).exists():
                report.add(Check.MISSING_ORIGINAL, photo.pk)
        elif options.deep and sha256(path) != photo.sha256:
            report.add(Check.CHANGED_ORIGINAL, photo.pk)
    missing = report.found[Check.MISSING_ORIGINAL]
    if missing:
        report.allows(Check.MISSING_ORIGINAL, missing, force=options.force)


def _photos() -> Iterator[Photo]:
    """Yield the photos whose files must be there, in id order, by keyset."""
    page = list(Photo.objects.not_deleted().order_by("pk")[: reconcile.CHUNK])
    while page:
        yield from page
        rest = Photo.objects.not_deleted().filter(pk__gt=page[-1].pk)
        page = list(rest.order_by("pk")[: reconcile.CHUNK])


def check_stray_files(report: Report, options: Options) -> None:
    """Look for files that no photo, not even one being deleted, stands behind."""
    strays = []
    for part in slices(_old_files(options.grace), reconcile.CHUNK):
        named = {path: _photo_id(path) for path in part}
        ids = [photo_id for photo_id in named.values() if photo_id is not None]
        known = set(Photo.objects.filter(pk__in=ids).values_list("pk", flat=True))
        strays += [path for path, photo_id in named.items() if photo_id not in known]
    for path in strays:
        report.add(Check.STRAY_FILE, path.relative_to(settings.MEDIA_DIR))
    allowed = options.repair and report.allows(Check.STRAY_FILE, len(strays), force=options.force)
    for path in strays if allowed else ():
        path.unlink(missing_ok=True)
        report.repaired[Check.STRAY_FILE] += 1


def _old_files(grace: float) -> Iterator[Path]:
    for path in Path(settings.MEDIA_DIR).rglob("*"):
        try:
            if path.is_file() and time.time() - path.stat().st_mtime > grace:
                yield path
        except FileNotFoundError:
            continue  # It was removed while the folder was being read.


def _photo_id(path: Path) -> UUID | None:
    try:
        return UUID(path.name.partition(".")[0])
    except ValueError:
        return None


# --- the index ------------------------------------------------------------------------------------


def check_index(model: EmbeddingModel, report: Report, options: Options) -> None:
    """Compare rows and points of one model in both directions; raise `VectorIndexError`."""
    index = open_index(model.key, model.dim)
    index.ensure()
    found: dict[Check, list[UUID]] = defaultdict(list)
    for pair in reconcile.pairs(model, index, with_vectors=True):
        check = _difference(pair, deep=options.deep)
        if check is not None:
            found[check].append(pair.photo_id)
    for check, photo_ids in found.items():
        really = [
            id_
            for part in slices(photo_ids, reconcile.CHUNK)
            for id_ in _still(model, index, check, part)
        ]
        for photo_id in really:
            report.add(check, photo_id)
        if options.repair:
            _repair(model, index, report, check, really, force=options.force)
    _check_self_search(model, index, report, options.sample)
    _check_parts(model, report, options)


def _difference(pair: reconcile.Pair, *, deep: bool) -> Check | None:
    row, point = pair.row, pair.point
    if point is None:
        return Check.MISSING_POINT
    if row is None:
        return Check.STRAY_POINT
    if reconcile.payload_differs(row, point):
        return Check.WRONG_PAYLOAD
    return Check.WRONG_VECTOR if _is_wrong(row, point, deep=deep) else None


def _is_wrong(row: Embedding, point: StoredPoint, *, deep: bool) -> bool:
    """Tell whether the point's vector is no unit vector or, looking deep, not the row's."""
    if point.vector is None or not np.isfinite(point.vector).all():
        return True
    if abs(float(np.linalg.norm(point.vector)) - 1.0) > 10 * NORM_TOLERANCE:
        return True
    kept = row.get_vector() if deep else None
    return kept is not None and float(kept @ point.vector) < SAME_COSINE


def _still(
    model: EmbeddingModel, index: VectorIndex, check: Check, photo_ids: list[UUID]
) -> list[UUID]:
    """Return those ids for which the finding holds on a second look."""
    rows = {row.photo_id: row for row in _rows(model, photo_ids)}
    points = {point.id: point for point in index.fetch(photo_ids, with_vectors=True)}
    still = []
    for photo_id in photo_ids:
        pair = reconcile.Pair(photo_id, rows.get(photo_id), points.get(photo_id))
        gone = pair.row is None and pair.point is None
        if not gone and not (pair.row is None and check is not Check.STRAY_POINT):
            has_row = check is Check.STRAY_POINT and reconcile.has_row(model, photo_id)
            if not has_row and _difference(pair, deep=True) is not None:
                still.append(photo_id)
    return still


def _rows(model: EmbeddingModel, photo_ids: list[UUID]) -> list[Embedding]:
    rows = reconcile.indexed_rows(model).filter(photo_id__in=photo_ids)
    return list(rows.select_related("photo"))


def _repair(
    model: EmbeddingModel,
    index: VectorIndex,
    report: Report,
    check: Check,
    photo_ids: list[UUID],
    *,
    force: bool,
) -> None:
    """Project rows again, which loses nothing, or remove points that nobody stands behind."""
    if check in _LOST:
        reconcile.project_again(model, photo_ids)
        report.repaired[check] += len(photo_ids)
    elif report.allows(check, len(photo_ids), force=force):
        reconcile.remove_extra(model, index, photo_ids)
        report.repaired[check] += len(photo_ids)


def _check_parts(model: EmbeddingModel, report: Report, options: Options) -> None:
    """Compare the parts of photos that SQL keeps with the points of their own index."""
    if not nearest.is_in_use(model):
        return
    lost, extra = parts.differences(model)
    for check, photo_ids in ((Check.MISSING_POINT, lost), (Check.STRAY_POINT, extra)):
        for photo_id in photo_ids:
            report.add(check, photo_id)
    if options.repair and lost:
        report.repaired[Check.MISSING_POINT] += parts.project_again(lost, model)
    if options.repair and extra:
        parts.forget(model, extra)
        report.repaired[Check.STRAY_POINT] += len(extra)


def _check_self_search(
    model: EmbeddingModel, index: VectorIndex, report: Report, sample: int
) -> None:
    """Ask for some photos by their own vectors: each comes first, or ties with a look-alike."""
    rows = reconcile.indexed_rows(model)
    keys = list(rows.values_list("pk", flat=True))
    for pk in random.sample(keys, min(sample, len(keys))):
        row = rows.filter(pk=pk).first()
        vector = row.get_vector() if row else None
        if row is None or vector is None:
            continue
        hits = index.query(vector, limit=1)
        if not hits or (hits[0].id != row.photo_id and hits[0].score < SAME_COSINE):
            report.add(Check.NOT_FOUND, row.photo_id)
