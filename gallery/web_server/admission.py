"""Which bodies are received at all: small ones of anybody, large ones of who may upload.

A body is kept on disk before the gallery sees it, so strangers may fill nothing. The thread that
receives for all must never wait for a database: other threads look whether a credential is known.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.db import DatabaseError, close_old_connections
from django.http import parse_cookie

from gallery import database_outages
from gallery.models import ApiToken

logger = logging.getLogger(__name__)

_MB = 1024 * 1024
LEAST_BYTES = 16_384
"""Bodies up to this size are taken even while others use up what there is: a sign-in has 300."""
_STRANGERS_BYTES = 64 * _MB
"""What all bodies of requests without a known credential may have together, in a process."""
_FILES = 10
"""Files of the largest size that all bodies may have together, in a process."""
_SHARE_OF_ONE = 2
"""One person may use up a half of it."""


class Body(Protocol):
    """A body that is being received or waits to be answered; `sender` is None for strangers."""

    sender: Hashable | None
    body_bytes_received: int

    def to_come(self) -> int:
        """Return how many more bytes it has announced."""


def small_body() -> int:
    """Return how many bytes a body may have without a known credential, or besides files."""
    return settings.DATA_UPLOAD_MAX_MEMORY_SIZE


def has_credential(headers: dict[str, str]) -> bool:
    """Tell whether headers hold what may be a credential."""
    return "AUTHORIZATION" in headers or settings.SESSION_COOKIE_NAME in headers.get("COOKIE", "")


def takes_files(path: str) -> bool:
    """Tell whether a large body may be sent to a path."""
    return any(re.fullmatch(pattern, path) for pattern in settings.UPLOAD_PATHS)


@dataclass(frozen=True)
class Spool:
    """What all bodies of a process take of the disk; `bodies` gives those that are there now."""

    bodies: Callable[[], Iterable[Body]]

    def to_come(self) -> int:
        """Return how many bytes of all bodies are still to come."""
        return sum(body.to_come() for body in self.bodies())

    def has_room_for(self, body: Body) -> bool:
        """Tell whether a body, which is one of `bodies`, fits beside the others."""
        if _size(body) <= LEAST_BYTES:
            return True
        theirs = sum(_size(other) for other in self.bodies() if other.sender == body.sender)
        if body.sender is None:
            return theirs <= _STRANGERS_BYTES
        limit = _FILES * settings.MAX_FILE_BYTES
        # Somebody who has nothing else here may always send one file.
        alone = theirs <= _size(body)
        if theirs > limit // _SHARE_OF_ONE and not alone:
            return False
        return sum(map(_size, self.bodies())) <= limit + (_size(body) if alone else 0)


def _size(body: Body) -> int:
    return body.body_bytes_received + body.to_come()


class CredentialCheck:
    """A task of another thread: whose credential the headers of a request hold.

    `wake` is called when `is_done`; `sender` is then the id of the account, or None.
    """

    def __init__(self, headers: dict[str, str], wake: Callable[[], None]) -> None:
        self._headers, self._wake = dict(headers), wake
        self.is_done = False
        self.sender: Hashable | None = None

    def service(self) -> None:
        """Look for the credential in the database."""
        close_old_connections()
        try:
            self.sender = sender_of(self._headers)
        except DatabaseError as error:
            # Whoever it is, the gallery itself will say what is wrong with the database.
            self.sender = "unknown"
            if not database_outages.tell(error):
                logger.warning("A credential could not be looked for: %r", error)
        finally:
            close_old_connections()
            self.is_done = True
            self._wake()

    def cancel(self) -> None:
        """Do nothing: the server stops."""


def sender_of(headers: dict[str, str]) -> Hashable | None:
    """Return the id of the account whose bearer token or session headers hold, or None.

    Whether the session may do what it asks for is for the gallery to decide, later.
    """
    scheme, _, secret = headers.get("AUTHORIZATION", "").partition(" ")
    if scheme.lower() == "bearer":
        token = ApiToken.of(secret)
        return None if token is None else str(token.owner_id)
    key = parse_cookie(headers.get("COOKIE", "")).get(settings.SESSION_COOKIE_NAME)
    if not key:
        return None
    sender: str | None = import_module(settings.SESSION_ENGINE).SessionStore(key).get(SESSION_KEY)
    return sender
