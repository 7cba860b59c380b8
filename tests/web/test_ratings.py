"""Stars that people give: over the API, on the photo's page, and with what is refused."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime

import pytest
from django.test import Client

from gallery import marks, trash
from gallery.models import Photo
from tests.web.test_pages import rows

pytestmark = pytest.mark.django_db

START = datetime(2024, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def photos(ada, model) -> list[Photo]:
    rows(ada, 3, start=START)
    return list(Photo.objects.filter(owner=ada).newest_first())


def rate(client: Client, ids: list[object], stars: object):
    body = json.dumps({"ids": [str(pk) for pk in ids], "stars": stars})
    return client.post("/api/v1/ratings", body, "application/json")


def stars(photos: list[Photo]) -> list[int]:
    return [Photo.objects.get(pk=photo.pk).rating for photo in photos]


def test_many_photos_get_stars_at_once(ada_client, photos):
    assert rate(ada_client, [photos[0].pk, photos[1].pk], 4).json() == {"changed": 2}
    assert rate(ada_client, [photo.pk for photo in photos], 4).json() == {"changed": 1}
    assert stars(photos) == [4, 4, 4]
    assert ada_client.get(f"/api/v1/photos/{photos[0].pk}").json()["rating"] == 4
    assert rate(ada_client, [photos[0].pk], 0).json() == {"changed": 1}
    assert stars(photos) == [0, 4, 4]


@pytest.mark.parametrize("value", [-1, 6, 2.5, "4", True, None, 10**30])
def test_only_0_to_5_stars_are_taken(ada_client, photos, value):
    answer = rate(ada_client, [photos[0].pk], value)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
    path = f"/api/v1/photos/{photos[0].pk}"
    body = json.dumps({"rating": value})
    assert ada_client.patch(path, body, "application/json").status_code == 400
    assert stars(photos) == [0, 0, 0]


def test_a_patch_changes_the_stars_and_nothing_else(ada_client, photos):
    Photo.objects.update(favourite=True, caption="At the lake")
    path = f"/api/v1/photos/{photos[0].pk}"
    answer = ada_client.patch(path, json.dumps({"rating": 3}), "application/json").json()
    assert (answer["rating"], answer["favourite"], answer["caption"]) == (3, True, "At the lake")
    answer = ada_client.patch(path, json.dumps({"favourite": False}), "application/json").json()
    assert (answer["rating"], answer["favourite"]) == (3, False)


def test_photos_of_others_and_in_the_trash_count_for_nothing(ada_client, bob_client, photos):
    trash.trash(Photo.objects.filter(pk=photos[0].pk))
    assert rate(ada_client, [photos[0].pk, uuid.uuid4()], 5).json() == {"changed": 0}
    assert rate(bob_client, [photos[1].pk], 5).json() == {"changed": 0}
    assert stars(photos) == [0, 0, 0]


# --- the page ------------------------------------------------------------------------------------


def pressed(html: str) -> list[str]:
    """Return the labels of the stars that are shown as given."""
    buttons = re.findall(r'<button[^>]*name="rating"[^>]*>', html)
    assert len(buttons) == 5
    labels = [(re.search(r'aria-label="([^"]*)"', one), one) for one in buttons]
    return [found[1] for found, one in labels if found and 'aria-pressed="true"' in one]


def test_the_page_shows_the_stars_and_takes_them(ada_client, photos):
    photo = photos[0]
    page = ada_client.get(photo.get_absolute_url()).content.decode()
    assert pressed(page) == []
    mark = f"/photos/{photo.pk}/mark"
    assert ada_client.post(mark, {"rating": "4"}).status_code == 302
    assert stars([photo]) == [4]
    page = ada_client.get(photo.get_absolute_url()).content.decode()
    assert pressed(page) == ["4 stars, the current rating; press to clear"]
    # The stars that a photo has are the button that takes them away.
    assert re.search(r'name="rating"\s+value="0"', page)
    part = ada_client.post(mark, {"rating": "0"}, headers={"HX-Request": "true"})
    assert pressed(part.content.decode()) == []
    assert stars([photo]) == [0]


@pytest.mark.parametrize("value", ["6", "-1", "x", "", "4.0", "٣", "9" * 400])
def test_made_up_stars_of_a_form_change_nothing(ada_client, photos, value):
    Photo.objects.update(rating=2)
    answer = ada_client.post(f"/photos/{photos[0].pk}/mark", {"rating": value})
    assert answer.status_code == 302
    assert stars(photos) == [2, 2, 2]


def test_marks_that_are_given_at_once_do_not_undo_each_other(photos):
    here, there = (Photo.objects.get(pk=photos[0].pk) for _ in range(2))
    marks.update(here, rating=4)
    marks.update(there, favourite=True)
    marks.update(here, caption="Sea")
    kept = Photo.objects.get(pk=photos[0].pk)
    assert (kept.rating, kept.favourite, kept.caption) == (4, True, "Sea")
