"""Downloads the models that the settings page asks for, in a thread of its own."""

from __future__ import annotations

import logging
import threading

from django.db import close_old_connections, connections

from gallery import database_outages
from gallery.request_priority import lower_thread_priority
from search.vectors.embedders import downloads

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0


def run(stop: threading.Event) -> None:
    """Look every two seconds whether a model is asked for, until `stop` is set."""
    lower_thread_priority()
    try:
        while not stop.wait(LOOK_SECONDS):
            try:
                close_old_connections()
                if downloads.run_if_asked(stop.is_set):
                    logger.info("A model was downloaded and is chosen.")
            except Exception as error:
                # Nobody would start this thread again.
                if not database_outages.is_told(error):
                    logger.exception("The download of a model was cut short and is tried again.")
    finally:
        connections.close_all()
