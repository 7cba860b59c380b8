"""Who may change what concerns everybody: the accounts of administrators."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from gallery.user_errors import UserError


def is_administrator(user: Any) -> bool:
    """Return whether somebody may change what concerns the whole gallery, such as its model."""
    return bool(user.is_active and user.is_superuser)


def require_administrator(user: Any) -> None:
    """Raise a 403 for everybody else, before anything else is looked at."""
    if not is_administrator(user):
        sentence = _("Only an administrator of this gallery may do that.")
        raise UserError(sentence, code="forbidden", status=403)
