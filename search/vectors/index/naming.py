"""Names of folders and collections, made from model keys."""

from __future__ import annotations

import hashlib
import re


def slug(key: str) -> str:
    """Return a name for files and collections that is readable and unique to the model key.

    >>> slug("ViT-B-32-256/datacomp_s34b_b86k")
    'vit-b-32-256-datacomp_s34b_b86k-6dc5f59f'
    """
    readable = re.sub(r"[^a-z0-9_]+", "-", key.lower()).strip("-")[:48]
    return f"{readable}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"
