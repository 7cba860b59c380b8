"""Which photo of a group is kept, and why."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest

from gallery.models import Photo
from search.duplicates.groups.keeper import (
    FORMATS,
    BadCriteria,
    Criteria,
    Criterion,
    parse_criteria,
    rank,
)

DAY = datetime(2024, 5, 1, tzinfo=UTC)
GPS = {"latitude": 48.1, "longitude": 11.5}


def photo(**fields) -> Photo:
    defaults = {"size": 1_000_000, "format": "JPEG", "name": "IMG_1.jpg", "width": 4032}
    defaults |= {"height": 3024, "exif": {}, "created_at": DAY}
    return Photo(**(defaults | fields))


def best(*photos: Photo, order: tuple[str, ...] = (), pattern: str = "", albums=None) -> Photo:
    criteria = Criteria(
        [*order, *(name for name in Criterion.values if name not in order)], pattern
    )
    return rank(photos, criteria, albums or {})[0].photo


def reasons(*photos: Photo, albums=None) -> list[list[str]]:
    found = {ranked.photo.pk: ranked.reasons for ranked in rank(photos, Criteria(), albums or {})}
    return [found[photo.pk] for photo in photos]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"width": 4032}, {"width": 2016, "exif": GPS, "favourite": True, "size": 9_000_000}),
        ({"exif": GPS}, {"format": "PNG", "size": 9_000_000}),
        ({"exif": {"model": "X100"}, "taken_at": DAY}, {"exif": GPS}),
        ({"format": "HEIF", "size": 900_000}, {"size": 4_000_000}),
        ({"format": "PNG"}, {"format": "HEIF"}),
        ({"size": 2_000_000}, {"favourite": True}),
        ({"favourite": True}, {"created_at": datetime(2020, 1, 1, tzinfo=UTC)}),
        ({}, {"name": "IMG_1 (1).jpg"}),
        ({}, {"name": "IMG-20240501-WA0003.jpg"}),
    ],
)
def test_the_usual_order_keeps_what_cannot_be_had_back(better, worse):
    good, bad = photo(**better), photo(**worse)
    assert best(good, bad) is good
    assert best(bad, good) is good


@pytest.mark.parametrize("name", Criterion.values)
def test_each_criterion_decides_when_it_comes_first(name):
    wins = {
        "resolution": {"width": 8000},
        "metadata": {"exif": GPS | {"model": "X100"}},
        "format": {"format": "TIFF"},
        "file_size": {"size": 9_000_000},
        "favourite": {"favourite": True},
        "albums": {},
        "earliest": {"taken_at": datetime(2019, 1, 1, tzinfo=UTC)},
        "name": {"name": "keep me.jpg"},
    }
    good = photo(id=uuid.UUID(int=2), **wins[name])
    others = {key: value for key, value in wins.items() if key != name}
    bad = photo(
        id=uuid.UUID(int=1), **{k: v for fields in others.values() for k, v in fields.items()}
    )
    albums = {good.pk: 1} if name == "albums" else {bad.pk: 1}
    assert best(bad, good, order=(name,), pattern="keep*", albums=albums) is good


def test_nearly_the_same_resolution_is_the_same():
    cut, whole = photo(width=4000, exif=GPS), photo(width=4032)
    assert best(cut, whole) is cut
    assert best(photo(width=3900, exif=GPS), whole) is whole


def test_the_order_of_the_photos_is_nothing():
    same = [photo(id=uuid.UUID(int=number)) for number in (3, 1, 2)]
    assert [ranked.photo.pk.int for ranked in rank(same, Criteria(), {})] == [1, 2, 3]


@pytest.mark.parametrize(
    "name",
    [
        "a (1).jpg",
        "a - Copy.jpg",
        "a copy 2.png",
        "a_Kopie.jpg",
        "a-edited.jpg",
        "a~2.jpg",
        "IMG-20240501-WA0003.jpg",
    ],
)
def test_copies_are_known_by_their_names(name):
    plain = photo(name="Copyright party.jpg")
    assert best(photo(name=name), plain) is plain


def test_the_reasons_are_what_sets_the_keeper_apart():
    original = photo(exif=GPS, taken_at=DAY, favourite=True, size=4_000_000)
    small = photo(width=2016, height=1512, taken_at=DAY, name="IMG_1 (1).jpg")
    kept, other = reasons(original, small, albums={original.pk: 2, small.pk: 1})
    assert kept == [
        "4032×3024, the largest",
        "has GPS",
        "3.8\xa0MB, the largest file",
        "favourite",
        "in 2 albums",
        "not named like a copy",
    ]
    assert other == ["in 1 album"]


def test_equal_photos_have_no_reasons():
    assert reasons(photo(), photo()) == [[], []]


def test_a_better_format_is_a_reason():
    assert reasons(photo(format="HEIF"), photo()) == [["HEIF, the better format"], []]
    assert reasons(photo(format="PNG"), photo()) == [["PNG, lossless"], []]


def test_an_unknown_format_is_the_last():
    assert best(photo(format="XYZ"), photo(format=FORMATS[-1])).format == FORMATS[-1]


def test_criteria_left_out_follow():
    assert parse_criteria(["albums"], " IMG* ") == Criteria(
        ["albums", *(name for name in Criterion.values if name != "albums")], "IMG*"
    )


@pytest.mark.parametrize(
    ("order", "pattern"),
    [(["beauty"], ""), (["albums", "albums"], ""), ([], "x" * 101), ([], "a\nb"), ([], "a\0")],
)
def test_made_up_criteria_are_refused(order, pattern):
    with pytest.raises(BadCriteria):
        parse_criteria(order, pattern)
