"""Look-alikes in results: folded under the best-ranked one, on every page, for their owner only."""

from __future__ import annotations

import itertools
import re
import uuid

import pytest
from django.utils import timezone

from gallery import stacks
from gallery.models import Photo
from search.duplicates.models import DuplicateEdge, DuplicateGroup, GroupMember, Kind
from search.engine import lookalikes
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

HTMX = {"HX-Request": "true"}
SHADES = [(220 - 12 * n, 30 + 6 * n, 30) for n in range(8)]


@pytest.fixture
def reds(ada_client, model) -> list[str]:
    """Eight photos from red to less red, by how well "red" finds them."""
    for n, shade in enumerate(SHADES):
        upload(ada_client, picture(shade, (80, 60), "PNG"), f"{n}.png")
    drain()
    hits = ask(ada_client, limit=20)["hits"]
    # What the worker found alike would fold too, and here the tests say what is.
    DuplicateEdge.objects.all().delete()
    DuplicateGroup.objects.all().delete()
    return [hit["id"] for hit in hits]


def ask(client, path="/api/v1/search", **params) -> dict:
    answer = client.get(path, {"q": "red", **params} if path.endswith("/search") else params)
    assert answer.status_code == 200
    return answer.json()


def group(owner, ids, kind=Kind.SIMILAR_SHOTS) -> None:
    first = Photo.objects.get(pk=ids[0])
    made = DuplicateGroup.objects.create(
        owner=owner,
        kind=kind,
        medoid=first,
        keeper=first,
        size=len(ids),
        recoverable=1,
        closeness=0.9,
        newest_at=first.shown_at,
    )
    GroupMember.objects.bulk_create(
        GroupMember(group=made, photo_id=one, kind=kind, closeness=0.9) for one in ids
    )


def stack(ids) -> None:
    stacks.create(Photo.objects.filter(pk__in=ids), Photo.objects.get(pk=ids[-1]))


def shown(answer) -> list[str]:
    return re.findall(r'class="tile"[^>]*data-id="([^"]+)"', answer.content.decode())


def text(answer) -> str:
    return answer.content.decode()


def pages(client, limit, path="/api/v1/search") -> list[dict]:
    """Return the hits of all pages, one after the other."""
    hits, cursor = [], ""
    for _ in range(20):
        answer = ask(client, path, limit=limit, fold=True, cursor=cursor)
        assert len(answer["hits"]) <= limit
        hits += answer["hits"]
        cursor = answer["next"]
        if cursor is None:
            return hits
    raise AssertionError("The pages do not end.")


def test_programs_get_every_photo_unless_they_ask(ada_client, ada, reds):
    group(ada, reds[:3])
    hits = ask(ada_client)["hits"]
    assert [hit["id"] for hit in hits] == reds
    assert all(hit["similar"] == [] for hit in hits)


def test_only_the_best_of_a_group_is_shown_and_names_the_others(ada_client, ada, reds):
    group(ada, [reds[5], reds[1], reds[3]])
    hits = ask(ada_client, fold=True)["hits"]
    assert [hit["id"] for hit in hits] == [reds[n] for n in (0, 1, 2, 4, 6, 7)]
    assert hits[1]["similar"] == sorted([reds[3], reds[5]])


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_no_page_repeats_what_another_folded_away(ada_client, ada, reds, limit):
    group(ada, [reds[0], reds[2], reds[7]])
    group(ada, [reds[1], reds[6]], Kind.SAME_PICTURE)
    stack([reds[3], reds[5]])
    hits = pages(ada_client, limit)
    assert [hit["id"] for hit in hits] == [reds[n] for n in (0, 1, 3, 4)]
    assert [len(hit["similar"]) for hit in hits] == [2, 1, 1, 0]


def test_pages_are_filled_up(ada_client, ada, reds):
    group(ada, reds[:6])
    answer = ask(ada_client, limit=3, fold=True)
    assert [hit["id"] for hit in answer["hits"]] == [reds[0], reds[6], reds[7]]


def test_what_a_third_photo_connects_is_one_fold(ada_client, ada, reds):
    stack([reds[4], reds[6]])
    group(ada, [reds[1], reds[2]])
    group(ada, [reds[2], reds[4]], Kind.SAME_PICTURE)
    for limit in (2, 20):
        hits = pages(ada_client, limit)
        assert [reds.index(hit["id"]) for hit in hits] == [0, 1, 3, 5, 7], limit
        assert len(hits[1]["similar"]) == 3


def test_nothing_is_lost_when_too_much_belongs_together(ada_client, ada, reds, monkeypatch):
    monkeypatch.setattr(lookalikes, "LIMIT", 3)
    stack([reds[0], reds[1]])
    group(ada, [reds[1], reds[2], reds[3]])
    for limit in (1, 20):
        hits = pages(ada_client, limit)
        covered = set(itertools.chain(*([hit["id"], *hit["similar"]] for hit in hits)))
        assert covered == set(reds)
        assert [hit["id"] for hit in hits] == [reds[0], *reds[2:]]


def test_what_is_in_the_trash_is_in_no_fold(ada_client, ada, reds):
    group(ada, [reds[0], reds[1], reds[2]])
    Photo.objects.filter(pk=reds[0]).update(trashed_at=timezone.now())
    hits = ask(ada_client, fold=True)["hits"]
    assert [hit["id"] for hit in hits] == [reds[1], *reds[3:]]
    assert hits[0]["similar"] == [reds[2]]


def test_photos_of_others_are_in_no_fold(ada_client, bob_client, ada, reds):
    theirs = upload(bob_client, picture("red", (80, 60))).json()["id"]
    drain()
    DuplicateGroup.objects.all().delete()
    group(ada, [reds[0], theirs])
    hits = ask(ada_client, fold=True)["hits"]
    assert [hit["id"] for hit in hits] == reds
    assert not any(hit["similar"] for hit in hits)


def test_similar_photos_fold_the_others_and_leave_out_the_photo(ada_client, ada, reds):
    group(ada, reds[:3])
    group(ada, reds[4:6])
    path = f"/api/v1/photos/{reds[0]}/similar"
    for limit in (1, 2, 20):
        hits = pages(ada_client, limit, path)
        covered = [one for hit in hits for one in (hit["id"], *hit["similar"])]
        assert sorted(covered) == sorted(reds[1:])
        assert {hits[0]["id"], *hits[0]["similar"]} == {reds[1], reds[2]}


def test_the_photos_own_look_alikes_come_first_however_far_they_rank(ada_client, ada, reds):
    group(ada, [reds[0], reds[7]], Kind.SAME_PICTURE)
    for limit in (1, 3, 20):
        hits = pages(ada_client, limit, f"/api/v1/photos/{reds[0]}/similar")
        assert hits[0]["id"] == reds[7]
        assert sorted(hit["id"] for hit in hits) == sorted(reds[1:])


def test_the_page_folds_unless_told_otherwise(ada_client, ada, reds):
    group(ada, reds[:3])
    page = ada_client.get("/search", {"q": "red"})
    assert len(shown(page)) == 6
    assert "2 similar photos, open" in text(page)
    assert 'href="/search?q=red&amp;fold=0"' in text(page)
    whole = ada_client.get("/search", {"q": "red", "fold": "0"})
    assert shown(whole) == reds
    assert "similar photos, open" not in text(whole)


def test_the_choice_stays_from_page_to_page(ada_client, ada, reds, monkeypatch):
    monkeypatch.setattr("search.views.results.PAGE", 5)
    group(ada, reds[:3])
    first = ada_client.get("/search", {"q": "red", "fold": "0"})
    following = re.search(r'hx-get="([^"]+)"[^>]*intersect', text(first)).group(1)
    assert "fold=0" in following
    part = ada_client.get(following.replace("&amp;", "&"), headers=HTMX)
    assert shown(first) + shown(part) == reds


def test_opened_in_place_it_brings_the_others(ada_client, ada, reds):
    group(ada, reds[:3])
    page = text(ada_client.get("/search", {"q": "red -blue"}))
    address = re.search(r'class="fold" href="([^"]+)"', page).group(1).replace("&amp;", "&")
    part = ada_client.get(address, headers=HTMX)
    assert "<html" not in text(part)
    assert f'href="/search?q=red+-blue+-photo:{shown(part)[0]}" data-refine="less"' in text(part)
    assert sorted(shown(part)) == sorted(reds[1:3])
    assert sorted(shown(ada_client.get(address))) == sorted(reds[:3])


def test_on_the_similar_page_the_photo_itself_is_not_among_the_others(ada_client, ada, reds):
    group(ada, reds[:3])
    page = text(ada_client.get(f"/photos/{reds[0]}/similar"))
    assert "1 similar photo, open" in page
    address = re.search(r'class="fold" href="([^"]+)"', page).group(1).replace("&amp;", "&")
    assert len(shown(ada_client.get(address, headers=HTMX))) == 1


@pytest.mark.parametrize("query", ["", "foo:bar", "\x00", "x" * 5000])
def test_without_a_query_that_can_be_read_look_alikes_have_nothing_to_add(
    ada_client, ada, reds, query
):
    group(ada, reds[:3])
    answer = ada_client.get(f"/photos/{reds[0]}/similar", {"alike": "1", "q": query}, headers=HTMX)
    assert sorted(shown(answer)) == sorted(reds[1:3])
    assert "data-refine" not in text(answer)


def test_look_alikes_of_a_photo_that_stands_alone_are_none(ada_client, reds):
    path = f"/photos/{reds[0]}/similar?alike=1"
    assert shown(ada_client.get(path, headers=HTMX)) == []
    assert shown(ada_client.get(path)) == [reds[0]]
    assert ada_client.get(f"/photos/{uuid.uuid4()}/similar?alike=1").status_code == 404


def test_a_picture_from_outside_finds_folded_results(ada_client, ada, reds):
    from django.core.files.uploadedfile import SimpleUploadedFile

    group(ada, reds[:3])
    sent = SimpleUploadedFile("red.png", picture(SHADES[0], kind="PNG"))
    answer = ada_client.post("/search/by-image", {"file": sent}, follow=True)
    assert len(shown(answer)) == 6


@pytest.mark.parametrize("value", ["maybe", "2"])
def test_a_made_up_choice_is_refused_by_the_api(ada_client, reds, value):
    answer = ada_client.get("/api/v1/search", {"q": "red", "fold": value})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")
