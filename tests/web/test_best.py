"""The best photos of an album, a day or a burst, and what a person likes."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from gallery.decoding.quality import Measured
from gallery.models import Album, Embedding, InAlbum
from gallery.models.quality import save_quality
from search.duplicates.models import Kind
from search.understanding import library_vectors
from search.understanding.quality.best import spread
from search.understanding.quality.personal import agreement_of
from tests.alike import group, photo

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _forgotten():
    library_vectors.forget()
    yield
    library_vectors.forget()


def quality(sharpness: float, reach: float = 0.8) -> Measured:
    return Measured(sharpness, sharpness, 0.0, 0.0, 0.0, 120.0, reach)


def give_vector(one, model, vector) -> None:
    row = Embedding(photo=one, model=model, state=Embedding.State.INDEXED)
    row.set_vector(np.asarray(vector, np.float32) / np.linalg.norm(vector))
    row.save()


def best(client, **asked):
    answer = client.get("/api/v1/best", asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids(found) -> list[str]:
    return [one["photo"]["id"] for one in found["photos"]]


def test_one_of_a_burst_and_the_sharpest_with_its_reason(ada, ada_client):
    burst = [photo(ada) for _ in range(3)]
    single = photo(ada)
    group(*burst, kind=Kind.SIMILAR_SHOTS)
    save_quality({one.pk: quality(0.2 + 0.2 * n) for n, one in enumerate(burst)})
    found = best(ada_client)
    assert set(ids(found)) == {str(burst[2].pk), str(single.pk)}
    shown = next(one for one in found["photos"] if one["photo"]["id"] == str(burst[2].pk))
    assert shown["reasons"] == ["sharpest of 3"]
    assert set(shown["others"]) == {str(one.pk) for one in burst[:2]}
    assert found["photos_in_scope"] == 4
    page = ada_client.get("/best").content.decode()
    assert "sharpest of 3" in page


def test_what_a_person_said_goes_before_sharpness(ada, ada_client):
    burst = [photo(ada, favourite=True), photo(ada)]
    group(*burst, kind=Kind.SIMILAR_SHOTS)
    save_quality({burst[0].pk: quality(0.5), burst[1].pk: quality(0.6)})
    assert ids(best(ada_client)) == [str(burst[0].pk)]


def test_soft_photos_come_last_and_unmeasured_ones_are_not_punished(ada, ada_client):
    soft, unmeasured = photo(ada), photo(ada)
    save_quality({soft.pk: quality(0.1, reach=0.51)})
    assert ids(best(ada_client)) == [str(unmeasured.pk), str(soft.pk)]


def test_days_albums_and_bursts_are_scopes_of_ones_own(ada, ada_client, bob, bob_client):
    day = datetime(2024, 5, 31, 23, 59, tzinfo=UTC)
    one, other = photo(ada, taken_at=day), photo(ada)
    album = Album.objects.create(owner=ada, name="Rome")
    InAlbum.objects.create(album=album, photo=other)
    group(one, other, kind=Kind.SIMILAR_SHOTS)
    assert ids(best(ada_client, day="2024-05-31")) == [str(one.pk)]
    assert ids(best(ada_client, album=album.pk)) == [str(other.pk)]
    assert best(ada_client, of=one.pk)["photos_in_scope"] == 2
    for asked in ({"album": album.pk}, {"of": one.pk}):
        assert bob_client.get("/api/v1/best", asked).status_code == 404
        assert bob_client.get("/best", asked).status_code == 404
    assert ids(best(bob_client)) == []


@pytest.mark.parametrize(
    "asked",
    [
        {"day": "yesterday"},
        {"day": "9999-12-31x"},
        {"day": "9999-12-31"},
        {"day": "2024-01-01", "of": "0" * 32},
        {"limit": 0},
    ],
)
def test_what_cannot_be_read_gets_a_sentence(ada_client, asked):
    answer = ada_client.get("/api/v1/best", asked)
    assert answer.status_code == 400
    assert answer.json()["message"]
    if "day" in asked:
        assert ada_client.get("/best", asked).status_code == 400


def test_the_taste_is_off_with_few_likes_and_on_with_many_that_agree(ada, ada_client, model):
    rng = np.random.default_rng(1)
    axis = np.eye(model.dim)[0]
    for number in range(60):
        liked = number < 24
        one = photo(ada, favourite=liked)
        give_vector(one, model, axis * (0.9 if liked else 0) + rng.normal(0, 0.3, model.dim))
    photos = [photo(ada) for _ in range(2)]
    give_vector(photos[0], model, axis + 0.01)
    give_vector(photos[1], model, -axis + 0.01)
    found = best(ada_client)
    assert found["taste"]["used"]
    assert found["taste"]["likes"] == 24
    assert found["taste"]["agreement"] > 0.9
    order = best(ada_client, limit=100)
    places = [ids(order).index(str(one.pk)) for one in photos]
    assert places[0] < places[1]
    page = ada_client.get("/best").content.decode()
    assert "learnt from 24 favourites" in " ".join(page.split())


def test_few_likes_teach_nothing(ada, ada_client, model):
    for _ in range(19):
        give_vector(photo(ada, rating=5), model, np.ones(model.dim))
    taste = best(ada_client)["taste"]
    assert taste == {"used": False, "likes": 19, "rejects": 0, "agreement": None}
    assert "With 20 favourites" in ada_client.get("/best").content.decode()


def test_likes_at_random_are_not_believed():
    rng = np.random.default_rng(3)
    liked, others = rng.normal(size=(40, 64)), rng.normal(size=(500, 64))
    liked, others = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (liked, others))
    assert agreement_of(liked, others, others.mean(axis=0)) < 0.6


def test_photos_are_spread_over_what_differs():
    rng = np.random.default_rng(4)
    centres = np.eye(16)[:4]
    vectors = np.repeat(centres, 10, axis=0) + rng.normal(0, 0.05, (40, 16))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    values = [1.0] * 10 + [0.9] * 30
    assert {place // 10 for place in spread(values, vectors, 4)} == {0, 1, 2, 3}
    assert sorted(spread(values, vectors, 100)) == list(range(40))
    assert spread([], None, 5) == []
    assert spread([0.0, 2.0, 1.0], None, 2) == [1, 2]


def test_search_sorted_by_best_lists_one_of_a_burst(ada, ada_client, model):
    burst = [photo(ada, favourite=False, name="beach.jpg") for _ in range(2)]
    loved = photo(ada, favourite=True)
    group(*burst, kind=Kind.SIMILAR_SHOTS)
    save_quality({burst[0].pk: quality(0.3), burst[1].pk: quality(0.6)})
    answer = ada_client.get("/api/v1/search", {"q": "type:jpg", "sort": "best"})
    assert answer.status_code == 200, answer.content
    found = answer.json()["hits"]
    assert [one["id"] for one in found] == [str(loved.pk), str(burst[1].pk)]
    bad = ada_client.get("/api/v1/search", {"q": "type:jpg", "sort": "worst"})
    assert bad.status_code == 400


def test_pages_of_a_sorted_search_follow_each_other(ada, ada_client, model):
    photos = {str(photo(ada, rating=number % 6).pk) for number in range(7)}
    seen, cursor = [], ""
    for _ in range(4):
        asked = {"q": "type:jpg", "sort": "best", "limit": 2, "cursor": cursor}
        answer = ada_client.get("/api/v1/search", asked).json()
        seen += [one["id"] for one in answer["hits"]]
        cursor = answer["next"]
    assert cursor is None
    assert len(seen) == 7
    assert set(seen) == photos


@pytest.mark.parametrize("path", ["/search?q=type:jpg&sort=best", "/search?q=type:jpg&sort=odd"])
def test_the_page_of_a_sorted_search_opens(ada, ada_client, model, path):
    photo(ada)
    assert ada_client.get(path).status_code == 200


def test_the_settings_say_whether_texts_on_quality_help(admin, model):
    assert "award-winning" not in admin.get("/settings").content.decode()
    for right, said in ((0.52, "not with this model (52"), (0.9, "help to find the best photos")):
        model.prompts_right = right
        model.save()
        page = " ".join(admin.get("/settings").content.decode().split())
        assert said in page
