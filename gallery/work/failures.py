"""What failed and why, counted by reason, and trying it again."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from gallery.administrators import is_administrator
from gallery.models import Embedding, EmbeddingModel, EmbeddingQuerySet, Photo, User
from gallery.models.embeddings import retry
from gallery.reasons import LASTING, Reason
from gallery.signals import photos_changed
from gallery.work.figures import tally


@dataclass(frozen=True)
class Failure:
    """How many photos failed for one reason with one model; `model` is its name."""

    reason: Reason
    photos: int
    model: str

    @property
    def may_pass(self) -> bool:
        """Whether another try may help."""
        return self.reason.may_pass


def failed(user: User) -> EmbeddingQuerySet:
    """Return the failed rows of the models in use: one's own, for an administrator all people's."""
    rows = Embedding.objects.live().filter(
        model__in=EmbeddingModel.objects.wanted(), state=Embedding.State.FAILED
    )
    return rows if is_administrator(user) else rows.filter(photo__owner_id=user.pk)


def failures(user: User) -> list[Failure]:
    """Return what failed, the most frequent reason first."""
    names = {model.pk: model.name for model in EmbeddingModel.objects.wanted()}
    rows = Embedding.objects.filter(model__in=list(names), state=Embedding.State.FAILED)
    counted = tally(rows, ("model_id", "reason"), None if is_administrator(user) else user.pk)
    return [
        Failure(Reason(reason), number, names[model])
        for (model, reason), number in counted.most_common()
    ]


def retry_all(user: User, reason: str = "") -> int:
    """Try failed photos again, all or those of one reason; return how many.

    Files with which no try can succeed are left alone.
    """
    if reason and reason not in Reason.values:
        return 0  # PostgreSQL raises for some texts, those with NUL.
    rows = failed(user).exclude(reason__in=LASTING)
    if reason:
        rows = rows.filter(reason=reason)
    with transaction.atomic():
        number = retry(rows)
        transaction.on_commit(lambda: photos_changed.send(sender=Photo))
    return number
