"""Labels as scripts use them: sets, the photos of a label, the labels of a photo, answers."""

from __future__ import annotations

import uuid

import pytest

from gallery import sensitive
from gallery.models import Photo
from search.understanding.models import Label, LabelHit, LabelSet, Verdict
from tests.embedders import PALETTE
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

BASE = "/api/v1/label-sets"


def send(client, path, method="post", **body):
    return getattr(client, method)(path, body, content_type="application/json")


def fill(client, *colours: str) -> dict[str, list[str]]:
    """Upload a square of each colour; return the ids by colour."""
    made: dict[str, list[str]] = {}
    for n, colour in enumerate(colours):
        content = picture(PALETTE[colour], (60 + n, 50), "PNG")
        made.setdefault(colour, []).append(upload(client, content, f"{n}.png").json()["id"])
    drain()
    return made


def make(client, *labels, kind="one_of", name="Colours"):
    made = [label if isinstance(label, dict) else {"name": label} for label in labels]
    return send(client, BASE, name=name, kind=kind, labels=made)


def photos(client, answer, name):
    label = next(each for each in answer["labels"] if each["name"] == name)
    return client.get(f"{BASE}/{answer['id']}/labels/{label['id']}/photos")


def ids(client, answer, name):
    return [each["id"] for each in photos(client, answer, name).json()["photos"]]


@pytest.fixture
def library(ada_client, model):
    return fill(ada_client, *["red"] * 3, *["green"] * 4, *["blue"] * 5)


def test_a_photo_that_is_kept_out_of_lists_is_in_none_of_a_label(ada, ada_client, library):
    answer = make(ada_client, "red", "green", "blue").json()
    hidden = library["red"][0]
    sensitive.set_policy(ada, "nudity", "hidden")
    sensitive.decide(ada, Photo.objects.filter(pk=hidden), "nudity", "confirmed")
    assert set(ids(ada_client, answer, "red")) == set(library["red"][1:])
    shown = ada_client.get(f"{BASE}/{answer['id']}").json()["labels"]
    assert {each["name"]: each["count"] for each in shown}["red"] == 2
    found = ada_client.get("/api/v1/search", {"q": "label:red"}).json()
    assert hidden not in {each["id"] for each in found["hits"]}


def test_each_photo_has_one_label_of_a_one_of_set(ada_client, library):
    answer = make(ada_client, "red", "green", "blue")
    assert answer.status_code == 201
    made = answer.json()
    assert made["state"] == "ready"
    assert {each["name"]: each["count"] for each in made["labels"]} == {
        "red": 3, "green": 4, "blue": 5,
    }  # fmt: skip
    for colour, expected in library.items():
        assert sorted(ids(ada_client, made, colour)) == sorted(expected)


def test_a_photo_has_any_number_of_labels_of_an_any_of_set(ada_client, library):
    made = make(ada_client, "red", "yellow", "blue", kind="any_of").json()
    assert sorted(ids(ada_client, made, "red")) == sorted(library["red"])
    assert ids(ada_client, made, "yellow") == []
    of_photo = ada_client.get(
        f"/api/v1/photos/{library['red'][0]}/labels", {"set": made["id"]}
    ).json()
    assert [each["label"] for each in of_photo["labels"]] == ["red"]


def test_all_labels_of_a_photo_come_in_falling_order(ada_client, library):
    made = make(ada_client, "red", "green", "blue").json()
    path = f"/api/v1/photos/{library['green'][0]}/labels"
    (winner,) = ada_client.get(path, {"set": made["id"]}).json()["labels"]
    assert (winner["label"], winner["confidence"]) == ("green", "strong")
    every = ada_client.get(path, {"set": made["id"], "all": "true"}).json()["labels"]
    scores = [each["score"] for each in every]
    assert scores == sorted(scores, reverse=True)
    assert sum(scores) == pytest.approx(1, abs=1e-3)
    assert every[0]["label"] == "green"


def test_photos_come_in_pages_the_surest_first(ada_client, library):
    made = make(ada_client, "red", "green", "blue").json()
    label = next(each["id"] for each in made["labels"] if each["name"] == "blue")
    path = f"{BASE}/{made['id']}/labels/{label}/photos"
    found, cursor = [], ""
    while cursor is not None:
        page = ada_client.get(path, {"limit": 2, "cursor": cursor}).json()
        found += page["photos"]
        cursor = page["next"]
    assert sorted(each["id"] for each in found) == sorted(library["blue"])
    scores = [each["score"] for each in found]
    assert scores == sorted(scores, reverse=True)
    assert ada_client.get(path, {"limit": 0}).status_code == 400
    assert ada_client.get(path, {"cursor": "x"}).status_code == 400


def test_an_answer_counts_more_than_a_score_and_can_be_taken_back(ada_client, library):
    made = make(ada_client, "red", "green", kind="any_of").json()
    red = next(each["id"] for each in made["labels"] if each["name"] == "red")
    path = f"{BASE}/{made['id']}/labels/{red}/verdicts"
    wrong, missed = library["red"][0], library["blue"][0]
    send(ada_client, path, yes=[missed], no=[wrong])
    assert missed in ids(ada_client, made, "red")
    assert wrong not in ids(ada_client, made, "red")
    send(ada_client, path, clear=[missed, wrong])
    assert not Verdict.objects.exists()
    assert sorted(ids(ada_client, made, "red")) == sorted(library["red"])


def test_a_child_counts_only_where_its_parent_passes(ada_client, library):
    made = make(
        ada_client, "red", {"name": "scarlet", "wordings": ["red"], "parent": "red"},
        kind="any_of",
    ).json()  # fmt: skip
    scarlet = set(ids(ada_client, made, "scarlet"))
    assert scarlet
    assert scarlet <= set(ids(ada_client, made, "red"))


def test_new_photos_get_their_labels_and_trashed_ones_lose_them(ada_client, library):
    made = make(ada_client, "red", "green", "blue").json()
    (late,) = fill(ada_client, "green")["green"]
    drain()
    assert late in ids(ada_client, made, "green")
    send(ada_client, "/api/v1/photos/trash", ids=[late])
    assert late not in ids(ada_client, made, "green")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([], "needs at least one label"),
        (["x" * 500], "longer than 120 characters"),
        (["dog", "Dog"], "is there twice"),
        ([{"name": "owl", "parent": "bird"}], "lies below bird, which is not in the set"),
        (
            [{"name": "a", "parent": "b"}, {"name": "b", "parent": "a"}],
            "lies below itself",
        ),
        ([{"name": "dog", "wordings": ["x" * 301]}], "is longer than 300 characters"),
        ([f"label {n}" for n in range(2001)], "can have 2000 labels; this one has 2001"),
        ([" "], "Enter a name"),
    ],
)
def test_labels_that_cannot_be_a_set_are_refused_with_a_sentence(ada_client, model, labels, said):
    answer = make(ada_client, *labels)
    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert not LabelSet.objects.exists()
    assert not Label.objects.exists()


def test_a_label_may_be_an_emoji(ada_client, library):
    assert make(ada_client, "🐕", "🏔️ mountain").status_code == 201


def test_a_set_needs_a_name_of_its_own(ada_client, bob_client, model):
    assert make(ada_client, "dog").status_code == 201
    assert make(ada_client, "cat").status_code == 409
    assert make(bob_client, "cat").status_code == 201
    assert make(ada_client, "cat", name=" ").status_code == 400


def test_a_set_is_kept_though_no_model_is_there(ada_client):
    answer = make(ada_client, "dog")
    assert answer.status_code == 201
    assert "once the model is loaded" in answer.json()["message"]
    found = photos(ada_client, answer.json(), "dog")
    assert (found.status_code, found.json()["code"]) == (503, "model_loading")


def test_a_large_set_is_prepared_by_the_worker(ada_client, library):
    names = ["red", "green", "blue", *(f"thing {n}" for n in range(60))]
    made = make(ada_client, *names).json()
    assert made["state"] == "preparing"
    waiting = photos(ada_client, made, "red")
    assert (waiting.status_code, waiting.json()["state"]) == (202, "preparing")
    drain()
    assert ada_client.get(f"{BASE}/{made['id']}").json()["state"] == "ready"
    assert sorted(ids(ada_client, made, "red")) == sorted(library["red"])


def test_a_cut_can_be_drawn_by_hand(ada_client, library):
    made = make(ada_client, "red", kind="any_of").json()
    path = f"{BASE}/{made['id']}/labels/{made['labels'][0]['id']}/cut"
    assert send(ada_client, path, share=0.5).json()["labels"][0]["count"] >= 6
    assert send(ada_client, path, share=None).json()["labels"][0]["count"] == 3
    assert send(ada_client, path, share=2).status_code == 400


def test_sets_can_be_listed_changed_and_deleted(ada_client, library):
    made = make(ada_client, "red", "green", "blue").json()
    (listed,) = ada_client.get(BASE).json()["sets"]
    assert (listed["id"], listed["size"]) == (made["id"], 3)
    changed = send(
        ada_client, f"{BASE}/{made['id']}", "patch", name="Hues",
        labels=[{"name": "blue"}, {"name": "red"}],
    ).json()  # fmt: skip
    assert [each["name"] for each in changed["labels"]] == ["blue", "red"]
    assert {each["id"] for each in changed["labels"]} <= {each["id"] for each in made["labels"]}
    assert ada_client.delete(f"{BASE}/{made['id']}").status_code == 204
    assert not LabelHit.objects.exists()
    assert Photo.objects.count() == 12


def test_nobody_sees_anothers_sets(ada_client, bob_client, library):
    made = make(ada_client, "red").json()
    label = made["labels"][0]["id"]
    for path in (made["id"], f"{made['id']}/labels/{label}/photos"):
        assert bob_client.get(f"{BASE}/{path}").status_code == 404
    own = f"/api/v1/photos/{library['red'][0]}/labels"
    assert bob_client.get(own, {"set": made["id"]}).status_code == 404
    assert ada_client.get(own, {"set": str(uuid.uuid4())}).status_code == 404
    assert bob_client.get(BASE).json()["sets"] == []


def found(client, query):
    answer = client.get("/api/v1/search", {"q": query, "limit": 50}).json()
    return {hit["id"] for hit in answer["hits"]}, answer


def test_labels_are_filters(ada_client, library):
    make(ada_client, "red", "green", "blue", name="Hues").json()
    assert found(ada_client, "label:RED")[0] == set(library["red"])
    assert found(ada_client, "label:red,blue")[0] == {*library["red"], *library["blue"]}
    assert found(ada_client, "-label:red")[0] == {*library["green"], *library["blue"]}
    ids_found, answer = found(ada_client, "label:gren")
    assert not ids_found
    assert "There is no label" in str(answer)
    assert "green" in str(answer)


def test_a_label_that_two_sets_have_can_be_named_with_its_set(ada_client, library):
    make(ada_client, "red", "green", "blue", name="Hues")
    make(ada_client, {"name": "red", "wordings": ["blue"]}, kind="any_of", name="Wrong")
    assert found(ada_client, "label:Hues/red")[0] == set(library["red"])
    assert found(ada_client, "label:wrong/red")[0] == set(library["blue"])
    assert found(ada_client, "label:red")[0] == {*library["red"], *library["blue"]}


def test_any_of_sets_are_facets(ada_client, library):
    make(ada_client, "red", "blue", "yellow", kind="any_of")
    facets = ada_client.get("/api/v1/search/facets", {"q": ""}).json()
    (facet,) = [each for each in facets["facets"] if each["name"] == "label"]
    assert {each["value"]: each["count"] for each in facet["values"]} == {"red": 3, "blue": 5}
    narrowed = ada_client.get("/api/v1/search/facets", {"q": "label:red"}).json()
    (facet,) = [each for each in narrowed["facets"] if each["name"] == "label"]
    assert [each["value"] for each in facet["values"] if each["on"]] == ["red"]
    suggested = ada_client.get("/api/v1/search/suggest", {"q": "label:b"}).json()
    assert "label:blue" in str(suggested)
