"""Templates stay readable, draw icons with their tag, and have their texts in the catalogues."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.template import engines
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation
from django.utils.translation.trans_real import translation as catalogue_of

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SYMBOLS = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static" / "icons.svg").read_text()))
CATALOGUES = sorted(path.name for path in (ROOT / "gallery" / "locale").iterdir())


def render(source: str, **values: object) -> str:
    return engines["django"].from_string(source).render(values)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_line_is_longer_than_120_characters(path):
    assert [line for line in path.read_text().splitlines() if len(line) > 120] == []


def test_icons_are_drawn_with_their_tag():
    written_out = re.compile(r'<svg[^>]*class="icon')
    assert [path.name for path in TEMPLATES if written_out.search(path.read_text())] == []


def test_dates_are_written_as_the_language_does():
    own = re.compile(r"\|date:.(?!(c|Y|Y-m-d(\\TH:i(:s)?)?)['\"])")
    assert [path.name for path in TEMPLATES if own.search(path.read_text())] == []


def test_each_icon_is_a_symbol_of_the_icon_file():
    used = {
        name for path in TEMPLATES for name in re.findall(r'{% icon "([^"]+)"', path.read_text())
    }
    assert used - SYMBOLS == set()


def test_an_icon_is_a_constant():
    html = render('{% icon "check" %}{% icon "trash" "big ok" %}')
    assert (
        '<svg class="icon" aria-hidden="true"><use href="/static/icons.svg#check"/></svg>' in html
    )
    assert '<svg class="icon big ok"' in html


def test_each_template_is_used():
    sources = [*TEMPLATES, *ROOT.glob("gallery/**/*.py"), *ROOT.glob("search/**/*.py")]
    used = set(
        re.findall(r'"(?:[a-z/]+/)?(\w+)(?:\.html)?"', "\n".join(map(Path.read_text, sources)))
    )
    by_django = {"403", "403_csrf"}
    assert {path.stem for path in TEMPLATES} - used - by_django == set()


@pytest.mark.slow
def test_the_catalogues_are_up_to_date():
    script = [sys.executable, ".ci/messages.py", "--check"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("locale", CATALOGUES)
def test_each_catalogue_is_loaded(locale):
    language = translation.to_language(locale)
    header = catalogue_of(language).gettext("")
    assert f"Language: {locale}" in header


def test_the_page_says_its_language(settings):
    settings.LANGUAGES = [("en", "English"), ("de", "Deutsch")]
    for language in ("en", "de"):
        with translation.override(language):
            page = render_to_string("404.html", request=RequestFactory().get("/"))
        assert f'<html lang="{language}"' in page


class TestTexts:
    """The tags that stand in for Django's give what those give."""

    @pytest.fixture(autouse=True)
    def german(self, monkeypatch):
        with translation.override("de"):
            texts = {
                "Close": "Schließen",
                "Open %(name)s": "%(name)s öffnen",
                "50%% of it": "50%% davon",
                "All %(count)s": "Alle %(count)s",
            }
            monkeypatch.setattr(catalogue_of("de")._catalog, "_catalogs", [texts])
            yield

    def test_a_constant(self):
        assert render('{% translate "Close" %}') == "Schließen"
        assert render('{% translate "50% of it" %}') == "50% davon"
        assert render('{% translate "Not in the catalogue, 5 %" %}') == "Not in the catalogue, 5 %"

    def test_variables_are_escaped(self):
        source = "{% blocktranslate %}Open {{ name }}{% endblocktranslate %}"
        assert render(source, name="<b>") == "&lt;b&gt; öffnen"
        assert render(source) == " öffnen"

    def test_all_else_is_left_to_django(self):
        assert render('{% translate "Close" as text %}[{{ text }}]') == "[Schließen]"
        assert render('{% translate text|default:"x" %}', text="Close") == "Schließen"
        source = (
            "{% blocktranslate with count=numbers|length %}All {{ count }}{% endblocktranslate %}"
        )
        assert render(source, numbers=[1, 2]) == "Alle 2"
