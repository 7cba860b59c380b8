"""Marks of many photos at once: over the API, with undo, and with what is left out."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from gallery import albums, mark_photos, marks, trash
from gallery.models import Album, Photo
from gallery.names import TAGS_PER_PHOTO
from tests.web.test_pages import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(ada, model) -> list[Photo]:
    rows(ada, 3, start=datetime(2024, 6, 1, 12, tzinfo=UTC))
    return list(Photo.objects.filter(owner=ada).newest_first())


def send(client: Client, changes: list[dict]):
    body = json.dumps({"changes": changes}, default=str)
    return client.post("/api/v1/photos/marks", body, "application/json")


def change(client: Client, photos: list[Photo], **what: object) -> dict:
    answer = send(client, [{"ids": [photo.pk for photo in photos], **what}])
    assert answer.status_code == 200, answer.content
    return answer.json()


def looks(photo: Photo) -> tuple:
    photo.refresh_from_db()
    return (
        photo.favourite,
        photo.rating,
        photo.caption,
        sorted(photo.tags.values_list("name", flat=True)),
        sorted(photo.albums.values_list("name", flat=True)),
    )


def test_everything_changes_at_once_and_one_undo_takes_it_back(ada, ada_client, photos):
    lake, city = (albums.create(ada, name) for name in ("Lake", "City"))
    albums.add(city, Photo.objects.filter(pk=photos[1].pk))
    marks.update(photos[0], tags=["old", "both"], rating=2, caption="Before")
    marks.update(photos[1], tags=["sea"], favourite=True)
    before = [looks(photo) for photo in photos]
    said = change(
        ada_client,
        photos,
        favourite=True,
        rating=5,
        caption="At the lake",
        add_tags=["sea", "both"],
        remove_tags=["old", "both"],
        add_to_albums=[lake.pk],
        take_out_of_albums=[city.pk],
    )
    assert [looks(photo) for photo in photos] == [
        (True, 5, "At the lake", ["both", "sea"], ["Lake"])
    ] * 3
    assert (said["changed"], said["unknown"], said["full"]) == (3, 0, 0)
    assert send(ada_client, said["undo"]).json()["changed"] == 3
    assert [looks(photo) for photo in photos] == before


def test_undo_is_short_where_photos_were_alike(ada_client, photos):
    said = change(ada_client, photos, rating=3, caption="", add_tags=["sea"])
    assert [{**row, "ids": len(row["ids"])} for row in said["undo"]] == [
        {"ids": 3, "rating": 0, "remove_tags": ["sea"]}
    ]
    assert change(ada_client, photos, rating=3, add_tags=["sea"])["undo"] == []


def test_changes_that_overlap_are_undone_in_the_reverse_order(ada_client, photos):
    ids = [photos[0].pk]
    said = send(ada_client, [{"ids": ids, "rating": 1}, {"ids": ids, "rating": 2}]).json()
    send(ada_client, said["undo"])
    assert looks(photos[0])[1] == 0


def test_photos_of_others_and_in_the_trash_are_left_out_alike(ada, ada_client, bob_client, photos):
    trash.trash(Photo.objects.filter(pk=photos[0].pk))
    said = change(ada_client, [*photos, Photo(pk=uuid.uuid4())], add_tags=["sea"])
    assert (said["changed"], said["unknown"]) == (2, 2)
    said = change(bob_client, photos, add_tags=["mine"], rating=1, favourite=True)
    assert (said["changed"], said["unknown"], said["undo"]) == (0, 3, [])
    assert [looks(photo)[3] for photo in photos] == [[], ["sea"], ["sea"]]


def test_nobody_fills_the_album_of_somebody_else(ada, bob_client, bob, photos):
    album = albums.create(ada, "Hers")
    rows(bob, 1, start=datetime(2024, 6, 1, tzinfo=UTC))
    own = list(Photo.objects.filter(owner=bob))
    assert change(bob_client, own, add_to_albums=[album.pk])["changed"] == 0
    assert not Album.objects.get().photos.exists()


def test_a_photo_without_room_for_tags_gets_none(ada_client, photos):
    marks.update(photos[0], tags=[f"tag {number}" for number in range(TAGS_PER_PHOTO - 1)])
    assert change(ada_client, photos, add_tags=["sea", "sun"])["full"] == 1
    assert [len(looks(photo)[3]) for photo in photos] == [TAGS_PER_PHOTO - 1, 2, 2]
    # One that goes makes room for one that comes.
    assert change(ada_client, photos, add_tags=["sea", "sun"], remove_tags=["tag 0"])["full"] == 0
    assert len(looks(photos[0])[3]) == TAGS_PER_PHOTO


@pytest.mark.parametrize(
    "bad",
    [{"add_tags": ["a/b"]}, {"remove_tags": [" "]}, {"rating": 6}, {"caption": "x" * 3000}],
)
def test_what_cannot_be_done_changes_nothing_at_all(ada_client, photos, bad):
    ids = [photo.pk for photo in photos]
    answer = send(ada_client, [{"ids": ids, "rating": 4}, {"ids": ids, **bad}])
    assert answer.status_code == 400
    assert [looks(photo)[1] for photo in photos] == [0, 0, 0]


def test_many_photos_are_changed_a_part_at_a_time(ada_client, photos, monkeypatch):
    monkeypatch.setattr(mark_photos, "AT_ONCE", 2)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        said = change(ada_client, photos, rating=4, add_tags=["sea"])
    writes = [query for query in queries if query["sql"].startswith('UPDATE "gallery_photo"')]
    assert (said["changed"], len(writes), len(said["undo"])) == (3, 2, 1)
