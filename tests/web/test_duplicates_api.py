"""The duplicates part of the API, as scripts use it."""

from __future__ import annotations

import time
import uuid
from datetime import timedelta

import pytest

from gallery import trash
from gallery.models import Album, Embedding, Photo, SkippedFile, Tag
from search.duplicates.groups import groups
from search.duplicates.models import DuplicateGroup, Kind, Sweep
from search.duplicates.review.listing import Sort
from tests.alike import ADDED, alike, group, ids, photo

pytestmark = pytest.mark.django_db

BASE = "/api/v1/duplicates"


def send(client, path, method="post", **body):
    return getattr(client, method)(path, body, content_type="application/json")


def text(found) -> list[str]:
    return sorted(str(photo_id) for photo_id in found)


@pytest.fixture
def pair(ada):
    """A group of a good photo and a poor one, and those two."""
    good = photo(ada, width=4032, height=3024, size=3000, name="IMG_1.jpg")
    poor = photo(ada, size=1000, favourite=True, name="IMG_1 (1).jpg")
    Album.objects.create(owner=ada, name="Holiday").photos.add(poor)
    poor.tags.add(Tag.objects.create(owner=ada, name="sea"))
    return group(good, poor), good, poor


def test_groups_are_listed_with_the_keeper_its_reasons_and_what_differs(ada_client, pair):
    made, good, poor = pair
    answer = ada_client.get(BASE).json()
    assert answer["totals"]["same_picture"] == {"groups": 1, "photos": 2, "bytes": 1000}
    assert answer["totals"]["similar_shots"] == {"groups": 0, "photos": 0, "bytes": 0}
    assert answer["next"] is None
    (found,) = answer["groups"]
    assert (found["id"], found["recoverable"], found["closeness"]) == (str(made.pk), 1000, 0.98)
    first, second = found["members"]
    assert (first["id"], first["keep"]) == (str(good.pk), True)
    assert first["reasons"] == [
        "4032×3024, the largest",
        "2.9\xa0KB, the largest file",
        "not named like a copy",
    ]
    assert (second["id"], second["keep"]) == (str(poor.pk), False)
    assert second["reasons"] == ["favourite", "in 1 album"]
    assert second["thumbnail"] == f"/photos/{poor.pk}/thumbnail"
    assert found["differing"] == ["Size", "File", "Name", "Albums", "Tags", "Favourite"]
    assert [second["facts"][name] for name in ("Size", "Albums", "Tags", "Favourite")] == [
        "400 × 300",
        "Holiday",
        "sea",
        "yes",
    ]
    assert list(first["facts"]) == list(second["facts"])
    assert ada_client.get(f"{BASE}/{made.pk}").json() == found


@pytest.mark.parametrize("sort", Sort.values)
def test_pages_follow_each_other_in_every_order(ada, ada_client, sort):
    for number in range(7):
        # Two of each: ties are broken as well.
        days = timedelta(days=number // 2)
        first = photo(ada, size=100 + number // 2, shown_at=ADDED + days)
        alike(first, photo(ada, size=1, shown_at=ADDED), 0.9 + number // 2 / 100)
    groups.regroup_all(ada.pk)
    seen, cursor = [], ""
    while cursor is not None:
        query = {"sort": sort, "limit": 2, "cursor": cursor}
        answer = ada_client.get(BASE, query).json()
        seen += answer["groups"]
        cursor = answer["next"]
    assert len({found["id"] for found in seen}) == 7
    column = {"bytes": "recoverable", "date": "newest_at", "closeness": "closeness"}[sort]
    assert [found[column] for found in seen] == sorted(
        (found[column] for found in seen), reverse=True
    )


@pytest.mark.parametrize(
    "query",
    [
        {"kind": "same_file"},
        {"sort": "beauty"},
        {"limit": 0},
        {"limit": 201},
        {"limit": "many"},
        {"cursor": "x"},
        {"cursor": "5_x"},
        {"cursor": f"nan_{uuid.uuid4().hex}"},
        {"sort": "closeness", "cursor": f"nan_{uuid.uuid4().hex}"},
        {"sort": "date", "cursor": f"{10**30}_{uuid.uuid4().hex}"},
        {"cursor": f"{10**30}_{uuid.uuid4().hex}"},
    ],
)
def test_made_up_queries_are_refused(ada_client, query):
    answer = ada_client.get(BASE, query)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


def test_a_group_is_decided_and_undone(ada, ada_client, pair):
    made, good, poor = pair
    seen = text(ids([good, poor]))
    path = f"{BASE}/{made.pk}/resolve"
    done = send(ada_client, path, action="keep", seen=seen, keep=[str(good.pk)])
    assert done.status_code == 200
    assert {name: done.json()[name] for name in ("keeper", "photos", "trashed", "freed")} == {
        "keeper": str(good.pk),
        "photos": 2,
        "trashed": 1,
        "freed": 1000,
    }
    assert list(Photo.objects.visible_to(ada)) == [good]
    again = send(ada_client, path, action="keep", seen=seen, keep=[str(good.pk)])
    assert (again.status_code, again.json()["code"]) == (409, "group_changed")
    (entry,) = ada_client.get(f"{BASE}/history").json()["entries"]
    assert (entry["batch"], entry["undone"]) == (done.json()["batch"], False)
    assert [cover["id"] for cover in entry["covers"]] == [str(good.pk)]
    undo = f"{BASE}/history/{entry['batch']}/undo"
    assert ada_client.post(undo).json() == {"restored": 1, "missing": 0}
    assert ada_client.post(undo).json() == {"restored": 0, "missing": 0}
    assert ada_client.get(f"{BASE}/history").json()["entries"][0]["undone"] is True
    assert len(ada_client.get(BASE).json()["groups"]) == 1


def test_a_group_seen_differently_is_not_decided(ada_client, pair):
    made, good, _ = pair
    path = f"{BASE}/{made.pk}/resolve"
    answer = send(ada_client, path, action="dismiss", seen=[str(good.pk)])
    assert (answer.status_code, answer.json()["code"]) == (409, "group_changed")
    assert "1 photo is new" in answer.json()["message"]
    assert DuplicateGroup.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"keep": []}, "nothing_kept"),
        ({"keep": [str(uuid.uuid4())]}, "nothing_kept"),
        ({"action": "shred"}, "bad_parameter"),
        ({"seen": ["x"]}, "bad_parameter"),
        ({"seen": None}, "bad_parameter"),
        ({"more": 1}, "bad_parameter"),
    ],
)
def test_bad_decisions_are_refused(ada, ada_client, pair, body, code):
    made, good, poor = pair
    sent = {"action": "keep", "seen": text(ids([good, poor])), "keep": [str(good.pk)]} | body
    answer = send(ada_client, f"{BASE}/{made.pk}/resolve", **sent)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert Photo.objects.visible_to(ada).count() == 2


def test_an_empty_decision_is_refused(ada_client, pair):
    assert ada_client.post(f"{BASE}/{pair[0].pk}/resolve").status_code == 400
    assert ada_client.post(f"{BASE}/resolve").status_code == 400


def test_anothers_group_cannot_be_decided_or_undone(ada, bob_client, pair):
    made, good, poor = pair
    sent = {"action": "dismiss", "seen": text(ids([good, poor]))}
    assert send(bob_client, f"{BASE}/{made.pk}/resolve", **sent).status_code == 404
    many = {"kind": "same_picture", "action": "keep", "groups": [str(made.pk)]}
    assert send(bob_client, f"{BASE}/resolve", **many).json() == {
        "batch": None,
        "groups": 0,
        "photos": 0,
        "freed": 0,
        "skipped": 1,
    }
    assert bob_client.get(BASE).json()["groups"] == []
    assert Photo.objects.visible_to(ada).count() == 2


def test_all_groups_of_a_kind_are_decided_at_once(ada, ada_client):
    for _ in range(3):
        group(photo(ada), photo(ada), kind=Kind.SIMILAR_SHOTS)
    group(photo(ada), photo(ada))
    done = send(
        ada_client, f"{BASE}/resolve", kind="similar_shots", action="stack", groups=None
    ).json()
    assert (done["groups"], done["photos"], done["freed"]) == (3, 6, 0)
    totals = ada_client.get(BASE).json()["totals"]
    assert (totals["similar_shots"]["groups"], totals["same_picture"]["groups"]) == (0, 1)


def test_criteria_are_changed_and_keepers_follow(ada_client, pair):
    _, _, poor = pair
    path = f"{BASE}/criteria"
    assert ada_client.get(path).json()["order"][0] == "negative"
    changed = send(ada_client, path, "put", order=["albums"], pattern="IMG*").json()
    assert (changed["order"][:2], changed["pattern"]) == (["albums", "negative"], "IMG*")
    assert ada_client.get(path).json() == changed
    (found,) = ada_client.get(BASE).json()["groups"]
    assert found["members"][0]["id"] == str(poor.pk)
    assert found["recoverable"] == 3000


@pytest.mark.parametrize(
    "body", [{"order": ["beauty"]}, {"order": "albums"}, {"order": [], "pattern": "x" * 101}, {}]
)
def test_made_up_criteria_are_refused(ada_client, body):
    answer = send(ada_client, f"{BASE}/criteria", "put", **body)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


def test_the_photos_that_one_is_like_are_told(ada, ada_client, pair):
    _, good, poor = pair
    shot, trashed, unlike = photo(ada), photo(ada), photo(ada)
    alike(good, shot, 0.9, Kind.SIMILAR_SHOTS)
    alike(good, trashed)
    trash.trash(Photo.objects.filter(pk=trashed.pk))
    groups.regroup(ada.pk, [shot.pk])
    group(good, unlike)
    dismissed = DuplicateGroup.objects.get(kind=Kind.SAME_PICTURE)
    found = ada_client.get(f"/api/v1/photos/{good.pk}/duplicates").json()
    assert {(match["photo"]["id"], match["kind"], match["closeness"]) for match in found} == {
        (str(poor.pk), "same_picture", 0.98),
        (str(unlike.pk), "same_picture", 0.98),
        (str(shot.pk), "similar_shots", 0.9),
    }
    assert all(match["group"] for match in found)
    send(
        ada_client,
        f"{BASE}/{dismissed.pk}/resolve",
        action="dismiss",
        seen=text(ids([good, poor, unlike])),
    )
    (left,) = ada_client.get(f"/api/v1/photos/{good.pk}/duplicates").json()
    assert left["photo"]["id"] == str(shot.pk)


def test_skipped_files_are_listed_newest_first(ada, ada_client, bob):
    stored, theirs, gone = photo(ada, size=500), photo(bob), photo(ada)
    trash.trash(Photo.objects.filter(pk=gone.pk))
    for number in range(3):
        SkippedFile.objects.create(
            owner=ada, photo=stored, name=f"{number}.jpg", source="import", skipped_at=ADDED
        )
    SkippedFile.objects.create(owner=bob, photo=theirs, name="b.jpg", source="upload")
    SkippedFile.objects.create(owner=ada, photo=gone, name="g.jpg", source="upload")
    first = ada_client.get(f"{BASE}/skipped", {"limit": 2}).json()
    rest = ada_client.get(f"{BASE}/skipped", {"limit": 2, "cursor": first["next"]}).json()
    names = [row["name"] for row in first["files"] + rest["files"]]
    assert names == ["2.jpg", "1.jpg", "0.jpg"]
    assert first["files"][0]["photo"]["id"] == str(stored.pk)
    assert ada_client.get(BASE).json()["totals"]["same_file"] == {
        "groups": 1,
        "photos": 3,
        "bytes": 1500,
    }
    assert ada_client.get(f"{BASE}/skipped", {"cursor": "x"}).status_code == 400


def test_a_new_search_is_asked_for_and_followed(ada, ada_client, model):
    Embedding.objects.create(photo=photo(ada), model=model, state="indexed", compared_at=ADDED)
    answer = ada_client.post(f"{BASE}/find")
    assert (answer.status_code, answer.json()) == (202, {"photos": 1})
    assert Sweep.objects.get().finished_at is None
    found = ada_client.get(f"{BASE}/progress").json()
    assert (found["total"], found["compared"], found["running"]) == (1, 0, True)


def test_without_a_model_there_is_nothing_to_search_with(ada_client):
    answer = ada_client.post(f"{BASE}/find")
    assert (answer.status_code, answer.json()["code"]) == (503, "model_loading")


def test_a_page_of_fifty_groups_takes_few_queries(ada, ada_client, django_assert_max_num_queries):
    for _ in range(60):
        first = photo(ada)
        for other in (photo(ada), photo(ada)):
            alike(first, other)
    groups.regroup_all(ada.pk)
    ada_client.get(BASE)
    with django_assert_max_num_queries(14):
        began = time.thread_time()
        assert len(ada_client.get(BASE).json()["groups"]) == 50
    assert time.thread_time() - began < 1.5
