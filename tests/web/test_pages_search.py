"""The search pages: words, similar photos and pictures, with every way they can fail."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gallery.models import EmbeddingModel
from search.vectors.embedders.catalog import MODELS
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

COLOURS = ("red", "green", "blue")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def colours(ada_client, model):
    ids = {c: upload(ada_client, picture(c, (80, 60)), f"{c}.jpg").json()["id"] for c in COLOURS}
    drain()
    return ids


def shown(answer) -> list[str]:
    return re.findall(r'class="tile"[^>]*data-id="([^"]+)"', answer.content.decode())


def text(answer) -> str:
    return answer.content.decode()


def test_results_are_best_first_with_their_score(ada_client, colours):
    answer = ada_client.get("/search", {"q": "red"})
    assert shown(answer)[0] == colours["red"]
    assert len(shown(answer)) == 3
    assert re.search(r'class="score"[^>]*>0\.\d\d<', text(answer))
    assert 'value="red"' in text(answer)


def test_nobody_finds_the_photos_of_others(bob_client, colours):
    answer = bob_client.get("/search", {"q": "red"})
    assert shown(answer) == []
    assert "There are no photos here yet" in text(answer)


def test_an_empty_query_offers_ways_to_begin(ada_client, model):
    for address in ("/search", "/search?q=%20"):
        assert "Describe what you want to see" in text(ada_client.get(address))


@pytest.mark.parametrize(
    ("query", "says"), [("x" * 600, "more than 512"), ("y" * 70, "more than 64")]
)
def test_a_query_that_cannot_be_answered_is_explained_in_place(ada_client, colours, query, says):
    answer = ada_client.get("/search", {"q": query})
    assert answer.status_code == 400
    assert says in text(answer)
    assert "topbar" in text(answer)


def test_queries_are_shown_as_text(ada_client, colours):
    page = text(ada_client.get("/search", {"q": '"><script>alert(1)</script>'}))
    assert "<script>alert" not in page


def test_without_a_model_the_page_says_when_to_come_back(ada_client):
    answer = ada_client.get("/search", {"q": "red"})
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "Search is not ready" in text(answer)


def test_an_unusable_model_is_a_sentence_and_not_a_traceback(ada_client, db):
    EmbeddingModel.objects.create(key="missing-weights", dim=16, state="active")
    answer = ada_client.get("/search", {"q": "red"})
    assert answer.status_code == 503
    assert "choose another one" in text(answer)


def test_more_results_follow_by_cursor(ada_client, colours, monkeypatch):
    monkeypatch.setattr("search.views.results.PAGE", 2)
    first = ada_client.get("/search", {"q": "red"})
    following = re.search(r'href="(/search\?q=red&amp;cursor=[^"]+)"', text(first)).group(1)
    part = ada_client.get(following.replace("&amp;", "&"), headers=HTMX)
    assert "<html" not in text(part)
    assert sorted(shown(first) + shown(part)) == sorted(colours.values())


def test_similar_photos_leave_out_the_photo_itself(ada_client, colours):
    answer = ada_client.get(f"/photos/{colours['red']}/similar")
    assert sorted(shown(answer)) == sorted([colours["green"], colours["blue"]])
    assert "Similar to red.jpg" in text(answer)


def test_the_strip_is_a_part(ada_client, colours):
    answer = ada_client.get(f"/photos/{colours['red']}/similar?strip=1", headers=HTMX)
    assert "<html" not in text(answer)
    assert len(shown(answer)) == 2


def test_a_photo_that_waits_cannot_be_compared_yet(ada_client, model):
    photo_id = upload(ada_client, picture()).json()["id"]
    assert ada_client.get(f"/photos/{photo_id}/similar").status_code == 409
    part = ada_client.get(f"/photos/{photo_id}/similar?strip=1", headers=HTMX)
    assert part.status_code == 200
    assert "nothing can be compared" in text(part)


def test_a_picture_from_outside_finds_its_like_and_is_shown(ada_client, colours):
    sent = SimpleUploadedFile("leaf.png", picture((0, 120, 10), kind="PNG"))
    answer = ada_client.post("/search/by-image", {"file": sent}, follow=True)
    assert shown(answer)[0] == colours["green"]
    assert "leaf.png" in text(answer)
    (address,) = set(re.findall(r'src="(/search/pictures/[0-9a-f-]+)"', text(answer)))
    assert ada_client.get(address)["Content-Type"] == "image/webp"


@pytest.mark.parametrize("data", [b"", b"not a picture at all, only words"])
def test_what_is_not_a_picture_is_explained(ada_client, colours, data):
    answer = ada_client.post("/search/by-image", {"file": SimpleUploadedFile("x.jpg", data)})
    assert 400 <= answer.status_code < 500
    assert "does not understand this search" in text(answer)


def test_reloading_a_search_by_picture_starts_over(ada_client):
    assert ada_client.get("/search/by-image").headers["Location"] == "/search"


def test_the_settings_tell_model_device_and_what_could_be_used(admin, colours):
    EmbeddingModel.objects.update(why="It was asked for.", hint="A better one exists.")
    page = text(admin.get("/settings"))
    for part in ("colours", "It was asked for.", "A better one exists."):
        assert part in page
    for row in MODELS:
        assert row.key in page
        assert str(row.licence) in page


def test_only_administrators_see_how_many_vectors_all_people_have(bob_client, admin, colours):
    pages = [text(client.get("/settings/workers")) for client in (admin, bob_client)]
    assert ["3 vectors" in page for page in pages] == [True, False]
