"""The map as columns of bytes, which a browser puts on the graphics card as they come."""

from __future__ import annotations

import hashlib
import struct

import numpy as np

from search.understanding.themes.points import Points, id_bytes

MAGIC = b"SCRYMAP1"
_HEADER = struct.Struct("<8sIHH16s")
HEADER_BYTES = _HEADER.size
"""Magic, photos (uint32), levels (uint16), zero (uint16), version (16 ASCII characters)."""

_MOST = 65535


def version_of(points: Points) -> str:
    """Return 16 hexadecimal digits that change with the photos of a map, places and themes."""
    digest = hashlib.blake2b(digest_size=8)
    for content in (id_bytes(points.ids), points.at.tobytes(), points.themes.tobytes()):
        digest.update(content)
    return digest.hexdigest()


def map_columns(points: Points) -> bytes:
    """Return the header and four columns of uint16, little-endian: x, y, theme, finer theme.

    x and y run from 0 to 65,535. The themes are numbers within the first and the second level;
    where there is one level, both are of that one.
    """
    at = np.clip(np.round(points.at * _MOST), 0, _MOST).astype("<u2")
    last = points.themes.shape[1] - 1
    columns = (at[:, 0], at[:, 1], points.themes[:, 0], points.themes[:, min(1, last)])
    return _header(points) + b"".join(column.astype("<u2").tobytes() for column in columns)


def id_column(points: Points) -> bytes:
    """Return the header and the id of each photo, 16 bytes each, in the order of the columns."""
    return _header(points) + id_bytes(points.ids)


def _header(points: Points) -> bytes:
    levels = points.themes.shape[1]
    return _HEADER.pack(MAGIC, len(points), levels, 0, version_of(points).encode())
