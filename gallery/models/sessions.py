"""Who is signed in, and since when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models import Q
from django.utils import timezone

from gallery.user_agents import name_of


class SessionQuerySet(models.QuerySet["Session"]):
    """Queries for sessions."""

    def ended(self) -> SessionQuerySet:
        """Return the sessions that are too old, or that nobody used for too long."""
        return self.filter(_has_ended())

    def beyond(self, number: int) -> SessionQuerySet:
        """Return all but the `number` sessions that were used last."""
        # By name, for one that begins meanwhile is not beyond.
        return self.filter(
            pk__in=list(self.order_by("-seen_at").values_list("pk", flat=True)[number:])
        )

    def open(self) -> SessionQuerySet:
        """Return the sessions that a cookie can still open."""
        return self.exclude(_has_ended())


NOBODYS = timedelta(hours=1)
"""How long a browser in which nobody signed in has for that. Anybody can begin such sessions."""


def _has_ended() -> Q:
    now = timezone.now()
    ended = Q(expire_date__lte=now) | Q(owner=None, created_at__lte=now - NOBODYS)
    if settings.SESSION_IDLE_HOURS:
        ended |= Q(seen_at__lte=now - timedelta(hours=settings.SESSION_IDLE_HOURS))
    return ended


class Session(AbstractBaseSession):
    """A browser that is signed in. `session_key` is a hash of what its cookie holds.

    An owner who was deleted takes no part in the constraint: the session opens nothing then.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="sessions",
        db_constraint=False,
    )
    created_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(default=timezone.now)
    address = models.CharField(max_length=45, blank=True, default="")
    program = models.CharField(max_length=200, blank=True, default="")

    objects: ClassVar[Any] = BaseSessionManager.from_queryset(SessionQuerySet)()

    @property
    def program_name(self) -> str:
        """What a person calls the program."""
        return name_of(self.program)

    def __str__(self) -> str:
        return f"session of {self.owner_id} since {self.created_at}"
