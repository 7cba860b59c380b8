"""Links that let somebody make an account of their own, once and for a few days."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from gallery import roles
from gallery.administrators import is_administrator
from gallery.models import ApiToken, Invitation, Role

KEPT = timedelta(days=7)


def invite(made_by: Any, role: Role) -> str:
    """Make an invitation and return its secret, which cannot be shown again."""
    secret = secrets.token_urlsafe(32)
    Invitation.objects.create(
        made_by=made_by, role=role, digest=ApiToken.hash(secret), expires_at=timezone.now() + KEPT
    )
    return secret


def open_ones() -> QuerySet[Invitation]:
    """Return the invitations that have not expired, newest first."""
    return Invitation.objects.filter(expires_at__gt=timezone.now()).order_by("-created_at")


def found(secret: str) -> Invitation | None:
    """Return the invitation of a secret, or None if it is unknown, used or too old.

    It opens nothing either once its maker may not invite any more.
    """
    return _found(secret, open_ones())


def _found(secret: str, rows: QuerySet[Invitation]) -> Invitation | None:
    row = rows.select_related("made_by").filter(digest=ApiToken.hash(secret)).first()
    return row if row and is_administrator(row.made_by) else None


def accept(secret: str, name: str, password: str) -> User | None:
    """Make the account that an invitation is for; None if somebody was faster."""

    def create(role: Role) -> User:
        user = User.objects.create_user(name, password=password)
        roles.give_role(user, role)
        return user

    return accept_by(secret, create)


def accept_by(secret: str, create: Callable[[Role], User]) -> User | None:
    """Have `create` make the account that an invitation is for; None if somebody was faster.

    If it raises an error, the invitation stays as it was.
    """
    with transaction.atomic():
        invitation = _found(secret, open_ones().select_for_update(of=("self",)))
        if invitation is None:
            return None
        user = create(Role(invitation.role))
        invitation.delete()
    return user


def remove_old() -> None:
    """Remove the invitations that nobody took up in time."""
    Invitation.objects.filter(expires_at__lte=timezone.now()).delete()
