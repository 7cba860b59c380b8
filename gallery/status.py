"""The state of the gallery, for its pages: how much is searchable, how fast, with which model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.templatetags.static import static
from django.utils.functional import SimpleLazyObject

from gallery import files, model_change, originals_marker
from gallery.administrators import is_administrator
from gallery.backup import schedule
from gallery.late_workers import are_starting
from gallery.models import (
    Embedding,
    EmbeddingModel,
    Photo,
    PhotoQuerySet,
    User,
    WorkerStatus,
    WorkKind,
)
from gallery.permissions import is_viewer
from gallery.reasons import LASTING, OVER_A_LIMIT
from gallery.recent import count_photos
from gallery.sentences import told
from gallery.settings_area import area_of, here
from gallery.work import pauses
from gallery.work.figures import is_alive

_State = EmbeddingModel.State
_COMPLETE_SECONDS = 30
"""How long to trust that every photo has a row: new photos come with theirs, so only a new model
changes it."""


@dataclass(frozen=True)
class Status:
    """Counts are of the asking user's photos; `rate` is photos a second, all users together.

    `originals_away` is the sentence to tell while the originals are not there. `paused` tells that
    new photos wait because an administrator paused the work.
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
    model_hint: str
    device: str
    device_reason: str
    worker_alive: bool
    worker_detail: str
    storage_full: bool
    originals_away: str
    backup_trouble: str
    paused: bool = False
    next_model: str = ""
    next_done: int = 0
    next_photos: int = 0

    @property
    def is_busy(self) -> bool:
        """Whether photos become searchable now, so that the page asks often."""
        return self.pending > 0 and not self.paused


def status(user: User) -> Status:
    """Return the state of the gallery for one user."""
    # One query for both: every page asks.
    models = {each.state: each for each in EmbeddingModel.objects.wanted().order_by("-pk")}
    model, building = (models.get(state) for state in (_State.ACTIVE, _State.BUILDING))
    worker = WorkerStatus.objects.filter(queues__contains="index").order_by("-seen_at").first()
    photos = count_photos(user)
    pending, failed = _not_searchable(user, model)
    alive = are_starting() or (worker is not None and is_alive(worker))
    rate = worker.photos_per_second if worker and alive else 0.0
    paused = pauses.is_paused(WorkKind.EMBED) or pauses.is_paused(WorkKind.PROJECT)
    next_model, next_done, next_photos = model_change.glance(building) if building else ("", 0, 0)
    return Status(
        photos=photos,
        searchable=max(0, photos - pending - failed),
        pending=pending,
        failed=failed,
        rate=round(rate, 2),
        seconds_left=round(pending / rate) if pending and rate > 0 and not paused else None,
        paused=paused,
        model_key=model.key if model else "",
        model_hint=told(model.hint) if model else "",
        device=worker.device if worker else "",
        device_reason=told(worker.device_reason) if worker else "",
        worker_alive=alive,
        worker_detail=told(worker.detail) if worker else "",
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
    counts = Embedding.objects.visible_to(user).filter(model=model).unsearchable()
    failed = counts.pop(Embedding.State.FAILED, 0)
    return sum(counts.values()) + _without_embedding(visible, model), failed


def _without_embedding(visible: PhotoQuerySet, model: EmbeddingModel) -> int:
    """Return how many photos have no row yet; the exact count is slow and rarely needed."""
    if cache.get(key := f"every-photo-has-a-row-{model.pk}"):
        return 0
    if Embedding.objects.filter(model=model).count_live() >= Photo.objects.live().count():
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
        "only_looks": SimpleLazyObject(lambda: is_viewer(user)),
        "settings_area": SimpleLazyObject(lambda: area_of(request)),
        "administers": SimpleLazyObject(lambda: is_administrator(user)),
        "settings_page": SimpleLazyObject(lambda: here(request)),
        "lasting_reasons": " ".join(sorted(LASTING | OVER_A_LIMIT)),
        "max_file_mb": settings.MAX_FILE_BYTES // (1024 * 1024),
    }
