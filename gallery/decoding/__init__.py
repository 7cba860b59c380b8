"""Pictures are read here, in child processes; the parent never runs a picture decoder."""

from __future__ import annotations

from gallery.decoding.errors import DecodeError, PoolBusy, PoolClosed
from gallery.decoding.pool import DecoderPool
from gallery.decoding.results import Decoded, Probe

__all__ = ["DecodeError", "Decoded", "DecoderPool", "PoolBusy", "PoolClosed", "Probe"]
