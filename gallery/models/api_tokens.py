"""The keys that let programs act for people."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

_USE_RESOLUTION = timedelta(minutes=1)
"""Between two writes of `last_used_at`."""


class Scope(models.TextChoices):
    """What a token opens."""

    READ = "read", _("Read: look, search and download")
    UPLOAD = "upload", _("Upload: add photos, and see none")
    ALL = "all", _("All: whatever its owner may do")


class ApiToken(models.Model):
    """A key that lets a program act as its owner, within its scope and until it expires."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60, blank=True)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.ALL)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token {self.pk} of {self.owner}"

    @classmethod
    def issue(
        cls,
        owner: AbstractBaseUser,
        *,
        name: str = "",
        scope: str = Scope.ALL,
        expires_at: datetime | None = None,
    ) -> str:
        """Create a token and return its secret, which cannot be shown again."""
        secret = secrets.token_urlsafe(32)
        cls.objects.create(
            owner=owner, name=name, scope=scope, expires_at=expires_at, digest=cls.hash(secret)
        )
        return secret

    @classmethod
    def of(cls, secret: str) -> ApiToken | None:
        """Return the token of a secret, and note its use.

        None if it is unknown, has expired, or its owner left.
        """
        now = timezone.now()
        lasting = Q(expires_at=None) | Q(expires_at__gt=now)
        tokens = cls.objects.select_related("owner__viewer").filter(lasting, owner__is_active=True)
        row = tokens.filter(digest=cls.hash(secret)).first()
        if row is None:
            return None
        if row.last_used_at is None or now - row.last_used_at > _USE_RESOLUTION:
            cls.objects.filter(pk=row.pk).update(last_used_at=now)
        return row

    @staticmethod
    def hash(secret: str) -> str:
        """Return the stored form; the secret is 256 random bits, so one SHA-256 is enough."""
        return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
