"""What accounts may store: bytes, files, and rows such as albums and tags.

The settings say it for all, `AccountQuota` for one account. What is in the trash counts, since it
can come back. Without a limit nothing is counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from gallery.files import CannotStore
from gallery.models import AccountQuota, Companion, Photo

_BYTES, _FILES, _ROWS = "bytes", "files", "rows"


class QuotaFull(CannotStore):
    """The account may not store more."""

    code = "quota_full"
    status = 413


@dataclass(frozen=True)
class Quota:
    """Limits, or what of them is used. As a limit, 0 is none."""

    bytes: int = 0
    files: int = 0
    rows: int = 0


def quota_of(owner_id: int) -> Quota:
    """Return the limits of an account."""
    of_all = (settings.QUOTA_BYTES, settings.QUOTA_FILES, settings.QUOTA_ROWS)
    limits = AccountQuota.objects.filter(owner=owner_id).values_list(_BYTES, _FILES, _ROWS)
    own = limits.first() or (None, None, None)
    return Quota(*(most if one is None else one for one, most in zip(own, of_all, strict=True)))


def byte_limits() -> dict[int, int]:
    """Return the limits in bytes of the accounts that have one of their own."""
    rows = AccountQuota.objects.exclude(bytes=None).values_list("owner", _BYTES)
    return dict(rows)


def limit_bytes(owner_id: int, limit: int | None) -> None:
    """Limit what one account may store; None is the limit of all, 0 none."""
    AccountQuota.objects.update_or_create(owner_id=owner_id, defaults={_BYTES: limit})


def used_by(owner_id: int) -> Quota:
    """Count what an account stores."""
    size, number = _stored(owner_id)
    return Quota(size, number, sum(map(_count_rows(owner_id), counted_models())))


def require_room(owner_id: int, size: int, *, lock: bool = False) -> None:
    """Raise `QuotaFull` unless the account may store one more file of so many bytes.

    With `lock`, inside a transaction, two files at once do not both get the last room. A file in
    an external folder has no bytes of Scry's.
    """
    quota = quota_of(owner_id)
    if not quota.bytes and not quota.files:
        return
    if lock:
        get_user_model().objects.select_for_update().get(pk=owner_id)
    stored, number = _stored(owner_id)
    if quota.bytes and stored + size > quota.bytes:
        told = _("Your account may store %(limit)d MB, and this file does not fit any more.")
        raise QuotaFull(told % {"limit": quota.bytes // (1024 * 1024)})
    if quota.files and number + 1 > quota.files:
        told = _("Your account may store %(limit)d files, and has them already.")
        raise QuotaFull(told % {"limit": quota.files})


def counted_models() -> list[type[models.Model]]:
    """Return the tables of things that people make, as albums; their classes say so."""
    return [model for model in apps.get_models() if getattr(model, "counts_for_quota", False)]


def check_rows(sender: type[models.Model], instance: Any, raw: bool = False, **_more: Any) -> None:  # noqa: FBT001, FBT002
    """Raise `QuotaFull` for a new row over the limit; called before each row is saved."""
    if raw or not instance._state.adding or not getattr(sender, "counts_for_quota", False):
        return
    limit = quota_of(instance.owner_id).rows
    if limit and sum(map(_count_rows(instance.owner_id), counted_models())) >= limit:
        told = _(
            "Your account may have %(limit)d albums, tags, saved searches and the like, and has "
            "them already. Remove some first."
        )
        raise QuotaFull(told % {"limit": limit})


def _count_rows(owner_id: int) -> Any:
    def count(model: type[models.Model]) -> int:
        return model._default_manager.filter(owner=owner_id).count()

    return count


def _stored(owner_id: int) -> tuple[int, int]:
    """Return the bytes and the number of all files of an account."""
    photos = Photo.objects.filter(owner=owner_id, deleted_at=None)
    kept = photos.by_size().aggregate(
        size=Sum("size", filter=Q(external=False)), number=Count("pk")
    )
    theirs = Companion.objects.filter(photo__owner=owner_id, photo__deleted_at=None)
    beside = theirs.aggregate(size=Sum("size"), number=Count("pk"))
    return (kept["size"] or 0) + (beside["size"] or 0), kept["number"] + beside["number"]
