"""The review page of duplicates, the history, and the duplicates of one photo, as a browser
without scripts and as htmx gets them."""

from __future__ import annotations

import html
import re
import uuid

import pytest
from django.utils import timezone

from gallery import trash
from gallery.models import Album, Embedding, Photo
from search.duplicates.groups import groups
from search.duplicates.models import DuplicateGroup, Kind, NotTheSame, Resolution
from tests.alike import alike, group, photo

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


def page(answer) -> str:
    """Return the words of an answer without tags, for people's eyes."""
    found = re.sub(r"<(script|svg|style).*?</\1>", " ", answer.content.decode(), flags=re.S)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found)).replace("\xa0", " ").split())


def groups_of(answer) -> list[str]:
    return re.findall(r'data-group="([^"]+)"', answer.content.decode())


def checked(answer) -> set[str]:
    """Return the ids of the photos whose check box says that they are kept."""
    boxes = re.findall(r'<input type="checkbox" name="keep"[^>]*>', answer.content.decode())
    return {re.search(r'value="([^"]+)"', box).group(1) for box in boxes if " checked" in box}


def form(shown: DuplicateGroup, action: str, *keep: Photo, **also: str) -> dict:
    """Return what the form of a group sends."""
    seen = [str(pk) for pk in shown.members.values_list("photo_id", flat=True)]
    fields = {"action": action, "seen": seen, "keep": [str(kept.pk) for kept in keep]}
    return fields | {"best": str(shown.keeper_id), "kind": shown.kind, "sort": "bytes"} | also


# --- what is shown --------------------------------------------------------------------------------


def test_the_keeper_is_chosen_with_its_reasons_and_the_rest_is_for_the_trash(ada_client, pair):
    _, large, _ = pair
    answer = ada_client.get("/duplicates")
    assert checked(answer) == {str(large.pk)}
    words = page(answer)
    assert "Best: 4032×3024, the largest" in words
    assert "Keep best 1 to the trash, frees 195.3 KB" in words
    assert "Keep best in 1 group – frees 195.3 KB" in words


def test_similar_shots_are_all_kept_and_stacked_by_default(ada_client, shots):
    _, taken = shots
    answer = ada_client.get("/duplicates?kind=similar_shots")
    assert checked(answer) == {str(shot.pk) for shot in taken}
    assert "Stack 3" in page(answer)
    first = re.search(r'<button[^>]*name="action" value="(\w+)"', answer.content.decode())
    assert first.group(1) == "stack", "Enter in a form presses its first button"
    assert "nothing is deleted" in page(answer)


def test_each_kind_has_its_figures_and_the_page_opens_where_there_is_something_to_do(
    ada_client, shots
):
    answer = ada_client.get("/duplicates")
    assert 'data-kind="similar_shots"' in answer.content.decode()
    words = page(answer)
    assert "Same picture 0 · 0 bytes" in words
    assert "Similar shots 1 · 2.0 KB" in words


def test_only_what_differs_is_shown_and_the_albums_always(ada, ada_client):
    both = [photo(ada, size=size, width=500) for size in (900, 800)]
    Album.objects.create(owner=ada, name="Sea").photos.set(both)
    group(*both)
    text = ada_client.get("/duplicates").content.decode()
    under = re.findall(r'<dl class="differs">(.*?)</dl>', text, re.S)
    assert len(under) == 2
    for facts in under:
        assert "<dt>File</dt>" in facts
        assert "<dd>Sea</dd>" in facts
        assert "<dt>Size</dt>" not in facts
    together = re.search(r'<details class="alike">(.*?)</details>', text, re.S).group(1)
    assert "500 × 300" in together


def test_how_copies_differ_is_a_quiet_word(ada, ada_client):
    first, second = photo(ada), photo(ada)
    alike(first, second, 0.978, how="rotated")
    groups.regroup_all(ada.pk)
    assert "97 % alike · rotated" in page(ada_client.get("/duplicates"))


@pytest.mark.slow
def test_all_pages_together_show_every_group_once_in_order(ada, ada_client):
    for number in range(53):
        group(photo(ada, size=10_000 + number), photo(ada, size=100 + number))
    seen, address, headers = [], "/duplicates?sort=bytes", {}
    while address:
        answer = ada_client.get(address, headers=headers)
        seen += groups_of(answer)
        more = re.search(r'<a class="button" href="([^"]+cursor[^"]+)"', answer.content.decode())
        address, headers = (html.unescape(more.group(1)) if more else ""), HTMX
    sizes = [DuplicateGroup.objects.get(pk=pk).recoverable for pk in seen]
    assert len(set(seen)) == len(seen) == 53
    assert sizes == sorted(sizes, reverse=True)


def test_a_page_costs_the_same_number_of_queries_whatever_is_on_it(
    ada, ada_client, django_assert_max_num_queries
):
    for _ in range(30):
        group(photo(ada), photo(ada), photo(ada))
    with django_assert_max_num_queries(20):
        assert len(groups_of(ada_client.get("/duplicates"))) == 30


@pytest.mark.parametrize(
    "address", ["?kind=no", "?sort=no", "?cursor=no", "?kind=same_file&cursor=no", "?group=no"]
)
def test_made_up_addresses_lead_to_the_page(ada_client, address):
    answer = ada_client.get(f"/duplicates{address}")
    assert answer.status_code == 302
    assert answer.headers["Location"] == "/duplicates"


def test_nothing_of_others_is_shown(bob_client, pair):
    shown, large, _ = pair
    answer = bob_client.get("/duplicates")
    assert groups_of(answer) == []
    assert groups_of(bob_client.get(f"/duplicates?group={shown.pk}")) == []
    assert bob_client.get(f"/photos/{large.pk}/duplicates").status_code == 404


def test_names_cannot_break_out_of_the_page(ada, ada_client):
    group(photo(ada, name='"><script>alert(1)</script>.jpg'), photo(ada))
    assert "<script>alert" not in ada_client.get("/duplicates").content.decode()


def test_one_group_has_an_address_of_its_own_whatever_its_kind(ada_client, pair, shots):
    for shown in (pair[0], shots[0]):
        answer = ada_client.get(f"/duplicates?group={shown.pk}")
        assert groups_of(answer) == [str(shown.pk)]
        assert f'data-kind="{shown.kind}" data-one' in answer.content.decode()
    ada_client.post(f"/duplicates/{pair[0].pk}/resolve", form(pair[0], "dismiss"))
    assert "This group has been decided" in page(ada_client.get(f"/duplicates?group={pair[0].pk}"))


# --- states ---------------------------------------------------------------------------------------


def test_the_empty_page_says_how_many_photos_were_compared(ada, ada_client, model):
    Embedding.objects.create(
        photo=photo(ada), model=model, state="indexed", compared_at=timezone.now()
    )
    words = page(ada_client.get("/duplicates"))
    assert "No duplicates" in words
    assert "1 photo compared." in words


def test_while_photos_are_compared_the_page_says_how_far(ada, ada_client, model):
    for compared in (None, None, timezone.now()):
        Embedding.objects.create(
            photo=photo(ada), model=model, state="indexed", compared_at=compared
        )
    assert "Nothing found yet" in page(ada_client.get("/duplicates"))
    part = ada_client.get("/duplicates/progress?kind=same_picture", headers=HTMX)
    assert "1 of 3 photos compared" in page(part)
    assert 'hx-swap-oob="true"' in part.content.decode(), "the tabs follow"


def test_when_all_is_decided_the_page_leads_to_the_history(ada_client, pair):
    shown, *_ = pair
    ada_client.post(f"/duplicates/{shown.pk}/resolve", form(shown, "dismiss"))
    answer = ada_client.get("/duplicates?kind=same_picture")
    assert "All decided" in page(answer)
    assert 'href="/duplicates/history"' in answer.content.decode()


def test_searching_again_puts_every_photo_back_in_line(ada, ada_client, model):
    row = Embedding.objects.create(
        photo=photo(ada), model=model, state="indexed", compared_at=timezone.now()
    )
    answer = ada_client.post("/duplicates/find", {"kind": "same_picture"}, follow=True)
    assert "All photos are being compared again." in page(answer)
    row.refresh_from_db()
    assert row.compared_at is None


def test_without_a_model_searching_again_says_so(ada_client):
    answer = ada_client.post("/duplicates/find", follow=True)
    assert "once the model is loaded" in page(answer)


def test_the_menu_counts_what_is_open(ada_client, bob_client, pair):
    assert ada_client.get("/duplicates/progress?only=count").content == b"1"
    assert bob_client.get("/duplicates/progress?only=count").content == b""


# --- one group ------------------------------------------------------------------------------------


def test_keeping_the_best_trashes_the_rest_and_can_be_undone(ada, ada_client, pair):
    shown, large, small = pair
    answer = ada_client.post(
        f"/duplicates/{shown.pk}/resolve", form(shown, "keep", large), follow=True
    )
    assert "1 photo to the trash, 195.3 KB freed" in page(answer)
    assert list(Photo.objects.in_trash_of(ada)) == [small]
    undo = re.search(r'action="(/duplicates/history/[^"]+/undo)"', answer.content.decode())
    answer = ada_client.post(undo.group(1), {"kind": "same_picture"}, follow=True)
    assert "Restored 1 photo." in page(answer)
    assert len(groups_of(answer)) == 1
    assert not Photo.objects.in_trash_of(ada).exists()


def test_a_person_may_keep_another_than_the_best(ada, ada_client, pair):
    shown, _, small = pair
    ada_client.post(f"/duplicates/{shown.pk}/resolve", form(shown, "keep", small))
    assert list(Photo.objects.visible_to(ada)) == [small]


def test_only_the_best_is_kept_whatever_is_marked(ada, ada_client, shots):
    shown, taken = shots
    ada_client.post(f"/duplicates/{shown.pk}/resolve", form(shown, "best", *taken))
    assert list(Photo.objects.visible_to(ada)) == [taken[-1]]


def test_stacking_deletes_nothing(ada, ada_client, shots):
    shown, _ = shots
    answer = ada_client.post(f"/duplicates/{shown.pk}/resolve", form(shown, "stack"), follow=True)
    assert "3 photos stacked" in page(answer)
    assert Photo.objects.visible_to(ada).count() == 3
    assert Photo.objects.visible_to(ada).unfolded().count() == 1


def test_not_the_same_is_remembered(ada, ada_client, pair):
    shown, *_ = pair
    ada_client.post(f"/duplicates/{shown.pk}/resolve", form(shown, "dismiss"))
    assert NotTheSame.objects.filter(owner=ada).count() == 1
    assert groups_of(ada_client.get("/duplicates")) == []


@pytest.mark.parametrize(("headers", "status"), [({}, 400), (HTMX, 200)])
def test_the_last_keeper_of_a_group_cannot_be_marked(ada, ada_client, pair, headers, status):
    shown, *_ = pair
    answer = ada_client.post(
        f"/duplicates/{shown.pk}/resolve", form(shown, "keep"), headers=headers
    )
    assert answer.status_code == status
    assert "At least one photo of a group is kept" in page(answer)
    assert groups_of(answer) == [str(shown.pk)]
    assert Photo.objects.visible_to(ada).count() == 2


def test_htmx_gets_a_note_in_the_place_of_the_group_and_new_figures(ada_client, pair):
    shown, large, _ = pair
    answer = ada_client.post(
        f"/duplicates/{shown.pk}/resolve", form(shown, "keep", large), headers=HTMX
    )
    text = answer.content.decode()
    assert "<html" not in text
    assert 'class="group decided"' in text
    assert "1 photo to the trash, 195.3 KB freed. Undo" in page(answer)
    assert "Same picture 0 · 0 bytes" in page(answer)


def test_undoing_in_place_brings_the_group_back(ada_client, pair):
    shown, large, _ = pair
    ada_client.post(f"/duplicates/{shown.pk}/resolve", form(shown, "keep", large))
    batch = Resolution.objects.get().batch
    answer = ada_client.post(
        f"/duplicates/history/{batch}/undo",
        {"at": "group", "kind": "same_picture"},
        headers=HTMX,
    )
    assert len(groups_of(answer)) == 1
    assert checked(answer) == {str(large.pk)}
    assert "Restored 1 photo." in page(answer)


@pytest.mark.parametrize(("headers", "status"), [({}, 409), (HTMX, 200)])
def test_of_two_tabs_one_wins_and_the_other_is_told(ada, ada_client, pair, headers, status):
    shown, large, small = pair
    sent = form(shown, "keep", large)
    ada_client.post(f"/duplicates/{shown.pk}/resolve", form(shown, "stack"))
    answer = ada_client.post(f"/duplicates/{shown.pk}/resolve", sent, headers=headers)
    assert answer.status_code == status
    assert "already decided" in page(answer)
    assert Photo.objects.visible_to(ada).filter(pk=small.pk).exists()


@pytest.mark.parametrize("how", ["trashed", "deleted"])
def test_a_photo_that_went_while_the_page_was_open_is_a_note_with_the_group_as_it_is(
    ada, ada_client, shots, how
):
    shown, taken = shots
    sent = form(shown, "best")
    gone = Photo.objects.filter(pk=taken[0].pk)
    trash.trash(gone)
    if how == "deleted":
        trash.empty(gone)
    answer = ada_client.post(f"/duplicates/{shown.pk}/resolve", sent, headers=HTMX)
    assert answer.status_code == 200
    assert re.search(r"changed while it was open|is gone", page(answer))
    assert Photo.objects.visible_to(ada).count() == 2


@pytest.mark.parametrize(
    "sent", [{"action": "burn"}, {"action": "keep", "keep": "x"}, {"seen": "y"}, {}]
)
def test_made_up_forms_are_refused(ada, ada_client, pair, sent):
    shown, *_ = pair
    answer = ada_client.post(f"/duplicates/{shown.pk}/resolve", sent)
    assert answer.status_code == 400
    assert Photo.objects.visible_to(ada).count() == 2


def test_anothers_group_is_the_same_404_as_an_unknown_one(bob_client, pair):
    shown, large, _ = pair
    sent = form(shown, "keep", large)
    assert bob_client.post(f"/duplicates/{shown.pk}/resolve", sent).status_code == 404
    assert bob_client.post(f"/duplicates/{uuid.uuid4()}/resolve", sent).status_code == 404
    assert Photo.objects.in_trash_of(large.owner).count() == 0


# --- one photo ------------------------------------------------------------------------------------


def test_the_duplicates_of_a_photo_are_shown_by_kind_with_their_group(ada, ada_client):
    one, same, shot = photo(ada, name="one.jpg"), photo(ada), photo(ada)
    made = group(one, same)
    alike(one, shot, kind=Kind.SIMILAR_SHOTS)
    answer = ada_client.get(f"/photos/{one.pk}/duplicates")
    words = page(answer)
    assert "Duplicates of one.jpg" in words
    assert "Same picture 1" in words
    assert "Similar shots 1" in words
    assert f"group={made.pk}" in answer.content.decode()
    assert groups_of(ada_client.get(f"/duplicates?kind=same_picture&group={made.pk}"))


def test_a_photo_without_duplicates_says_so(ada, ada_client):
    lone = photo(ada, name="lone.jpg")
    assert "No duplicates of this photo" in page(ada_client.get(f"/photos/{lone.pk}/duplicates"))
