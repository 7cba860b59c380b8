"""Albums, favourites, tags and captions over the API, and what the trash does to them."""

from __future__ import annotations

import json
import threading
import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from gallery import albums, marks, trash
from gallery.models import Album, Photo
from tests.web.test_pages import rows, shown

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
START = datetime(2024, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def photos(ada, model) -> list[Photo]:
    """Four photos of Ada, newest first."""
    rows(ada, 4, start=START)
    return list(Photo.objects.filter(owner=ada).newest_first())


@pytest.fixture
def bobs(bob, model) -> Photo:
    rows(bob, 1, start=START)
    return Photo.objects.get(owner=bob)


def send(client, method: str, path: str, body: object):
    return client.generic(method, f"/api/v1{path}", json.dumps(body), "application/json")


def new_album(client, name: str = "Summer", *ids: uuid.UUID) -> str:
    made = send(client, "POST", "/albums", {"name": name})
    assert made.status_code == 201
    if ids:
        send(client, "POST", f"/albums/{made.json()['id']}/photos", {"ids": [str(i) for i in ids]})
    return made.json()["id"]


def listed(client) -> dict[str, int]:
    return {a["name"]: a["photos"] for a in client.get("/api/v1/albums").json()["albums"]}


# --- albums over the API -------------------------------------------------------------------------


def test_an_album_gathers_photos_and_its_first_one_is_the_cover(ada_client, photos):
    album_id = new_album(ada_client, "Summer", photos[1].pk, photos[2].pk)
    send(ada_client, "POST", f"/albums/{album_id}/photos", {"ids": [str(photos[0].pk)]})
    found = ada_client.get(f"/api/v1/albums/{album_id}").json()
    assert found["photos"] == 3
    assert found["cover"] == f"/photos/{photos[1].pk}/thumbnail"
    assert found["url"] == f"/albums/{album_id}"
    in_it = ada_client.get(f"/api/v1/photos/{photos[0].pk}").json()["albums"]
    assert in_it == [{"id": album_id, "name": "Summer"}]


def test_only_what_changes_is_counted(ada_client, photos, bobs):
    album_id = new_album(ada_client)
    ids = [str(pk) for pk in (photos[0].pk, photos[1].pk, photos[1].pk, bobs.pk, uuid.uuid4())]
    path = f"/albums/{album_id}/photos"
    assert send(ada_client, "POST", path, {"ids": ids}).json() == {"changed": 2}
    assert send(ada_client, "POST", path, {"ids": ids}).json() == {"changed": 0}
    assert send(ada_client, "DELETE", path, {"ids": ids}).json() == {"changed": 2}
    assert send(ada_client, "DELETE", path, {"ids": ids}).json() == {"changed": 0}
    assert not bobs.albums.exists()


def test_albums_are_listed_by_name_in_a_few_queries(
    ada, ada_client, photos, django_assert_max_num_queries
):
    for place in range(40):
        made = albums.create(ada, f"album {place:02}")
        albums.add(made, Photo.objects.filter(pk=photos[place % 4].pk))
    with django_assert_max_num_queries(9):
        names = list(listed(ada_client))
    assert names == [f"album {place:02}" for place in range(40)]


def test_names_are_ordered_whatever_their_case(ada_client):
    for name in ("beta", "Alpha", "alpha", "Gamma"):
        new_album(ada_client, name)
    assert list(listed(ada_client)) == ["Alpha", "alpha", "beta", "Gamma"]


def test_renaming_and_removing_keep_the_photos(ada_client, photos):
    album_id = new_album(ada_client, "Summer", photos[0].pk)
    renamed = send(ada_client, "PATCH", f"/albums/{album_id}", {"name": "Autumn"})
    assert (renamed.status_code, renamed.json()["name"], renamed.json()["photos"]) == (
        200,
        "Autumn",
        1,
    )
    assert ada_client.delete(f"/api/v1/albums/{album_id}").status_code == 204
    assert listed(ada_client) == {}
    assert ada_client.get(f"/api/v1/photos/{photos[0].pk}").json()["albums"] == []


@pytest.mark.parametrize("given", ["  Summer ", "Summer\n", "Summer"])
def test_names_are_trimmed(ada_client, given):
    assert send(ada_client, "POST", "/albums", {"name": given}).json()["name"] == "Summer"


def test_names_are_composed_so_that_equal_looking_ones_are_equal(ada_client):
    new_album(ada_client, "Café")
    again = send(ada_client, "POST", "/albums", {"name": "Cafe\u0301"})
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    assert "Café" in again.json()["message"]


def test_names_differ_by_case_and_emoji_and_scripts_are_names(ada_client):
    for name in ("summer", "Summer", "👩‍👩‍👧 2024", "夏休み", "می‌خواهم"):
        assert send(ada_client, "POST", "/albums", {"name": name}).status_code == 201
    assert len(listed(ada_client)) == 5


@pytest.mark.parametrize(
    "name", ["", "   ", "a\x00b", "a\nb", "a\u202eb", "a\u2066b", "\u200d", "x" * 121, "\ud800\x07"]
)
def test_names_that_cannot_be_read_are_refused(ada_client, name):
    answer = send(ada_client, "POST", "/albums", {"name": name})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_name")
    assert Album.objects.count() == 0


def test_renaming_to_a_name_that_is_taken_changes_nothing(ada_client):
    new_album(ada_client, "Summer")
    album_id = new_album(ada_client, "Autumn")
    answer = send(ada_client, "PATCH", f"/albums/{album_id}", {"name": "Summer"})
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
    assert set(listed(ada_client)) == {"Summer", "Autumn"}
    same = send(ada_client, "PATCH", f"/albums/{album_id}", {"name": "Autumn"})
    assert same.status_code == 200


def test_two_people_may_use_the_same_name(ada_client, bob_client):
    new_album(ada_client, "Summer")
    new_album(bob_client, "Summer")
    assert len(listed(ada_client)) == len(listed(bob_client)) == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/albums", {}),
        ("POST", "/albums", {"name": 7}),
        ("POST", "/albums", {"name": None}),
        ("POST", "/albums", {"name": "a", "colour": "red"}),
        ("POST", "/albums", ["a"]),
        ("PATCH", "/albums/{album}", {}),
        ("PATCH", "/albums/{album}", {"title": "a"}),
        ("POST", "/albums/{album}/photos", {}),
        ("POST", "/albums/{album}/photos", {"ids": "all"}),
        ("POST", "/albums/{album}/photos", {"ids": ["no-id"]}),
        ("POST", "/albums/{album}/photos", {"ids": [], "all": True}),
        ("POST", "/albums/{album}/photos", {"ids": [str(uuid.uuid4())] * 501}),
        ("DELETE", "/albums/{album}/photos", {"ids": [str(uuid.uuid4())] * 501}),
        ("POST", "/favourites", {"ids": [str(uuid.uuid4())] * 501}),
        ("DELETE", "/favourites", {}),
        ("PATCH", "/photos/{photo}", {"favourite": "yes"}),
        ("PATCH", "/photos/{photo}", {"favourite": None}),
        ("PATCH", "/photos/{photo}", {"caption": 3}),
        ("PATCH", "/photos/{photo}", {"tags": "sea"}),
        ("PATCH", "/photos/{photo}", {"tags": [1]}),
        ("PATCH", "/photos/{photo}", {"name": "other.jpg"}),
    ],
)
def test_bodies_that_make_no_sense_are_refused(ada_client, photos, method, path, body):
    filled = path.format(album=new_album(ada_client), photo=photos[0].pk)
    answer = send(ada_client, method, filled, body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
    assert len(listed(ada_client)) == 1


@pytest.mark.parametrize("body", ["", "{", "\x00"])
def test_what_is_no_json_is_a_bad_request(ada_client, body):
    answer = ada_client.generic("POST", "/api/v1/albums", body, "application/json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}


def test_anothers_album_is_the_same_404_as_an_unknown_one(ada_client, bob_client, photos, bobs):
    album_id = new_album(ada_client, "Summer", photos[0].pk)
    ids = {"ids": [str(bobs.pk)]}
    for method, rest, body in (
        ("GET", "", {}),
        ("PATCH", "", {"name": "Mine"}),
        ("DELETE", "", {}),
        ("POST", "/photos", ids),
        ("DELETE", "/photos", ids),
    ):
        theirs = send(bob_client, method, f"/albums/{album_id}{rest}", body)
        unknown = send(bob_client, method, f"/albums/{uuid.uuid4()}{rest}", body)
        assert theirs.status_code == unknown.status_code == 404
        assert theirs.content == unknown.content
    assert listed(ada_client) == {"Summer": 1}
    assert bob_client.get("/api/v1/albums").json() == {"albums": []}


# --- marks over the API --------------------------------------------------------------------------


def test_marks_are_changed_one_by_one(ada_client, photos):
    path = f"/photos/{photos[0].pk}"
    answer = send(ada_client, "PATCH", path, {"favourite": True, "tags": [" sea", "Élan", "sea"]})
    assert answer.status_code == 200
    assert answer.json()["tags"] == ["sea", "Élan"]
    answer = send(ada_client, "PATCH", path, {"caption": " By the sea\r\nin June\x07 "}).json()
    assert answer["favourite"] is True
    assert answer["caption"] == "By the sea\nin June"
    assert send(ada_client, "PATCH", path, {"tags": []}).json()["tags"] == []
    assert send(ada_client, "PATCH", path, {}).json()["caption"] == "By the sea\nin June"
    assert ada_client.get(f"/api/v1{path}").json()["favourite"] is True


@pytest.mark.parametrize("tag", ["", "a/b", "a,b", ".", "..", "x" * 61, "a\u202eb", "a\x00"])
def test_tags_without_an_address_are_refused_and_nothing_changes(ada_client, photos, tag):
    body = {"favourite": True, "tags": ["sea", tag]}
    answer = send(ada_client, "PATCH", f"/photos/{photos[0].pk}", body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_name")
    photo = ada_client.get(f"/api/v1/photos/{photos[0].pk}").json()
    assert (photo["favourite"], photo["tags"]) == (False, [])


def test_too_much_is_refused(ada_client, photos):
    path = f"/photos/{photos[0].pk}"
    assert send(ada_client, "PATCH", path, {"caption": "x" * 2001}).status_code == 400
    assert send(ada_client, "PATCH", path, {"caption": "x" * 2000}).status_code == 200
    many = [f"tag {place}" for place in range(101)]
    assert send(ada_client, "PATCH", path, {"tags": many}).status_code == 400
    assert send(ada_client, "PATCH", path, {"tags": many[:100]}).status_code == 200


def test_another_persons_photo_cannot_be_marked(bob_client, photos):
    path = f"/photos/{photos[0].pk}"
    theirs = send(bob_client, "PATCH", path, {"favourite": True})
    unknown = send(bob_client, "PATCH", f"/photos/{uuid.uuid4()}", {"favourite": True})
    assert theirs.status_code == unknown.status_code == 404
    assert theirs.content == unknown.content
    assert not Photo.objects.filter(favourite=True).exists()


def test_many_favourites_at_once(ada_client, photos, bobs):
    ids = {"ids": [str(photo.pk) for photo in [*photos[:3], bobs]]}
    assert send(ada_client, "POST", "/favourites", ids).json() == {"changed": 3}
    assert send(ada_client, "POST", "/favourites", ids).json() == {"changed": 0}
    assert send(ada_client, "DELETE", "/favourites", ids).json() == {"changed": 3}
    assert not Photo.objects.filter(favourite=True).exists()


def test_the_list_of_photos_knows_marks_in_as_many_queries_as_without(
    ada, ada_client, photos, django_assert_max_num_queries
):
    with django_assert_max_num_queries(20) as few:
        ada_client.get("/api/v1/photos")
    album = albums.create(ada, "Summer")
    albums.add(album, Photo.objects.all())
    for photo in photos:
        marks.update(photo, tags=["sea", "sun"])
    with django_assert_max_num_queries(len(few)):
        found = ada_client.get("/api/v1/photos").json()["photos"]
    assert [photo["tags"] for photo in found] == [["sea", "sun"]] * 4
    assert [photo["albums"] for photo in found] == [[{"id": str(album.pk), "name": "Summer"}]] * 4


# --- the trash -----------------------------------------------------------------------------------


def test_photos_in_the_trash_are_in_no_album_until_they_are_restored(ada, ada_client, photos):
    album_id = new_album(ada_client, "Summer", photos[0].pk, photos[1].pk)
    cover = ada_client.get(f"/api/v1/albums/{album_id}").json()["cover"]
    first = Photo.objects.filter(pk=photos[0].pk)
    marks.update(photos[0], favourite=True, tags=["sea"])
    trash.trash(first)
    now = ada_client.get(f"/api/v1/albums/{album_id}").json()
    assert (now["photos"], now["cover"]) == (1, f"/photos/{photos[1].pk}/thumbnail")
    assert shown(ada_client.get(f"/albums/{album_id}")) == [str(photos[1].pk)]
    assert shown(ada_client.get("/favourites")) == []
    assert shown(ada_client.get("/tags/sea")) == []
    assert marks.tags_in_use(ada) == []
    trash.restore(first)
    back = ada_client.get(f"/api/v1/albums/{album_id}").json()
    assert (back["photos"], back["cover"]) == (2, cover)
    assert shown(ada_client.get("/tags/sea")) == shown(ada_client.get("/favourites"))
    assert shown(ada_client.get("/tags/sea")) == [str(photos[0].pk)]
    assert marks.tags_in_use(ada) == ["sea"]


def test_photos_being_deleted_are_in_no_album(ada_client, photos):
    new_album(ada_client, "Summer", photos[0].pk, photos[1].pk)
    Photo.objects.filter(pk=photos[0].pk).update(deleted_at=timezone.now())
    assert listed(ada_client) == {"Summer": 1}


def test_what_is_in_the_trash_cannot_be_marked(ada_client, photos):
    album_id = new_album(ada_client)
    trash.trash(Photo.objects.filter(pk=photos[0].pk))
    ids = {"ids": [str(photos[0].pk)]}
    assert send(ada_client, "POST", f"/albums/{album_id}/photos", ids).json() == {"changed": 0}
    assert send(ada_client, "POST", "/favourites", ids).json() == {"changed": 0}
    marked = send(ada_client, "PATCH", f"/photos/{photos[0].pk}", {"favourite": True})
    assert marked.status_code == 404


def test_an_album_that_is_removed_meanwhile_takes_nothing(ada, photos):
    album = albums.create(ada, "Summer")
    Album.objects.filter(pk=album.pk).delete()
    assert albums.add(album, Photo.objects.all()) == 0


def test_photos_of_others_never_get_into_an_album(ada, photos, bobs):
    album = albums.create(ada, "Summer")
    assert albums.add(album, Photo.objects.all()) == 4
    assert not bobs.albums.exists()


@pytest.mark.django_db(transaction=True)
def test_the_same_name_many_times_at_once_is_one_album(ada):
    answers = []

    def make() -> None:
        client = Client()
        client.force_login(ada)
        answers.append(send(client, "POST", "/albums", {"name": "Summer"}).status_code)
        connection.close()

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201] + [409] * 5
    assert Album.objects.count() == 1
