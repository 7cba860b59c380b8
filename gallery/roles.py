"""Who has which role, and changing that. Roles say what somebody may do, and not what they see."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext as _

from gallery.administrators import is_administrator
from gallery.models import Role, Session, Viewer
from gallery.permissions import is_viewer
from gallery.user_errors import UserError


def role_of(user: Any) -> Role:
    """Return the role of an account."""
    if is_administrator(user) or user.is_superuser:
        return Role.OWNER
    return Role.VIEWER if is_viewer(user) else Role.MEMBER


def give_role(user: Any, role: Role) -> None:
    """Give an account a role; raise UserError if nobody would be left to look after accounts."""
    with transaction.atomic():
        _take_turns()
        if role != Role.OWNER:
            _require_another_owner(user)
        user.is_superuser = user.is_staff = role == Role.OWNER
        user.save(update_fields=["is_superuser", "is_staff"])
        if role == Role.VIEWER:
            Viewer.objects.get_or_create(user=user)
        else:
            Viewer.objects.filter(user=user).delete()
        user.refresh_from_db()  # It may know its former role.


def deactivate(user: Any) -> None:
    """Close an account: its sessions end, its tokens open nothing, its photos stay.

    Raises UserError if nobody would be left to look after accounts.
    """
    with transaction.atomic():
        _take_turns()
        _require_another_owner(user)
        user.is_active = False
        user.save(update_fields=["is_active"])
        Session.objects.filter(owner=user).delete()


def activate(user: Any) -> None:
    """Open an account again; whoever signs in to it needs its password as before."""
    user.is_active = True
    user.save(update_fields=["is_active"])


def _require_another_owner(user: Any) -> None:
    owners = get_user_model().objects.filter(is_superuser=True, is_active=True)
    if is_administrator(user) and not owners.exclude(pk=user.pk).exists():
        sentence = _("Somebody has to look after accounts. Make another account an owner first.")
        raise UserError(sentence, status=409)


def _take_turns() -> None:
    """Two owners must not step down at the same moment, each because of the other."""
    list(ContentType.objects.select_for_update().filter(app_label="auth", model="user"))
