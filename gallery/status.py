"""The state of the gallery, for its pages: how much is searchable, how fast, with which model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import Count
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from gallery import files, model_change, originals_marker
from gallery.administrators import is_administrator
from gallery.backup import schedule
from gallery.models import Embedding, EmbeddingModel, Photo, PhotoQuerySet, User, WorkerStatus

_ALIVE = timedelta(seconds=45)
_COMPLETE_SECONDS = 30
"""How long to trust that every photo has a row: new photos come with theirs, so only a new model
changes it."""
_NOT_INDEXED = [state for state in Embedding.State.values if state != Embedding.State.INDEXED]


@dataclass(frozen=True)
class Status:
    """Counts are of the asking user's photos; `rate` is photos a second, all users together.

    `originals_away` is the sentence to tell while the originals are not there.
    `next_model` is being built beside the active one, and is empty if none is. It has settled
    `next_done` of the `next_photos` of all people.
    """

    photos: int
    searchable: int
    pending: int
    failed: int
    rate: float
    seconds_left: int | None
    model_key: str
    model_why: str
    model_hint: str
    device: str
    device_reason: str
    worker_alive: bool
    worker_detail: str
    storage_full: bool
    originals_away: str
    backup_trouble: str
    next_model: str = ""
    next_done: int = 0
    next_photos: int = 0


def status(user: User) -> Status:
    """Return the state of the gallery for one user."""
    model = EmbeddingModel.objects.active()
    worker = WorkerStatus.objects.filter(queues__contains="index").order_by("-seen_at").first()
    photos = Photo.objects.visible_to(user).count()
    pending, failed = _not_searchable(user, model)
    alive = worker is not None and timezone.now() - worker.seen_at < _ALIVE
    rate = worker.photos_per_second if worker and alive else 0.0
    next_model, next_done, next_photos = model_change.glance() or ("", 0, 0)
    return Status(
        photos=photos,
        searchable=photos - pending - failed,
        pending=pending,
        failed=failed,
        rate=round(rate, 2),
        seconds_left=round(pending / rate) if pending and rate > 0 else None,
        model_key=model.key if model else "",
        model_why=model.why if model else "",
        model_hint=model.hint if model else "",
        device=worker.device if worker else "",
        device_reason=worker.device_reason if worker else "",
        worker_alive=alive,
        worker_detail=worker.detail if worker else "",
        storage_full=files.free_bytes() < settings.MIN_FREE_BYTES,
        originals_away=_originals_away(),
        backup_trouble=schedule.trouble() if is_administrator(user) else "",
        next_model=next_model,
        next_done=next_done,
        next_photos=next_photos,
    )


def _originals_away() -> str:
    try:
        originals_marker.check()
    except originals_marker.OriginalsAway as away:
        return away.message
    return ""


def _not_searchable(user: User, model: EmbeddingModel | None) -> tuple[int, int]:
    """Return how many of the user's photos wait, and how many failed.

    It counts only the rows that are not indexed, which are few. Every page asks for this, and
    counting a gallery of 100,000 photos by state would take a second.
    """
    visible = Photo.objects.visible_to(user)
    if model is None:
        return visible.count(), 0
    rows = Embedding.objects.live().filter(model=model, photo__owner_id=user.pk)
    states = rows.filter(state__in=_NOT_INDEXED).values_list("state").annotate(n=Count("pk"))
    counts: dict[str, int] = dict(states.order_by())
    failed = counts.pop(Embedding.State.FAILED, 0)
    return sum(counts.values()) + _without_embedding(visible, model), failed


def _without_embedding(visible: PhotoQuerySet, model: EmbeddingModel) -> int:
    """Return how many photos have no row yet; the exact count is slow and rarely needed.

    The number of live rows is that of all rows less the few of photos that are not live.
    """
    if cache.get(key := f"every-photo-has-a-row-{model.pk}"):
        return 0
    rows = Embedding.objects.filter(model=model)
    others = rows.filter(photo__in=Photo.objects.exclude(deleted_at=None).values("pk")).count()
    others += rows.filter(photo__in=Photo.objects.trashed().values("pk")).count()
    if rows.count() - others >= Photo.objects.live().count():
        cache.set(key, value=True, timeout=_COMPLETE_SECONDS)
        return 0
    return visible.exclude(embeddings__model=model).count()


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Return the icons and, for someone signed in, their `status` and the upload limit.

    A context processor: nothing is computed until a template asks for it.
    """
    icons = {"icons": static("icons.svg")}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return icons
    return {
        **icons,
        "status": SimpleLazyObject(lambda: status(user)),
        "max_file_mb": settings.MAX_FILE_BYTES // (1024 * 1024),
    }
