"""What ties the picture and the video of a Live Photo together."""

from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO

import pytest

from gallery.decoding import DecodeError
from gallery.decoding.answers import to_film
from gallery.decoding.live_photos import read_film
from tests import companion_files, images
from tests.companion_files import IDENTIFIER, box, maker_note

MADE = datetime(2024, 5, 31, 16, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize("heic", [False, True])
def test_the_identifier_of_a_picture_is_read(pool, put, heic):
    path = put(companion_files.live_picture(heic=heic))
    assert pool.probe(path).exif["content_id"] == IDENTIFIER


@pytest.mark.parametrize(
    "note",
    [b"", b"Apple iOS\0", maker_note()[:50], b"Apple iOS\0\0\1MM\xff\xff" + b"\xff" * 90,
     b"Nikon\0" + bytes(80), maker_note("\0"), maker_note("\x1b[2J")],
)  # fmt: skip
def test_odd_maker_notes_say_nothing(pool, put, note):
    data = images.encode(images.gradient(), exif=images.exif({}, {0x927C: note, 0xA434: "50mm"}))
    values = pool.probe(put(data)).exif
    assert values.get("content_id") is None or "\x1b" not in values["content_id"]
    assert values["lens"] == "50mm"


@pytest.mark.parametrize("brand", [b"qt  ", b"mp42", b"isom"])
@pytest.mark.parametrize("long", [False, True])
def test_a_film_tells_its_length_its_time_and_its_identifier(pool, put, brand, long):
    video = companion_files.video(2.75, content_id=IDENTIFIER, created=MADE, brand=brand, long=long)
    film = pool.film(put(video))
    assert (film.seconds, film.content_id, film.created) == (2.75, IDENTIFIER, MADE)


def test_apples_own_date_comes_first(pool, put):
    video = companion_files.video(created=MADE, date="2024-05-31T20:00:00+0200")
    expected = datetime(2024, 5, 31, 20, tzinfo=timezone(timedelta(hours=2)))
    assert pool.film(put(video)).created == expected


@pytest.mark.parametrize("year", ["0001", "1825", "2500", "9999"])
@pytest.mark.parametrize("day", ["01-01T00:00:00", "12-31T23:59:59"])
@pytest.mark.parametrize("zone", ["+0000", "+1400", "-1200"])
def test_a_year_without_films_is_no_time(year, day, zone):
    written = f"{year}-{day}{zone}"
    film = read_film(BytesIO(companion_files.video(created=MADE, date=written)))
    assert datetime.fromisoformat(film["created"]) == MADE
    answer = {"seconds": 2.5, "size": 9, "content_id": "", "created": written}
    assert to_film(answer).created is None


@pytest.mark.parametrize("seconds", [1, 2**40, 2**63])
def test_a_header_of_another_age_tells_its_length_all_the_same(seconds):
    made = struct.pack(">Q", int((MADE - datetime(1904, 1, 1, tzinfo=UTC)).total_seconds()))
    data = companion_files.video(created=MADE, long=True)
    film = to_film(read_film(BytesIO(data.replace(made, struct.pack(">Q", seconds)))))
    assert film.seconds == 2.5
    assert film.created is None or film.created.year == 1904


def test_what_a_film_leaves_out_is_unknown(pool, put):
    film = pool.film(put(companion_files.video(0)))
    assert (film.seconds, film.content_id, film.created) == (0, "", None)


NO_FILM = {
    "sound": companion_files.video(sound_only=True),
    "text": b"no film at all",
    "picture": images.heic(images.gradient()),
    "cut": companion_files.video()[:300],
    "boxes without end": box(b"ftyp", b"qt  ") + b"\0\0\0\1moov" + b"\xff" * 40,
    "box of no size": box(b"ftyp", b"qt  ") + bytes(64),
    "nested": box(b"ftyp", b"qt  ") + box(b"moov", box(b"trak", box(b"mdia", bytes(3)))),
    "tracks of nothing": box(b"ftyp", b"qt  ") + box(b"moov", box(b"trak", b"")),
}


@pytest.mark.parametrize("data", NO_FILM.values(), ids=NO_FILM)
def test_other_files_are_no_films(pool, put, data):
    with pytest.raises(DecodeError) as caught:
        pool.film(put(data))
    assert caught.value.reason == "unsupported_type"


def test_nonsense_in_a_header_is_no_time(pool, put):
    video = companion_files.video(created=MADE).replace(b"mvhd" + bytes(4), b"mvhd\1" + b"\xff" * 3)
    film = pool.film(put(video))
    assert film.created is None or film.created.year < 10_000
