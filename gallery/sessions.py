"""Sessions in the database, by a hash of what the cookie holds.

Whoever reads the database, or a copy of it, finds no key that opens a session.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from gallery.models import Session

FROM_ADDRESS, BY_PROGRAM = "from_address", "by_program"
"""What a session remembers of the sign-in that began it, for the page that lists them."""
_SEEN_RESOLUTION = timedelta(minutes=10)
"""Between two writes of `seen_at`."""
_STORED_CHARACTERS = 40


class SessionStore(db.SessionStore):
    """Django's sessions, but only of keys as Django makes them, and stored by their hashes.

    A cookie may hold any characters, those with quotes and backslashes even NUL, for which
    PostgreSQL raises an error. A session ends when nobody used it for SESSION_IDLE_HOURS, and
    SESSION_COOKIE_AGE after it began, whatever happened in between.
    """

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return the table of the sessions."""
        return Session

    def _validate_session_key(self, key: str | None) -> bool:
        """Tell whether this can be the key of a session."""
        return bool(key and len(key) >= 8 and key.isascii() and key.isalnum())

    def load(self) -> dict[str, Any]:
        """Return what the session holds, and note that it is used; {} if it has ended."""
        row = self._row()
        if row is None:
            self._session_key = None
            return {}
        now = timezone.now()
        if now - row.seen_at > _SEEN_RESOLUTION:
            # Nobody is kept from their photos because this cannot be written.
            with suppress(DatabaseError), transaction.atomic():
                Session.objects.filter(pk=row.pk).update(seen_at=now)
        held: dict[str, Any] = self.decode(row.session_data)
        return held

    def _row(self) -> Session | None:
        if not self.session_key:
            return None
        found: Session | None = Session.objects.open().filter(pk=stored(self.session_key)).first()
        return found

    def exists(self, session_key: str) -> bool:
        """Tell whether there is a session of this key, open or not."""
        return bool(Session.objects.filter(pk=stored(session_key)).exists())

    def save(self, must_create: bool = False) -> None:  # noqa: FBT001, FBT002
        """Store what the session holds; raise CreateError or UpdateError as Django's does."""
        if self.session_key is None:
            self.create()
            return
        held = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        values = {
            "session_data": self.encode(held),
            "owner_id": held.get(SESSION_KEY),
            "address": held.get(FROM_ADDRESS, ""),
            "program": held.get(BY_PROGRAM, ""),
        }
        key = stored(self.session_key)
        if not must_create:
            if not Session.objects.filter(pk=key).update(**values):
                raise UpdateError
            return
        try:
            with transaction.atomic():
                Session.objects.create(pk=key, expire_date=self.get_expiry_date(), **values)
        except IntegrityError:
            raise CreateError from None

    def delete(self, session_key: str | None = None) -> None:
        """End this session, or that of another key."""
        key = session_key or self.session_key
        if key:
            Session.objects.filter(pk=stored(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        """Remove the sessions that have ended."""
        Session.objects.ended().delete()


def stored(key: str) -> str:
    """Return the stored form of a key: its 165 random bits need no more than one SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:_STORED_CHARACTERS]
