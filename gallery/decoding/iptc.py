"""When a picture was made, as IPTC says it (IIM 4.2, data sets 2:55 and 2:60, or 2:62 and 2:63).

JPEGs and TIFFs keep IPTC in blocks of Photoshop. The data sets are found wherever they stand in
such a block, so that nothing has to be unpacked.
"""

from __future__ import annotations

import re

MAX_BYTES = 1 << 20

_DAYS = tuple(re.compile(rb"\x1c\x02" + kind + rb"\0\x08(\d{8})") for kind in (b"\x37", b"\x3e"))
_CLOCKS = tuple(
    re.compile(rb"\x1c\x02" + kind + rb"\0.(\d{6}(?:[-+]\d{4})?)") for kind in (b"\x3c", b"\\x3f")
)


def created(data: bytes) -> str:
    """Return date and time like "20140404T040404+0000", a date alone, or "" without one."""
    for day, clock in zip(_DAYS, _CLOCKS, strict=True):
        date = day.search(data[:MAX_BYTES])
        if date and int(date[1]):
            time = clock.search(data[:MAX_BYTES])
            return date[1].decode() + (f"T{time[1].decode()}" if time else "")
    return ""
