"""Language, colours and the size of photos, as each browser chose them."""

from __future__ import annotations

import re

import pytest
from django.test import Client

CHOICES = {"language": "de", "theme": "dark", "tiles": "large"}


def frame(page: str) -> dict[str, str]:
    """Return what the first tag of a page says."""
    tag = re.search(r"<html([^>]*)>", page)
    assert tag is not None
    return dict(re.findall(r'([\w-]+)="([^"]*)"', tag.group(1)))


def test_a_choice_holds_for_all_pages_of_that_browser(ada, ada_client):
    answer = ada_client.post("/account/appearance", CHOICES, follow=True)
    assert "Für diesen Browser gespeichert." in answer.text
    for path in ("/", "/search", "/account"):
        shown = frame(ada_client.get(path).text)
        assert shown == {"lang": "de", "data-theme": "dark", "data-tiles": "large"}
    other = Client()
    other.force_login(ada)
    assert frame(other.get("/").text) == {"lang": "en", "data-theme": "", "data-tiles": ""}


def test_a_choice_is_taken_back(ada_client):
    ada_client.post("/account/appearance", CHOICES)
    ada_client.post("/account/appearance", dict.fromkeys(CHOICES, ""))
    shown = frame(ada_client.get("/", headers={"Accept-Language": "fr"}).text)
    assert shown == {"lang": "fr", "data-theme": "", "data-tiles": ""}


def test_the_answer_is_in_the_language_of_the_browser(ada_client):
    browser = {"Accept-Language": "de"}
    ada_client.post("/account/appearance", {"theme": "dark"}, headers=browser)
    assert "Für diesen Browser gespeichert." in ada_client.get("/account", headers=browser).text


def test_the_form_shows_what_was_chosen(ada_client):
    ada_client.post("/account/appearance", CHOICES)
    page = re.sub(r"\s+", " ", ada_client.get("/account/appearance").text)
    for value in CHOICES.values():
        assert re.search(rf'<option value="{value}"[^>]* selected>', page), value


@pytest.mark.parametrize("wrong", [{"theme": "pink"}, {"tiles": "9"}, {"language": "tlh"}])
def test_nonsense_changes_nothing(ada_client, wrong):
    answer = ada_client.post("/account/appearance", CHOICES | wrong, follow=True)
    assert "That cannot be chosen." in answer.text
    assert frame(answer.text)["lang"] == "en"


def test_a_cookie_that_somebody_made_up_is_no_choice(ada_client):
    ada_client.cookies["scry_theme"] = '"><script>'
    ada_client.cookies["scry_tiles"] = "huge"
    assert frame(ada_client.get("/").text) == {"lang": "en", "data-theme": "", "data-tiles": ""}


def test_the_texts_of_scripts_have_an_address_for_each_language(ada_client):
    ada_client.post("/account/appearance", CHOICES)
    page = ada_client.get("/").text
    address = re.search(r'src="(/javascript-catalog.js[^"]*)"', page)
    assert address is not None
    assert address.group(1).endswith("?de")
    assert "Wartet" in ada_client.get(address.group(1)).text
