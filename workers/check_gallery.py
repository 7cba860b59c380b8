"""Compares database, files and index, and repairs differences: what `fsck` does.

SQL is the record. Repairs remove only files and points without a row, and never an original whose
row exists; everything else is rebuilt from SQL. Memory use does not grow with the gallery. Each
finding is checked a second time before it counts, so a busy gallery causes no false alarms.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db import connection
from django.db.models import Count, F
from django.utils import timezone

from gallery import decoder_layers, files, originals_marker, read_originals
from gallery.folders import external
from gallery.models import Companion, Embedding, EmbeddingModel, Photo, Tombstone
from gallery.models.claims import LEASE
from gallery.slices import slices
from search import fulltext
from search.vectors.index import StoredPoint, VectorIndexError
from workers import model_choice
from workers.fsck_report import Check, Options, Report
from workers.index_sync import reconcile, removal
from workers.index_sync.sources import PHOTOS, SOURCES, Source, owed
from workers.pipeline import NORM_TOLERANCE

STUCK_AFTER = 2 * LEASE
SAME_COSINE = 0.999
"""A point differs from the float16 vector in SQL if their cosine similarity is lower."""


def check(options: Options) -> Report:
    """Check all invariants and return what was found and repaired."""
    report = Report(photos=Photo.objects.live().count())
    if (layers := decoder_layers.current()) is not None:
        report.layers = dict.fromkeys(layers.held, True) | dict.fromkeys(layers.missing, False)
    _check_record(report, options)
    _check_files(report, options)
    for model in EmbeddingModel.objects.wanted():
        try:
            for source in SOURCES:
                _check_index(source, model, report, options)
            _check_self_search(model, report, options.sample)
        except VectorIndexError as error:
            report.skipped.append(f"The index of {model.key} was not checked: {error}")
    return report


# --- the record -----------------------------------------------------------------------------------


def _check_record(report: Report, options: Options) -> None:
    """Check what the database alone can tell."""
    _check_database(report)
    if EmbeddingModel.objects.exists() and EmbeddingModel.objects.active() is None:
        report.add(Check.MODEL, "no model is active")
    _check_duplicates(report)
    _check_deleted(report)
    _check_words(report, options)
    unexplained = Embedding.objects.filter(state=Embedding.State.FAILED, reason="")
    report.add_all(Check.NO_REASON, unexplained.values_list("photo_id", flat=True))
    _check_rows(report, options)
    _check_stuck(report, options)
    if options.settled:
        _check_settled(report)
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


def _check_duplicates(report: Report) -> None:
    groups = Photo.objects.not_deleted().values("owner_id", "sha256").annotate(copies=Count("pk"))
    for group in groups.filter(copies__gt=1):
        report.add(Check.DUPLICATE, group["sha256"])


def _check_deleted(report: Report) -> None:
    """Check that no photo that was deleted for ever is there, in the gallery or in its trash."""
    deleted = Tombstone.objects.values("photo_id")
    back = Photo.objects.not_deleted().filter(pk__in=deleted)
    report.add_all(Check.BACK, back.values_list("pk", flat=True))


def _check_words(report: Report, options: Options) -> None:
    """Check the full-text index, which can be rebuilt from the photos."""
    report.add_all(Check.WORDS, fulltext.faults(deep=options.deep))
    if options.repair and report.found[Check.WORDS]:
        fulltext.rebuild()
        report.repaired[Check.WORDS] = report.found[Check.WORDS]


def _check_rows(report: Report, options: Options) -> None:
    for model in EmbeddingModel.objects.wanted():
        lacking = Photo.objects.live().exclude(embeddings__model=model)
        report.add_all(Check.NO_ROW, lacking.values_list("pk", flat=True))
    if options.repair:
        report.repaired[Check.NO_ROW] += model_choice.add_missing_rows()


def _check_stuck(report: Report, options: Options) -> None:
    """Find leases that expired, and photos that should have left the index or disk long ago."""
    since = timezone.now() - STUCK_AFTER
    leased = Embedding.objects.live().filter(state=Embedding.State.LEASED)
    leases = leased.filter(lease_until__lt=since + LEASE)
    doomed = Photo.objects.filter(deleted_at__lt=since)
    leaving = owed().filter(photo__trashed_at__lt=since)
    for rows in (leases, leaving):
        report.add_all(Check.STUCK, rows.values_list("photo_id", flat=True))
    report.add_all(Check.STUCK, doomed.values_list("pk", flat=True))
    if options.repair and report.found[Check.STUCK]:
        report.repaired[Check.STUCK] += leases.update(
            state=Embedding.State.PENDING, lease_until=None, crashes=F("crashes") + 1
        )
        done = removal.withdraw() + removal.purge()
        report.repaired[Check.STUCK] += min(done, report.found[Check.STUCK])


def _check_settled(report: Report) -> None:
    """Find whatever is still to be done, for a gallery that had the time to do all of it."""
    done = [Embedding.State.INDEXED, Embedding.State.FAILED]
    wanted = Embedding.objects.live().filter(model__in=EmbeddingModel.objects.wanted())
    leaving = owed().exclude(photo__trashed_at=None)
    for rows in (wanted.exclude(state__in=done), leaving):
        report.add_all(Check.UNFINISHED, rows.values_list("photo_id", flat=True))
    doomed = Photo.objects.exclude(deleted_at=None)
    report.add_all(Check.UNFINISHED, doomed.values_list("pk", flat=True))


def _check_vectors(report: Report, options: Options) -> None:
    rows = Embedding.objects.live().with_vector()
    damaged = [row.pk for row in rows.iterator(chunk_size=500) if row.get_vector() is None]
    for part in slices(damaged, reconcile.CHUNK):
        photo_ids = rows.filter(pk__in=part).values_list("photo_id", flat=True)
        report.add_all(Check.DAMAGED_VECTOR, photo_ids)
        if options.repair:
            report.repaired[Check.DAMAGED_VECTOR] += rows.filter(pk__in=part).update(
                state=Embedding.State.PENDING,
                generation=F("generation") + 1,
                attempts=0,
                not_before=None,
                vector=None,
            )


# --- the files ------------------------------------------------------------------------------------


def _check_files(report: Report, options: Options) -> None:
    """Check what is on disk, unless the disk is not there: then everything would seem missing."""
    try:
        originals_marker.check()
    except originals_marker.OriginalsAway as away:
        report.refused.append(
            f"{away} The files were not checked. If this folder is the right one after all, run "
            "mark_originals."
        )
        return
    _check_originals(report, options)
    _check_stray_files(report, options)


def _check_originals(report: Report, options: Options) -> None:
    """Check that originals and the files kept with them exist and, with `deep`, are unchanged."""
    away = external.folders_away()
    report.away += [f"The external folder {one} is away and was not checked." for one in away]

    def missing(photo: Photo) -> Check | None:
        if not photo.external:
            return Check.MISSING_ORIGINAL
        is_away = photo.external_files.filter(folder__in=away).exists()
        return None if is_away else Check.MISSING_EXTERNAL

    photos: Any = Photo.objects.not_deleted()
    kept: Any = Companion.objects.filter(photo__deleted_at=None)
    for rows, path_of, missing_of, changed in (
        (photos, lambda one: files.original(one, changed=True), missing, Check.CHANGED_ORIGINAL),
        (kept, files.companion, lambda _one: Check.MISSING_COMPANION, Check.CHANGED_COMPANION),
    ):
        for row in reconcile.walk(rows, "pk"):
            path = path_of(row)
            if not path.exists():
                # It may have been deleted since its row was read.
                if (check := missing_of(row)) and rows.filter(pk=row.pk).exists():
                    report.add(check, row.pk)
            elif options.deep and _is_changed(row, path):
                report.add(changed, row.pk)
    if count := report.found[Check.MISSING_ORIGINAL]:
        report.allows(Check.MISSING_ORIGINAL, count, options)


def _is_changed(row: Photo | Companion, path: Path) -> bool:
    """Read a file whole; that of an external folder is not Scry's, so nothing is noted of it."""
    if isinstance(row, Photo) and path != files.own_copy(row):
        return read_originals.look_at(path, row.sha256) is not None
    return read_originals.read(row) is not None


def _check_stray_files(report: Report, options: Options) -> None:
    """Find files that belong to no photo, not even to one that is being deleted.

    A new file may get its row soon. One of a photo that was deleted for ever will not.
    """
    strays = []
    for part in slices(_files(), reconcile.CHUNK):
        named = {path: _file_id(path) for path in part}
        ids = [file_id for file_id in named.values() if file_id is not None]
        known = set(Photo.objects.filter(pk__in=ids).values_list("pk", flat=True))
        known |= set(Companion.objects.filter(pk__in=ids).values_list("pk", flat=True))
        gone = Tombstone.objects.filter(photo_id__in=ids).values_list("photo_id", flat=True)
        deleted = set(gone) - known
        strays += [
            path
            for path, file_id in named.items()
            if (file_id in deleted and path.exists())
            or (file_id not in known and _is_old(path, options.grace))
        ]
    report.add_all(Check.STRAY_FILE, (path.relative_to(settings.MEDIA_DIR) for path in strays))
    allowed = options.repair and report.allows(Check.STRAY_FILE, len(strays), options)
    for path in strays if allowed else ():
        path.unlink(missing_ok=True)
        report.repaired[Check.STRAY_FILE] += 1


def _files() -> Iterator[Path]:
    marker = originals_marker.path()
    for path in Path(settings.MEDIA_DIR).rglob("*"):
        if path.is_file() and path != marker:
            yield path


def _is_old(path: Path, grace: float) -> bool:
    """Tell whether a file is older than so many hours, and still there."""
    try:
        return time.time() - path.stat().st_mtime > grace * 3600
    except FileNotFoundError:
        return False


def _file_id(path: Path) -> UUID | None:
    try:
        return UUID(path.name.partition(".")[0])
    except ValueError:
        return None


# --- the index ------------------------------------------------------------------------------------


def _check_index(source: Source, model: EmbeddingModel, report: Report, options: Options) -> None:
    """Compare rows and points of one model in both directions; raise `VectorIndexError`.

    For photos, payloads and vectors are compared too; for parts, only the number of points.
    """
    if not source.is_in_use(model):
        return
    source.index(model).ensure()
    suspected: dict[Check, list[UUID]] = defaultdict(list)
    for pair in reconcile.pairs(source, model, with_vectors=source is PHOTOS):
        check = _difference(source, pair, deep=options.deep)
        if check is not None:
            suspected[check].append(pair.photo_id)
    for check, photo_ids in suspected.items():
        parts = slices(photo_ids, reconcile.CHUNK)
        confirmed = [pk for some in parts for pk in _confirmed(source, model, check, some)]
        report.add_all(check, confirmed)
        removes = check is Check.STRAY_POINT  # Projecting again loses nothing.
        if options.repair and (not removes or report.allows(check, len(confirmed), options)):
            repair = reconcile.remove_extra if removes else reconcile.project_again
            repair(source, model, confirmed)
            report.repaired[check] += len(confirmed)


def _difference(source: Source, pair: reconcile.Pair, *, deep: bool) -> Check | None:
    if pair.row is None:
        return Check.STRAY_POINT
    if len(pair.points) != source.number_of_points(pair.row):
        return Check.MISSING_POINT
    if source is not PHOTOS:
        return None
    (point,) = pair.points
    if reconcile.payload_differs(pair.row, point):
        return Check.WRONG_PAYLOAD
    return Check.WRONG_VECTOR if _is_wrong(pair.row, point, deep=deep) else None


def _is_wrong(row: Embedding, point: StoredPoint, *, deep: bool) -> bool:
    """Tell whether the vector is not of unit length or, with `deep`, not the one in SQL."""
    if point.vector is None or not np.isfinite(point.vector).all():
        return True
    if abs(float(np.linalg.norm(point.vector)) - 1.0) > 10 * NORM_TOLERANCE:
        return True
    kept = row.get_vector() if deep else None
    return kept is not None and float(kept @ point.vector) < SAME_COSINE


def _confirmed(
    source: Source, model: EmbeddingModel, check: Check, photo_ids: list[UUID]
) -> list[UUID]:
    """Return the photos for which a second look confirms the finding."""
    promised = source.promised(model).filter(photo_id__in=photo_ids)
    rows = {row.photo_id: row for row in source.load(promised, with_vectors=source is PHOTOS)}
    ids = source.point_ids(photo_ids)
    points: dict[UUID, list[StoredPoint]] = defaultdict(list)
    for point in source.index(model).fetch(ids, with_vectors=source is PHOTOS):
        points[source.photo_id(point.id)].append(point)
    if check is Check.STRAY_POINT:
        strays = points.keys() - reconcile.may_have_points(source, model, photo_ids)
        return [photo_id for photo_id in photo_ids if photo_id in strays - rows.keys()]
    pairs = [reconcile.Pair(pk, rows[pk], points[pk]) for pk in photo_ids if pk in rows]
    return [pair.photo_id for pair in pairs if _difference(source, pair, deep=True) is not None]


def _check_self_search(model: EmbeddingModel, report: Report, sample: int) -> None:
    """Search for some photos by their own vectors: each must come first, or tie for first."""
    rows = PHOTOS.promised(model)
    keys = list(rows.values_list("pk", flat=True))
    for pk in random.sample(keys, min(sample, len(keys))):
        row = rows.filter(pk=pk).first()
        if row is None or (vector := row.get_vector()) is None:
            continue
        hits = PHOTOS.index(model).query(vector, limit=1)
        if not hits or (hits[0].id != row.photo_id and hits[0].score < SAME_COSINE):
            report.add(Check.NOT_FOUND, row.photo_id)
