"""Many duplicates decided at once, the criteria, files not stored twice, and the history."""

from __future__ import annotations

import csv
import html
import io
import re
import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from gallery import trash
from gallery.models import Photo, SkippedFile
from search.duplicates.groups.criteria import Criterion, criteria_of
from search.duplicates.models import DuplicateGroup, Kind, Resolution
from tests.alike import group, photo
from tests.web.test_duplicates_pages import HTMX, checked, form, groups_of, page

pytestmark = pytest.mark.django_db


# --- many groups ----------------------------------------------------------------------------------


@pytest.fixture
def pairs(ada) -> list[DuplicateGroup]:
    return [
        group(photo(ada, width=900, size=5000), photo(ada, width=300, size=1024 * (1 + number)))
        for number in range(4)
    ]


def bulk(scope: str, *meant: DuplicateGroup, **also) -> dict:
    named = {"page": "page", "ticked": "groups"}.get(scope, "page")
    fields = {"kind": "same_picture", "sort": "bytes", "scope": scope}
    return fields | {named: [str(made.pk) for made in meant]} | also


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_many_groups_are_decided_only_after_the_figures_were_confirmed(
    ada, ada_client, pairs, headers
):
    answer = ada_client.post("/duplicates/resolve", bulk("all"), headers=headers)
    words = page(answer)
    assert "Keep the best in 4 groups?" in words
    assert "4 photos (10.0 KB) go to the trash" in words
    assert "You can undo this for 30 days" in words
    assert Photo.objects.in_trash_of(ada).count() == 0
    answer = ada_client.post("/duplicates/resolve", bulk("all", sure="yes"), follow=True)
    assert "Best kept in 4 groups: 4 photos to the trash, 10.0 KB freed" in page(answer)
    assert Photo.objects.in_trash_of(ada).count() == 4
    assert Resolution.objects.values("batch").distinct().count() == 1


@pytest.mark.parametrize("scope", ["page", "ticked"])
def test_only_the_groups_meant_are_decided(ada, ada_client, pairs, scope):
    sent = bulk(scope, *pairs[:2], sure="yes")
    answer = ada_client.post("/duplicates/resolve", sent, headers=HTMX)
    assert set(groups_of(answer)) == {str(made.pk) for made in pairs[2:]}
    assert Photo.objects.in_trash_of(ada).count() == 2


def test_a_long_list_of_groups_fits_into_one_field(ada, ada_client, pairs):
    named = ",".join([str(made.pk) for made in pairs[:3]] + [str(uuid.uuid4())] * 2000)
    words = page(ada_client.post("/duplicates/resolve", bulk("page") | {"page": named}))
    assert "Keep the best in 3 groups?" in words


def test_groups_in_which_others_were_marked_are_decided_as_marked(ada, ada_client, pairs):
    first, *others = pairs
    small = first.members.exclude(photo=first.keeper_id).get().photo
    sent = bulk("all", choice=f"{first.pk} {small.pk} {first.keeper_id}")
    assert "4 photos (13.9 KB)" in page(ada_client.post("/duplicates/resolve", sent))
    ada_client.post("/duplicates/resolve", sent | {"sure": "yes"})
    left = set(Photo.objects.visible_to(ada).values_list("pk", flat=True))
    assert left == {small.pk, *(made.keeper_id for made in others)}
    answer = ada_client.get("/duplicates/history")
    assert "Best kept in 4 groups: 4 photos to the trash" in page(answer)
    batch = Resolution.objects.values_list("batch", flat=True).distinct().get()
    ada_client.post(f"/duplicates/history/{batch}/undo")
    assert Photo.objects.visible_to(ada).count() == 8


def test_stacking_many_leaves_groups_alone_in_which_photos_were_marked_for_the_trash(
    ada, ada_client, shots
):
    shown, taken = shots
    also = group(photo(ada), photo(ada), kind=Kind.SIMILAR_SHOTS)
    choice = f"{shown.pk} {taken[0].pk},{taken[1].pk} {taken[2].pk}"
    sent = bulk("all", kind="similar_shots", choice=choice)
    words = page(ada_client.post("/duplicates/resolve", sent))
    assert "2 photos become 1 stack" in words
    assert "1 group in which you marked photos for the trash stays as it is" in words
    answer = ada_client.post("/duplicates/resolve", sent | {"sure": "yes"}, headers=HTMX)
    assert groups_of(answer) == [str(shown.pk)]
    assert Photo.objects.in_trash_of(ada).count() == 0
    assert not DuplicateGroup.objects.filter(pk=also.pk).exists()


def test_what_changed_before_the_confirmation_is_left_and_said(ada, ada_client, pairs):
    sent = bulk("ticked", *pairs[:2])
    ada_client.post(f"/duplicates/{pairs[0].pk}/resolve", form(pairs[0], "dismiss"))
    answer = ada_client.post("/duplicates/resolve", sent | {"sure": "yes"}, headers=HTMX)
    assert "1 group was skipped because it had changed" in page(answer)
    assert Photo.objects.in_trash_of(ada).count() == 1


def test_undoing_many_shows_the_list_again(ada, ada_client, pairs):
    ada_client.post("/duplicates/resolve", bulk("all", sure="yes"))
    batch = Resolution.objects.values_list("batch", flat=True).first()
    sent = {"at": "list", "kind": "same_picture", "sort": "bytes"}
    answer = ada_client.post(f"/duplicates/history/{batch}/undo", sent, headers=HTMX)
    assert "Restored 4 photos." in page(answer)
    assert len(groups_of(answer)) == 4


def test_nothing_ticked_is_said(ada_client, pairs):
    words = page(ada_client.post("/duplicates/resolve", bulk("ticked")))
    assert "No group is ticked" in words


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"kind": "same_file", "scope": "all"},
        {"kind": "same_picture", "scope": "world"},
        {"kind": "same_picture", "scope": "ticked", "groups": "x"},
        {"kind": "same_picture", "scope": "all", "choice": "x y z"},
    ],
)
def test_made_up_bulk_forms_are_refused(ada, ada_client, pairs, sent):
    assert ada_client.post("/duplicates/resolve", sent | {"sure": "yes"}).status_code == 400
    assert Photo.objects.in_trash_of(ada).count() == 0


def test_groups_of_others_are_not_decided(ada, bob_client, pairs):
    bob_client.post("/duplicates/resolve", bulk("ticked", *pairs, sure="yes"))
    bob_client.post("/duplicates/resolve", bulk("all", sure="yes"))
    assert Photo.objects.in_trash_of(ada).count() == 0


# --- what to keep ---------------------------------------------------------------------------------


def test_changing_the_criteria_chooses_anew_at_once(ada, ada_client):
    large, loved = photo(ada, width=900), photo(ada, width=300, favourite=True)
    group(large, loved)
    order = ["favourite", *(name for name in Criterion.values if name != "favourite")]
    sent = {"order": order, "kind": "same_picture", "sort": "bytes"}
    answer = ada_client.post("/duplicates/criteria", sent, headers=HTMX)
    assert checked(answer) == {str(loved.pk)}
    assert "<details" in answer.content.decode()
    assert criteria_of(ada.pk).order == order


def test_without_scripts_a_button_moves_one_criterion(ada, ada_client, pair):
    before = list(Criterion.values)
    sent = {"order": before, "move": f"{before[2]} up", "pattern": "IMG_*"}
    answer = ada_client.post("/duplicates/criteria", sent)
    assert answer.status_code == 302
    after = criteria_of(ada.pk)
    assert after.order[:3] == [before[0], before[2], before[1]]
    assert after.pattern == "IMG_*"


@pytest.mark.parametrize("headers", [{}, HTMX])
@pytest.mark.parametrize("sent", [{"order": ["beauty"]}, {"pattern": "x" * 101}])
def test_made_up_criteria_are_refused_in_words(ada, ada_client, pair, headers, sent):
    answer = ada_client.post("/duplicates/criteria", sent, headers=headers)
    assert answer.status_code == (200 if headers else 400)
    assert re.search("There is no criterion|The pattern can have", page(answer))
    assert criteria_of(ada.pk).order == list(Criterion.values)


# --- files that were not stored twice -------------------------------------------------------------


def test_files_that_were_here_already_are_listed_with_their_photo(ada, ada_client, bob_client):
    kept = photo(ada, name="beach.jpg", size=2048)
    SkippedFile.objects.create(owner=ada, photo=kept, name="backup/beach.jpg", source="import")
    words = page(ada_client.get("/duplicates?kind=same_file"))
    assert "Same file 1 · 2.0 KB" in words
    assert "backup/beach.jpg is the same file as beach.jpg" in words
    assert "2.0 KB · import" in words
    assert "No repeated files" in page(bob_client.get("/duplicates?kind=same_file"))


def test_the_list_of_skipped_files_is_csv_that_no_spreadsheet_runs(ada, ada_client):
    kept = photo(ada, name="beach.jpg", size=2048)
    for number in range(205):
        SkippedFile.objects.create(owner=ada, photo=kept, name=f"=cmd|{number}", source="upload")
    answer = ada_client.get("/duplicates?kind=same_file&format=csv")
    rows = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert rows[0] == ["file", "same as", "address", "source", "bytes", "when"]
    assert len(rows) == 206
    assert all(row[0].startswith("'=cmd|") for row in rows[1:])
    assert rows[1][1:5] == ["beach.jpg", f"http://testserver/photos/{kept.pk}", "upload", "2048"]


# --- history --------------------------------------------------------------------------------------


def test_the_history_tells_what_was_done_and_restores(ada, ada_client, pair):
    shown, large, small = pair
    ada_client.post(f"/duplicates/{shown.pk}/resolve", form(shown, "keep", large))
    answer = ada_client.get("/duplicates/history")
    assert "1 photo to the trash, 195.3 KB freed" in page(answer)
    assert "Restore" in page(answer)
    batch = Resolution.objects.get().batch
    answer = ada_client.post(f"/duplicates/history/{batch}/undo", {"at": "history"}, follow=True)
    assert "Restored 1 photo." in page(answer)
    assert "undone" in page(answer)
    assert Photo.objects.visible_to(ada).filter(pk=small.pk).exists()


def test_what_was_deleted_for_ever_is_said_when_restoring(ada, ada_client, pairs):
    ada_client.post("/duplicates/resolve", bulk("ticked", *pairs[:2], sure="yes"))
    trash.empty(Photo.objects.filter(pk=Photo.objects.in_trash_of(ada).first().pk))
    batch = Resolution.objects.values_list("batch", flat=True).first()
    answer = ada_client.post(f"/duplicates/history/{batch}/undo", headers=HTMX)
    assert page(answer) == "Restored 1 photo; 1 was deleted for ever."


def test_all_pages_of_the_history_show_every_decision_once(ada, ada_client):
    for number in range(35):
        Resolution.objects.create(
            owner=ada,
            kind=Kind.SAME_PICTURE,
            action="dismiss",
            photos=number + 2,
            decided_at=timezone.now() - timedelta(hours=number),
        )
    seen, address = [], "/duplicates/history"
    while address:
        answer = ada_client.get(address, headers=HTMX if seen else {})
        seen += re.findall(r"(\d+) photos marked as not the same", page(answer))
        more = re.search(r'<a class="button" href="([^"]+cursor[^"]+)"', answer.content.decode())
        address = html.unescape(more.group(1)) if more else ""
    assert [int(count) for count in seen] == list(range(2, 37))
    assert ada_client.get("/duplicates/history?cursor=no").status_code == 302


def test_the_history_of_others_is_not_undone(ada, ada_client, bob_client, pair):
    shown, large, _ = pair
    ada_client.post(f"/duplicates/{shown.pk}/resolve", form(shown, "keep", large))
    batch = Resolution.objects.get().batch
    assert bob_client.post(f"/duplicates/history/{batch}/undo").status_code == 404
    assert "Nothing decided yet" in page(bob_client.get("/duplicates/history"))
    assert Photo.objects.in_trash_of(ada).count() == 1
