"""Pages in other languages: no text stays English, and no number in an attribute gets a comma."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from django.conf import settings
from django.template import Context, Template
from django.utils import translation
from django.utils.translation.trans_real import translation as catalogue_of

from tests.external import body
from tests.web.route_matrix import MATRIX
from tests.web.test_routes_by_actor import ask

pytestmark = pytest.mark.slow

LANGUAGES = [code for code, _name in settings.LANGUAGES]
SHOWN = {"alt", "aria-label", "aria-description", "placeholder", "title"}
OWN_DATA = {
    "ada", "Trip", "Zenit", "Zürich", "Zurich", "Switzerland", "a secret caption",
    "red.jpg", "blue.jpg", "crimson.jpg", "lone.jpg", "red.jpg.xmp", "red.jpg.mov",
}  # fmt: skip
SAME_EVERYWHERE = re.compile(
    r"Scry|JPEG|ImageNet|COCO R@1|EMBEDDING_MODEL|Apache-2\.0|MIT|colours"
    r"|Starter[ \d+.]*|starter@\w+"
    r"|(Ctrl|Enter|Space|Shift|Delete|Esc|Tab)"  # as on the keyboards that most people have
    r"|(SigLIP|CLIP|ViT|S?B?)[\w /@.+-]*|[\d.]+ [GM]FLOP"
    r"|is:favourite orientation:landscape|(name:)?IMG_2231"
    r"|dog\ncat|a sleeping cat|a {} on a sofa\nanimal > bird"
)


class AllTexts(dict):
    """A catalogue that has every text, in angle quotes."""

    def get(self, key, default=None):
        text = key[0] if isinstance(key, tuple) else key
        return f"«{text.rpartition(chr(4))[2]}»" if text else default


class Page(HTMLParser):
    """What a page shows or says outside angle quotes, and its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.left: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self._silent = self._quoted = 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._silent += tag in {"script", "style"}
        given = [(name, value) for name, value in attrs if value]
        self.attributes += given
        for name, value in given:
            if name in SHOWN:
                self.left += outside_quotes(value)

    def handle_endtag(self, tag):
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data):
        if not self._silent:
            self.left += outside_quotes("«" * self._quoted + data)
            self._quoted += data.count("«") - data.count("»")


def outside_quotes(text: str) -> Iterator[str]:
    """Yield the pieces of a text that stand in no angle quotes, without names of the fixture."""
    depth, piece = 0, ""
    for character in f"{text}«":
        if not depth and character in "«,;:·|":
            yield piece.strip()
            piece = ""
        elif not depth:
            piece += character
        depth += (character == "«") - (character == "»")


def pages(client, world, language: str) -> Iterator[tuple[str, str]]:
    """Yield the route and the text of each page that Ada can open."""
    for path, (method, _who) in MATRIX.items():
        if method == "GET" and not path.startswith("api/"):
            client.defaults["HTTP_ACCEPT_LANGUAGE"] = language
            answer = ask(client, path, world, "x")
            sent = body(answer)
            if "html" in answer.headers.get("Content-Type", ""):
                assert answer.headers["Content-Language"] == language, path
                yield path, sent.decode()


@pytest.mark.django_db(transaction=True)
def test_no_text_stays_english(ada_client, world, monkeypatch):
    monkeypatch.setattr(catalogue_of("de")._catalog, "_catalogs", [AllTexts()])
    english = {
        (path, piece)
        for path, html in pages(ada_client, world, "de")
        for piece in Page(html).left
        if re.search(r"[A-Za-z]{3,}", piece)
        if piece not in OWN_DATA and not SAME_EVERYWHERE.fullmatch(piece)
    }
    assert english == set()


@pytest.mark.django_db(transaction=True)
def test_no_attribute_has_a_number_as_people_write_it(ada_client, world):
    """With a comma, styles and scripts would not read it."""
    names = re.compile(r"style|data-.*|value|max|min|step|x|y|r|d|width|height|points|viewBox")
    written = re.compile(r"(^|[:\s])-?\d+,\d+(\s*(;|$))")
    wrong = {
        (path, name, value)
        for path, html in pages(ada_client, world, "de")
        for name, value in Page(html).attributes
        if names.fullmatch(name) and written.search(value)
    }
    assert wrong == set()


@pytest.mark.parametrize(
    ("language", "day", "moment", "figures"),
    [
        ("en", "Friday, 31 May 2024", "31 May 2024, 18:30", "1,234,567 98.7 % 0.25"),
        ("de", "Freitag, 31. Mai 2024", "31. Mai 2024 18:30", "1.234.567 98,7 % 0,25"),
        ("es", "viernes, 31 de mayo de 2024", "31 de mayo de 2024 a las 18:30",
         "1.234.567 98,7 % 0,25"),
        ("fr", "vendredi 31 mai 2024", "31 mai 2024 18:30", "1 234 567 98,7 % 0,25"),
        ("zh-hans", "2024年5月31日 星期五", "2024年5月31日 18:30", "1,234,567 98.7% 0.25"),
    ],
)  # fmt: skip
def test_dates_and_numbers_are_written_as_people_do(language, day, moment, figures):
    source = "{{ t|weekday }}|{{ t|moment }}|{{ n|count }} {{ s|share }} {{ c|score }}"
    values = {"t": datetime(2024, 5, 31, 18, 30, tzinfo=UTC), "n": 1234567, "s": 0.987, "c": 0.25}
    with translation.override(language):
        written = Template(source).render(Context(values)).replace("\xa0", " ")
    assert written.split("|") == [day, moment, figures]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_browser_says_the_language(client, ada, language):
    page = client.get("/sign-in", headers={"Accept-Language": f"{language},en;q=0.5"}).text
    assert f'<html lang="{language}"' in page
