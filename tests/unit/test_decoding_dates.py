"""Dates in all the spellings and places in which cameras and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings, strategies as st

from gallery.decoding import dates, positions
from tests import images

NOON = datetime(2017, 5, 31, 12, 0)


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("2017:05:31 12:00:00", NOON),
        ("2017-05-31 12:00:00", NOON),
        ("2017/05/31 12:00:00", NOON),
        ("2017.05.31 12.00.00", NOON),
        ("2017:05:31T12:00:00", NOON),
        ("2017:05:31:12:00:00", NOON),
        ("2017:05:31 12:00", NOON),
        ("  2017:05:31 12:00:00 ", NOON),
        ("2017:05:31 12:00:00 by some program", NOON),
        ("2017-05-31 12:00:00 PM", NOON),
        ("2017年05月31日 12:00:00", NOON),
        ("20170531T120000", NOON),
        ("20170531", datetime(2017, 5, 31)),
        ("20170500", datetime(2017, 5, 1)),
        ("20170000", datetime(2017, 1, 1)),
        ("2017-05", datetime(2017, 5, 1)),
        ("1950", datetime(1950, 1, 1)),
        ("2017:05:31", datetime(2017, 5, 31)),
        ("2017:5:3 1:2:3", datetime(2017, 5, 3, 1, 2, 3)),
        ("2017: 5: 3  1: 2: 3", datetime(2017, 5, 3, 1, 2, 3)),
        ("2017-05-31 01:02:03 pm", datetime(2017, 5, 31, 13, 2, 3)),
        ("2017:05:31 24:00:00", datetime(2017, 6, 1)),
        ("2017:05:31 24:10:00", datetime(2017, 5, 31, 0, 10)),
        ("2016:12:31 23:59:60", datetime(2016, 12, 31, 23, 59, 59)),
        ("Thu, 02 Feb 2012 02:02:02 +0000", datetime(2012, 2, 2, 2, 2, 2)),
        ("Thu Feb  2 02:02:02 2012", datetime(2012, 2, 2, 2, 2, 2)),
        ("2000:01:01 00:00:00", datetime(2000, 1, 1)),
        ("1970-01-01", datetime(1970, 1, 1)),
        ("1970:01:01 00:00:01", datetime(1970, 1, 1, 0, 0, 1)),
    ],
)
def test_a_time_is_read_in_every_spelling(text, wall):
    written = dates.read(text)
    assert written is not None
    assert written.wall == wall


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "0000:00:00 00:00:00", "    :  :     :  :  ", "2017:13:01 00:00:00",
        "2017:02:30 10:00:00", "2017:05:31 25:00:00", "2017:05:31 12:60:00", "2106:02:07 06:28:15",
        "1970:01:01 00:00:00",
        "1970-01-01 00:00:00",
        "1970-01-01T01:00:00+01:00",
        "1904:01:01 00:00:00", "1800:01:01 00:00:00", "yesterday", "12:00",
        "5551234567",
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text):
    assert dates.read(text) is None


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("+09:00", 540), ("+0900", 540), ("+9:00", 540), ("+9", 540), ("-03:30", -210), ("Z", 0),
        ("UTC+2", 120), ("\u221205:00", -300), ("+00:00", 0), ("+14:00", 840),
        ("", None), ("   :  ", None), ("+15:00", None), ("-13:00", None), ("+09:75", None),
        ("09:00", None), ("+", None),
    ],
)  # fmt: skip
def test_an_offset_is_read_in_every_spelling(text, offset):
    assert dates.offset_of(text) == offset


@pytest.mark.parametrize(
    ("text", "subsec", "offset"),
    [
        ("2017-05-31T12:00:00+02:00", "", 120),
        ("2017-05-31T12:00:00.123Z", "123", 0),
        ("2017:05:31 12:00:00,5 -0330", "5", -210),
        ("20140404T040404+0100", "", 60),
        ("Thu, 02 Feb 2012 02:02:02 -0500", "", -300),
        ("Thu, 02 Feb 2012 02:02:02 -0000", "", None),
        ("Thu, 02 Feb 2012 02:02:02", "", None),
    ],
)
def test_zones_and_fractions_stand_in_a_time_too(text, subsec, offset):
    written = dates.read(text)
    assert written is not None
    assert (written.subsec, written.offset) == (subsec, offset)


@settings(max_examples=50)
@given(st.text("0123456789:-/.T Z+年amp,", max_size=40) | st.text(max_size=80))
def test_no_text_is_too_odd(text):
    written = dates.read(text)
    assert written is None or 1826 <= written.wall.year <= datetime.now(UTC).year + 1
    dates.offset_of(text)


NEVER_SET = (datetime(1904, 1, 1), datetime(1970, 1, 1))
"""Where clocks of computers begin to count."""


@given(st.datetimes(datetime(1900, 1, 2), datetime(2025, 12, 31)), st.sampled_from("-:/."))
def test_every_time_comes_back(wall, dash):
    wall = wall.replace(microsecond=0)
    written = dates.read(wall.strftime(f"%Y{dash}%m{dash}%d %H:%M:%S"))
    assert written == (None if wall in NEVER_SET else dates.Written(wall))


# --- EXIF -----------------------------------------------------------------------------------------

SHOT, SCAN, SAVED = 0x9003, 0x9004, 0x0132


def probed(pool, put, base=None, photo=None, gps=None):
    exif = pool.probe(put(images.jpeg(exif=images.exif(base, photo, gps)))).exif
    return {key: value for key, value in exif.items() if key != "orientation"}


@pytest.mark.parametrize("nothing", ["0000:00:00 00:00:00", "    :  :     :  :  ", "", "\0", "?"])
def test_the_next_time_stands_in_for_one_that_is_none(pool, put, nothing):
    scan = probed(pool, put, photo={SHOT: nothing, SCAN: "2018:08:08 08:08:08\0"})
    assert scan == {"taken_at": "2018-08-08T08:08:08", "taken_from": "digitized"}
    saved = probed(pool, put, {SAVED: "2018:08:08 08:08:08"}, {SHOT: nothing, SCAN: nothing})
    assert saved == {"taken_at": "2018-08-08T08:08:08", "taken_from": "modified"}
    assert probed(pool, put, {SAVED: nothing}, {SHOT: nothing}) == {}


@pytest.mark.parametrize(
    ("base", "photo", "offset"),
    [
        ({}, {SHOT: "2024:07:01 00:30:00", 0x9011: "+09:00", 0x9010: "+02:00"}, "+09:00"),
        ({}, {SHOT: "2024:07:01 00:30:00", 0x9010: "+02:00"}, "+02:00"),
        ({SAVED: "2024:07:01 00:30:01"}, {SHOT: "2024:07:01 00:30:00", 0x9010: "+2:00"}, "+02:00"),
        # It was saved later, perhaps in another country.
        ({SAVED: "2024:08:01 00:30:00"}, {SHOT: "2024:07:01 00:30:00", 0x9010: "+02:00"}, None),
        ({}, {SHOT: "", SCAN: "2024:07:01 00:30:00", 0x9012: "-0330"}, "-03:30"),
        ({SAVED: "2024:07:01 00:30:00"}, {0x9010: "Z"}, "+00:00"),
        ({}, {SHOT: "2024-07-01T00:30:00+05:45", 0x9011: "+01:00"}, "+05:45"),
        ({}, {SHOT: "2024:07:01 00:30:00", 0x9011: "   :  "}, None),
        ({}, {SHOT: "2024:07:01 00:30:00", 0x882A: -3}, "-03:00"),
        ({}, {SHOT: "2024:07:01 00:30:00", 0x882A: 30000}, None),
    ],
)
def test_each_time_has_its_own_offset(pool, put, base, photo, offset):
    assert probed(pool, put, base, photo).get("offset") == offset


def test_each_time_has_its_own_fraction(pool, put):
    photo = {SHOT: "2024:07:01 00:30:00", 0x9291: "250", 0x9290: "7", 0x9292: "8"}
    assert probed(pool, put, photo=photo)["subsec"] == "250"
    photo = {SHOT: "", SCAN: "2024:07:01 00:30:00", 0x9291: "250", 0x9292: "8"}
    assert probed(pool, put, photo=photo)["subsec"] == "8"


def test_the_satellites_know_the_time(pool, put):
    gps = {29: "2016:06:06", 7: (10.0, 10.0, 10.5)}
    assert probed(pool, put, gps=gps) == {"gps_at": "2016-06-06T10:10:10"}
    assert probed(pool, put, gps=gps | {29: "2016-06-06\0"}) == {"gps_at": "2016-06-06T10:10:10"}
    parts = {29: "2016:06:06", 7: (10.5, 10.3, 10.75)}
    assert probed(pool, put, gps=parts) == {"gps_at": "2016-06-06T10:40:28"}


@pytest.mark.parametrize(
    "gps",
    [{29: "2016:06:06"}, {7: (1.0, 1.0, 1.0)}, {29: "0000:00:00", 7: (0.0, 0.0, 0.0)},
     {29: "2016:06:06", 7: (24.0, 0.0, 0.0)}, {29: "2016:06:06", 7: (1.0, 1.0)}],
)  # fmt: skip
def test_half_a_time_of_the_satellites_is_none(pool, put, gps):
    assert probed(pool, put, gps=gps) == {}


# --- places ---------------------------------------------------------------------------------------

SYDNEY = (33.0, 51.0, 36.0), (151.0, 11.0, 60.0)


@pytest.mark.parametrize(
    ("tags", "place"),
    [
        ({1: "S", 2: SYDNEY[0], 3: "E", 4: SYDNEY[1]}, (-33.86, 151.2)),
        ({1: b"s\0", 2: SYDNEY[0], 3: "e", 4: SYDNEY[1]}, (-33.86, 151.2)),
        ({1: "South", 2: SYDNEY[0], 3: "East", 4: SYDNEY[1]}, (-33.86, 151.2)),
        ({1: "S", 2: -33.86, 3: "E", 4: 151.2}, (-33.86, 151.2)),
        ({2: -33.86, 3: "E", 4: (151.2,)}, (-33.86, 151.2)),
        ({1: "N", 2: (48.0, 51.0), 3: "E", 4: (357.0, 39.0)}, (48.85, -2.35)),
        ({1: "N", 2: (48.0, 51.0, 0.0), 3: "W", 4: (358.0, 0.0, 0.0)}, (48.85, 2.0)),
        ({2: SYDNEY[0], 4: SYDNEY[1]}, None),
        ({1: "S", 2: SYDNEY[0], 4: SYDNEY[1]}, None),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (1.0, 0.0, 0.0), 3: "E", 4: (361.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (float("nan"), 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, None),
        ({1: "N", 2: "north", 3: "E", 4: (1.0, 0.0, 0.0)}, None),
    ],
)
def test_a_place_is_read_only_if_there_is_no_doubt(tags, place):
    found = positions.of_tags(tags)
    assert (tuple(found.values()) or None) == place


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        ("51,30.5N", "0,7.5W", (51.508333, -0.125)),
        ("51,30,30N", "0,7,30W", (51.508333, -0.125)),
        ("33,51.6S", "151,12E", (-33.86, 151.2)),
        ("-33.86", "151.2", (-33.86, 151.2)),
        ("51,30.5", "0,7.5", None),
        ("51,30.5N", "", None),
        ("north", "east", None),
    ],
)
def test_xmp_writes_places_in_its_own_way(latitude, longitude, place):
    found = positions.of_xmp({"exif:GPSLatitude": latitude, "exif:GPSLongitude": longitude})
    assert (tuple(found.values()) or None) == place


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(pool, put, orientation):
    exif = images.exif({0x0112: orientation})
    decoded = pool.decode(put(images.encode(images.gradient(), exif=exif)))
    assert decoded.pixels.shape == (48, 64, 3)
