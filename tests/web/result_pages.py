"""What the tests read from a page of results."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

HTMX = {"HX-Request": "true"}


def text(answer) -> str:
    return html.unescape(answer.content.decode())


def shown(answer) -> list[str]:
    return re.findall(r'class="tile"[^>]*data-id="([^"]+)"', answer.content.decode())


def headings(answer) -> list[str]:
    """Return the headings of the groups, as "Strong 2", in order."""
    found = re.findall(r'<h2 tabindex="-1">(.*?)</h2>', text(answer), re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).split()) for one in found]


def link(answer, words: str) -> str:
    """Return the address of the link that has these words in it or in its title."""
    found = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', text(answer), re.DOTALL)
    (address, *_) = [href for href, inner in found if words in re.sub(r"<[^>]+>", "", inner)]
    return address


def query_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["q"][0]
