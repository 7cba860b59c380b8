"""Reads accounts for sessions, each with its role, so that asking for the role asks nobody."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend

BACKEND = "gallery.account_backend.AccountBackend"


class AccountBackend(ModelBackend):
    """Django's accounts with passwords."""

    def get_user(self, user_id: Any) -> Any:
        """Return an account that may sign in, or None."""
        accounts = get_user_model()._default_manager.select_related("viewer")
        user = accounts.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
