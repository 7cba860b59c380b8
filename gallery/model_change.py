"""The change from one embedding model to the next: how far it is, and who decides what.

The active model answers until the new one has settled every photo. It then takes over on its own,
unless it loses more photos than `MOST_LOST`; in that case a person decides. Whoever switches can go
back while the former model's vectors are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils.translation import gettext as _

from gallery.models import Embedding, EmbeddingModel, EmbeddingQuerySet, Photo
from gallery.models.embeddings import BACKFILL_PRIORITY, UPLOAD_PRIORITY, retry
from gallery.signals import photos_changed
from gallery.user_errors import UserError

MOST_LOST = 0.01
"""The share of the photos that search finds now which a new model may lose without asking."""

_GLANCE_SECONDS = 5


@dataclass(frozen=True)
class Change:
    """A model that is being built beside the active one; counts are of all people's photos.

    `lost` photos are found by the active model and failed with the new one.
    """

    model: EmbeddingModel
    photos: int
    done: int
    failed: int
    lost: int
    may_take_over: bool

    @property
    def is_complete(self) -> bool:
        return self.done >= self.photos

    @property
    def waits_for_a_person(self) -> bool:
        return self.is_complete and not self.may_take_over


def under_way() -> Change | None:
    """Return the change that is under way, or None."""
    model = EmbeddingModel.objects.building()
    return None if model is None else change_to(model)


def glance(model: EmbeddingModel) -> tuple[str, int, int]:
    """Return the name of a model that is built, how many photos it has settled, and of how many.

    For the status line, which every page asks for: it may be seconds old.
    """

    def count() -> tuple[int, int]:
        return _settled(model).count(), Photo.objects.live().count()

    done, photos = cache.get_or_set(f"model-change-{model.pk}", count, _GLANCE_SECONDS) or (0, 0)
    return model.name, done, photos


def change_to(model: EmbeddingModel) -> Change:
    """Return how far a model is."""
    photos, done = Photo.objects.live().count(), _settled(model).count()
    gone = lost(model).count() if done else 0
    found = _rows(EmbeddingModel.objects.active(), Embedding.State.INDEXED).count()
    return Change(
        model=model,
        photos=photos,
        done=done,
        failed=_rows(model, Embedding.State.FAILED).count(),
        lost=gone,
        may_take_over=done >= photos and gone <= MOST_LOST * found,
    )


def lost(model: EmbeddingModel) -> EmbeddingQuerySet:
    """Return the failed rows of photos that the active model finds."""
    active = _rows(EmbeddingModel.objects.active(), Embedding.State.INDEXED)
    failed = _rows(model, Embedding.State.FAILED)
    return failed.filter(photo__in=active.values("photo_id"))


def _settled(model: EmbeddingModel) -> EmbeddingQuerySet:
    return _rows(model, Embedding.State.INDEXED, Embedding.State.FAILED)


def _rows(model: EmbeddingModel | None, *states: Embedding.State) -> EmbeddingQuerySet:
    return Embedding.objects.live().filter(model=model, state__in=states)


# --- what people decide ---------------------------------------------------------------------------


def other() -> EmbeddingModel | None:
    """Return the model that people may compare with the active one and switch to, or None.

    It is the one that is being built, else the one that answered before, else one that somebody
    went back from and whose vectors are gone.
    """
    retired = EmbeddingModel.objects.retired()
    return (
        EmbeddingModel.objects.building()
        or retired.exclude(retired_at=None).first()
        or retired.filter(held=True).first()
    )


def kept_until(model: EmbeddingModel) -> datetime | None:
    """Return until when the vectors of a retired model are kept; None for any other."""
    if model.state != EmbeddingModel.State.RETIRED or model.retired_at is None:
        return None
    return model.retired_at + timedelta(days=settings.FORMER_MODEL_DAYS)


def switch_to(pk: int) -> EmbeddingModel:
    """Let a building or former model answer from now on, as a person asks for; return it.

    What it lacks is embedded next. After going back to a former model, the model that answered does
    not take over again on its own. A model whose vectors were removed is built anew first. Raises
    `UserError` if the model is gone.
    """
    with transaction.atomic():
        rows = EmbeddingModel.objects.select_for_update().order_by("pk")
        model = next((row for row in rows if row.pk == pk), None)
        if model is None or model.state == EmbeddingModel.State.LEAVING:
            message = _("This model is here no more; choose it again on the settings page.")
            raise UserError(message, code="unknown_model", status=404)
        if model.is_emptied:
            model.build()
        else:
            _activate(model)
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    return model


def _activate(model: EmbeddingModel) -> None:
    goes_back = model.state == EmbeddingModel.State.RETIRED and not model.held
    if goes_back:
        EmbeddingModel.objects.filter(state=EmbeddingModel.State.ACTIVE).update(held=True)
    model.activate()
    waiting = Embedding.objects.filter(model=model, priority=BACKFILL_PRIORITY)
    waiting.exclude(state=Embedding.State.INDEXED).update(priority=UPLOAD_PRIORITY)


def retry_lost(pk: int) -> int:
    """Try the photos again that only the active model finds; return how many."""
    with transaction.atomic():
        model = EmbeddingModel.objects.filter(pk=pk).first()
        count = retry(lost(model)) if model else 0
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    return count


def release_holds() -> None:
    """Let models take over that people went back from, because somebody chose a model anew."""
    EmbeddingModel.objects.filter(held=True).update(held=False)
