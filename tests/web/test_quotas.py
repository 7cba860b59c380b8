"""What an account may store, wherever it comes from."""

from __future__ import annotations

import io
import threading

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import files, quotas, trash
from gallery.models import AccountQuota, Album, Companion, Photo, Tag
from gallery.quotas import Quota, QuotaFull
from tests.web.test_api_photos import media_files, picture, upload

pytestmark = pytest.mark.django_db


def said(answer) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


FULL = (413, "quota_full")


def test_there_is_no_limit_unless_somebody_sets_one(ada, ada_client, model):
    with CaptureQueriesContext(connection) as captured:
        quotas.require_room(ada.pk, 1 << 60)
    assert len(captured) == 1, "nothing is counted"
    assert upload(ada_client, picture()).status_code == 201


@pytest.mark.parametrize("for_all", [True, False])
def test_bytes_are_limited(ada, ada_client, bob_client, model, settings, for_all):
    data = picture()
    if for_all:
        settings.QUOTA_BYTES = 2 * len(data)
    else:
        AccountQuota.objects.create(owner=ada, bytes=2 * len(data))
    assert upload(ada_client, data).status_code == 201
    assert upload(ada_client, picture("blue")[: len(data)]).status_code == 201
    kept = media_files()
    answer = upload(ada_client, picture("green"))
    assert said(answer) == FULL
    assert "MB" in answer.json()["message"]
    assert media_files() == kept
    assert upload(ada_client, data).status_code == 200, "a copy takes no room"
    assert upload(bob_client, picture("green")).status_code == 201, "others have their own"


def test_an_account_may_have_more_than_the_others(ada, ada_client, model, settings):
    settings.QUOTA_FILES = 1
    AccountQuota.objects.create(owner=ada, files=0)
    assert [upload(ada_client, picture(one)).status_code for one in ("red", "blue")] == [201, 201]


def test_files_are_limited_and_the_trash_counts(ada, ada_client, model, settings):
    settings.QUOTA_FILES = 1
    photo = Photo.objects.get(pk=upload(ada_client, picture()).json()["id"])
    trash.trash(Photo.objects.filter(pk=photo.pk))
    assert said(upload(ada_client, picture("blue"))) == FULL
    trash.empty(Photo.objects.filter(pk=photo.pk))
    assert upload(ada_client, picture("blue")).status_code == 201


def test_files_beside_photos_count(ada, ada_client, model):
    photo = Photo.objects.get(pk=upload(ada_client, picture()).json()["id"])
    Companion.objects.create(
        photo=photo, kind="xmp", name="a.xmp", extension="xmp", sha256="0" * 64, size=5
    )
    used = quotas.used_by(ada.pk)
    assert (used.bytes, used.files) == (photo.size + 5, 2)


def test_external_photos_take_no_bytes(ada, ada_client, model):
    photo = upload(ada_client, picture()).json()["id"]
    Photo.objects.filter(pk=photo).update(external=True)
    assert quotas.used_by(ada.pk) == Quota(0, 1, 0)


def test_the_upload_form_says_so(ada, ada_client, model, settings):
    settings.QUOTA_BYTES = 10
    file = io.BytesIO(picture())
    file.name = "a.png"
    answer = ada_client.post("/upload", {"file": file})
    assert answer.status_code == 400
    assert b"does not fit any more" in answer.content


def test_an_import_stops_with_a_sentence(ada, model, settings, tmp_path):
    settings.QUOTA_FILES = 1
    for colour in ("red", "blue"):
        (tmp_path / f"{colour}.png").write_bytes(picture(colour))
    with pytest.raises(CommandError, match="may store 1 files"):
        call_command("import_folder", str(tmp_path), "--owner", "ada", stdout=io.StringIO())
    assert Photo.objects.count() == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda client: client.post("/api/v1/albums", {"name": "x"}, "application/json"),
        lambda client: client.post(
            "/api/v1/searches", {"name": "x", "query": "dog"}, "application/json"
        ),
    ],
)
def test_rows_are_limited(ada, bob, ada_client, bob_client, model, settings, make):
    settings.QUOTA_ROWS = 2
    Album.objects.create(owner=ada, name="one")
    tag = Tag.objects.create(owner=ada, name="two")
    assert said(make(ada_client)) == FULL
    tag.name = "changed"
    tag.save()
    assert make(bob_client).status_code in (200, 201)


def test_a_page_about_rows_says_so(ada, ada_client, model, settings):
    settings.QUOTA_ROWS = 1
    Album.objects.create(owner=ada, name="one")
    answer = ada_client.post("/albums", {"name": "two"})
    assert answer.status_code == 413
    assert b"has them already" in answer.content.replace(b"\n", b" ")


def test_a_page_that_expects_no_limit_is_no_bug(ada, rf):
    from gallery.views.error_pages import failed

    try:
        raise QuotaFull("Enough.")
    except QuotaFull:
        answer = failed(rf.get("/"))
    assert answer.status_code == 413
    assert b"Enough." in answer.content


def test_what_people_make_counts():
    names = {model.__name__ for model in quotas.counted_models()}
    assert names == {
        "Album", "EvaluationRun", "LabelSet", "Lesson", "SavedSearch", "Stack", "Tag",
    }  # fmt: skip
    for model in quotas.counted_models():
        assert model._meta.get_field("owner").is_relation


@pytest.mark.django_db(transaction=True)
def test_two_uploads_at_once_do_not_both_get_the_last_room(ada, ada_client, model, settings):
    settings.QUOTA_FILES = 1
    statuses, start = [], threading.Barrier(4)

    def send(colour):
        start.wait()
        statuses.append(upload(ada_client, picture(colour)).status_code)
        connection.close()

    colours = ("red", "blue", "green", "white")
    threads = [threading.Thread(target=send, args=(colour,)) for colour in colours]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201, 413, 413, 413]
    assert len(media_files()) == 1


def test_the_settings_page_shows_what_is_used(ada, ada_client, model, settings):
    assert b"with the trash" not in ada_client.get("/settings/storage").content
    settings.QUOTA_BYTES, settings.QUOTA_FILES, settings.QUOTA_ROWS = 1 << 30, 7, 9
    upload(ada_client, picture())
    page = ada_client.get("/settings/storage").content.decode()
    for sentence in ("of 1.0\xa0GB used, with the trash", "1 of 7 files", "0 of 9 albums"):
        assert sentence in " ".join(page.split(" "))


def test_a_command_sets_and_shows_limits(ada):
    def run(*arguments) -> str:
        out = io.StringIO()
        call_command("set_quota", "ada", *arguments, stdout=out)
        return out.getvalue()

    assert run() == "MiB: 0 of any number\nfiles: 0 of any number\nrows: 0 of any number\n"
    assert "MiB: 0 of 5\n" in run("--mb", "5")
    assert run("--files", "3") == "MiB: 0 of 5\nfiles: 0 of 3\nrows: 0 of any number\n"
    assert "files: 0 of any number" in run("--files", "0")
    assert AccountQuota.objects.get().files == 0
    assert "MiB: 0 of any number" in run("--default")
    for wrong in (("--mb", "-1"), ()):
        with pytest.raises(CommandError):
            call_command("set_quota", "ada" if wrong else "nobody", *wrong)


def test_counting_reads_an_index_alone(ada, model):
    if connection.vendor != "sqlite":
        pytest.skip("Postgres scans small tables")
    with CaptureQueriesContext(connection) as captured:
        quotas.used_by(ada.pk)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + captured.captured_queries[0]["sql"])
        plan = " ".join(str(row[-1]) for row in cursor.fetchall())
    assert "photo_size" in plan
    assert files.free_bytes()
