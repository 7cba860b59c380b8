"""Exclusions and filters: they take photos away, and change nothing about those that stay."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from gallery.models import Photo
from search.engine import rank
from search.relevance import Bands, library
from tests.embedders import PALETTE
from tests.web.result_pages import shown, text
from tests.web.test_api_photos import upload
from tests.workers.conftest import drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def plain(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (80, 60), PALETTE[colour]).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def colours(ada_client, model) -> dict[str, str]:
    """A photo of ada in each colour, by its name, and the background of her queries."""
    ids = {one: upload(ada_client, plain(one), "picture.png").json()["id"] for one in PALETTE}
    drain()
    library.forget()
    library.embed_texts("colours")
    return ids


@pytest.fixture
def listed(ada_client, colours):
    """Asks and returns the colours that are listed."""
    names = {photo_id: name for name, photo_id in colours.items()}

    def ask(query: str) -> set[str]:
        answer = ada_client.get("/api/v1/search", {"q": query, "limit": 50})
        assert answer.status_code == 200, answer.content
        return {names[hit["id"]] for hit in answer.json()["hits"]}

    return ask


def test_what_shows_any_of_several_excluded_things_is_left_out(listed):
    rest = listed("-red -blue")
    assert not rest & {"red", "blue"}
    assert {"green", "yellow", "white", "black"} <= rest


def test_an_excluded_photo_is_left_out_itself(listed, colours):
    rest = listed(f"-photo:{colours['green']}")
    assert "green" not in rest
    assert {"red", "blue"} <= rest


def test_no_more_is_left_out_than_sql_can_be_told(listed, monkeypatch):
    for name in ("WINDOW", "PART_LIMIT"):
        monkeypatch.setattr(rank, name, 1)
    monkeypatch.setattr(rank, "EXCLUDED_LIMIT", 2)
    assert not listed("-red -blue") & {"red", "blue"}


def test_without_a_background_nothing_is_left_out(listed, colours):
    Photo.objects.filter(pk__in=[colours[one] for one in list(PALETTE)[4:]]).delete()
    library.forget()
    assert {"red", "green", "blue", "yellow"} <= listed("-red")


@pytest.mark.slow
@pytest.mark.parametrize("query", ["-red", "red -blue", "red -blue orientation:landscape"])
def test_exclusions_that_leave_nothing_are_the_reason(ada_client, colours, monkeypatch, query):
    monkeypatch.setattr(rank, "bands_of", lambda *_: Bands(-1, -1, -1, 1, 1))
    page = ada_client.get("/search", {"q": query})
    assert shown(page) == []
    assert "Nothing is left" in text(page)
    assert "Every photo is left out by an exclusion or a filter." in text(page)


@pytest.fixture
def bands(ada_client, colours):
    """Asks and returns the band of each colour, in the order of the answer."""
    names = {photo_id: name for name, photo_id in colours.items()}

    def ask(query: str) -> dict[str, str]:
        answer = ada_client.get("/api/v1/search", {"q": query, "limit": 50})
        assert answer.status_code == 200, answer.content
        return {names[hit["id"]]: hit["band"] for hit in answer.json()["hits"]}

    return ask


@pytest.mark.slow
@pytest.mark.parametrize("excluded", ["-blue", "-blue -yellow", "-green -black"])
def test_exclusion_only_removes(bands, excluded):
    before, after = bands("red"), bands(f"red {excluded}")
    assert after.keys() == before.keys() - set(excluded.replace("-", "").split())
    assert after == {name: before[name] for name in after}
    assert after["red"] in {"strong", "likely"}
    places = [("strong", "likely", "weak").index(band) for band in after.values()]
    assert places == sorted(places)


def test_a_photo_that_is_excluded_leaves_the_rest_as_it_was(bands, colours):
    before, after = bands("red"), bands(f"red -photo:{colours['green']}")
    assert after == {name: band for name, band in before.items() if name in after}
    assert "green" not in after
    assert "red" in after


def test_what_is_wanted_and_excluded_is_gone(bands):
    assert "red" not in bands("red -red")


def test_a_filter_takes_photos_away_and_changes_no_band(ada_client, bands, colours):
    before = bands("red")
    kept = {"red", "blue", "white"}
    for name in kept:
        path = f"/api/v1/photos/{colours[name]}"
        answer = ada_client.patch(path, {"tags": ["kept"]}, content_type="application/json")
        assert answer.status_code == 200
    assert bands("red tag:kept") == {name: before[name] for name in before if name in kept}
    # Nothing of the kind passes this filter, but the library has it.
    answer = ada_client.get("/api/v1/search", {"q": "red -tag:kept"}).json()
    assert not answer["absent"]
