"""Words that were read as dates and exclusions: the chip that turns them back, and the answers."""

from __future__ import annotations

import html
import re

import pytest

from tests.web.result_pages import link, query_of, shown, text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.mark.parametrize(
    ("typed", "read_as"),
    [
        ("red in June 2015", "Read as a date: “in June 2015”"),
        ("red without hats", "Read as an exclusion: “without hats”"),
    ],
)
def test_a_chip_that_was_read_from_words_turns_back_into_them(ada_client, reds, typed, read_as):
    page = ada_client.get("/search", {"q": typed, "fold": "0"})
    assert read_as in text(page)
    (address,) = re.findall(r'class="chip-words" href="([^"]+)"', text(page))
    assert query_of(address) == f'"{typed}"'
    assert "fold=0" in address
    again = ada_client.get(address)
    assert "chip-words" not in text(again)
    assert f'value="&quot;{typed}&quot;"' in again.content.decode()


def bar(answer) -> str:
    (value,) = re.findall(r'id="q"[^>]* value="([^"]*)"', answer.content.decode())
    return html.unescape(value)


def test_the_bar_sent_again_still_offers_the_words(ada_client, reds):
    typed = "red in June 2015 without hats"
    page = ada_client.get("/search", {"q": typed})
    assert bar(page) == typed
    address, _ = re.findall(r'class="chip-words" href="([^"]+)"', text(page))
    once = ada_client.get(address)
    assert bar(once) == 'red in June 2015 "without hats"'
    again = ada_client.get("/search", {"q": bar(once)})
    assert re.findall(r'class="chip-words"', text(again)) == ['class="chip-words"']
    assert again.context["results"].answer.query == once.context["results"].answer.query


def test_what_was_typed_as_a_filter_offers_no_words(ada_client, reds):
    for typed in ("red date:2015", "red -blue", '"red in 2015"'):
        assert "chip-words" not in text(ada_client.get("/search", {"q": typed}))


def test_a_reading_that_leaves_nothing_is_the_reason(ada_client, reds):
    page = ada_client.get("/search", {"q": "red in June 1987"})
    assert shown(page) == []
    assert "“in June 1987” was read as a date." in text(page)
    plain = link(page, "Search for the words")
    assert query_of(plain) == '"red in June 1987"'
    assert shown(ada_client.get(plain + "&weak=1"))


def test_the_api_says_how_words_were_read(ada_client, reds):
    asked = {"q": "red in June 1987 without blue"}
    answer = ada_client.get("/api/v1/search", asked).json()
    assert answer["readings"] == [
        {"words": "in June 1987", "kind": "date", "parts": ["date:1987-06"],
         "plain": 'red -blue "in June 1987"'},
        {"words": "without blue", "kind": "exclusion", "parts": ["-blue"],
         "plain": 'red "without blue" date:1987-06'},
    ]  # fmt: skip
    assert answer["hits"] == []
    assert answer["suggestion"] == '"red in June 1987 without blue"'
    found = ada_client.get("/api/v1/search", {"q": answer["suggestion"]}).json()
    assert (found["readings"], found["suggestion"]) == ([], None)
    assert found["hits"]
    signed = ada_client.get("/api/v1/search", {"q": "red -red date:1987"}).json()
    assert signed["suggestion"] == '"red -red" date:1987'


def test_a_weight_of_one_needs_no_mark(ada_client, reds):
    page = text(ada_client.get("/search", {"q": "red 2:blue"}))
    assert "×1" not in page
    assert "×2" in page


def test_heic_is_called_heic(ada_client, reds):
    page = text(ada_client.get("/search", {"q": "red type:heic"}))
    assert "type: heic" in page
    assert "type: heif" not in page
