"""Searching over the API: real pipeline, real index, and a fake model that knows colours."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gallery.models import EmbeddingModel, Photo
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

COLOURS = ("red", "green", "blue", "yellow")


@pytest.fixture
def colours(ada_client, model):
    """Four indexed photos of ada, by colour."""
    ids = {c: upload(ada_client, picture(c, (80, 60)), f"{c}.jpg").json()["id"] for c in COLOURS}
    drain()
    return ids


def names(answer) -> list[str]:
    return [hit["name"] for hit in answer.json()["hits"]]


def test_photos_are_found_by_describing_them(ada_client, colours):
    for colour in COLOURS:
        answer = ada_client.get("/api/v1/search", {"q": colour})
        assert answer.status_code == 200
        assert names(answer)[0] == f"{colour}.jpg"
    body = answer.json()
    assert body["model"] == "colours"
    assert body["took_ms"] >= 0
    assert {"id", "score", "band", "name", "url", "thumbnail"} <= set(body["hits"][0])
    scores = [hit["score"] for hit in body["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_an_indexed_photo_says_so(ada_client, colours):
    assert ada_client.get(f"/api/v1/photos/{colours['red']}").json()["state"] == "indexed"


def test_the_cursor_walks_through_all_hits_once(ada_client, colours):
    seen, cursor = [], ""
    while cursor is not None:
        answer = ada_client.get("/api/v1/search", {"q": "red", "limit": 1, "cursor": cursor})
        seen += names(answer)
        cursor = answer.json()["next"]
    assert sorted(seen) == sorted(f"{c}.jpg" for c in COLOURS)


def test_similar_leaves_out_the_photo_itself(ada_client, model):
    data = picture("red", (80, 60))
    first = upload(ada_client, data).json()["id"]
    upload(ada_client, picture((250, 10, 5), (60, 80)), "almost-red.jpg")
    upload(ada_client, picture("blue"), "blue.jpg")
    drain()
    assert names(ada_client.get(f"/api/v1/photos/{first}/similar"))[0] == "almost-red.jpg"
    assert len(names(ada_client.get(f"/api/v1/photos/{first}/similar"))) == 2


def test_a_picture_from_outside_finds_its_like(ada_client, colours):
    sent = SimpleUploadedFile("x.png", picture((0, 120, 10), kind="PNG"))
    answer = ada_client.post("/api/v1/search/by-image", {"file": sent})
    assert names(answer)[0] == "green.jpg"
    assert Photo.objects.count() == len(COLOURS)


def test_a_picture_that_is_none_is_refused(ada_client, colours):
    sent = SimpleUploadedFile("x.png", b"not a picture")
    answer = ada_client.post("/api/v1/search/by-image", {"file": sent})
    assert answer.status_code == 415
    assert answer.json()["code"] == "unsupported_type"


def test_a_photo_not_indexed_yet_cannot_be_compared(ada_client, model):
    photo_id = upload(ada_client, picture()).json()["id"]
    answer = ada_client.get(f"/api/v1/photos/{photo_id}/similar")
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_searchable_yet"


def test_deleted_photos_are_in_no_answer_at_once(ada_client, colours):
    ada_client.delete(f"/api/v1/photos/{colours['red']}")
    assert "red.jpg" not in names(ada_client.get("/api/v1/search", {"q": "red"}))
    assert "red.jpg" not in names(ada_client.get(f"/api/v1/photos/{colours['blue']}/similar"))


def test_nobody_sees_another_persons_photos(ada_client, bob_client, colours):
    upload(bob_client, picture((128, 0, 0)), "bobs.jpg")
    drain()
    assert names(bob_client.get("/api/v1/search", {"q": "red"})) == ["bobs.jpg"]
    assert "bobs.jpg" not in names(ada_client.get("/api/v1/search", {"q": "red"}))
    assert bob_client.get(f"/api/v1/photos/{colours['red']}/similar").status_code == 404
    sent = SimpleUploadedFile("x.jpg", picture("green"))
    hits = names(bob_client.post("/api/v1/search/by-image", {"file": sent}))
    assert hits == ["bobs.jpg"]
    assert bob_client.get("/api/v1/status").json()["photos"] == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "query_empty"),
        ("   ", "query_empty"),
        ("x" * 513, "query_too_long"),
        ("a " * 300, "query_too_long"),
        ("x" * 65, "word_too_long"),
        ("x" * 40_000, "query_too_long"),
        ("dog\x00cat", "bad_characters"),
        ("dog\x1bcat", "bad_characters"),
    ],
)
def test_bad_queries_are_told_what_is_wrong(ada_client, model, query, code):
    answer = ada_client.get("/api/v1/search", {"q": query})
    assert answer.status_code == 400
    assert answer.json()["code"] == code


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    ["狗在海滩上", "собака на пляже", "كلب على الشاطئ", "🐕🏖️", "犬" * 200, "\u202ered\u202c"],
)
def test_any_script_is_a_query(ada_client, colours, query):
    assert ada_client.get("/api/v1/search", {"q": query}).status_code == 200


@pytest.mark.parametrize(
    "parameters",
    [
        "limit=0",
        "limit=-1",
        "limit=101",
        "limit=1e9",
        "limit=NaN",
        "cursor=-1",
        "cursor=x",
        "page=2",
    ],
)
def test_bad_parameters_are_told(ada_client, model, parameters):
    answer = ada_client.get(f"/api/v1/search?q=red&{parameters}")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}


def test_without_a_model_search_says_so_and_browsing_works(ada_client):
    EmbeddingModel.objects.all().delete()
    answer = ada_client.get("/api/v1/search", {"q": "red"})
    assert answer.status_code == 503
    assert answer.json()["code"] == "model_loading"
    assert answer.headers["Retry-After"]
    assert ada_client.get("/api/v1/photos").status_code == 200


def test_the_status_counts_and_explains(ada_client, colours):
    upload(ada_client, picture("purple"), "later.jpg")
    body = ada_client.get("/api/v1/status").json()
    assert (body["photos"], body["searchable"], body["pending"], body["failed"]) == (5, 4, 1, 0)
    assert body["model_key"] == "colours"
    assert body["index"]["points"] == 4


def test_the_total_is_what_passes_the_filters_with_and_without_words(ada_client, colours):
    def total(query: str) -> int:
        return ada_client.get("/api/v1/search", {"q": query, "limit": 1}).json()["total"]

    every = total("red")
    assert every == len(colours) > 1
    assert total("orientation:landscape,portrait,square") == every
    assert total("-red") == every - 1
    assert total("is:favourite") == total("red is:favourite") == 0


@pytest.mark.parametrize("route", ["/why", "/similar"])
def test_parameters_that_do_not_exist_are_refused_for_one_photo(ada_client, colours, route):
    photo = Photo.objects.first()
    answer = ada_client.get(f"/api/v1/photos/{photo.pk}{route}?q=red&page=2")
    assert answer.status_code == 400
    assert answer.json()["code"] == "bad_parameter"
