"""The audit log: what happened to accounts, and to what leaves the gallery or is gone for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.utils import timezone

from gallery.administrators import is_administrator
from gallery.models import AuditEntry, Deed

KEPT = timedelta(days=365)
_FAILURES_OF_ONE = 50
"""The most failed sign-ins of one account that are written down in an hour. Anybody causes them."""


def note(deed: Deed, owner: Any, *, by: Any = None, address: str = "", detail: str = "") -> None:
    """Write down a deed that concerns the account `owner`; `by` did it, or the owner.

    `detail` holds no secret, no query and no name of a photo.
    """
    AuditEntry.objects.create(
        deed=deed,
        owner=owner,
        owner_name=owner.get_username(),
        by_name=(by or owner).get_username(),
        address=address[:45],
        detail=detail[:200],
    )


def note_failed_sign_in(name: str, address: str) -> None:
    """Write down a sign-in that failed, if there is such an account.

    Other names are left out: people type passwords there.
    """
    owner = get_user_model().objects.filter(username=name).first()
    if owner is None:
        return
    recent = AuditEntry.objects.filter(
        owner=owner, deed=Deed.SIGN_IN_FAILED, at__gt=timezone.now() - timedelta(hours=1)
    )
    if recent.count() < _FAILURES_OF_ONE:
        note(Deed.SIGN_IN_FAILED, owner, address=address)


def of(user: Any) -> QuerySet[AuditEntry]:
    """Return what concerns the account of a user, newest first."""
    return AuditEntry.objects.filter(owner_id=user.pk).order_by("-pk")


def whole(user: Any) -> QuerySet[AuditEntry]:
    """Return all entries for an administrator, newest first; for everybody else their own."""
    return AuditEntry.objects.order_by("-pk") if is_administrator(user) else of(user)


def remove_old() -> None:
    """Remove the entries that are older than a year."""
    AuditEntry.objects.filter(at__lt=timezone.now() - KEPT).delete()
