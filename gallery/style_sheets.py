"""The style sheets of the pages, which are collected into one.

Each is a file of its own to work on. A page that loaded them one by one would wait for thirty
answers before it shows anything, for seconds on a phone far away.
"""

from __future__ import annotations

import re
from pathlib import Path

JOINED = "css/all.css"
"""The name of the one that holds all, in their order."""


def names(templates: Path) -> list[str]:
    """Return the names of the style sheets, in order, as the base template lists them."""
    base = (templates / "base.html").read_text("utf-8")
    return re.findall(r"""<link rel="stylesheet" href="{% static '([^']+)' %}">""", base)
