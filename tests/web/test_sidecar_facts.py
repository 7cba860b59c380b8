"""What a sidecar gives its photo, and what it leaves as people and cameras have it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction

from gallery import correct_dates, corrections, marks
from gallery.apply_sidecar import apply_sidecar
from gallery.models import Companion, Embedding, Photo
from gallery.sidecars import takeout as takeout_files, xmp as xmp_files
from gallery.taken_time import TIME_COLUMNS, TakenTime
from search.models import PhotoWords
from tests import alike
from tests.companion_files import alternatives, bag, takeout, xmp

pytestmark = pytest.mark.django_db

SHOT = TakenTime(datetime(2024, 5, 31, 18, 30, 15), 120, "camera", "assumed")

Apply = Callable[..., Photo]


@pytest.fixture
def plain(ada) -> Photo:
    """A photo of which nothing is known."""
    return alike.photo(ada, name="photo.jpg")


@pytest.fixture
def shot(ada) -> Photo:
    """A photo with the camera's time, place and two stars."""
    exif = {"latitude": 48.8583, "longitude": 2.2945, "rating": 2}
    place = {"latitude": 48.8583, "longitude": 2.2945}
    return alike.photo(ada, name="shot.jpg", exif=exif, rating=2, **place, **SHOT.columns())


@pytest.fixture
def apply() -> Apply:
    """Return a function that gives a photo what a sidecar says, and reads the photo again."""

    def apply(photo: Photo, data: bytes) -> Photo:
        kind, read = ("json", takeout_files.read) if data[:1] == b"{" else ("xmp", xmp_files.read)
        values: dict[str, Any] = {"kind": kind, "name": "a", "extension": kind, "size": len(data)}
        with transaction.atomic():
            kept = Companion.objects.create(photo=photo, sha256=uuid.uuid4().hex, **values)
            apply_sidecar(Photo.objects.get(pk=photo.pk), kept, read(BytesIO(data)))
        return Photo.objects.get(pk=photo.pk)

    return apply


def tags(photo: Photo) -> set[str]:
    return set(photo.tags.values_list("name", flat=True))


def wall(photo: Photo) -> str:
    return photo.wall_at.replace(tzinfo=None).isoformat()


EVERYTHING = xmp(
    alternatives("dc:description", "Fog") + bag("dc:subject", "harbour", "Ann"),
    xmp__Rating="4",
    xmp__Label="Favourite",
    exif__GPSLatitude="38,43.5N",
    exif__GPSLongitude="9,8.4W",
    exif__GPSAltitude="12",
    exif__DateTimeOriginal="2001-02-03T04:05:06+09:00",
)


def test_an_xmp_gives_all_that_a_photo_lacks(apply, plain):
    photo = apply(plain, EVERYTHING)
    assert (photo.rating, photo.favourite, photo.caption) == (4, True, "Fog")
    assert tags(photo) == {"harbour", "Ann"}
    assert (photo.latitude, photo.longitude) == (38.725, -9.14)
    assert photo.exif["altitude"] == 12
    assert (wall(photo), photo.utc_offset) == ("2001-02-03T04:05:06", 540)
    assert photo.taken_at == photo.shown_at == datetime(2001, 2, 2, 19, 5, 6, tzinfo=UTC)
    assert (photo.date_source, photo.offset_source) == ("sidecar", "sidecar")


def test_takeout_gives_all_that_a_photo_lacks(apply, plain, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    place = {"latitude": 38.725, "longitude": -9.14, "altitude": 3.0}
    data = takeout(
        seconds=1_557_000_000,
        description="Fog",
        favorited=True,
        people=[{"name": "Ann"}],
        geoData=place,
    )
    photo = apply(plain, data)
    assert (photo.favourite, photo.caption, tags(photo)) == (True, "Fog", {"Ann"})
    assert (photo.latitude, photo.longitude) == (38.725, -9.14)
    assert photo.taken_at == datetime.fromtimestamp(1_557_000_000, UTC)
    assert photo.date_source == "sidecar"
    assert photo.wall_at - photo.taken_at == photo.wall_at - photo.shown_at
    assert (photo.wall_at - photo.taken_at).total_seconds() == 60 * photo.utc_offset


# --- who comes first ------------------------------------------------------------------------------


def test_takeout_leaves_the_cameras_time_and_place(apply, shot):
    photo = apply(shot, takeout(geoData={"latitude": 1.0, "longitude": 1.0}))
    assert (photo.wall_at, photo.date_source) == (shot.wall_at, "camera")
    assert (photo.latitude, photo.longitude) == (shot.latitude, shot.longitude)


def test_an_xmp_corrects_the_cameras_time_place_and_stars(apply, shot):
    photo = apply(shot, EVERYTHING)
    assert (wall(photo), photo.date_source) == ("2001-02-03T04:05:06", "sidecar")
    assert (photo.latitude, photo.rating) == (38.725, 4)


TAKEOUT = takeout(description="Other", geoData={"latitude": 1, "longitude": 1})


@pytest.mark.parametrize("order", [(EVERYTHING, TAKEOUT), (TAKEOUT, EVERYTHING)])
def test_an_xmp_comes_before_takeout_in_any_order(apply, plain, order):
    apply(plain, order[0])
    photo = apply(plain, order[1])
    assert (photo.caption, photo.latitude) == ("Fog", 38.725)
    assert wall(photo) == "2001-02-03T04:05:06"


def test_the_time_of_a_file_does_not_correct_that_of_a_camera(apply, shot):
    data = xmp(xmp__CreateDate="2001-02-03T04:05:06")
    assert apply(shot, data).date_source == "camera"


def test_the_time_of_a_file_is_better_than_none(apply, plain):
    photo = apply(plain, xmp(xmp__CreateDate="2001-02-03T04:05:06"))
    assert (wall(photo), photo.date_source) == ("2001-02-03T04:05:06", "sidecar")


def test_a_repeated_time_stays_the_cameras_and_may_gain_its_offset(apply, shot):
    fraction = shot.wall_at + timedelta(milliseconds=250)
    Photo.objects.update(wall_at=fraction)
    photo = apply(shot, xmp(exif__DateTimeOriginal="2024-05-31T18:30:15"))
    assert (photo.date_source, photo.offset_source, photo.utc_offset) == ("camera", "assumed", 120)
    photo = apply(shot, xmp(exif__DateTimeOriginal="2024-05-31T18:30:15+09:00"))
    assert (photo.wall_at, photo.date_source) == (fraction, "camera")
    assert (photo.utc_offset, photo.offset_source) == (540, "sidecar")
    assert photo.taken_at == fraction - timedelta(hours=9)


def test_a_camera_that_knows_its_offset_keeps_it(apply, shot):
    Photo.objects.update(offset_source="camera")
    photo = apply(shot, xmp(exif__DateTimeOriginal="2024-05-31T18:30:15+09:00"))
    assert (photo.utc_offset, photo.offset_source) == (120, "camera")
    photo = apply(shot, xmp(exif__DateTimeOriginal="2023-05-31T18:30:15"))
    assert (wall(photo), photo.utc_offset) == ("2023-05-31T18:30:15", 120)


@pytest.mark.parametrize("written", ["2024", "2024-05", "2024-05-31", "2024-05-31T18:30"])
def test_a_date_that_knows_less_replaces_none_that_agrees(apply, shot, written):
    assert apply(shot, xmp(photoshop__DateCreated=written)).wall_at == shot.wall_at


@pytest.mark.parametrize("written", ["1975", "2024-06", "2024-05-30", "2024-05-31T18:31"])
def test_a_date_that_knows_less_replaces_one_that_disagrees(apply, shot, written):
    photo = apply(shot, xmp(photoshop__DateCreated=written))
    assert wall(photo).startswith(written)
    assert photo.date_source == "sidecar"


@pytest.mark.parametrize("written", ["1826-01-01T00:00:00+14:00", "2026-12-31T23:59:59-12:00"])
def test_times_at_the_ends_of_what_is_plausible(apply, plain, written):
    photo = apply(plain, xmp(exif__DateTimeOriginal=written))
    assert wall(photo) == written[:19]
    assert photo.taken_at == datetime.fromisoformat(written)


# --- what people said -----------------------------------------------------------------------------


@pytest.mark.parametrize("data", [EVERYTHING, TAKEOUT])
def test_what_people_said_is_never_replaced(apply, plain, data):
    marks.update(plain, caption="My own words", rating=2, tags=["mine"])
    Photo.objects.update(date_source="person", taken_at=plain.shown_at, utc_offset=0)
    photo = apply(plain, data)
    assert (photo.caption, photo.rating, photo.date_source) == ("My own words", 2, "person")
    assert "mine" in tags(photo)


@pytest.mark.parametrize("data", [EVERYTHING, TAKEOUT, xmp(xmp__CreateDate="2001-02-03T04:05:06")])
@pytest.mark.parametrize(
    "said",
    [
        corrections.Unknown(),
        corrections.SetZone(ZoneInfo("Asia/Tokyo")),
        corrections.SetZone(ZoneInfo("Asia/Tokyo"), keep_instant=True),
        corrections.Shift(hours=1),
        corrections.SetDate(date(1999, 9, 9)),
    ],
    ids=lambda said: type(said).__name__,
)
def test_whatever_a_person_said_of_the_date_stands(apply, shot, said, data):
    done = correct_dates.correct(Photo.objects.all(), said)
    before = Photo.objects.values(*TIME_COLUMNS).get()
    apply(shot, data)
    assert Photo.objects.values(*TIME_COLUMNS).get() == before
    # What was taken back was not said.
    correct_dates.undo(shot.owner, done.batch)
    assert apply(shot, EVERYTHING).date_source == "sidecar"


def test_stars_that_somebody_removed_stay_away(apply, shot):
    marks.update(shot, rating=0)
    assert apply(shot, xmp(xmp__Rating="5")).rating == 0


def test_a_later_sidecar_corrects_an_earlier_one_but_not_a_person(apply, plain):
    def version(stars: str, text: str) -> bytes:
        elements = alternatives("dc:description", text) + bag("dc:subject", "sea", text)
        return xmp(elements, xmp__Rating=stars, xmp__Label="Favourite")

    photo = apply(plain, version("2", "one"))
    photo = apply(photo, version("3", "two"))
    assert (photo.rating, photo.caption, tags(photo)) == (3, "two", {"sea", "one", "two"})
    marks.update(photo, favourite=False, rating=1, caption="", tags=["two"])
    photo = apply(photo, version("4", "three"))
    assert (photo.rating, photo.caption, photo.favourite) == (1, "", False)
    assert tags(photo) == {"two", "three"}
    assert photo.companions.count() == 3


def test_a_photo_has_no_more_tags_than_it_can(apply, plain):
    marks.update(plain, tags=[f"own {n}" for n in range(95)])
    words = [f"word {n}" for n in range(5000)]
    assert len(tags(apply(plain, xmp(bag("dc:subject", *words))))) == 100


def test_tags_are_not_doubled_for_their_case(apply, plain):
    marks.update(plain, tags=["Sea"])
    assert tags(apply(plain, xmp(bag("dc:subject", "sea", "SEA")))) == {"Sea"}


# --- search learns of it --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "is_told"),
    [(EVERYTHING, True), (xmp(xmp__Rating="3"), False), (xmp(), False)],
)
def test_the_index_learns_of_a_new_day_or_place(apply, plain, model, data, is_told):
    Embedding.objects.create(photo=plain, model=model, state=Embedding.State.INDEXED)
    apply(plain, data)
    expected = Embedding.State.EMBEDDED if is_told else Embedding.State.INDEXED
    assert Embedding.objects.get().state == expected


def test_words_of_a_sidecar_are_searched(apply, plain):
    PhotoWords.objects.update(stale=False)
    apply(plain, EVERYTHING)
    assert PhotoWords.objects.get(photo=plain).stale
