"""Stacks: made, shown as one tile, opened, and taken apart; what was skipped as a copy."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import stacks, trash
from gallery.models import Photo, SkippedFile, Stack
from tests.web.test_api_photos import picture, upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

HTMX = {"HX-Request": "true"}
COLOURS = ("red", "green", "blue", "white")


@pytest.fixture
def ids(ada_client, model) -> list[str]:
    return [upload(ada_client, picture(c), f"{c}.jpg").json()["id"] for c in COLOURS]


def post(client, path, **body):
    return client.post(path, body, content_type="application/json")


@pytest.fixture
def stack(ada_client, ids) -> dict:
    """A stack of red, green and blue; blue is the cover."""
    answer = post(ada_client, "/api/v1/stacks", ids=ids[:3], cover=ids[2])
    assert answer.status_code == 201
    return answer.json()


def shown(answer) -> list[str]:
    return re.findall(r'class="tile"[^>]*data-id="([^"]+)"', answer.content.decode())


def text(answer) -> str:
    return answer.content.decode()


# --- in the grid ----------------------------------------------------------------------------------


def test_a_stack_is_one_tile_that_says_how_many_it_has(ada_client, ids, stack):
    page = ada_client.get("/")
    assert sorted(shown(page)) == sorted([ids[2], ids[3]])
    assert "Stack of 3 photos, open" in text(page)
    assert f'href="/stacks/{stack["id"]}"' in text(page)
    assert ">+2<" in text(page)
    selected = re.search(r'data-stack-ids="([^"]+)"', text(page)).group(1).split()
    assert selected[0] == ids[2]
    assert sorted(selected) == sorted(ids[:3])
    assert "4 photos" in text(page)


def test_all_photos_are_shown_when_asked_for(ada_client, ids, stack):
    page = ada_client.get("/?stacks=all")
    assert sorted(shown(page)) == sorted(ids)
    assert "data-stack-ids" not in text(page)


def test_the_choice_stays_from_page_to_page(ada_client, ids, stack, monkeypatch):
    monkeypatch.setattr("gallery.views.pages.PAGE", 2)
    first = ada_client.get("/?stacks=all")
    following = re.search(r'href="(/\?after=[^"]+)"', text(first)).group(1).replace("&amp;", "&")
    assert following.endswith("&stacks=all")
    part = ada_client.get(following, headers=HTMX)
    assert sorted(shown(first) + shown(part)) == sorted(ids)


def test_the_switch_is_there_only_where_there_is_a_stack(ada_client, bob_client, ids, stack):
    assert 'aria-label="Show stacks"' in text(ada_client.get("/"))
    assert 'aria-label="Show stacks"' not in text(bob_client.get("/"))


def test_a_page_of_stacks_asks_no_more_than_a_page_of_photos(ada_client, ada, ids):
    with CaptureQueriesContext(connection) as plain:
        ada_client.get("/")
    for pair in (ids[:2], ids[2:]):
        post(ada_client, "/api/v1/stacks", ids=pair)
    with CaptureQueriesContext(connection) as stacked:
        ada_client.get("/")
    assert len(stacked) <= len(plain) + 1


@pytest.mark.parametrize("trashed", [0, 500])
def test_the_grid_is_read_from_its_own_index_whatever_was_trashed(ada, trashed):
    now, live = timezone.now(), 1_000
    Photo.objects.bulk_create(
        Photo(
            owner=ada,
            sha256=f"{number:064x}",
            size=1,
            width=1,
            height=1,
            shown_at=now - timedelta(minutes=number),
            trashed_at=now - timedelta(seconds=number) if number >= live else None,
        )
        for number in range(live + trashed)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    plan = Photo.objects.visible_to(ada).unfolded().newest_first()[:80].explain()
    assert "photo_grid_folded" in plan or "Index Scan" in plan


def test_opened_in_place_it_brings_what_is_under_the_cover(ada_client, ids, stack):
    part = ada_client.get(f"/stacks/{stack['id']}", headers=HTMX)
    assert "<html" not in text(part)
    assert shown(part) == ids[:2]
    assert text(part).count(f'data-of="{ids[2]}"') == 2


def test_without_scripts_it_is_a_page(ada_client, ids, stack):
    page = ada_client.get(f"/stacks/{stack['id']}")
    assert shown(page) == [ids[2], *ids[:2]]
    assert "Stack of 3" in text(page)


def test_a_tile_for_the_closed_stack_can_be_asked_for(ada_client, ids, stack):
    part = ada_client.get(f"/stacks/{stack['id']}?closed=1", headers=HTMX)
    assert shown(part) == [ids[2]]
    assert "Stack of 3 photos, open" in text(part)


def test_photos_in_the_trash_are_not_counted_and_come_back(ada_client, ada, ids, stack):
    one = Photo.objects.filter(pk=ids[0])
    trash.trash(one)
    assert "Stack of 2 photos, open" in text(ada_client.get("/"))
    trash.restore(one)
    assert "Stack of 3 photos, open" in text(ada_client.get("/"))


def test_when_the_cover_goes_another_one_stands_for_the_stack(ada_client, ids, stack):
    trash.trash(Photo.objects.filter(pk=ids[2]))
    page = ada_client.get("/")
    assert sorted(shown(page)) == sorted([ids[0], ids[3]])
    trash.trash(Photo.objects.filter(pk=ids[0]))
    page = ada_client.get("/")
    assert sorted(shown(page)) == sorted([ids[1], ids[3]])
    assert "Stack of" not in text(page)


def test_a_stack_that_is_in_the_trash_is_the_404(ada_client, ids, stack):
    trash.trash(Photo.objects.filter(pk__in=ids[:3]))
    assert ada_client.get(f"/stacks/{stack['id']}").status_code == 404


# --- on the page of a photo -----------------------------------------------------------------------


def test_the_page_of_a_photo_shows_its_stack(ada_client, ids, stack):
    page = text(ada_client.get(f"/photos/{ids[0]}"))
    assert "In a stack of 3" in page
    for words in ("Unstack", "Use as cover", "Remove from the stack"):
        assert words in page
    assert "Use as cover" not in text(ada_client.get(f"/photos/{ids[2]}"))
    assert "In a stack" not in text(ada_client.get(f"/photos/{ids[3]}"))


def test_another_photo_becomes_the_cover(ada_client, ids, stack):
    answer = ada_client.post("/stacks", {"cover": ids[0]})
    assert answer.headers["Location"] == f"/photos/{ids[0]}"
    assert sorted(shown(ada_client.get("/"))) == sorted([ids[0], ids[3]])


def test_a_photo_is_taken_out_of_its_stack(ada_client, ids, stack):
    path = f"/stacks/{stack['id']}/unstack"
    answer = ada_client.post(path, {"photo": ids[2], "back": ids[2]})
    assert answer.headers["Location"] == f"/photos/{ids[2]}"
    assert sorted(shown(ada_client.get("/"))) == sorted([ids[0], ids[2], ids[3]])
    ada_client.post(path, {"photo": ids[1]})
    assert sorted(shown(ada_client.get("/"))) == sorted(ids)
    assert not Stack.objects.exists()


def test_unstacking_shows_every_photo_again(ada_client, ids, stack):
    assert ada_client.post(f"/stacks/{stack['id']}/unstack").headers["Location"] == "/"
    assert sorted(shown(ada_client.get("/"))) == sorted(ids)


def test_a_form_stacks_photos_too(ada_client, ids):
    ada_client.post("/stacks", {"photo": ids[:2], "cover": ids[1]})
    assert sorted(shown(ada_client.get("/"))) == sorted(ids[1:])


@pytest.mark.parametrize("sent", [{}, {"photo": "nonsense"}, {"cover": "x"}, {"cover": ""}])
def test_a_form_that_names_no_photo_is_the_404(ada_client, ids, sent):
    assert ada_client.post("/stacks", sent).status_code == 404


def test_taking_out_a_photo_of_no_stack_is_the_404(ada_client, ids, stack):
    path = f"/stacks/{stack['id']}/unstack"
    for photo in (ids[3], "nonsense", str(uuid.uuid4())):
        assert ada_client.post(path, {"photo": photo}).status_code == 404


# --- over the API ---------------------------------------------------------------------------------


def test_a_stack_of_which_one_photo_is_left_for_good_is_none(ada_client, ids, stack):
    post(ada_client, "/api/v1/photos/trash", ids=ids[:2])
    assert Stack.objects.exists(), "those in the trash may come back to it"
    ada_client.delete("/api/v1/trash")
    assert not Stack.objects.exists()
    assert ada_client.get(f"/api/v1/photos/{ids[2]}").json()["stack"] is None


def test_a_stack_over_the_api(ada_client, ids, stack):
    assert stack == {"id": stack["id"], "cover": ids[2], "photos": [ids[2], *ids[:2]]}
    path = f"/api/v1/stacks/{stack['id']}"
    assert ada_client.get(path).json() == stack
    changed = post(ada_client, f"{path}/cover", id=ids[0]).json()
    assert (changed["cover"], changed["photos"][0]) == (ids[0], ids[0])
    assert ada_client.get(f"/api/v1/photos/{ids[0]}").json()["stack"] == stack["id"]
    assert ada_client.delete(path).status_code == 204
    assert ada_client.get(path).status_code == 404
    assert ada_client.get(f"/api/v1/photos/{ids[0]}").json()["stack"] is None


def test_the_first_photo_is_the_cover_unless_another_is_named(ada_client, ids):
    assert post(ada_client, "/api/v1/stacks", ids=ids[1:]).json()["cover"] == ids[1]


def test_photos_leave_the_stack_they_were_in(ada_client, ids, stack):
    made = post(ada_client, "/api/v1/stacks", ids=[ids[2], ids[3]]).json()
    assert made["photos"] == [ids[2], ids[3]]
    assert sorted(ada_client.get(f"/api/v1/stacks/{stack['id']}").json()["photos"]) == sorted(
        ids[:2]
    )
    assert len(shown(ada_client.get("/"))) == 2


def test_what_cannot_be_stacked_is_refused(ada_client, ids):
    many = [str(uuid.uuid4()) for _ in range(stacks.MAX_PHOTOS + 1)]
    for body in (
        {},
        {"ids": []},
        {"ids": ids[:1]},
        {"ids": [ids[0], ids[0]]},
        {"ids": many},
        {"ids": ids[:2], "covr": ids[1]},
    ):
        answer = post(ada_client, "/api/v1/stacks", **body)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
    answer = post(ada_client, "/api/v1/stacks", ids=ids[:2], cover=ids[3])
    assert answer.status_code == 400
    assert not Stack.objects.exists()


def test_photos_of_others_and_of_the_trash_are_the_404(ada_client, bob_client, ids, stack):
    theirs = upload(bob_client, picture("pink")).json()["id"]
    for one in (theirs, str(uuid.uuid4())):
        assert post(ada_client, "/api/v1/stacks", ids=[ids[3], one]).status_code == 404
    trash.trash(Photo.objects.filter(pk=ids[3]))
    assert post(ada_client, "/api/v1/stacks", ids=[ids[3], ids[0]]).status_code == 404
    for path in (f"/api/v1/stacks/{stack['id']}", f"/api/v1/stacks/{uuid.uuid4()}"):
        assert bob_client.get(path).status_code == 404
        assert bob_client.delete(path).status_code == 404
        assert post(bob_client, f"{path}/cover", id=theirs).status_code == 404


def test_only_a_photo_of_the_stack_can_be_its_cover(ada_client, ids, stack):
    path = f"/api/v1/stacks/{stack['id']}/cover"
    for body in ({}, {"id": ids[3]}, {"id": str(uuid.uuid4())}, {"id": "x"}):
        assert post(ada_client, path, **body).status_code == 400


# --- files that were skipped ----------------------------------------------------------------------


def skipped() -> list[tuple[str, str]]:
    return sorted(SkippedFile.objects.values_list("source", "name"))


def test_an_upload_that_is_here_already_is_remembered_once(ada_client, bob_client, ids):
    for _ in range(2):
        upload(ada_client, picture("red"), "again.jpg")
    upload(bob_client, picture("red"), "mine.jpg")
    assert skipped() == [("upload", "again.jpg")]
    assert str(SkippedFile.objects.get().photo_id) == ids[0]


def run_import(folder) -> str:
    out = StringIO()
    call_command("import_folder", str(folder), "--owner", "ada", "-v0", stdout=out)
    return out.getvalue().strip()


@pytest.fixture
def folder(tmp_path):
    files = {
        "a/one.jpg": "red",
        "a/two.jpg": "green",
        "b/one.jpg": "red",
        "b/copy of one.jpg": "red",
    }
    for name, colour in files.items():
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(picture(colour))
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    return tmp_path / "in"


def test_an_import_tells_copies_from_what_it_knew(ada, model, folder):
    said = run_import(folder)
    size = len(picture("red")) * 2 / 1024
    assert said == (
        f"2 added, 2 already here (2 of them extra copies in this folder, {size:.1f} KB), 1 refused"
    )
    assert skipped() == [("import", "b/copy of one.jpg"), ("import", "b/one.jpg")]


def test_importing_a_folder_again_lists_nothing_new(ada, model, folder):
    run_import(folder)
    before = skipped()
    said = run_import(folder)
    assert said.startswith("4 already here (2 of them extra copies in this folder")
    assert skipped() == before


def test_a_copy_under_another_name_is_remembered(ada, model, folder, tmp_path):
    run_import(folder)
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "renamed.jpg").write_bytes(picture("green"))
    (tmp_path / "more" / "two.jpg").write_bytes(picture("green"))
    SkippedFile.objects.all().delete()
    assert "1 of them an extra copy in this folder" in run_import(tmp_path / "more")
    assert skipped() == [("import", "renamed.jpg"), ("import", "two.jpg")]


def test_what_lies_in_the_trash_stays_there(ada, model, folder):
    run_import(folder)
    trash.trash(Photo.objects.filter(name="one.jpg"))
    SkippedFile.objects.all().delete()
    assert run_import(folder) == "1 already here, 3 in the trash, 1 refused"
    assert Photo.objects.visible_to(ada).count() == 1
    assert skipped() == []
