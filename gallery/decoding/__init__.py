"""Pictures are read here, in child processes; the parent never runs a picture decoder."""

from __future__ import annotations

from gallery.decoding.answers import Decoded, DecodeError, PoolBusy, PoolClosed, Probe
from gallery.decoding.pool import DecoderPool

__all__ = ["DecodeError", "Decoded", "DecoderPool", "PoolBusy", "PoolClosed", "Probe"]
