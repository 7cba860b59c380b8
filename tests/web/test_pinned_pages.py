"""Pages of one result while photos come and go: nothing is repeated, and nothing is skipped."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.core.cache import caches
from django.utils import timezone

from gallery.models import Embedding, EmbeddingModel, Photo, Tag
from search.engine import pins, plan, rank
from search.relevance import Background, Bands
from search.vectors.index import Point, open_index
from tests.alike import group, photo
from tests.web.result_pages import HTMX, shown
from workers.index_sync.sources import point_payload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

API = "/api/v1/search"
START = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass
class Library:
    """Indexed photos with random vectors and dates, which come and go."""

    owner: Any
    model: EmbeddingModel
    chance: random.Random
    ids: set[str] = field(default_factory=set)

    def add(self, count: int) -> None:
        for _ in range(count):
            at = START + timedelta(minutes=self.chance.randrange(10_000))
            row = photo(self.owner, shown_at=at, taken_at=at, decoded_at=at)
            vector = np.array([self.chance.random() for _ in range(self.model.dim)], np.float32)
            vector /= np.linalg.norm(vector)
            job = Embedding(photo=row, model=self.model, state=Embedding.State.INDEXED)
            job.set_vector(vector)
            job.save()
            point = Point(row.pk, vector, point_payload(job))
            open_index(self.model.key, self.model.dim).upsert([point])
            self.ids.add(str(row.pk))

    def trash(self, count: int) -> None:
        gone = self.chance.sample(sorted(self.ids), min(count, len(self.ids)))
        Photo.objects.filter(pk__in=gone).update(trashed_at=timezone.now())
        if self.chance.random() < 0.5:
            rows = Photo.objects.filter(pk__in=gone).values_list("pk", flat=True)
            open_index(self.model.key, self.model.dim).delete(rows)
        self.ids -= set(gone)

    def relabel(self, count: int) -> list[str]:
        chosen = self.chance.sample(sorted(self.ids), count)
        self.tag.photos.add(*chosen)
        return chosen

    def unlabel(self, count: int) -> list[str]:
        had = {str(pk) for pk in self.tag.photos.values_list("pk", flat=True)} & self.ids
        chosen = self.chance.sample(sorted(had), min(count, len(had)))
        self.tag.photos.remove(*chosen)
        return chosen

    @property
    def tag(self) -> Tag:
        return Tag.objects.get_or_create(owner=self.owner, name="red")[0]


def background(dim: int) -> Background:
    """Return a background of random texts and photos."""
    rows = np.random.default_rng(1).random((360, dim), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Background(rows[:300], rows[300:])


@pytest.fixture
def library(ada, model, monkeypatch) -> Callable[[int], Library]:
    monkeypatch.setattr(rank, "WINDOW", 12)
    # The real background is a sample of the library, drawn anew now and then, and there is none
    # until a thread has embedded its texts, which may happen between any two pages.
    fixed = background(model.dim)
    monkeypatch.setattr(plan, "background_of", lambda *_: fixed)
    # Some photos of one colour score more than 0.25 and more fit into the window than a page.
    bands = Bands(strong=0.35, likely=0.25, typical=0.1, best=0.45, standing=1.0)
    monkeypatch.setattr(rank, "bands_of", lambda *_: bands)

    def make(seed: int) -> Library:
        made = Library(ada, model, random.Random(seed))
        made.add(40)
        return made

    return make


def walk(client, params: dict[str, Any], between: Callable[[], None]) -> list[str]:
    """Return the ids of all pages of a search; something happens between any two of them."""
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        answer = client.get(API, params | {"cursor": cursor})
        assert answer.status_code == 200, answer.content
        seen += [hit["id"] for hit in answer.json()["hits"]]
        cursor = answer.json()["next"]
        between()
    return seen


QUERIES = [
    {"q": "red", "limit": 5},
    {"q": "red", "limit": 7, "fold": True},
    {"q": "blue orientation:landscape", "limit": 3},
    {"q": "green", "limit": 3, "sort": "newest"},
    {"q": "orientation:landscape", "limit": 4},
    {"q": "-red", "limit": 4},
    {"q": "red", "limit": 4, "least": 0.1},
]


@pytest.mark.parametrize(
    "params", [*QUERIES[:2], *(pytest.param(one, marks=pytest.mark.slow) for one in QUERIES[2:])]
)
@pytest.mark.parametrize(
    "seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))]
)
def test_photos_that_come_and_go_repeat_and_skip_none(ada_client, library, params, seed):
    photos = library(seed)
    before = set(walk(ada_client, params, lambda: None))
    chance = photos.chance

    def change() -> None:
        photos.add(chance.randrange(3))
        photos.trash(chance.randrange(3))
        photos.relabel(chance.randrange(2))

    seen = walk(ada_client, params, change)
    assert len(seen) == len(set(seen))
    assert before & photos.ids <= set(seen)


BY_DATE = [
    {"q": "tag:red", "limit": 3},
    {"q": "-tag:red", "limit": 3},
    {"q": "type:jpeg", "limit": 4},
    {"q": "tag:red -blue", "limit": 3},
]


@pytest.mark.slow
@pytest.mark.parametrize("params", BY_DATE)
@pytest.mark.parametrize("seed", range(20, 24))
def test_tags_that_come_and_go_repeat_and_skip_none(ada_client, library, params, seed):
    photos = library(seed)
    photos.relabel(15)
    before = set(walk(ada_client, params, lambda: None))
    touched: set[str] = set()

    def change() -> None:
        photos.add(photos.chance.randrange(2))
        photos.trash(photos.chance.randrange(2))
        touched.update(photos.relabel(photos.chance.randrange(3)), photos.unlabel(1))

    seen = walk(ada_client, params, change)
    assert len(seen) == len(set(seen))
    assert (before & photos.ids) - touched <= set(seen)
    assert len(seen) > params["limit"]


def test_a_list_that_the_cache_lost_goes_on_behind_its_photo(ada_client, library):
    photos = library(7)
    whole = walk(ada_client, {"q": "red", "limit": 5}, lambda: None)
    assert set(whole) == photos.ids
    assert walk(ada_client, {"q": "red", "limit": 5}, caches["results"].clear) == whole


def test_what_is_behind_the_window_is_pinned_too(ada_client, library):
    photos = library(8)
    seen = walk(ada_client, {"q": "red", "limit": 9}, lambda: photos.add(2))
    assert len(seen) == len(set(seen))
    assert photos.ids >= set(seen)
    assert len(seen) >= 40


def test_a_cursor_belongs_to_its_query_and_its_person(ada_client, bob_client, bob, library):
    library(9)
    first = ada_client.get(API, {"q": "red", "limit": 5}).json()
    other = ada_client.get(API, {"q": "blue", "limit": 5, "cursor": first["next"]})
    assert other.json()["query"] == "blue"
    assert other.json()["hits"]
    assert bob_client.get(API, {"q": "red", "cursor": first["next"]}).json()["hits"] == []


def test_photos_that_fold_meanwhile_stay_where_they_were(ada_client, library):
    library(10)
    params = {"q": "red", "limit": 5, "fold": True}
    order = walk(ada_client, params, lambda: None)
    first = ada_client.get(API, params).json()
    # One of the first page and one of the second are found to be alike.
    group(*Photo.objects.filter(pk__in=[order[0], order[6]]))
    second = ada_client.get(API, params | {"cursor": first["next"]}).json()
    assert [hit["id"] for hit in second["hits"]] == order[5:10]


def test_a_look_alike_takes_the_place_of_a_photo_that_is_gone(ada_client, library):
    library(11)
    params = {"q": "red", "limit": 2, "fold": True}
    order = walk(ada_client, params, lambda: None)
    group(*Photo.objects.filter(pk__in=[order[3], order[8]]))
    first = ada_client.get(API, params).json()
    Photo.objects.filter(pk=order[3]).update(trashed_at=timezone.now())
    second = ada_client.get(API, params | {"cursor": first["next"]}).json()
    assert [hit["id"] for hit in second["hits"]] == [order[2], order[8]]


def test_the_weaker_matches_begin_where_the_others_ended(ada_client, library, monkeypatch):
    photos = library(12)
    hits = ada_client.get(API, {"q": "red", "limit": 100}).json()["hits"]
    cut = Bands(hits[3]["score"], hits[7]["score"] - 0.001, 0.0, 1.0, 1.0)
    monkeypatch.setattr(rank, "bands_of", lambda *_: cut)
    page = ada_client.get("/search", {"q": "red"})
    matches = shown(page)
    photos.add(5)
    weaker = ada_client.get(page.context["summary"].weaker_address, headers=HTMX)
    assert len(matches) == 8
    assert not set(matches) & set(shown(weaker))
    assert {hit["id"] for hit in hits} <= {*matches, *shown(weaker)}


def test_lists_in_the_cache_are_bounded(settings):
    assert settings.CACHES["results"]["OPTIONS"]["MAX_ENTRIES"] <= 200
    assert pins.SECONDS <= 3600


def test_a_list_in_a_former_encoding_is_not_found(ada):
    key = pins.pin(ada, "one", {"rows": [1]})
    assert pins.find(ada, key, "one") == {"signature": "one", "rows": [1]}
    former = zlib.compress(json.dumps({"signature": "one"}).encode())
    caches["results"].delete(pins._name(ada, key, 0))
    caches["results"].set(f"results-{ada.pk}-{key}-0", base64.b85encode(former).decode())
    assert pins.find(ada, key, "one") is None
