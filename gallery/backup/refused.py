"""Why a backup or a restore does not go on."""

from __future__ import annotations


class Refused(Exception):
    """Nothing was changed; the sentences say why, and what to do."""


class Busy(Refused):
    """Another backup or restore runs, which is no fault."""


class Damaged(Exception):
    """Something in a target is not what was written there; the sentence names it."""


class Stopped(Exception):
    """The process ends; the next run goes on with what this one has copied."""
