"""The calendar: how many photos each day has, and this day in other years."""

from __future__ import annotations

import os
import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from gallery import trash
from gallery.models import Photo
from gallery.views import calendar_pages
from tests.workers.conftest import add_photo, picture

pytestmark = pytest.mark.django_db(transaction=True)


def taken(owner, *days: date) -> list[Photo]:
    """Return new photos of these days, at noon."""
    photos = []
    for day in days:
        # What follows a picture's end is not looked at, but makes the file a new one.
        photo = add_photo(owner, picture("red") + os.urandom(8))
        moment = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        Photo.objects.filter(pk=photo.pk).update(shown_at=moment, taken_at=moment, wall_at=moment)
        photos.append(photo)
    return photos


def cells(page: str) -> dict[str, str]:
    """Return the label of each day that is a link, by its address."""
    return dict(re.findall(r'href="/calendar/([\d-]+)"[^>]*?aria-label="([^"]*)"', page, re.DOTALL))


def test_each_day_says_how_many_photos_it_has(ada, bob, ada_client, model):
    spring, winter = date(2023, 5, 31), date(2023, 12, 31)
    photos = taken(ada, spring, spring, winter, date(2022, 1, 1))
    taken(bob, spring)
    page = ada_client.get("/calendar?year=2023").text
    assert cells(page) == {
        "2023-05-31": "31 May 2023: 2 photos",
        "2023-12-31": "31 December 2023: 1 photo",
    }
    trash.trash(Photo.objects.filter(pk=photos[2].pk))
    assert list(cells(ada_client.get("/calendar?year=2023").text)) == ["2023-05-31"]


def test_the_months_begin_on_the_right_weekday(ada, model):
    months = calendar_pages.months_of(Photo.objects.visible_to(ada), 2024)
    assert [month.skipped for month in months[:3]] == [0, 3, 4]  # Monday, Thursday, Friday.
    assert [len(month.days) for month in months[:3]] == [31, 29, 31]


def test_a_day_leads_to_its_photos_in_the_grid(ada, ada_client, model):
    older, wanted, newer = taken(ada, date(2023, 5, 30), date(2023, 5, 31), date(2023, 6, 1))
    page = ada_client.get("/calendar/2023-05-31", follow=True).text
    assert page.index(str(wanted.pk)) < page.index(str(older.pk))
    assert str(newer.pk) not in page


@pytest.mark.parametrize(
    "day", ["2023-05-29", "2023-02-30", "x", "9" * 300, "9999-12-31", "0001-01-01"]
)
def test_a_day_without_photos_is_not_found(ada, ada_client, model, day):
    taken(ada, date(2023, 5, 31))
    assert ada_client.get(f"/calendar/{day}").status_code == 404


def test_this_day_in_other_years(ada, ada_client, model):
    today = timezone.localdate()
    day = today if (today.month, today.day) != (2, 29) else today - timedelta(1)
    last, before = (day.replace(year=day.year - ago) for ago in (1, 3))
    same, other, elder = taken(ada, last, last - timedelta(1), before)
    found = calendar_pages.on_this_day(
        Photo.objects.visible_to(ada), day, range(day.year, day.year - 5, -1), 60
    )
    assert [photo.pk for photo in found] == [same.pk, elder.pk]
    assert other.pk not in [photo.pk for photo in found]


def test_a_leap_day_has_few_others(ada, model):
    photos = taken(ada, date(2020, 2, 29), date(2023, 3, 1))
    years = [2023, 2022, 2021, 2020]
    found = calendar_pages.on_this_day(Photo.objects.all(), date(2024, 2, 29), years, 60)
    assert [photo.pk for photo in found] == [photos[0].pk]


@pytest.mark.parametrize("year", ["", "x", "1", "99999", "-3", "²"])
def test_a_year_without_photos_shows_the_latest(ada, ada_client, model, year):
    taken(ada, date(2023, 5, 31), date(2021, 5, 31))
    assert "2023-05-31" in cells(ada_client.get(f"/calendar?year={year}").text)


def test_an_empty_gallery_invites(ada_client):
    assert ada_client.get("/calendar").status_code == 200
