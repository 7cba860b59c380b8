"""Full text beside vectors: real pipeline, real index, and a fake model that knows colours."""

from __future__ import annotations

import pytest
from django.db import connection

from gallery.models import Photo
from search import fulltext
from search.fulltext import upkeep
from search.models import PhotoWords
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain
from workers import housekeeping

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

COLOURS = ("red", "green", "blue", "yellow")


@pytest.fixture
def photos(ada_client, model):
    """Four indexed photos of ada: IMG_0.jpg is red, and so on."""
    ids = [
        upload(ada_client, picture(colour, (80, 60)), f"IMG_{place}.jpg").json()["id"]
        for place, colour in enumerate(COLOURS)
    ]
    drain()
    return ids


def hits(client, query: str) -> list[dict]:
    answer = client.get("/api/v1/search", {"q": query})
    assert answer.status_code == 200, answer.content
    return answer.json()["hits"]


def test_a_photo_with_the_words_comes_first_and_says_why(ada_client, photos):
    found = hits(ada_client, "IMG_3")
    assert found[0]["id"] == photos[3]
    assert found[0]["words"] == "file name: IMG_3.jpg"
    assert [hit["words"] for hit in found[1:]] == [""] * 3


def test_words_beside_a_picture_say_what_it_is_to_look_like(ada_client, photos):
    Photo.objects.filter(pk=photos[2]).update(caption="yellow")
    found = hits(ada_client, f"photo:{photos[0]} +yellow")
    assert found[0]["id"] == photos[3]
    assert not any(hit["words"] for hit in found)


def test_a_caption_is_found_as_soon_as_it_is_written(ada_client, photos):
    path, kind = f"/api/v1/photos/{photos[2]}", "application/json"
    ada_client.patch(path, {"caption": "A day in Lisbon"}, content_type=kind)
    assert hits(ada_client, "lisbon")[0]["words"] == "caption: A day in Lisbon"
    ada_client.patch(path, {"caption": ""}, content_type=kind)
    assert not any(hit["words"] for hit in hits(ada_client, "lisbon"))


def test_photos_that_say_what_is_excluded_are_left_out(ada_client, photos):
    kind = "application/json"
    ada_client.patch(f"/api/v1/photos/{photos[0]}", {"tags": ["family"]}, content_type=kind)
    ids = [hit["id"] for hit in hits(ada_client, "red -family")]
    assert photos[0] not in ids
    assert len(ids) == 3


def test_the_words_of_others_count_for_nothing(ada_client, bob_client, photos):
    assert hits(bob_client, "IMG_3") == []


def test_the_sweeper_writes_the_words_of_all(ada_client, photos):
    assert PhotoWords.objects.filter(stale=True).count() == 4
    housekeeping.sweep()
    assert not PhotoWords.objects.filter(stale=True).exists()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="other databases make no tables anew")
def test_tables_that_sqlite_makes_anew_keep_their_words(ada_client, photos):
    assert fulltext.catch_up() == 4
    upkeep.before_migrations(plan=["some"])
    with connection.schema_editor() as editor:
        editor._remake_table(Photo)
        editor._remake_table(PhotoWords)
    Photo.objects.filter(pk=photos[1]).update(caption="written by a migration")
    Photo.objects.filter(pk=photos[3]).delete()
    upkeep.after_migrations(plan=["some"])
    assert hits(ada_client, "migration")[0]["id"] == photos[1]
    assert not any(hit["words"] for hit in hits(ada_client, "IMG_3"))
    fresh = upload(ada_client, picture("cyan", (80, 60)), "fresh.jpg").json()["id"]
    drain()
    assert hits(ada_client, "fresh")[0]["id"] == fresh


def test_triggers_that_a_crash_left_away_are_made_again(ada_client, photos):
    fulltext.catch_up()
    upkeep.remove(connection)
    Photo.objects.filter(pk=photos[1]).update(caption="nobody noticed")
    PhotoWords.objects.filter(photo=photos[2]).delete()
    assert not upkeep.is_installed(connection)
    upkeep.after_migrations()
    assert upkeep.is_installed(connection)
    assert hits(ada_client, "noticed")[0]["id"] == photos[1]
    assert hits(ada_client, "IMG_2")[0]["id"] == photos[2]
    assert fulltext.catch_up() == 0
    upkeep.after_migrations()
    assert not PhotoWords.objects.filter(stale=True).exists()
