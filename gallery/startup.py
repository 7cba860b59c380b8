"""Starting a program: a wrong setting ends it with one sentence instead of a traceback."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from gallery.sqlite import record_file

WRONG_SETTING = 2
"""The exit status of a program that a wrong setting ends, as of one with a wrong argument."""


@contextmanager
def one_sentence(exit_status: int = WRONG_SETTING) -> Iterator[None]:
    """End the process with one sentence if a setting is wrong or the database gone or damaged."""
    try:
        yield
    except DatabaseError as error:
        if not (sentence := record_file.explain(error)):
            raise
        sys.stderr.write(f"{sentence}\n")
        sys.exit(exit_status)
    except ImproperlyConfigured as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(exit_status)


def check_services() -> None:
    """Raise ImproperlyConfigured if the services that the settings name cannot work together.

    Management commands check that on their own.
    """
    for message in run_checks(tags=[Tags.compatibility]):
        if message.is_serious():
            raise ImproperlyConfigured(f"{message.msg} {message.hint or ''}".strip())
