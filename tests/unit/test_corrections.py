"""What people may say about dates, and what the columns of a photo are then."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from gallery.corrections import (
    BadDate,
    Correction,
    SetDate,
    SetZone,
    Shift,
    Unknown,
    read_clock,
    read_day,
    read_local,
    read_zone,
)
from gallery.models import Photo
from gallery.taken_time import TakenTime, unknown_time
from tests.dated import ADDED, WALL, assert_consistent

BERLIN = ZoneInfo("Europe/Berlin")
TOKYO = ZoneInfo("Asia/Tokyo")
PERSON, CAMERA = Photo.DateSource.PERSON, Photo.DateSource.CAMERA
Offsets = Photo.OffsetSource


def photo(wall: datetime | None = WALL, offset: int = 120, source: str = Offsets.CAMERA) -> Photo:
    columns = (
        TakenTime(wall, offset, CAMERA, source).columns()
        if wall
        else unknown_time(ADDED, ZoneInfo("UTC"))
    )
    return Photo(name="a.jpg", created_at=ADDED, **columns)


def corrected(one: Photo, correction: Correction) -> Photo:
    for name, value in (correction.columns(one) or {}).items():
        setattr(one, name, value)
    assert_consistent(one)
    return one


def wall(one: Photo) -> datetime:
    return one.wall_at.replace(tzinfo=None)


# --- one property for all ------------------------------------------------------------------------

zones = st.one_of(
    st.sampled_from([BERLIN, TOKYO, ZoneInfo("America/St_Johns"), ZoneInfo("Africa/Monrovia")]),
    st.integers(-14 * 60, 14 * 60).map(lambda ahead: timezone(timedelta(minutes=ahead))),
)
walls = st.datetimes(datetime(1826, 1, 2), datetime(2026, 12, 30))
amounts = st.integers(-300, 300)
said = st.one_of(
    st.builds(SetDate, st.dates(date(1800, 1, 1), date(2050, 1, 1)), st.none() | st.times()),
    st.builds(SetDate, walls.map(datetime.date), st.none() | st.times(), zones),
    st.builds(Shift, amounts, amounts, amounts, st.integers(1, 900)),
    st.builds(SetZone, zones, keep_instant=st.booleans()),
    st.builds(Unknown),
)
photos = st.one_of(
    st.builds(photo, walls, st.integers(-840, 840), st.sampled_from(list(Offsets)[1:])),
    st.builds(photo, st.none()),
)


@given(photos, st.lists(said, max_size=4))
def test_whatever_people_say_the_columns_agree(one, corrections):
    for correction in corrections:
        try:
            corrected(one, correction)
        except BadDate:
            assert_consistent(one)


# --- set -----------------------------------------------------------------------------------------


def test_a_date_that_is_set_keeps_the_offset_that_the_camera_knew():
    one = corrected(photo(), SetDate(date(2023, 1, 2), time(8, 5)))
    assert (wall(one), one.utc_offset) == (datetime(2023, 1, 2, 8, 5), 120)
    assert (one.date_source, one.offset_source) == (PERSON, Offsets.CAMERA)


def test_an_assumed_offset_is_assumed_again_for_the_other_season(settings):
    settings.TIME_ZONE = "Europe/Berlin"
    one = photo(source=Offsets.ASSUMED)
    corrected(one, SetDate(date(2023, 1, 2)))
    assert (one.utc_offset, one.offset_source) == (60, Offsets.ASSUMED)
    corrected(one, Shift(days=180))
    assert (one.utc_offset, wall(one).time()) == (120, WALL.time())


@pytest.mark.parametrize(("day", "ahead"), [(date(2023, 1, 2), 60), (date(2023, 7, 2), 120)])
def test_a_named_zone_has_the_offset_of_that_day(day, ahead):
    one = corrected(photo(None), SetDate(day, None, BERLIN))
    assert (wall(one), one.utc_offset) == (datetime.combine(day, time(12)), ahead)
    assert one.offset_source == Offsets.PERSON


def test_a_day_alone_keeps_the_time_of_day():
    assert wall(corrected(photo(), SetDate(date(2023, 1, 2)))) == datetime.combine(
        date(2023, 1, 2), WALL.time()
    )


def test_the_same_second_keeps_its_fraction():
    """The form shows seconds, and a burst is ordered by what is behind them."""
    one = corrected(photo(), SetDate(date(2023, 1, 2), WALL.time().replace(microsecond=0)))
    assert wall(one).time() == WALL.time()
    assert wall(corrected(one, SetDate(date(2023, 1, 2), time(18, 30)))).microsecond == 0


# --- shift ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "shift", "after"),
    [
        (datetime(2024, 5, 31, 23), Shift(hours=2), datetime(2024, 6, 1, 1)),
        (datetime(2024, 1, 1, 0, 10), Shift(minutes=-20), datetime(2023, 12, 31, 23, 50)),
        (datetime(2024, 2, 29, 9), Shift(years=-1), datetime(2023, 2, 28, 9)),
        (datetime(2023, 2, 28, 9), Shift(years=1), datetime(2024, 2, 28, 9)),
        (datetime(2004, 5, 1), Shift(years=20, days=-1, hours=1), datetime(2024, 4, 30, 1)),
    ],
)
def test_a_shift_moves_the_local_time(before, shift, after):
    one = corrected(photo(before), shift)
    assert (wall(one), one.date_source, one.offset_source) == (after, PERSON, Offsets.CAMERA)


def test_a_shift_and_the_same_back_give_the_instant_again():
    one = photo()
    before = one.taken_at
    corrected(corrected(one, Shift(days=3, hours=5)), Shift(days=-3, hours=-5))
    assert one.taken_at == before


def test_there_is_nothing_to_shift_without_a_date():
    assert Shift(hours=1).columns(photo(None)) is None
    assert SetZone(TOKYO).columns(photo(None)) is None


def test_a_shift_by_nothing_is_refused():
    with pytest.raises(BadDate):
        Shift()


@pytest.mark.parametrize(
    "shift",
    [
        Shift(years=-300),
        Shift(years=10),
        Shift(days=80_000),
        Shift(years=10**30),
        Shift(hours=-(10**30)),
        Shift(days=999_999_999),
        Shift(years=-5_000),
    ],
)
def test_a_shift_past_an_end_of_the_calendar_is_refused_in_words(shift):
    with pytest.raises(BadDate, match=r"a\.jpg would be from before 1826 or after 20"):
        shift.columns(photo())


@pytest.mark.parametrize("day", [date(1825, 12, 31), date(1, 1, 1), date(9999, 12, 31)])
def test_dates_before_photography_and_in_the_future_are_refused(day):
    for one in (photo(), photo(None)):
        with pytest.raises(BadDate, match="before 1826"):
            SetDate(day, None, TOKYO).columns(one)


# --- zone, unknown -------------------------------------------------------------------------------


def test_a_zone_alone_keeps_the_local_time():
    one = corrected(photo(), SetZone(TOKYO))
    assert (wall(one), one.utc_offset) == (WALL, 540)
    assert (one.date_source, one.offset_source) == (CAMERA, Offsets.PERSON)


def test_or_it_keeps_the_instant_for_a_clock_of_another_zone():
    one = photo()
    before = one.taken_at
    corrected(one, SetZone(TOKYO, keep_instant=True))
    assert (one.taken_at, wall(one)) == (before, WALL + timedelta(hours=7))
    assert (one.date_source, one.offset_source) == (PERSON, Offsets.PERSON)


def test_keeping_the_instant_at_the_end_of_the_calendar_is_refused_too():
    first = photo(datetime(1826, 1, 1), 0)
    with pytest.raises(BadDate):
        SetZone(timezone(timedelta(hours=-5)), keep_instant=True).columns(first)


def test_an_unknown_date_shows_the_upload():
    one = corrected(photo(), Unknown())
    assert (one.taken_at, one.shown_at, one.wall_at) == (None, ADDED, ADDED)


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "ahead"),
    [("+02:00", 120), ("-0330", -210), ("+14:00", 840), (" +00:00 ", 0), ("Asia/Tokyo", 540)],
)
def test_zones_are_offsets_or_names(text, ahead):
    zone: tzinfo = read_zone(text)
    assert WALL.replace(tzinfo=zone).utcoffset() == timedelta(minutes=ahead)


@pytest.mark.parametrize(
    "text",
    ["", "+15:00", "+14:01", "02:00", "+2", "+٠٢:٠٠", "Europe", "Berlin", "../../etc/passwd",
     "/etc/localtime", "a" * 500, "Europe/Berlin\0", "+02:60"],
)  # fmt: skip
def test_other_zones_are_refused_in_words(text):
    with pytest.raises(BadDate, match="Europe/Lisbon") as refused:
        read_zone(text)
    assert len(refused.value.message) < 120


@pytest.mark.parametrize(
    "text", ["2024-02-30", "31.5.2024", "x", "2024-13-01", "0000-01-01", "٢٠٢٤"]
)
def test_days_that_do_not_exist_are_refused_in_words(text):
    with pytest.raises(BadDate, match="There is no day"):
        read_day(text)


@pytest.mark.parametrize("text", ["24:00", "7 h", "18:60", "18:30+02:00", "noon"])
def test_times_that_do_not_exist_are_refused_in_words(text):
    with pytest.raises(BadDate, match="There is no time of day"):
        read_clock(text)


def test_a_local_time_is_a_day_and_perhaps_a_clock():
    assert read_local("2024-05-31") == (date(2024, 5, 31), None)
    assert read_local("2024-05-31 18:30") == (date(2024, 5, 31), time(18, 30))
    assert read_local("2024-05-31T18:30:15.25") == (date(2024, 5, 31), time(18, 30, 15, 250_000))
    for text in ("2024-05-31T18:30+02:00", "2024-05-31T18:30Z", "T18:30", ""):
        with pytest.raises(BadDate):
            read_local(text)
