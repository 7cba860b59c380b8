"""Dates in the names that cameras, phones, messengers and people give to files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from gallery.dated_names import NamedTime, number_in, time_in

NOON = datetime(2019, 1, 2, 12, 34, 56)
EXACT = NOON.replace(microsecond=789_000)
DAY = datetime(2019, 1, 2)


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("IMG_20190102_123456.jpg", NOON),
        ("VID_20190102_123456.mp4", NOON),
        ("MVIMG_20190102_123456.jpg", NOON),
        ("20190102_123456.jpg", NOON),
        ("20190102123456.jpg", NOON),
        ("P20190102_123456.jpg", NOON),
        ("IMG_20190102_123456(1).jpg", NOON),
        ("IMG_20190102_123456_2.jpg", NOON),
        ("IMG_20190102_123456~3.jpg", NOON),
        ("IMG_20190102_123456_HDR.jpg", NOON),
        ("IMG_E20190102_123456.jpg", NOON),
        ("IMG_00001_BURST20190102123456789.jpg", EXACT),
        ("20190102_123456789_iOS.jpg", EXACT),
        ("WP_20190102_12_34_56_Pro.jpg", NOON),
        ("WIN_20190102_123456.JPG", NOON),
        ("Screenshot_20190102-123456.png", NOON),
        ("Screenshot_20190102-123456_Chrome.jpg", NOON),
        ("Screenshot_2019-01-02-12-34-56-123_com.example.png", NOON),
        ("Screenshot 2019-01-02 at 12.34.56.png", NOON),
        ("Screenshot 2019-01-02 at 12.34.56\u202fPM.png", NOON),
        ("Screen Shot 2019-01-02 at 0.34.56 pm.png", NOON),
        ("Bildschirmfoto 2019-01-02 um 12.34.56.png", NOON),
        ("Capture d’écran 2019-01-02 à 12.34.56.png", NOON),
        ("Screenshot from 2019-01-02 12-34-56.png", NOON),
        ("signal-2019-01-02-123456.jpg", NOON),
        ("signal-2019-01-02-12-34-56-789.jpg", NOON),
        ("WhatsApp Image 2019-01-02 at 12.34.56.jpeg", NOON),
        ("WhatsApp Image 2019-01-02 at 12.34.56 (1).jpeg", NOON),
        ("photo_2019-01-02_12-34-56.jpg", NOON),
        ("2019-01-02 12.34.56.jpg", NOON),
        ("2019-01-02 12.34.56-1.jpg", NOON),
        ("2019-01-02T12_34_56.jpg", NOON),
        ("IMG-20190102-WA0001.jpg", DAY),
        ("VID-20190102-WA0012.mp4", DAY),
        ("DSC_20190102.jpg", DAY),
        ("20190102.jpg", DAY),
        ("20190102_IMG_1234.jpg", DAY),
        ("2019-01-02.jpg", DAY),
        ("2019-01-02 Our garden.jpg", DAY),
        ("Grandmother 1951-07-08.jpg", datetime(1951, 7, 8)),
    ],
)
def test_the_date_in_a_name_is_read(name, at):
    assert time_in(name) == NamedTime(at)


@pytest.mark.parametrize("ending", ["", ".PORTRAIT", ".RAW-01.MP.COVER", "~2"])
def test_some_phones_name_files_by_utc(ending):
    assert time_in(f"PXL_20190102_123456789{ending}.jpg") == NamedTime(EXACT, in_utc=True)


@pytest.mark.parametrize(
    "name",
    [
        "IMG_8223.JPG", "DSC_0001.jpg", "photo.jpg", "", ".jpg", "5551234567.jpg",
        "+49 2019 0102.jpg", "2025550123.jpg", "1546432496789.jpg", "FB_IMG_1546432496789.jpg",
        "123420190102123456.jpg", "201901021234567890123.jpg", "20121212121.jpg",
        "id-20190102.jpg", "Invoice 20190102.png", "order 4711-20190102.png",
        "IMG_20191301_123456.jpg", "IMG_20190230_123456.jpg", "IMG_20190102_253456.jpg",
        "2019-02-30.jpg", "2019-13-01 12.34.56.jpg", "2018-05-06 27.08.09.jpg", "2019-01.jpg",
        "v2.2019.01.02.png", "192.168.2019-01-02.png", "18990102_123456.jpg", "2019_0102.jpg",
        "IMG_19500102_123456.jpg",
    ],
)  # fmt: skip
def test_other_numbers_are_no_dates(name):
    assert time_in(name) is None


def test_a_name_knows_nothing_of_the_future():
    now = datetime.now(UTC).replace(tzinfo=None)
    assert time_in((now - timedelta(days=1)).strftime("IMG_%Y%m%d_%H%M%S.jpg")) is not None
    assert time_in((now + timedelta(days=3)).strftime("IMG_%Y%m%d_%H%M%S.jpg")) is None


@given(st.datetimes(datetime(1990, 1, 1), datetime(2025, 12, 31)))
def test_every_time_comes_back(at):
    at = at.replace(microsecond=0)
    assert time_in(at.strftime("IMG_%Y%m%d_%H%M%S.jpg")) == NamedTime(at)
    assert time_in(at.strftime("Screenshot %Y-%m-%d at %H.%M.%S.png")) == NamedTime(at)


@given(st.text(max_size=60) | st.text("0123456789-_. atPMWAIXL", max_size=60))
def test_no_name_is_too_odd(name):
    found = time_in(name)
    assert found is None or found.at.year >= 1900
    assert 0 <= number_in(name) < 1_000_000


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("IMG_8223.JPG", 8223), ("IMG_20190102_123456_2.jpg", 2), ("DSC00007 (3).jpg", 3),
        ("IMG-20190202-WA0012.jpg", 12), ("photo.jpg", 0), ("00012.IMG.JPG", 12),
        ("100000001234567.jpg", 0), ("12345678.jpg", 345678),
    ],
)  # fmt: skip
def test_the_last_number_of_a_name_orders_a_burst(name, number):
    assert number_in(name) == number
