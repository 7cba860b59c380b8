"""When a photo was taken: which of the dates counts, and how far that clock was ahead of UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from gallery.taken_time import offset_in_words, taken_time

TOKYO, LISBON = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Lisbon")
SHOT = {"taken_at": "2024-07-01T20:00:00"}
WALL = datetime(2024, 7, 1, 20)
PARIS = {"latitude": 48.85, "longitude": 2.35}
SYDNEY = {"latitude": -33.86, "longitude": 151.2}
SAVED = datetime(2020, 5, 5, 12, tzinfo=UTC)


def taken(exif, name="IMG_1.JPG", modified=None, zone=LISBON):
    found = taken_time(exif, name, modified=modified, zone=zone)
    return found and (found.wall, found.utc_offset, found.date_source, found.offset_source)


@pytest.mark.parametrize(
    ("exif", "offset", "source"),
    [
        ({"offset": "+09:00"}, 540, "camera"),
        ({"offset": "-03:30", "gps_at": "2024-07-01T18:00:00"}, -210, "camera"),
        ({"gps_at": "2024-07-01T11:00:04"}, 540, "gps"),
        ({"gps_at": "2024-07-01T14:12:40"}, 345, "gps"),
        ({"gps_at": "2024-07-02T01:30:00"}, -330, None),
        ({"gps_at": "2024-07-01T18:41:00"}, 75, None),
        ({"gps_at": "2004-11-15T18:00:00"}, 120, None),
        (PARIS, 120, "place"),
        (SYDNEY, 600, "place"),
        (PARIS | {"gps_at": "2024-07-01T19:00:00"}, 60, "gps"),
        (PARIS | {"offset": "nonsense"}, 120, "place"),
        ({"offset": "+99:00"}, 60, "assumed"),
        ({}, 60, "assumed"),
    ],
)
def test_the_offset_is_the_best_that_is_known(exif, offset, source):
    found = taken(SHOT | exif)
    if source is None:
        # No clock is that far ahead of UTC, so the satellites' time is of another moment.
        assert found[1] != offset or exif["gps_at"] < "2010"
        assert found[3] == "assumed"
    else:
        assert found == (WALL, offset, "camera", source)


@pytest.mark.parametrize("zone", [TOKYO, LISBON, ZoneInfo("America/St_Johns")])
def test_the_local_time_is_the_same_wherever_the_gallery_is(zone):
    for exif in (SHOT, SHOT | {"offset": "+09:00"}, SHOT | PARIS):
        assert taken(exif, zone=zone)[0] == WALL
    assert taken({}, "IMG_20190101_120000.jpg", zone=zone)[0] == datetime(2019, 1, 1, 12)


NAMED = "IMG_20190101_120000.jpg"
GPS = {"gps_at": "2016-06-06T23:30:00"}


@pytest.mark.parametrize(
    ("exif", "name", "expected"),
    [
        (SHOT | {"taken_from": "exif"} | GPS, NAMED, (WALL, "camera")),
        (SHOT | {"taken_from": "digitized"}, NAMED, (WALL, "camera")),
        (SHOT | {"taken_from": "modified"}, NAMED, (WALL, "camera")),
        (SHOT | {"taken_from": "xmp"}, NAMED, (WALL, "metadata")),
        (SHOT | {"taken_from": "iptc"}, NAMED, (WALL, "metadata")),
        (SHOT | {"taken_from": "png"}, NAMED, (WALL, "metadata")),
        (GPS, NAMED, (datetime(2016, 6, 7, 0, 30), "gps")),
        (GPS | PARIS, NAMED, (datetime(2016, 6, 7, 1, 30), "gps")),
        ({}, NAMED, (datetime(2019, 1, 1, 12), "name")),
        ({"taken_at": "0000-00-00T00:00:00"}, NAMED, (datetime(2019, 1, 1, 12), "name")),
        ({"taken_at": "2106-02-07T06:28:15"}, NAMED, (datetime(2019, 1, 1, 12), "name")),
        ({}, "IMG-20190202-WA0001.jpg", (datetime(2019, 2, 2), "name")),
        ({}, "PXL_20210704_233456789.jpg", (datetime(2021, 7, 5, 0, 34, 56, 789_000), "name")),
        (SYDNEY, "PXL_20210704_233456789.jpg", (datetime(2021, 7, 5, 9, 34, 56, 789_000), "name")),
        ({}, "IMG_1.JPG", (datetime(2020, 5, 5, 13), "file")),
        (PARIS, "IMG_1.JPG", (datetime(2020, 5, 5, 14), "file")),
    ],
)
def test_the_best_date_counts(exif, name, expected):
    wall, _, source, _ = taken(exif, name, modified=SAVED)
    assert (wall, source) == expected


def test_without_any_date_there_is_none():
    assert taken({}) is None
    assert taken({"taken_at": 5, "offset": 7, "gps_at": [], "subsec": {}}) is None
    assert taken({}, modified=datetime(1, 1, 1, tzinfo=UTC)) is None
    assert taken({}, modified=datetime(9999, 12, 31, tzinfo=UTC)) is None


def columns(exif, name):
    return taken_time(exif, name, zone=LISBON).columns(name)


def test_fractions_and_then_names_order_a_burst():
    names = ["IMG_8225.JPG", "IMG_8223.JPG", "IMG_8224.JPG"]
    rows = {name: columns(SHOT, name) for name in names}
    assert sorted(names, key=lambda name: rows[name]["shown_at"]) == sorted(names)
    # The name orders, and is no part of the time itself.
    assert {row["taken_at"] for row in rows.values()} == {datetime(2024, 7, 1, 19, tzinfo=UTC)}
    assert {row["wall_at"] for row in rows.values()} == {WALL.replace(tzinfo=UTC)}
    fractions = {"100": "IMG_3.JPG", "5": "IMG_2.JPG", "90": "IMG_1.JPG"}
    shown = [columns(SHOT | {"subsec": sub}, name)["shown_at"] for sub, name in fractions.items()]
    assert shown == sorted(shown)
    assert shown[0] == datetime(2024, 7, 1, 19, 0, 0, 100_000, tzinfo=UTC)


@given(
    st.dictionaries(
        st.sampled_from(["taken_at", "offset", "gps_at", "subsec", "latitude", "taken_from"]),
        st.none() | st.integers() | st.text(max_size=20) | st.just("0001-01-01T00:00:00"),
    ),
    st.text(max_size=30),
    st.none() | st.datetimes(timezones=st.just(UTC)),
)
def test_nothing_is_too_odd(exif, name, modified):
    found = taken_time(exif, name, modified=modified, zone=TOKYO)
    if found is not None:
        row = found.columns(name)
        assert row["wall_at"] - row["taken_at"] == timedelta(minutes=row["utc_offset"])
        assert row["shown_at"] - row["taken_at"] < timedelta(seconds=1)


def test_offsets_are_written_for_people():
    found = [offset_in_words(minutes) for minutes in (540, 0, 345, -210, -60)]
    assert found == ["UTC+9", "UTC", "UTC+5:45", "UTC−3:30", "UTC−1"]
