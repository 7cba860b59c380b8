"""How much work of each kind there is: for an administrator of all people, else one's own.

Counts look into indexes, also in a gallery of 200,000 photos. Rows of photos in the trash are few,
so they are counted apart and taken off, instead of asking every row for its photo. What has to be
joined with photos all the same is kept for a moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count, QuerySet
from django.utils import timezone

from gallery.administrators import is_administrator
from gallery.backup import history
from gallery.backup.refused import Refused
from gallery.decoding.quality import ENGINE
from gallery.models import (
    Companion,
    Embedding,
    EmbeddingModel,
    EmbeddingQuerySet,
    ExternalFolder,
    Photo,
    PhotoParts,
    PhotoQuality,
    User,
    WorkerStatus,
    WorkKind,
)
from gallery.work import pauses

ALIVE = timedelta(seconds=45)
"""A worker that has not reported for longer is taken for gone."""

_OWN_SECONDS = 5
_MANY_UNREAD, _MANY_SECONDS = 10_000, 60
"""More originals than this are counted once a minute, because that reads more than an index."""
_JUST_TRASHED = timedelta(hours=1)
_STATE = Embedding.State
_TO_EMBED = (_STATE.PENDING, _STATE.LEASED)


@dataclass(frozen=True)
class Work:
    """One kind of work. `waiting` counts what is left, with the `active` ones that a worker holds.

    It is None for what is no number of things, such as folders to look into. `rate` is in things a
    second, 0 while it is unknown. `oldest` is for how many seconds the first in the queue has
    waited. `model` is set where there is a row for each model.
    """

    kind: WorkKind
    waiting: int | None = None
    active: int = 0
    oldest: int | None = None
    model: str = ""
    next_at: datetime | None = None
    is_working: bool = False
    rate: float = 0.0
    is_paused: bool = False
    total: int | None = None
    """Of how many things, where that is known."""

    @property
    def state(self) -> str:
        """What to call it: paused, working, waiting or idle."""
        if self.is_paused:
            return "paused"
        if self.is_working and self.waiting != 0:
            return "working"
        return "waiting" if self.waiting else "idle"

    @property
    def seconds_left(self) -> int | None:
        """How long it takes at the present rate, None while nobody can know."""
        if self.state != "working" or not self.waiting or self.rate <= 0:
            return None
        return round(self.waiting / self.rate)


def works(user: User) -> list[Work]:
    """Return the kinds of work that concern this user; rates are for administrators."""
    everybody = is_administrator(user)
    told, paused = _activity(), pauses.paused()
    rows = []
    for work in _counted(None) if everybody else _own(user):
        # The first model with work is the one that is worked on.
        is_working, rate = told.pop(work.kind, (False, 0.0)) if work.waiting != 0 else (False, 0.0)
        row = replace(work, is_working=is_working, is_paused=work.kind in paused)
        rows.append(replace(row, rate=round(rate, 2)) if everybody else row)
    return rows


def rate_of(kind: WorkKind) -> float:
    """Return how many things of a kind all workers do in a second, 0.0 while it is unknown."""
    return _activity().get(kind, (False, 0.0))[1]


def workers() -> list[WorkerStatus]:
    """Return all workers that reported lately, those that are gone last."""
    return list(WorkerStatus.objects.order_by("-seen_at"))


def is_alive(worker: WorkerStatus) -> bool:
    """Tell whether a worker reported just now."""
    return timezone.now() - worker.seen_at < ALIVE


def _activity() -> dict[str, tuple[bool, float]]:
    """Return for each kind whether a worker is at it, and the rate of all workers together."""
    found: dict[str, tuple[bool, float]] = {}
    for worker in filter(is_alive, workers()):
        for kind, (is_working, rate) in worker.work.items():
            others = found.get(kind, (False, 0.0))
            found[kind] = (is_working or others[0], rate + others[1])
    return found


# --- counts, of one owner or of all people (None) -------------------------------------------------


def _own(user: User) -> list[Work]:
    """Return the counts of one person, kept for a moment, since the page asks again and again."""
    kept: list[Work] | None = cache.get_or_set(
        f"work-of-{user.pk}", lambda: list(_counted(user.pk)), _OWN_SECONDS
    )
    return kept or []


def _counted(owner: int | None) -> Iterator[Work]:
    models = sorted(EmbeddingModel.objects.wanted(), key=lambda model: model.state)
    rows = Embedding.objects.filter(model__in=models, state__in=(*_TO_EMBED, _STATE.EMBEDDED))
    states = tally(rows, ("model_id", "state"), owner)
    total = _photos(owner)
    for model in models:
        active = states[model.pk, _STATE.LEASED]
        waiting = active + states[model.pk, _STATE.PENDING]
        oldest = _oldest(model) if owner is None and waiting else None
        name = model.name if len(models) > 1 else ""
        yield Work(WorkKind.EMBED, waiting, active, oldest, name, total=max(total, waiting))
    projected = sum(states[model.pk, _STATE.EMBEDDED] for model in models)
    yield Work(WorkKind.PROJECT, projected)
    yield from _of_active_model(EmbeddingModel.objects.active(), owner)
    if settings.SCRUB_DAYS:
        yield Work(WorkKind.READ, _unread(owner))
    yield from _elsewhere(owner)
    yield Work(WorkKind.REMOVE, _to_remove(owner))


def _photos(owner: int | None) -> int:
    """Return how many photos there are; of many, how many there were lately."""
    kept: int | None = cache.get(key := f"live-photos-of-{owner}")
    if kept is not None:
        return kept
    photos = Photo.objects.live()
    number = (photos if owner is None else photos.filter(owner=owner)).count()
    if number > _MANY_UNREAD:
        cache.set(key, number, _MANY_SECONDS)
    return number


def _oldest(model: EmbeddingModel) -> int | None:
    """Return for how many seconds the first upload in the queue has waited.

    None if it is no new upload: nobody knows since when such a row waits.
    """
    waiting = Embedding.objects.filter(model=model, state=_STATE.PENDING)
    first = waiting.order_by("-priority", "id").select_related("photo").defer("vector").first()
    if first is None or first.priority < 1 or first.generation > 1:
        return None
    return max((timezone.now() - first.photo.created_at) // timedelta(seconds=1), 0)


def tally(
    rows: EmbeddingQuerySet, columns: tuple[str, ...], owner: int | None
) -> Counter[tuple[Any, ...]]:
    """Count the rows of live photos by columns: those of one owner, or of all people.

    `rows` are found by the index of the queue, so they are limited by model and state alone.
    """

    def counted(rows: EmbeddingQuerySet) -> Counter[tuple[Any, ...]]:
        groups = rows.order_by().values_list(*columns).annotate(n=Count("pk"))
        return Counter({tuple(group[:-1]): group[-1] for group in groups})

    if owner is not None:
        # By keys: otherwise SQLite would go through all photos of the owner.
        found = Embedding.objects.filter(pk__in=rows.order_by().values("pk"))
        return counted(found.live().filter(photo__owner_id=owner))
    gone = Photo.objects.exclude(deleted_at=None), Photo.objects.trashed()
    total = counted(rows)
    for photos in gone:
        total -= counted(rows.filter(photo__in=photos.order_by().values("pk")))
    return total


def _of_active_model(model: EmbeddingModel | None, owner: int | None) -> Iterator[Work]:
    if model is None:
        return
    rows = Embedding.objects.filter(model=model, state=_STATE.INDEXED, compared_at=None)
    yield Work(WorkKind.COMPARE, tally(rows, ("model_id",), owner)[(model.pk,)])
    yield Work(WorkKind.MAPS)
    if settings.PART_SEARCH and owner is None:
        yield Work(WorkKind.PARTS, _to_part(model))
    if owner is None:
        yield Work(WorkKind.QUALITY, _to_measure(model))


def _to_part(model: EmbeddingModel) -> int:
    """Return about how many photos will still get parts: only so many photos have them."""
    made = PhotoParts.objects.filter(embedding__model=model)
    rows = Embedding.objects.filter(model=model, state=_STATE.INDEXED)
    target = min(settings.PART_SEARCH, tally(rows, ("model_id",), None)[(model.pk,)])
    return max(target - made.count(), 0) + made.filter(indexed_at=None).count()


def _to_measure(model: EmbeddingModel) -> int:
    """Return about how many photos are still to be measured, of those that were decoded."""
    rows = Embedding.objects.filter(model=model, state=_STATE.INDEXED)
    measured = PhotoQuality.objects.filter(engine=ENGINE).count()
    return max(tally(rows, ("model_id",), None)[(model.pk,)] - measured, 0)


def _unread(owner: int | None) -> int:
    kept: int | None = cache.get(key := f"originals-to-read-{owner}")
    if kept is not None:
        return kept
    unread = _to_read(owner)
    if unread > _MANY_UNREAD:
        cache.set(key, unread, _MANY_SECONDS)
    return unread


def _to_read(owner: int | None) -> int:
    since = timezone.now() - timedelta(days=settings.SCRUB_DAYS)
    photos: QuerySet[Any] = Photo.objects.not_deleted().filter(external=False)
    companions: QuerySet[Any] = Companion.objects.filter(photo__deleted_at=None)
    if owner is not None:
        photos, companions = photos.filter(owner=owner), companions.filter(photo__owner=owner)
    return sum(
        rows.filter(**due).count()
        for rows in (photos, companions)
        for due in ({"read_at": None}, {"read_at__lt": since})
    )


def _elsewhere(owner: int | None) -> Iterator[Work]:
    """Yield what is no list of photos: looking into folders, and backups."""
    folders = ExternalFolder.objects.all()
    folders = folders if owner is None else folders.filter(owner=owner)
    if folders.exists() or (settings.WATCH_FOLDERS and owner is None):
        yield Work(WorkKind.FOLDERS)
    if owner is None and (backups := _next_backup()):
        yield Work(WorkKind.BACKUP, next_at=backups)


def _next_backup() -> datetime | None:
    try:
        kept = history.read()
    except Refused:
        return None
    since = kept.last_made or kept.scheduled_at
    if not kept.every_hours or since is None:
        return None
    return max(since + timedelta(hours=kept.every_hours), timezone.now())


def _to_remove(owner: int | None) -> int:
    """Return how many photos have to leave the index or the disk."""
    recent = Photo.objects.trashed().filter(trashed_at__gte=timezone.now() - _JUST_TRASHED)
    owners = Photo.objects.exclude(deleted_at=None).order_by().values_list("owner_id")
    doomed = dict(owners.annotate(n=Count("pk")))  # By owner: the index has deleted photos alone.
    if owner is not None:
        recent, doomed = recent.filter(owner=owner), {owner: doomed.get(owner, 0)}
    leaving = Embedding.objects.filter(photo__in=recent.order_by().values("pk"))
    return sum(doomed.values()) + leaving.exclude(indexed_at=None).count()
