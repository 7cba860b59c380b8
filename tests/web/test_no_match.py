"""The results page where nothing matches well, or at all: what it says, and what it shows."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gallery.models import Photo
from search.vectors.embedders import catalog, languages
from tests.alike import group
from tests.web.result_pages import HTMX, headings, link, query_of, shown, text
from tests.web.test_api_photos import picture, upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_what_may_be_there_is_not_denied_but_its_closest_photos_are_shown(
    ada_client, reds, bars, monkeypatch
):
    monkeypatch.setattr("search.views.address.CLOSEST", 3)
    bars(0, 0, standing=0.5)
    page = ada_client.get("/search", {"q": "red"})
    assert shown(page) == [one for one, _ in reds[:3]]
    assert headings(page) == ["No clear match. The closest:"]
    assert "3 closest of 8 photos" in text(page)
    assert "Nothing" not in "".join(headings(page))
    assert '<output for="least" aria-live="polite">3 photos</output>' in text(page)
    (part,) = re.findall(r'hx-get="([^"]+)" hx-target="closest .divider"', text(page))
    rest = ada_client.get(part, headers=HTMX)
    assert shown(rest) == [one for one, _ in reds[3:]]
    assert headings(rest) == []
    whole = ada_client.get(link(page, "Show more"))
    assert shown(whole) == [one for one, _ in reds]
    assert headings(whole) == ["No clear match. The closest:"]
    newest = ada_client.get("/search", {"q": "red", "sort": "newest"})
    assert sorted(shown(newest)) == sorted(one for one, _ in reds[:3])
    assert headings(newest) == ["No clear match. The closest:"]


def test_no_more_is_offered_where_look_alikes_hide_the_rest(ada_client, reds, bars):
    bars(0, 0, standing=0.5)
    group(*(Photo.objects.get(pk=one) for one, _ in reds[:2]))
    page = ada_client.get("/search", {"q": "red"})
    assert shown(page) == [reds[0][0], *(one for one, _ in reds[2:])]
    assert "closest .divider" not in text(page)


def test_the_api_lists_no_weak_photos_where_none_are_asked_for(ada_client, reds, bars):
    bars(0, 0, standing=0.5)
    answer = ada_client.get("/api/v1/search", {"q": "red", "weak": "false"}).json()
    assert (answer["hits"], answer["strong"], answer["likely"]) == ([], 0, 0)
    assert not answer["absent"]
    bars(0, 0, standing=0.5, absent=True)
    assert ada_client.get("/api/v1/search", {"q": "red"}).json()["absent"]


def test_a_picture_that_nothing_resembles_is_not_spoken_of_as_words_are(ada_client, reds, bars):
    sent = SimpleUploadedFile("leaf.png", picture((0, 120, 10), kind="PNG"))
    bars(0, 0)
    page = ada_client.post("/search/by-image", {"file": sent}, follow=True)
    assert headings(page) == ["No photo is clearly similar. The closest:"]
    bars(0, 0, absent=True)
    sent = SimpleUploadedFile("leaf.png", picture((0, 120, 10), kind="PNG"))
    page = ada_client.post("/search/by-image", {"file": sent}, follow=True)
    assert "No photo here looks like this picture" in text(page)
    assert "other words" not in text(page)
    page = ada_client.get(f"/photos/{reds[0][0]}/similar")
    assert "No other photo looks like this one" in text(page)
    assert "other words" not in text(page)


@pytest.mark.parametrize(
    ("query", "language"),
    [("红色的东西", "Chinese characters"), ("ein Hund und eine rote Wand", "German")],
)
def test_a_language_that_the_model_cannot_read_is_named(
    ada_client, reds, bars, monkeypatch, query, language
):
    bars(0, 0, absent=True)
    assert "reads English only" not in text(ada_client.get("/search", {"q": query}))
    (english,) = [row for row in catalog.MODELS if row.title == "CLIP B/32 DataComp"]
    monkeypatch.setattr(languages, "of_key", lambda _key: replace(english, title="Small"))
    page = ada_client.get("/search", {"q": query})
    told = f"Small reads English only, and this search seems to be in {language}."
    assert told in text(page)
    assert "/settings" in link(page, "Open the settings")
    # What was not understood is not denied either.
    assert headings(page) == ["No clear match. The closest:"]
    (note,) = ada_client.get("/api/v1/search", {"q": query}).json()["notes"]
    assert note.startswith(told)
    assert "reads English only" not in text(ada_client.get("/search", {"q": "red wall"}))
    # Words of the photos need no model.
    ada_client.patch(
        f"/api/v1/photos/{reds[0][0]}", {"caption": query}, content_type="application/json"
    )
    page = ada_client.get("/search", {"q": query})
    assert shown(page)[0] == reds[0][0]
    assert "reads English only" not in text(page)


def test_when_nothing_clears_the_bar_the_page_says_so(ada_client, reds, bars):
    bars(0, 0, standing=0.5, absent=True)
    page = ada_client.get("/search", {"q": "red orientation:landscape"})
    assert shown(page) == []
    assert "Nothing here looks like <q>red</q>" in text(page)
    assert "None of the 8 photos that pass the filters match well" in text(page)
    assert query_of(link(page, "remove this filter")) == "red"
    anyway = ada_client.get(link(page, "Show the closest anyway"))
    assert len(shown(anyway)) == 8
    assert headings(anyway) == ["Nothing here looks like “red”. The closest:"]


def test_a_strip_of_similar_photos_tells_when_none_is_alike(ada_client, reds, bars):
    bars(0, 0, absent=True)
    path = f"/photos/{reds[0][0]}/similar"
    strip = ada_client.get(f"{path}?strip=1", headers=HTMX)
    assert "No other photo looks much like this one" in text(strip)
    closest = link(strip, "Show the closest")
    assert closest == f"{path}?weak=1"
    assert len(shown(ada_client.get(closest))) == len(reds) - 1
    bars(0, 0)
    strip = ada_client.get(f"{path}?strip=1", headers=HTMX)
    assert "No other photo is clearly similar. The closest:" in text(strip)
    assert len(shown(strip)) == len(reds) - 1


def test_look_alikes_are_spoken_of_only_where_there_are_some(ada_client, reds):
    assert "Look-alikes" not in text(ada_client.get("/search", {"q": "red"}))
    assert "Look-alikes" in text(ada_client.get("/search", {"q": "red", "fold": "0"}))


def test_a_slider_that_is_too_far_right_is_the_reason(ada_client, reds, bars):
    bars(0, 0, standing=0.5)
    page = ada_client.get("/search", {"q": "red", "least": "0.9"})
    assert "No match is this certain" in text(page)
    assert "least" not in link(page, "Choose automatically")


@pytest.mark.parametrize("words", ["red ", ""])
def test_filters_that_leave_nothing_can_be_removed_one_by_one(ada_client, reds, words):
    page = ada_client.get("/search", {"q": f"{words}orientation:portrait before:1990"})
    assert shown(page) == []
    assert "No photo passes all of these filters" in text(page)
    assert query_of(link(page, "portrait, remove")) == f"{words}before:1990"


def test_an_empty_gallery_says_so(bob_client, model, reds):
    page = bob_client.get("/search", {"q": "red"})
    assert "There are no photos here yet" in text(page)
    assert "Upload photos" in text(page)


def test_photos_that_wait_are_told_of(bob_client, reds):
    upload(bob_client, picture("red"))
    page = bob_client.get("/search", {"q": "red"})
    assert "still becoming searchable" in text(page)


def test_what_could_not_be_understood_is_marked(ada_client, reds):
    page = ada_client.get("/search", {"q": "red camra:sony"})
    assert page.status_code == 400
    assert "red <mark>camra:sony</mark>" in text(page)
    assert "camera" in text(page)


@pytest.mark.parametrize(
    "query", ["\u202ered camra:x", "<b> 99999:x", "camra:" + "y" * 600, "a\x00b", "x" * 5000]
)
def test_errors_are_shown_as_text(ada_client, reds, query):
    page = ada_client.get("/search", {"q": query})
    assert page.status_code in {200, 400}
    assert "<b> " not in page.content.decode()
