"""Who may change what concerns everybody: the accounts of administrators."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import gettext as _

from gallery.user_errors import UserError


def is_administrator(user: Any) -> bool:
    """Return whether somebody may change what concerns the whole gallery, such as its model."""
    return bool(user.is_active and (user.is_superuser or _stands_in(user)))


def _stands_in(user: Any) -> bool:
    """Return whether this is the first account of a gallery without an administrator.

    Earlier versions of `create_owner` made none. An administrator whose account was deactivated is
    still there, so nobody gains the rights of another.
    """
    accounts = get_user_model().objects
    return accounts.order_by("pk").first() == user and not accounts.filter(is_superuser=True)


def require_administrator(user: Any) -> None:
    """Raise a 403 for everybody else, before anything else is looked at."""
    if not is_administrator(user):
        sentence = _("Only an administrator of this gallery may do that.")
        raise UserError(sentence, code="forbidden", status=403)
