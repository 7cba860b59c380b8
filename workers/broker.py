"""Redis as the broker, read by a worker that no message can end.

kombu lets an item of the queue that is no message end the worker that took it. Such an item holds
no work, since the rows do, so it is dropped.
"""

from __future__ import annotations

import logging
from queue import Empty
from typing import Any

from kombu.transport import redis

logger = logging.getLogger(__name__)

_BAD = (ValueError, KeyError, TypeError, AttributeError)
"""What reading JSON and the parts of a message raises."""


class Channel(redis.Channel):
    """A channel that drops what cannot be read."""

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except _BAD as error:
            _tell(error)
            raise Empty from error


class Transport(redis.Transport):
    """kombu's transport for Redis with the careful channel."""

    Channel = Channel


def _tell(error: Exception) -> None:
    logger.warning("Something in the queue that is no message was dropped: %.200r", error)
