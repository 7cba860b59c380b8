"""The keys that let programs act for people."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_USE_RESOLUTION = timedelta(minutes=1)
"""Between two writes of `last_used_at`."""


class ApiToken(models.Model):
    """A key that lets a program act as its owner."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token {self.pk} of {self.owner}"

    @classmethod
    def issue(cls, owner: AbstractBaseUser) -> str:
        """Create a token and return its secret, which cannot be shown again."""
        secret = secrets.token_urlsafe(32)
        cls.objects.create(owner=owner, digest=cls.hash(secret))
        return secret

    @classmethod
    def owner_of(cls, secret: str) -> User | None:
        """Return whose token it is, and note its use; None if it is unknown or its owner left."""
        tokens = cls.objects.select_related("owner").filter(owner__is_active=True)
        row = tokens.filter(digest=cls.hash(secret)).first()
        if row is None:
            return None
        now = timezone.now()
        if row.last_used_at is None or now - row.last_used_at > _USE_RESOLUTION:
            cls.objects.filter(pk=row.pk).update(last_used_at=now)
        return row.owner

    @staticmethod
    def hash(secret: str) -> str:
        """Return the stored form; the secret is 256 random bits, so one SHA-256 is enough."""
        return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
