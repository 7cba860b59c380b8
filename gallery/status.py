"""What the gallery can say of itself: how much is searchable, how fast, with which model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Count
from django.utils import timezone

from gallery import files
from gallery.models import Embedding, EmbeddingModel, Photo, WorkerStatus

_ALIVE = timedelta(seconds=45)


@dataclass(frozen=True)
class Status:
    """Counts are of the asking user's photos; `rate` is photos a second, all users together."""

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


def status(user: AbstractBaseUser | AnonymousUser) -> Status:
    """Return the present state for one user."""
    model = EmbeddingModel.objects.active()
    worker = WorkerStatus.objects.order_by("-seen_at").first()
    photos = Photo.objects.visible_to(user).count()
    states = _states(user, model)
    searchable = states.get(Embedding.State.INDEXED, 0)
    failed = states.get(Embedding.State.FAILED, 0)
    pending = max(photos - searchable - failed, 0)
    alive = worker is not None and timezone.now() - worker.seen_at < _ALIVE
    rate = worker.photos_per_second if worker and alive else 0.0
    return Status(
        photos=photos,
        searchable=searchable,
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
    )


def _states(user: AbstractBaseUser | AnonymousUser, model: EmbeddingModel | None) -> dict[str, int]:
    if model is None:
        return {}
    visible = Photo.objects.visible_to(user)
    rows = Embedding.objects.filter(model=model, photo__in=visible).values_list("state")
    return dict(rows.annotate(n=Count("pk")).values_list("state", "n"))
