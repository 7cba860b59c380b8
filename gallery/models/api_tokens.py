"""The keys that let programs act for people."""

from __future__ import annotations

import hashlib
import secrets

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models


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

    @staticmethod
    def hash(secret: str) -> str:
        """Return the stored form; the secret is 256 random bits, so one SHA-256 is enough."""
        return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
