"""Place, date and stars that the kept photo of a group gets, where filters find them too."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gallery.models import Embedding, Photo
from search.duplicates.review import decisions, merging
from search.duplicates.review.history import undo_batch
from tests.alike import group, ids, photo

pytestmark = pytest.mark.django_db

TAKEN = datetime(2019, 7, 1, 9, tzinfo=UTC)
PLACE = {"latitude": 48.1, "longitude": 11.5, "altitude": 520.0}
COLUMNS = ("latitude", "longitude", "rating", "taken_at")


def keep(user, made, keeper):
    members = set(made.members.values_list("photo_id", flat=True))
    return decisions.resolve(user, made.pk, "keep", seen=members, keep=ids([keeper]))


def columns(one: Photo) -> dict[str, object]:
    return Photo.objects.filter(pk=one.pk).values(*COLUMNS).get()


def searchable(one: Photo, model) -> Embedding:
    """Say that the photo's point is in the index, as it is when photos are compared."""
    row, _ = Embedding.objects.update_or_create(
        photo=one, model=model, defaults={"state": Embedding.State.INDEXED}
    )
    return row


@pytest.fixture
def plain(ada, model) -> Photo:
    """A good photo of which nothing is known."""
    good = photo(ada, width=4000, height=3000)
    searchable(good, model)
    return good


def waits(one: Photo) -> bool:
    return Embedding.objects.get(photo=one).state == Embedding.State.EMBEDDED


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"exif": PLACE}, {"latitude": 48.1, "longitude": 11.5}),
        ({"taken_at": TAKEN}, {"taken_at": TAKEN}),
    ],
    ids=["place", "date"],
)
def test_what_the_index_knows_is_told_to_it_again(ada, model, plain, given, expected):
    before = columns(plain)
    poor = photo(ada, **given)
    done = keep(ada, group(poor, plain), plain)
    assert columns(plain) == before | expected
    assert waits(plain)
    searchable(plain, model)
    undo_batch(ada, done.batch)
    assert columns(plain) == before
    assert waits(plain)


def test_the_most_stars_go_to_a_photo_without_any_and_back(ada, model, plain):
    rated = [photo(ada, rating=2), photo(ada, rating=5)]
    done = keep(ada, group(*rated, plain), plain)
    assert columns(plain)["rating"] == 5
    # Stars are not in the index.
    assert not waits(plain)
    undo_batch(ada, done.batch)
    assert columns(plain)["rating"] == 0


def test_own_stars_stay_and_so_do_those_given_since(ada, plain):
    own = photo(ada, width=5000, height=4000, rating=1)
    keep(ada, group(own, photo(ada, rating=5)), own)
    assert columns(own)["rating"] == 1
    done = keep(ada, group(plain, photo(ada, rating=5)), plain)
    Photo.objects.filter(pk=plain.pk).update(rating=3)
    undo_batch(ada, done.batch)
    assert columns(plain)["rating"] == 3


def test_undoing_what_an_earlier_version_merged_takes_the_place_from_the_columns_too(ada, plain):
    row = Photo.objects.get(pk=plain.pk)
    row.exif, row.latitude, row.longitude = dict(PLACE), 48.1, 11.5
    row.save()
    merging.take_back([(row, {"place": PLACE})])
    assert columns(plain) | {"taken_at": None} == dict.fromkeys(COLUMNS) | {"rating": 0}
