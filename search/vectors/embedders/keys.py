"""The key of a model: what it is called, and the SHA-256 of its weights.

`ViT-B-32-256/datacomp_s34b_b86k@0f1e2d3c4b5a6978` are the weights of that name whose SHA-256 begins
so. Other weights of the same name are another model, whose vectors compare with nothing of this
one. Keys from before weights were hashed are names alone.
"""

from __future__ import annotations

MARK = "@"
DIGITS = 16
"""Hexadecimal digits of the hash in a key: enough that no two files meet by accident."""


def key_of(name: str, sha256: str) -> str:
    """Return the key of the weights of this name and of this SHA-256, hex."""
    return f"{name}{MARK}{sha256[:DIGITS]}"


def name_of(key: str) -> str:
    """Return what a model is called, without the hash."""
    return key.partition(MARK)[0]


def digest_of(key: str) -> str:
    """Return the beginning of the SHA-256 in a key; empty for a name alone."""
    return key.partition(MARK)[2]
