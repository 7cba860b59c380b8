"""Place, date, stars and files that the kept photo of a group gets, where filters find them too."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from gallery import trash
from gallery.models import Companion, Embedding, Photo
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


def companion(one: Photo, kind: str, digest: str = "", **fields: object) -> Companion:
    """Return a file that is kept with a photo; a row only."""
    if kind == "video" and not one.motion:
        Photo.objects.filter(pk=one.pk).update(motion="beside")
    values = {"name": f"a.{kind}", "extension": kind, "size": 9, **fields}
    return Companion.objects.create(
        photo=one, kind=kind, sha256=digest or uuid.uuid4().hex, **values
    )


def kept_with(*photos: Photo) -> list[tuple[set[uuid.UUID], str]]:
    """Return the ids of the files that each photo has, and how it moves."""
    rows = [Photo.objects.get(pk=one.pk) for one in photos]
    return [(set(row.companions.values_list("pk", flat=True)), row.motion) for row in rows]


def test_video_and_sidecars_go_to_the_kept_photo_and_back(ada, plain):
    live, poor = photo(ada, width=300), photo(ada, width=200)
    film, one, two = companion(live, "video"), companion(live, "xmp"), companion(poor, "aae")
    copy = companion(poor, "xmp", one.sha256)
    before = kept_with(plain, live, poor)
    done = keep(ada, group(live, poor, plain), plain)
    (gained, motion), (rest, _), (left, _) = kept_with(plain, live, poor)
    sidecars = gained - {film.pk, two.pk}
    assert (gained >= {film.pk, two.pk}, motion) == (True, "beside")
    # Of two equal files only one goes over.
    assert len(sidecars) == 1
    assert sidecars | rest | left == {one.pk, copy.pk}
    assert Photo.objects.get(pk=live.pk).motion == ""
    undo_batch(ada, done.batch)
    assert kept_with(plain, live, poor) == before


@pytest.mark.parametrize("motion", ["beside", "inside"])
def test_the_kept_photo_plays_its_own_video(ada, motion):
    good, poor = photo(ada, width=4000, height=3000, motion=motion), photo(ada)
    theirs, same = companion(poor, "video"), companion(poor, "xmp", "a" * 64)
    own = companion(good, "xmp", same.sha256)
    mine = {own.pk} | ({companion(good, "video").pk} if motion == "beside" else set())
    before = kept_with(good, poor)
    done = keep(ada, group(poor, good), good)
    expected = mine if motion == "beside" else mine | {theirs.pk}
    assert kept_with(good) == [(expected, motion)]
    undo_batch(ada, done.batch)
    assert kept_with(good, poor) == before


def test_files_of_a_photo_that_is_gone_for_ever_stay_with_the_kept_one(ada, plain):
    live = photo(ada)
    film = companion(live, "video")
    done = keep(ada, group(live, plain), plain)
    trash.empty(Photo.objects.filter(pk=live.pk))
    undo_batch(ada, done.batch)
    assert kept_with(plain) == [({film.pk}, "beside")]


def test_what_was_removed_or_came_again_meanwhile_stays_so(ada, plain):
    live = photo(ada)
    one, two = companion(live, "xmp"), companion(live, "aae")
    done = keep(ada, group(live, plain), plain)
    one.delete()
    trash.restore(Photo.objects.filter(pk=live.pk))
    again = companion(live, "aae", two.sha256)
    undo_batch(ada, done.batch)
    assert [ids for ids, _ in kept_with(plain, live)] == [{two.pk}, {again.pk}]
