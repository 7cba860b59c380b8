"""The trash: there and back, seen nowhere else, and for ever only from there."""

from __future__ import annotations

import re
import threading
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import timezone

from gallery import files, ingest, stacks, trash
from gallery.models import Album, Embedding, EmbeddingModel, Photo, Tombstone
from gallery.signals import photos_moved
from gallery.views import trash_pages as views
from tests.lived import age, let_live
from tests.web.test_api_photos import media_files, picture, upload

pytestmark = pytest.mark.django_db

COLOURS = ("red", "green", "blue")
TYPO = {"ids": [], "every": True}


def text(answer) -> str:
    return answer.content.decode()


def add(client, colour="red", name="") -> Photo:
    answer = upload(client, picture(colour), name or f"{colour}.jpg")
    return Photo.objects.get(pk=answer.json()["id"])


@pytest.fixture
def photos(ada_client, model) -> list[Photo]:
    return [add(ada_client, colour) for colour in COLOURS]


@pytest.fixture
def trashed(ada_client, photos) -> list[Photo]:
    """All three, trashed one after the other."""
    for photo in photos:
        ada_client.delete(f"/api/v1/photos/{photo.pk}")
        photo.refresh_from_db()
    return photos


def post(client, path, body):
    return client.post(path, body, content_type="application/json")


def ids(*photos: Photo) -> dict[str, list[str]]:
    return {"ids": [str(photo.pk) for photo in photos]}


# --- there and back -------------------------------------------------------------------------------


def test_photos_go_to_the_trash_and_come_back(ada_client, photos):
    moved = post(ada_client, "/api/v1/photos/trash", ids(*photos[:2])).json()
    assert moved["count"] == 2
    assert set(moved["ids"]) == {str(photo.pk) for photo in photos[:2]}
    assert len(ada_client.get("/api/v1/photos").json()["photos"]) == 1
    back = post(ada_client, "/api/v1/trash/restore", ids(*photos)).json()
    assert back["count"] == 2
    assert len(ada_client.get("/api/v1/photos").json()["photos"]) == 3
    assert media_files()
    assert not Tombstone.objects.exists()


def test_doing_it_twice_changes_nothing(ada_client, photos):
    for count in (1, 0):
        answer = post(ada_client, "/api/v1/photos/trash", ids(photos[0], photos[0]))
        assert answer.json()["count"] == count
    trashed_at = Photo.objects.get(pk=photos[0].pk).trashed_at
    assert post(ada_client, "/api/v1/photos/trash", ids(photos[0])).json() == {
        "count": 0,
        "ids": [],
    }
    assert Photo.objects.get(pk=photos[0].pk).trashed_at == trashed_at
    for count in (1, 0):
        assert post(ada_client, "/api/v1/trash/restore", ids(photos[0])).json()["count"] == count


def test_ids_of_others_and_unknown_ones_are_not_counted(bob_client, ada_client, photos):
    body = {"ids": [*ids(*photos)["ids"], str(uuid.uuid4())]}
    assert post(bob_client, "/api/v1/photos/trash", body).json() == {"count": 0, "ids": []}
    post(ada_client, "/api/v1/photos/trash", body)
    assert post(bob_client, "/api/v1/trash/restore", body).json() == {"count": 0, "ids": []}
    assert bob_client.delete("/api/v1/trash").json() == {"count": 0}
    bob_client.post("/trash/empty", {"all": "1", "sure": "1"})
    bob_client.post("/trash/restore", {"all": "1"})
    assert Photo.objects.trashed().count() == 3


@pytest.mark.parametrize("path", ["/api/v1/photos/trash", "/api/v1/trash/restore"])
@pytest.mark.parametrize(
    "body", [{"ids": ["x"]}, {"ids": 7}, {}, [], {"ids": [str(uuid.uuid4())] * 10_001}, "{", TYPO]
)
def test_made_up_bodies_are_told(ada_client, model, path, body):
    answer = post(ada_client, path, body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_a_long_list_is_told_the_limit(ada_client, model):
    answer = post(ada_client, "/api/v1/photos/trash", {"ids": [str(uuid.uuid4())] * 10_001})
    assert answer.json()["code"] == "bad_parameter"
    assert "10000" in answer.json()["message"]


def test_moving_is_told_to_whoever_listens(ada_client, photos, django_capture_on_commit_callbacks):
    told: list[tuple[uuid.UUID, ...]] = []

    def listen(photo_ids, **_):
        told.append(tuple(photo_ids))

    photos_moved.connect(listen)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            trash.trash(Photo.objects.filter(pk=photos[0].pk))
            trash.trash(Photo.objects.filter(pk=photos[0].pk))
            trash.restore(Photo.objects.filter(pk=photos[0].pk))
    finally:
        photos_moved.disconnect(listen)
    assert told == [(photos[0].pk,)] * 2


@pytest.mark.django_db(transaction=True)
def test_tabs_that_move_the_same_photos_at_once_move_each_once(photos):
    def at_once(move) -> list[uuid.UUID]:
        moved: list[uuid.UUID] = []

        def work() -> None:
            moved.extend(move(Photo.objects.all()))
            connection.close()

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(moved)

    everything = sorted(photo.pk for photo in photos)
    for move in (trash.trash, trash.restore, trash.trash):
        assert at_once(move) == everything
    assert Photo.objects.trashed().count() == 3


# --- nowhere else ---------------------------------------------------------------------------------


def test_trashed_photos_are_in_no_answer(ada_client, photos):
    Embedding.objects.update(state="failed", reason="corrupt")
    gone = photos[0]
    files.write_atomically(files.thumbnail(gone.pk), b"webp")
    ada_client.delete(f"/api/v1/photos/{gone.pk}")
    for kind in ("", "/thumbnail", "/preview", "/original", "/similar"):
        assert ada_client.get(f"/photos/{gone.pk}{kind}").status_code == 404, kind
    for path in (f"/api/v1/photos/{gone.pk}", f"/api/v1/photos/{gone.pk}/similar"):
        assert ada_client.get(path).status_code == 404, path
    assert ada_client.delete(f"/api/v1/photos/{gone.pk}").status_code == 404
    for path in ("/", "/problems", "/settings"):
        assert "red.jpg" not in text(ada_client.get(path)), path
    found = ada_client.get("/api/v1/status").json()
    assert (found["photos"], found["failed"]) == (2, 2)
    assert len(ada_client.get("/api/v1/photos").json()["photos"]) == 2


def test_the_status_counts_photos_without_a_row_although_trashed_ones_have_theirs(
    ada_client, photos
):
    Embedding.objects.update(state="indexed")
    ada_client.delete(f"/api/v1/photos/{photos[0].pk}")
    Embedding.objects.filter(photo=photos[1]).delete()
    found = ada_client.get("/api/v1/status").json()
    assert (found["photos"], found["searchable"], found["pending"]) == (2, 1, 1)


# --- stacks, albums, models -----------------------------------------------------------------------


def test_restored_photos_come_back_into_their_stack_and_albums(ada, ada_client, photos):
    album = Album.objects.create(owner=ada, name="Sea")
    album.photos.set(photos)
    stack = stacks.create(Photo.objects.filter(owner=ada), photos[0])
    trash.trash(Photo.objects.filter(pk__in=[photos[0].pk, photos[1].pk]))
    alone = Photo.objects.get(pk=photos[2].pk)
    assert not alone.folded
    trash.restore(Photo.objects.filter(owner=ada))
    assert Photo.objects.filter(stack=stack).count() == 3
    assert Photo.objects.unfolded().count() == 1
    assert album.photos.live().count() == 3


def test_a_restored_photo_waits_for_a_model_that_came_meanwhile(ada, photos):
    trash.trash(Photo.objects.filter(pk=photos[0].pk))
    other = EmbeddingModel.objects.create(key="other", dim=4)
    trash.restore(Photo.objects.filter(pk=photos[0].pk))
    assert Embedding.objects.get(model=other).photo_id == photos[0].pk


# --- the same file again --------------------------------------------------------------------------


def test_a_file_in_the_trash_is_brought_back_by_its_upload(ada_client, trashed):
    before = len(media_files())
    answer = upload(ada_client, picture("red"), "again.jpg")
    assert answer.status_code == 200
    told = {
        "id": str(trashed[0].pk),
        "state": "pending",
        "duplicate": True,
        "restored": True,
        "url": f"/photos/{trashed[0].pk}",
    }
    assert answer.json().items() >= told.items()
    assert ada_client.get(f"/photos/{trashed[0].pk}").status_code == 200
    assert len(media_files()) == before
    assert upload(ada_client, picture("red")).json()["restored"] is False


def test_the_plain_form_says_that_a_photo_was_brought_back(ada_client, trashed):
    file = SimpleUploadedFile("red.jpg", picture("red"))
    assert "brought back from the trash" in text(ada_client.post("/upload", {"file": file}))
    assert Photo.objects.live().get().pk == trashed[0].pk


def test_an_import_may_leave_it_there(ada, ada_client, trashed, tmp_path):
    path = tmp_path / "red.jpg"
    path.write_bytes(picture("red"))
    result = ingest.ingest(ada, path, "red.jpg", from_trash=False)
    assert (result.duplicate, result.in_trash, result.restored) == (True, True, False)
    assert Photo.objects.live().count() == 0
    assert path.exists()


def test_a_file_in_somebody_elses_trash_is_a_new_one(bob_client, trashed):
    answer = upload(bob_client, picture("red"))
    assert (answer.status_code, answer.json()["duplicate"]) == (201, False)


# --- the page -------------------------------------------------------------------------------------


def test_an_empty_trash_says_what_it_is_for(ada_client, model):
    assert "The trash is empty" in text(ada_client.get("/trash"))


def test_the_page_says_how_long_and_how_much(ada_client, trashed):
    Photo.objects.update(size=2 * 1024 * 1024)
    let_live(40)
    for photo, old in zip(trashed, (18.4, 29.5, 40), strict=True):
        age(Photo.objects.filter(pk=photo.pk), old)
    page = text(ada_client.get("/trash"))
    assert "3 photos, 6.0" in page.replace("\xa0", " ")
    assert re.findall(r"(12 days left|Last day)", page) == ["12 days left", "Last day", "Last day"]
    assert page.index("red.jpg") < page.index("green.jpg") < page.index("blue.jpg")


def test_a_large_trash_comes_in_pages(ada_client, trashed, monkeypatch):
    monkeypatch.setattr(views, "PAGE", 2)
    Photo.objects.update(trashed_at=timezone.now())
    first = text(ada_client.get("/trash"))
    (following,) = re.findall(r'href="(/trash\?after=[^"]+)"', first)
    second = text(ada_client.get(following))
    names = [set(re.findall(r"(\w+\.jpg)</span>", page)) for page in (first, second)]
    assert [len(one) for one in names] == [2, 1]
    assert names[0] | names[1] == {"red.jpg", "green.jpg", "blue.jpg"}
    assert "on this page" in first
    assert "/trash?after=" not in second
    Photo.objects.filter(name__in=names[1]).update(trashed_at=None)
    assert ada_client.get(following).headers["Location"] == "/trash"
    assert ada_client.get("/trash?after=nonsense").headers["Location"] == "/trash"


def test_the_trash_shows_its_pictures_to_its_owner_only(ada_client, bob_client, trashed):
    photo = trashed[0]
    files.write_atomically(files.thumbnail(photo.pk), b"webp")
    answer = ada_client.get(f"/trash/{photo.pk}/thumbnail")
    assert b"".join(answer.streaming_content) == b"webp"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert ada_client.get(f"/trash/{photo.pk}/preview").headers["Content-Type"] == "image/jpeg"
    for kind in ("thumbnail", "preview"):
        assert bob_client.get(f"/trash/{photo.pk}/{kind}").status_code == 404
    trash.restore(Photo.objects.filter(pk=photo.pk))
    for kind in ("thumbnail", "preview"):
        assert ada_client.get(f"/trash/{photo.pk}/{kind}").status_code == 404


def test_some_or_all_are_restored_from_the_page(ada_client, trashed):
    answer = ada_client.post("/trash/restore", {"photo": [trashed[0].pk, "x"]}, follow=True)
    assert "1 photo is back in the gallery" in text(answer)
    answer = ada_client.post("/trash/restore", {"all": "1"}, follow=True)
    assert "2 photos are back in the gallery" in text(answer)
    answer = ada_client.post("/trash/restore", {"all": "1"}, follow=True)
    assert "Nothing was restored" in text(answer)


def test_undoing_a_deletion_leads_back_to_the_photo(ada_client, photos):
    page = text(ada_client.post(f"/photos/{photos[0].pk}/delete", follow=True))
    assert f'name="photo" value="{photos[0].pk}"' in page
    answer = ada_client.post("/trash/restore", {"photo": photos[0].pk, "undo": "1"})
    assert answer.headers["Location"] == f"/photos/{photos[0].pk}"
    assert ada_client.get(answer.headers["Location"]).status_code == 200


def test_a_name_is_no_markup_in_the_offer_to_undo(ada_client, photos):
    Photo.objects.filter(pk=photos[0].pk).update(name="<script>x</script>.jpg")
    page = text(ada_client.post(f"/photos/{photos[0].pk}/delete", follow=True))
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


# --- for ever -------------------------------------------------------------------------------------


def test_nothing_goes_for_ever_before_somebody_is_sure(ada_client, trashed):
    page = text(ada_client.post("/trash/empty", {"photo": [trashed[0].pk]}))
    assert "1 photo will be deleted for ever" in page
    assert f'name="photo" value="{trashed[0].pk}"' in page
    assert Photo.objects.trashed().count() == 3
    sure = {"photo": [trashed[0].pk], "sure": "1"}
    answer = ada_client.post("/trash/empty", sure, follow=True)
    assert "1 photo was deleted for ever" in text(answer)
    assert Photo.objects.trashed().count() == 2
    assert Tombstone.objects.get().photo_id == trashed[0].pk
    page = text(ada_client.post("/trash/empty", {"all": "1"}))
    assert "2 photos will be deleted for ever" in page
    ada_client.post("/trash/empty", {"all": "1", "sure": "1"})
    assert not Photo.objects.not_deleted().exists()
    assert "Nothing was deleted" in text(ada_client.post("/trash/empty", {}, follow=True))


def test_the_api_deletes_for_ever_out_of_the_trash_only(ada_client, bob_client, photos):
    gone = photos[0]
    assert ada_client.delete(f"/api/v1/trash/{gone.pk}").status_code == 404
    ada_client.delete(f"/api/v1/photos/{gone.pk}")
    assert bob_client.delete(f"/api/v1/trash/{gone.pk}").status_code == 404
    assert ada_client.delete(f"/api/v1/trash/{gone.pk}").status_code == 204
    assert ada_client.delete(f"/api/v1/trash/{gone.pk}").status_code == 404
    assert ada_client.delete("/api/v1/trash").json() == {"count": 0}
    assert Photo.objects.live().count() == 2


def test_live_photos_are_not_deleted_by_the_trash_page(ada_client, photos):
    ada_client.post("/trash/empty", {"photo": [photos[0].pk], "sure": "1"})
    assert Photo.objects.live().count() == 3


def test_the_trash_is_emptied_over_the_api(ada_client, trashed):
    assert ada_client.delete("/api/v1/trash").json() == {"count": 3}
    assert ada_client.get("/api/v1/trash").json() == {
        "photos": [],
        "next": None,
        "count": 0,
        "bytes": 0,
    }


@pytest.mark.parametrize("path", ["/trash/restore", "/trash/empty"])
def test_forms_need_the_csrf_token(ada, trashed, path):
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(ada)
    assert careful.post(path, {"all": "1", "sure": "1"}).status_code == 403
    assert Photo.objects.trashed().count() == 3


# --- the list of the API --------------------------------------------------------------------------


def test_the_trash_is_listed_in_pages(ada_client, trashed):
    first = ada_client.get("/api/v1/trash", {"limit": 2}).json()
    assert [photo["name"] for photo in first["photos"]] == ["blue.jpg", "green.jpg"]
    assert (first["count"], first["bytes"]) == (3, sum(photo.size for photo in trashed))
    second = ada_client.get("/api/v1/trash", {"limit": 2, "cursor": first["next"]}).json()
    assert [photo["name"] for photo in second["photos"]] == ["red.jpg"]
    assert second["next"] is None
    one = second["photos"][0]
    assert one["days_left"] == 30
    assert one["thumbnail"] == f"/trash/{trashed[0].pk}/thumbnail"
    assert one["preview"] == f"/trash/{trashed[0].pk}/preview"
    assert ada_client.get(one["preview"]).status_code == 200


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=x", "cursor=1_2"])
def test_made_up_parameters_of_the_list_are_told(ada_client, model, query):
    answer = ada_client.get(f"/api/v1/trash?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}


def test_the_settings_say_what_the_trash_takes(ada_client, trashed):
    Photo.objects.filter(pk=trashed[0].pk).update(size=5 * 1024 * 1024)
    page = text(ada_client.get("/settings/storage")).replace("\xa0", " ")
    assert all(part in page for part in ('<p class="big">5.0 MB</p>', 'href="/trash"'))
