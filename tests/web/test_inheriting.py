"""What goes over when one file takes the place of another: dates, places, and files beside them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gallery import correct_dates, corrections, ingest, places
from gallery.models import Embedding, Photo
from gallery.taken_time import TIME_COLUMNS, TakenTime
from tests import alike
from tests.companion_files import takeout, xmp
from tests.web.test_companions import send

pytestmark = pytest.mark.django_db


HOME = {"exif__GPSLatitude": "38,43.5N", "exif__GPSLongitude": "9,8.4W", "exif__GPSAltitude": "12"}
AWAY = {"latitude": 1.5, "longitude": 2.5, "altitude": 9.0}


@pytest.fixture
def halves(ada) -> tuple[Photo, Photo]:
    """A broken photo, and the whole one that comes in its place, with the camera's time."""
    time = TakenTime(datetime(2024, 5, 31, 18, 30, 15), 120, "camera", "assumed").columns()
    old, new = (alike.photo(ada, name="IMG_1.JPG", **time) for _ in range(2))
    return old, new


@pytest.mark.parametrize(
    ("sidecar", "name", "own", "expected"),
    [
        (xmp(**HOME), "IMG_1.xmp", {}, (38.725, -9.14, 12)),
        (xmp(**HOME), "IMG_1.xmp", AWAY, (38.725, -9.14, 12)),
        (takeout(geoData=AWAY), "IMG_1.JPG.json", {}, (1.5, 2.5, 9)),
        (takeout(geoData=AWAY), "IMG_1.JPG.json", {"latitude": 3.5, "longitude": 4.5},
         (3.5, 4.5, None)),
        (xmp(xmp__Rating="3"), "IMG_1.xmp", AWAY, (1.5, 2.5, 9)),
    ],
    ids=["none", "other", "gap", "no gap", "no place"],
)  # fmt: skip
def test_the_place_of_a_sidecar_goes_over_with_it(
    ada_client, halves, model, sidecar, name, own, expected
):
    old, new = halves
    new.exif = dict(own)
    places.put_at(new, (own["latitude"], own["longitude"]) if own else None)
    new.save()
    Embedding.objects.create(photo=new, model=model, state=Embedding.State.INDEXED)
    assert send(ada_client, sidecar, name, {"IMG_1.JPG": old.pk}).status_code == 201
    old.refresh_from_db()
    ingest.inherit(new, old)
    new = Photo.objects.get(pk=new.pk)
    assert (new.latitude, new.longitude, new.exif.get("altitude")) == expected
    assert (new.exif["latitude"], new.exif["longitude"]) == expected[:2]
    is_told = not own or expected[0] != own["latitude"]
    waits = Embedding.objects.get(photo=new).state == Embedding.State.EMBEDDED
    assert waits == is_told


JULY = "2019-07-01T09:00:00"
SHOT_AT = xmp(exif__DateTimeOriginal=JULY)
SCANNED_AT = xmp(exif__DateTimeDigitized=JULY)
TOOK_OUT = takeout("IMG_1.JPG", 1_561_971_600)


@pytest.mark.parametrize("source", Photo.DateSource.values)
@pytest.mark.parametrize(
    ("sidecar", "name", "before"),
    [
        (SHOT_AT, "IMG_1.xmp", set(Photo.DateSource.values) - {"person", "sidecar"}),
        (SCANNED_AT, "IMG_1.xmp", {"", "file", "name"}),
        (TOOK_OUT, "IMG_1.JPG.json", {"", "file"}),
    ],
    ids=["shot", "scan", "takeout"],
)
def test_the_date_of_a_sidecar_goes_over_where_it_would_count(
    ada_client, ada, source, sidecar, name, before
):
    """An earlier copy without a date got one; the file that is kept has one of any source."""
    old = alike.photo(ada, name="IMG_1.JPG")
    known = TakenTime(datetime(2024, 5, 31, 18, 30, 15), 120, source, "assumed").columns()
    new = alike.photo(ada, name="IMG_1.JPG", **(known if source else {}))
    assert send(ada_client, sidecar, name, {"IMG_1.JPG": old.pk}).status_code == 201
    old.refresh_from_db()
    assert old.date_source == "sidecar"
    ingest.inherit(new, old)
    new.refresh_from_db()
    is_theirs = new.wall_at.year == 2019
    assert is_theirs == (source in before)
    assert new.date_source == ("sidecar" if is_theirs else source)


@pytest.mark.parametrize("is_same", [True, False])
def test_the_offset_of_a_sidecar_goes_over_with_the_same_clock_only(ada_client, halves, is_same):
    old, new = halves
    if not is_same:
        time = TakenTime(datetime(2024, 6, 1, 8), 120, "camera", "assumed").columns()
        Photo.objects.filter(pk=new.pk).update(**time)
        new.refresh_from_db()
    zone = xmp(exif__DateTimeOriginal="2024-05-31T18:30:15+09:00")
    assert send(ada_client, zone, "IMG_1.xmp", {"IMG_1.JPG": old.pk}).status_code == 201
    old.refresh_from_db()
    assert (old.date_source, old.offset_source, old.utc_offset) == ("camera", "sidecar", 540)
    wall = new.wall_at
    ingest.inherit(new, old)
    new.refresh_from_db()
    assert (new.wall_at, new.utc_offset) == (wall, 540 if is_same else 120)


SAID = {
    "zone": corrections.SetZone(ZoneInfo("Asia/Tokyo")),
    "unknown": corrections.Unknown(),
    "shift": corrections.Shift(hours=1),
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_what_a_person_said_of_the_date_goes_over_and_can_be_undone(ada, halves, said):
    old, new = halves
    file_said = Photo.objects.filter(pk=new.pk).values(*TIME_COLUMNS).get()
    done = correct_dates.correct(Photo.objects.filter(pk=old.pk), said)
    old.refresh_from_db()
    ingest.inherit(new, old)
    times = Photo.objects.values(*TIME_COLUMNS)
    assert times.get(pk=new.pk) == times.get(pk=old.pk) != file_said
    correct_dates.undo(ada, done.batch)
    assert times.get(pk=new.pk) == file_said


def test_of_two_words_on_a_date_the_first_stands_and_so_does_its_undoing(ada, halves):
    old, new = halves
    mine = correct_dates.correct(Photo.objects.filter(pk=new.pk), SAID["unknown"])
    theirs = correct_dates.correct(Photo.objects.filter(pk=old.pk), SAID["shift"])
    old.refresh_from_db()
    new.refresh_from_db()
    ingest.inherit(new, old)
    new.refresh_from_db()
    assert new.date_source == Photo.DateSource.UNKNOWN
    assert list(new.date_corrections.values_list("batch", flat=True)) == [mine.batch]
    assert list(old.date_corrections.values_list("batch", flat=True)) == [theirs.batch]


def test_one_sidecar_of_two_broken_copies_goes_over_once(ada_client, ada, halves):
    first, new = halves
    second = alike.photo(ada, name="IMG_1.JPG")
    for old in (first, second):
        send(ada_client, xmp(xmp__Rating="3"), "IMG_1.xmp", {"IMG_1.JPG": old.pk})
        old.refresh_from_db()
    for old in (first, second):
        ingest.inherit(new, old)
    assert new.companions.count() == second.companions.count() == 1
