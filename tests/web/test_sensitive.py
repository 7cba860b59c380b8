"""Sensitive pictures: the queue, a person's word, its undo, the policies, and what is covered."""

from __future__ import annotations

import json
import uuid

import pytest
from django.utils import timezone

from gallery import sensitive
from gallery.models import Photo, Sensitive, SensitiveKind
from gallery.models.sensitive import Policy, State
from search.understanding.models import Engine, Suspicion
from search.understanding.sensitive import nudity, review
from tests.alike import photo

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def photos(ada) -> list[Photo]:
    made = [photo(ada, name=f"p{number}.jpg") for number in range(4)]
    Photo.objects.update(decoded_at=made[0].created_at)
    return made


def suspect(one: Photo, score=2.0, kind="nudity", engine=Engine.PROMPTS) -> None:
    Suspicion.objects.create(photo=one, kind=kind, engine=engine, score=score)


def send(client, method: str, path: str, body: object):
    return client.generic(method, path, json.dumps(body), content_type="application/json")


def listed(client, **query) -> list[str]:
    return [row["name"] for row in client.get("/api/v1/sensitive", query).json()["photos"]]


def test_the_most_suspected_come_first_in_pages(ada_client, photos):
    for one, score in zip(photos, (1.2, 3.0, 0.9, 2.0), strict=True):
        suspect(one, score)
    suspect(photos[0], 5.0, engine=Engine.NETWORK)
    assert listed(ada_client) == ["p0.jpg", "p1.jpg", "p3.jpg"]
    first = ada_client.get("/api/v1/sensitive", {"limit": 2}).json()
    assert first["counts"]["nudity"] == {"suspected": 3, "confirmed": 0, "cleared": 0}
    rest = ada_client.get("/api/v1/sensitive", {"limit": 2, "cursor": first["next"]}).json()
    assert [row["name"] for row in rest["photos"]] == ["p3.jpg"]
    assert rest["next"] is None
    assert listed(ada_client, kind="violence") == []


def test_a_word_takes_a_photo_out_of_the_queue_and_undo_brings_it_back(ada_client, photos):
    suspect(photos[0])
    path = f"/api/v1/photos/{photos[0].pk}/sensitive"
    answer = send(ada_client, "POST", path, {"kind": "nudity", "state": "cleared"})
    assert answer.json()["changed"] == 1
    assert listed(ada_client) == []
    assert listed(ada_client, state="cleared") == ["p0.jpg"]
    again = send(ada_client, "POST", path, {"kind": "nudity", "state": "confirmed"}).json()
    assert ada_client.get(f"/api/v1/photos/{photos[0].pk}").json()["sensitive"] == ["nudity"]
    send(ada_client, "POST", "/api/v1/sensitive/undo", {"batch": again["batch"]})
    assert listed(ada_client, state="cleared") == ["p0.jpg"]
    batch = str(Sensitive.objects.get().batch)
    assert send(ada_client, "POST", "/api/v1/sensitive/undo", {"batch": batch}).json() == {
        "changed": 1
    }
    assert listed(ada_client) == ["p0.jpg"]


def test_many_are_cleared_and_undone_together(ada_client, photos):
    ids = [str(one.pk) for one in photos] + [str(uuid.uuid4())]
    body = {"ids": ids, "kind": "documents", "state": "confirmed"}
    answer = send(ada_client, "POST", "/api/v1/sensitive", body).json()
    assert answer["changed"] == 4
    assert len(listed(ada_client, state="confirmed")) == 4
    undone = send(ada_client, "POST", "/api/v1/sensitive/undo", {"batch": answer["batch"]})
    assert undone.json() == {"changed": 4}
    assert not Sensitive.objects.exists()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/sensitive", {"ids": [], "kind": "nonsense", "state": "confirmed"}, 404),
        ("POST", "/api/v1/sensitive", {"ids": [], "kind": "nudity", "state": "sure"}, 400),
        ("POST", "/api/v1/sensitive", {"ids": ["x"], "kind": "nudity", "state": "cleared"}, 400),
        ("POST", "/api/v1/sensitive/undo", {"batch": "x"}, 400),
        ("GET", "/api/v1/sensitive?state=perhaps", None, 400),
        ("GET", "/api/v1/sensitive?kind=nonsense", None, 404),
        ("GET", "/api/v1/sensitive?cursor=nan_x_y", None, 400),
        ("GET", "/api/v1/sensitive?limit=100000", None, 400),
        ("PUT", "/api/v1/sensitive/kinds/nudity", {"policy": "burn"}, 400),
        ("PUT", "/api/v1/sensitive/kinds/none", {"policy": "blur"}, 404),
        ("DELETE", "/api/v1/sensitive/kinds/nudity", None, 409),
        ("POST", "/api/v1/sensitive/kinds", {"name": " "}, 400),
        ("POST", "/api/v1/sensitive/kinds", {"name": "x" * 61}, 400),
        ("POST", "/api/v1/sensitive/kinds", {"name": "Nudity"}, 400),
        ("POST", "/api/v1/sensitive/kinds", {"name": "a", "prompts": ["x" * 301]}, 400),
    ],
)
def test_bad_requests_get_a_sentence(ada_client, photos, method, path, body, status):
    answer = send(ada_client, method, path, body)
    assert answer.status_code == status
    assert answer.json()["message"]


def test_nobody_sees_or_marks_the_photos_of_others(ada, bob, bob_client, photos):
    suspect(photos[0])
    sensitive.decide(ada, Photo.objects.filter(pk=photos[1].pk), "nudity", State.CONFIRMED)
    assert listed(bob_client) == listed(bob_client, state="confirmed") == []
    ids = [str(one.pk) for one in photos]
    body = {"ids": ids, "kind": "nudity", "state": "cleared"}
    assert send(bob_client, "POST", "/api/v1/sensitive", body).json()["changed"] == 0
    batch = str(Sensitive.objects.get().batch)
    undone = send(bob_client, "POST", "/api/v1/sensitive/undo", {"batch": batch})
    assert undone.json()["changed"] == 0
    sensitive.set_policy(bob, "nudity", Policy.HIDE)
    assert Photo.objects.visible_to(ada).count() == 4


def test_own_kinds_have_texts_and_can_go(ada, ada_client, photos):
    body = {"name": "Hospital", "prompts": ["a hospital room", " "], "harmless": ["a hotel room"]}
    made = send(ada_client, "POST", "/api/v1/sensitive/kinds", body)
    assert made.status_code == 201
    assert made.json()["prompts"] == ["a hospital room"]
    sensitive.decide(ada, Photo.objects.filter(pk=photos[0].pk), "Hospital", State.CONFIRMED)
    sensitive.set_policy(ada, "Hospital", Policy.HIDE)
    assert Photo.objects.visible_to(ada).count() == 3
    kinds = [row["kind"] for row in ada_client.get("/api/v1/sensitive/kinds").json()]
    assert kinds == ["nudity", "violence", "documents", "Hospital"]
    assert ada_client.delete("/api/v1/sensitive/kinds/Hospital").status_code == 204
    assert Photo.objects.visible_to(ada).count() == 4
    assert not Sensitive.objects.exists()
    assert not SensitiveKind.objects.filter(kind="Hospital").exists()


def test_there_are_not_endless_kinds(ada):
    for number in range(sensitive.MOST_KINDS):
        sensitive.add_kind(ada, f"kind {number}", [])
    with pytest.raises(sensitive.UserError):
        sensitive.add_kind(ada, "one more", [])
    sensitive.add_kind(ada, "kind 1", ["changed"])


def confirm(user, one: Photo) -> None:
    sensitive.decide(user, Photo.objects.filter(pk=one.pk), "nudity", State.CONFIRMED)


def pictures(client, address: str, one: Photo) -> bool:
    """Tell whether a page makes the browser load the thumbnail or preview of a photo."""
    content = client.get(address).content.decode()
    return any(
        f' {name}="/photos/{one.pk}/{kind}' in content
        for name in ("src", "srcset", "poster")
        for kind in ("thumbnail", "preview")
    )


def test_a_confirmed_photo_is_not_sent_before_it_is_asked_for(ada, ada_client, photos):
    one, own = photos[0], photos[0].get_absolute_url()
    assert pictures(ada_client, "/", one)
    assert pictures(ada_client, own, one)
    confirm(ada, one)
    assert not pictures(ada_client, "/", one)
    assert f'data-src="{own}/thumbnail"' in ada_client.get("/").content.decode()
    assert not pictures(ada_client, own, one)
    assert pictures(ada_client, f"{own}?show=1", one)
    assert pictures(ada_client, "/", photos[1])
    sensitive.set_policy(ada, "nudity", Policy.SHOW)
    assert pictures(ada_client, "/", one)


def test_suspected_photos_are_covered_only_on_wish(ada, ada_client, photos):
    suspect(photos[0])
    assert pictures(ada_client, "/", photos[0])
    sensitive.set_policy(ada, "nudity", Policy.BLUR, blur_suspected=True)
    assert not pictures(ada_client, "/", photos[0])
    sensitive.decide(ada, Photo.objects.filter(pk=photos[0].pk), "nudity", State.CLEARED)
    assert pictures(ada_client, "/", photos[0])


def test_marks_on_the_photo_page(ada_client, photos):
    path = f"/photos/{photos[0].pk}/mark"
    assert ada_client.post(path, {"sensitive": "violence"}).status_code == 302
    assert photos[0].confirmed_kinds == ["violence"]
    ada_client.post(path, {"harmless": "violence"})
    assert Photo.objects.get(pk=photos[0].pk).confirmed_kinds == []
    refused = ada_client.post(path, {"sensitive": "nonsense"})
    assert refused.status_code == 400


# --- the page -------------------------------------------------------------------------------------


def test_the_queue_works_without_scripts(ada_client, photos, monkeypatch):
    monkeypatch.setattr(nudity, "is_installed", lambda: False)
    suspect(photos[0])
    content = ada_client.get("/sensitive").content.decode()
    assert "p0.jpg" in content
    assert "not installed" in content
    form = {"photo": photos[0].pk, "kind": "nudity", "clear": "1", "back": "suspected"}
    answer = ada_client.post("/sensitive/decide", form)
    assert answer.status_code == 302
    assert Sensitive.objects.get().state == State.CLEARED
    again = ada_client.get(answer.headers["Location"]).content.decode()
    assert str(Sensitive.objects.get().batch) in again
    ada_client.post("/sensitive/undo", {"batch": Sensitive.objects.get().batch})
    assert not Sensitive.objects.exists()


def test_not_measured_yet_is_told_apart_from_none(ada_client, photos, monkeypatch):
    assert "have not been looked at yet" in ada_client.get("/sensitive").content.decode()
    monkeypatch.setattr(nudity, "is_installed", lambda: True)
    assert "has not measured 4 photos yet" in ada_client.get("/sensitive").content.decode()
    for one in photos:
        suspect(one, 0.1, engine=Engine.NETWORK)
        Photo.objects.filter(pk=one.pk).update(screened_at=timezone.now())
    assert "has measured all photos" in ada_client.get("/sensitive").content.decode()


@pytest.mark.parametrize("query", ["state=x", "kind=x", "cursor=x", "state=confirmed&cursor=%00"])
def test_made_up_addresses_lead_back(ada_client, query):
    assert ada_client.get(f"/sensitive?{query}").headers["Location"] == "/sensitive"


def test_kinds_are_changed_by_forms(ada, ada_client):
    ada_client.post("/sensitive/kinds", {"kind": "documents", "policy": "hidden"})
    assert sensitive.treatment_of(ada, "documents").policy == Policy.HIDE
    ada_client.post("/sensitive/kinds", {"name": "Mine", "prompts": "one\ntwo\n"})
    assert sensitive.treatment_of(ada, "Mine").prompts == ("one", "two")
    ada_client.post("/sensitive/kinds", {"remove": "Mine"})
    bad = ada_client.post("/sensitive/kinds", {"kind": "Mine", "policy": "blur"})
    assert bad.status_code == 404
    assert "There is no such kind." in bad.content.decode()
    assert ada_client.post("/sensitive/decide", {"kind": "x"}).status_code == 404
    assert ada_client.post("/sensitive/undo", {"batch": "x"}).status_code == 302


def test_fifty_at_a_time(ada, ada_client):
    for number in range(review.PAGE + 1):
        suspect(photo(ada, name=f"many{number}.jpg"), 1 + number / 10)
    content = ada_client.get("/sensitive").content.decode()
    assert content.count('class="suspect"') == review.PAGE
    assert "cursor=" in content
