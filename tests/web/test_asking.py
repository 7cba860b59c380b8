"""Queries of several terms through every layer: language, vectors, index, SQL and the API."""

from __future__ import annotations

import io
import random
import string
import time

import pytest
from PIL import Image

from gallery.models import Embedding, Photo
from tests.web.test_api_photos import upload
from tests.workers.conftest import drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

HALVES = ("red", "blue", "yellow")


@pytest.fixture
def halves(ada_client, model) -> dict[str, str]:
    """Photos of ada that are half one colour and half another, by name such as "red-blue"."""
    ids = {}
    for left in HALVES:
        for right in HALVES:
            name = f"{left}-{right}"
            # The file name says nothing, for words of it would be found too.
            ids[name] = upload(ada_client, half(left, right), "picture.jpg").json()["id"]
    drain()
    return ids


def half(left: str, right: str) -> bytes:
    image = Image.new("RGB", (80, 60), left)
    image.paste(right, (40, 0, 80, 60))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95)
    return out.getvalue()


@pytest.fixture
def found(ada_client, halves):
    """Asks for photos and returns their names, in order."""
    names = {photo_id: name for name, photo_id in halves.items()}

    def ask(query: str, **params) -> list[str]:
        answer = ada_client.get("/api/v1/search", {"q": query, **params})
        assert answer.status_code == 200, answer.content
        return [names[hit["id"]] for hit in answer.json()["hits"]]

    return ask


def test_an_excluded_colour_drops_out_of_the_first_hits(found, halves):
    plain, without = found("blue"), found("blue -yellow")
    assert plain[0] == without[0] == "blue-blue"
    pairs = ("blue-yellow", "yellow-blue")
    assert min(without.index(one) for one in pairs) > max(
        without.index(one) for one in ("blue-blue", "blue-red")
    )


def test_exclusion_is_understood_in_plain_words(found, halves):
    assert found("blue without yellow") == found("blue -yellow")


def test_a_photo_and_a_word_find_what_has_both(found, halves):
    first = found(f"photo:{halves['red-red']} +blue")
    assert "red-red" not in first
    assert set(first[:2]) == {"red-blue", "blue-red"}


def test_a_heavier_term_counts_for_more(found, halves):
    assert found("+red 5:blue")[0] == "blue-blue"
    assert found("5:red +blue")[0] == "red-red"


def test_newest_first_lists_by_date(found, halves):
    names = found("blue", sort="newest")
    order = [str(pk) for pk in Photo.objects.newest_first().values_list("pk", flat=True)]
    ids = [halves[name] for name in names]
    assert ids == [pk for pk in order if pk in ids]
    assert ids


def test_pages_of_a_ranking_give_every_photo_once(ada_client, halves):
    seen, cursor = [], ""
    while True:
        body = ada_client.get("/api/v1/search", {"q": "red", "limit": 3, "cursor": cursor}).json()
        seen += [hit["id"] for hit in body["hits"]]
        cursor = body["next"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(halves.values())


def test_a_trashed_photo_is_in_no_answer_and_no_term(ada_client, found, halves):
    red = halves["red-red"]
    Photo.objects.filter(pk=red).update(trashed_at="2026-01-01T00:00Z")
    assert "red-red" not in found("red")
    answer = ada_client.get("/api/v1/search", {"q": f"photo:{red}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_photo")


def test_another_persons_photo_is_no_term(bob_client, halves):
    answer = bob_client.get("/api/v1/search", {"q": f"red photo:{halves['red-red']}"})
    assert answer.status_code == 404


def test_a_photo_that_waits_is_said_to(ada_client, halves):
    Embedding.objects.filter(photo=halves["red-red"]).update(state="pending", vector=None)
    answer = ada_client.get("/api/v1/search", {"q": f"photo:{halves['red-red']}"})
    assert answer.status_code == 409


def test_terms_that_cancel_each_other_out_are_explained(ada_client, halves):
    answer = ada_client.get("/api/v1/search", {"q": f"photo:{halves['red-red']} -photo:bad"})
    assert answer.status_code == 400


@pytest.mark.slow
def test_whatever_is_asked_gets_an_answer_or_a_reason_soon(ada_client, halves):
    dice = random.Random(7)
    pieces = [
        '"',
        "-",
        "+",
        "2:",
        ":",
        "@",
        "photo:",
        "picture:",
        "\u202e",
        "\x00",
        "date:",
        "near:",
    ]
    pieces += ["size:", "album:", "(", "-0.1:", "1e999:", "sin ", "没有", "without ", "\u200d", "é"]
    slow = 0
    for _ in range(300):
        text = "".join(
            dice.choice(pieces) if dice.random() < 0.6 else dice.choice(string.printable)
            for _ in range(dice.randrange(1, 40))
        )
        started = time.process_time()
        answer = ada_client.get("/api/v1/search", {"q": text})
        slow += time.process_time() - started > 0.5
        assert answer.status_code in {200, 400, 404, 409}, (text, answer.content)
        page = ada_client.get("/search", {"q": text})
        assert page.status_code in {200, 400, 404, 409}, (text, page.content)
    assert slow < 5
