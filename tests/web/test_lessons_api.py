"""Teaching a tag by the API."""

from __future__ import annotations

import json
import uuid

import pytest

from gallery import trash
from gallery.models import Photo, Tag
from search.relevance import library
from search.understanding import library_vectors
from search.understanding.models import Example, ExampleVector, Lesson
from search.vectors import embedders
from search.vectors.embedders.base import ModelUnavailable
from tests.taught import OTHERS, embedded, fill, plain
from tests.web.test_api_photos import picture, upload

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def photos(ada, model, monkeypatch):
    """Six red, six blue and six green photos, by colour."""
    # A background that a thread measures would come in the middle of a test.
    monkeypatch.setattr(library, "_start_embedding", lambda key: None)
    return fill(ada)


def call(client, method, path, body=None):
    return client.generic(method, f"/api/v1/{path}", json.dumps(body or {}), "application/json")


def teach(client, name, yes=(), no=(), **more):
    library_vectors.forget()
    body = {"yes": list(yes), "no": list(no), **more}
    return call(client, "POST", f"tags/{name}/examples", body)


def suggested(client, name, limit=50, cursor=""):
    query = {"limit": limit, "cursor": cursor}
    answer = client.get(f"/api/v1/tags/{name}/suggestions", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids(answer):
    return [hit["id"] for hit in answer["hits"]]


def test_examples_make_the_tag_and_others_like_them_come_first(ada_client, photos):
    answer = teach(ada_client, "Bello", photos["blue"][:2], photos["red"][:1])
    assert answer.status_code == 200
    said = answer.json()
    assert (said["tag"], said["yes"], said["no"], said["live"]) == ("Bello", 2, 1, False)
    assert Tag.objects.get(name="Bello").photos.count() == 2
    found = suggested(ada_client, "Bello")
    assert set(ids(found)[:4]) == set(photos["blue"][2:])
    assert not {*photos["blue"][:2], photos["red"][0]} & set(ids(found))
    assert found["next"] is None
    scores = [hit["score"] for hit in found["hits"]]
    assert scores == sorted(scores, reverse=True)
    assert all(isinstance(hit["sure"], bool) for hit in found["hits"])


def test_without_examples_the_words_rank(ada, ada_client, photos):
    Tag.objects.create(owner=ada, name="green")
    assert set(ids(suggested(ada_client, "green"))[:6]) == set(photos["green"])
    assert not Lesson.objects.exists()
    call(ada_client, "PATCH", "tags/green/lesson", {"words": "red"})
    assert set(ids(suggested(ada_client, "green"))[:6]) == set(photos["red"])


def test_examples_alone_work_while_the_words_cannot_be_read(ada_client, photos, monkeypatch):
    def refuse(*_):
        raise ModelUnavailable("away")

    monkeypatch.setattr(embedders, "embed_query_text", refuse)
    said = teach(ada_client, "red", photos["blue"][:2]).json()
    assert said["words_count"] is None
    assert set(ids(suggested(ada_client, "red"))[:4]) == set(photos["blue"][2:])
    call(ada_client, "DELETE", "tags/red/examples", {"ids": photos["blue"][:2]})
    assert suggested(ada_client, "red") == {"hits": [], "next": None}


def test_no_photo_is_listed_twice_whatever_is_taught_in_between(ada_client, photos):
    teach(ada_client, "sea", photos["blue"][:2])
    seen, cursor, pages = [], "", 0
    while pages == 0 or cursor:
        page = suggested(ada_client, "sea", 3, cursor or "")
        seen += ids(page)
        cursor, pages = page["next"], pages + 1
        # Turn the ranking around after the first page.
        teach(ada_client, "sea", photos["red"][:2], photos["blue"][2:3])
    assert len(seen) == len(set(seen)) >= 12


def test_a_lost_list_goes_on_behind_the_last_photo(ada_client, photos):
    from django.core.cache import caches

    teach(ada_client, "sea", photos["blue"][:2])
    everything = ids(suggested(ada_client, "sea"))
    first = suggested(ada_client, "sea", 5)
    caches["results"].clear()
    second = suggested(ada_client, "sea", 50, first["next"])
    assert ids(first) + ids(second) == everything


@pytest.mark.parametrize(
    "query", [{"cursor": "x"}, {"limit": 0}, {"limit": 10**9}, {"cursor": "0" * 16 + ".1.1.z"}]
)
def test_made_up_pages_are_refused(ada_client, photos, query):
    teach(ada_client, "sea", photos["blue"][:2])
    assert ada_client.get("/api/v1/tags/sea/suggestions", query).status_code == 400


def test_later_answers_replace_earlier_ones(ada_client, photos):
    photo = photos["red"][0]
    teach(ada_client, "sea", [photo])
    said = teach(ada_client, "sea", [], [photo]).json()
    assert (said["yes"], said["no"]) == (0, 1)
    assert not Tag.objects.get(name="sea").photos.exists()
    assert Example.objects.count() == 1


def test_contradictions_are_refused_whole(ada_client, photos):
    red, blue = photos["red"][0], photos["blue"][0]
    answer = teach(ada_client, "sea", [red, blue], [red])
    assert answer.status_code == 400
    assert red in answer.json()["message"]
    assert not Tag.objects.exists()
    assert not Example.objects.exists()


def test_photos_of_others_and_unknown_ones_store_nothing(ada_client, bob_client, photos):
    for bad in (uuid.uuid4(), photos["red"][0]):
        answer = teach(bob_client, "sea", [str(bad)])
        assert answer.status_code == 404
        assert "Nothing was stored" in answer.json()["message"]
    assert teach(ada_client, "sea", [photos["red"][0], str(uuid.uuid4())]).status_code == 404
    assert not Tag.objects.exists()


@pytest.mark.parametrize("name", ["a,b", "...", "x" * 61, "%20"])
def test_names_that_are_no_tags_are_refused(ada_client, photos, name):
    assert teach(ada_client, name, photos["red"][:1]).status_code == 400
    assert ada_client.get(f"/api/v1/tags/{name}/suggestions").status_code == 404


def test_other_peoples_tags_are_unknown(ada_client, bob_client, photos):
    teach(ada_client, "sea", photos["blue"][:2])
    for path in ("lesson", "suggestions"):
        assert bob_client.get(f"/api/v1/tags/sea/{path}").status_code == 404
    assert call(bob_client, "POST", "tags/sea/accept").status_code == 404


def test_a_photo_in_the_trash_teaches_nothing_until_it_is_back(ada, ada_client, photos):
    teach(ada_client, "sea", photos["blue"][:3], photos["red"][:1])
    chosen = Photo.objects.filter(pk__in=[photos["blue"][0], photos["red"][0]])
    trash.trash(chosen)
    library_vectors.forget()
    said = ada_client.get("/api/v1/tags/sea/lesson").json()
    assert (said["yes"], said["no"]) == (2, 0)
    assert teach(ada_client, "sea", [photos["blue"][0]]).status_code == 404
    trash.restore(Photo.objects.in_trash_of(ada))
    assert ada_client.get("/api/v1/tags/sea/lesson").json()["yes"] == 3


def test_a_deleted_tag_takes_its_lesson_along(ada_client, photos):
    teach(ada_client, "sea", photos["blue"][:2])
    Tag.objects.get(name="sea").delete()
    assert ada_client.get("/api/v1/tags/sea/suggestions").status_code == 404
    assert call(ada_client, "POST", "tags/sea/accept").status_code == 404
    assert teach(ada_client, "sea", photos["red"][:1]).json()["yes"] == 1


def test_without_vectors_there_is_nothing_to_suggest(ada_client, model):
    photo = upload(ada_client, picture("red", (80, 60), "PNG"), "a.png").json()["id"]
    said = teach(ada_client, "sea", [photo]).json()
    assert (said["yes"], said["sure"], said["border"]) == (1, None, None)
    assert suggested(ada_client, "sea") == {"hits": [], "next": None}


def test_accepting_counts_first_and_can_be_undone(ada, ada_client, photos):
    fill(ada, OTHERS)
    teach(ada_client, "sea", photos["blue"][:3], photos["red"][:3])
    sure = [hit["id"] for hit in suggested(ada_client, "sea")["hits"] if hit["sure"]]
    assert sure
    preview = call(ada_client, "POST", "tags/sea/accept", {"preview": True}).json()
    assert preview == {"photos": len(sure), "act": None}
    tag = Tag.objects.get(name="sea")
    assert tag.photos.count() == 3
    done = call(ada_client, "POST", "tags/sea/accept").json()
    assert done["photos"] == len(sure)
    assert tag.photos.count() == 3 + len(sure)
    # What was accepted in bulk teaches nothing, and is not suggested again.
    assert ada_client.get("/api/v1/tags/sea/lesson").json()["yes"] == 3
    assert not set(sure) & set(ids(suggested(ada_client, "sea")))
    # One is confirmed by hand and stays; one is taken off by hand, which is a no.
    teach(ada_client, "sea", sure[:1])
    call(ada_client, "PATCH", f"photos/{sure[-1]}", {"tags": []})
    said = ada_client.get("/api/v1/tags/sea/lesson").json()
    assert (said["yes"], said["no"]) == (4, 4)
    undone = call(ada_client, "POST", f"tag-acts/{done['act']}/undo").json()
    assert undone["photos"] == len(sure) - 2
    assert tag.photos.count() == 4
    assert call(ada_client, "POST", f"tag-acts/{done['act']}/undo").json()["photos"] == 0
    acts = ada_client.get("/api/v1/tag-acts").json()["acts"]
    assert [(act["tag"], act["by"], act["undone"]) for act in acts] == [("sea", "person", True)]


def test_acts_of_others_cannot_be_undone(ada, ada_client, bob_client, photos):
    fill(ada, OTHERS)
    teach(ada_client, "sea", photos["blue"][:3], photos["red"][:3])
    act = call(ada_client, "POST", "tags/sea/accept").json()["act"]
    assert act
    assert call(bob_client, "POST", f"tag-acts/{act}/undo").status_code == 404
    assert bob_client.get("/api/v1/tag-acts").json()["acts"] == []


def test_taking_an_answer_back_restores_the_tag(ada, ada_client, photos):
    red, blue = photos["red"][0], photos["blue"][0]
    tag = Tag.objects.create(owner=ada, name="sea")
    tag.photos.add(red)
    teach(ada_client, "sea", [blue], [red])
    assert [str(photo.pk) for photo in tag.photos.all()] == [blue]
    answer = call(ada_client, "DELETE", "tags/sea/examples", {"ids": [red, blue]})
    assert answer.json() == {"forgotten": 2}
    assert [str(photo.pk) for photo in tag.photos.all()] == [red]


def test_a_tag_put_on_by_hand_is_an_example(ada, ada_client, photos):
    tag = Tag.objects.create(owner=ada, name="Bello")
    tag.photos.add(*photos["blue"][:3])
    assert set(ids(suggested(ada_client, "Bello"))[:3]) == set(photos["blue"][3:])


def test_a_live_tag_needs_answers_first(ada_client, photos):
    teach(ada_client, "sea", photos["blue"][:2])
    answer = call(ada_client, "PATCH", "tags/sea/lesson", {"live": True})
    assert (answer.status_code, answer.json()["code"]) == (409, "too_few_examples")
    teach(ada_client, "sea", photos["blue"][2:5], photos["red"][:3])
    said = call(ada_client, "PATCH", "tags/sea/lesson", {"live": True}).json()
    assert said["live"]
    assert not call(ada_client, "PATCH", "tags/sea/lesson", {"live": False}).json()["live"]


@pytest.mark.parametrize(
    "box", [[0, 0, 0, 0], [2, 2, 1, 1], [0, 0, 1], ["a", 0, 1, 1], [0.5, 0.5, -1, 1]]
)
def test_bad_boxes_are_refused(ada_client, photos, box):
    red = photos["red"][0]
    assert teach(ada_client, "car", [red], boxes={red: box}).status_code == 400
    assert not Example.objects.exists()


def test_an_example_may_be_a_part_of_a_photo(ada, ada_client, photos):
    wholes = []
    for n in range(4):
        image = plain((30, 160 - n, 40)).resize((200, 100))
        image.paste((30, 60, 220 - n), (150, 0, 200, 100))
        wholes.append(str(embedded(ada, image).pk))
    teach(ada_client, "thing", wholes)
    assert set(ids(suggested(ada_client, "thing"))[:6]) == set(photos["green"])
    teach(ada_client, "thing", wholes, boxes={one: [0.75, 0, 0.25, 1] for one in wholes})
    assert ExampleVector.objects.count() == 4
    assert set(ids(suggested(ada_client, "thing"))[:6]) == set(photos["blue"])


@pytest.mark.parametrize("body", [{"yes": ["x"]}, {"maybe": []}, {"yes": "x"}, [], {"yes": [None]}])
def test_bad_bodies_are_refused_with_a_sentence(ada_client, photos, body):
    answer = call(ada_client, "POST", "tags/sea/examples", body)
    if body == []:
        answer = ada_client.generic("POST", "/api/v1/tags/sea/examples", "[]", "application/json")
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message"}
