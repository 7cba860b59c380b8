"""The pages on which a tag is taught."""

from __future__ import annotations

import re
import uuid

import pytest

from gallery.models import EmbeddingModel, Tag
from search.relevance import library
from search.understanding import library_vectors
from search.understanding.models import Example, Lesson, TaggingAct
from tests.taught import OTHERS, fill

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def photos(ada, model, monkeypatch):
    """Photos by colour, of which 36 have other colours."""
    # A background that a thread measures would come in the middle of a test.
    monkeypatch.setattr(library, "_start_embedding", lambda key: None)
    return fill(ada) | fill(ada, OTHERS)


def answer(client, photo, given, name="sea", **more):
    return client.post(f"/teach/{name}/answer", {"photo": photo, "answer": given}, **more)


def taught(client, photos, yes=3, no=3):
    client.post("/teach", {"name": "sea"})
    for photo in photos["blue"][:yes]:
        answer(client, photo, "yes")
    for photo in photos["red"][:no]:
        answer(client, photo, "no")
    library_vectors.forget()


def text(response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", response.content.decode()))


def cards(response) -> list[str]:
    return re.findall(r'class="ask-card" data-photo="([^"]*)"', response.content.decode())


def test_a_tag_begins_with_its_name_and_ends_in_a_list(ada_client, photos):
    begun = ada_client.post("/teach", {"name": " sea "})
    assert begun.headers["Location"] == "/teach/sea"
    page = ada_client.get("/teach/sea")
    assert len(cards(page)) == len(set(cards(page))) == 12
    assert "Learnt from 0 that show it" in text(page)
    assert "sea" in text(ada_client.get("/teach"))


@pytest.mark.parametrize("name", ["", "a,b", "x" * 61])
def test_a_name_that_is_no_tag_is_refused_on_the_page(ada_client, name):
    page = ada_client.post("/teach", {"name": name})
    assert page.status_code == 400
    assert 'role="alert"' in page.content.decode()


def test_a_tag_that_was_never_taught_has_a_page_too(ada, ada_client, photos):
    Tag.objects.create(owner=ada, name="blue").photos.add(photos["blue"][0])
    page = ada_client.get("/teach/blue")
    assert set(cards(page)[:4]) <= set(photos["blue"][1:])
    assert not Lesson.objects.exists()
    assert "/teach/blue" in ada_client.get("/tags/blue").content.decode()


def test_answers_show_in_the_figures(ada_client, photos):
    taught(ada_client, photos)
    part = answer(ada_client, photos["blue"][3], "yes", headers=HTMX)
    assert "Learnt from 4 that show it and 3 that do not." in text(part)
    assert 'hx-swap-oob="true"' in part.content.decode()
    part = answer(ada_client, photos["blue"][3], "forget", headers=HTMX)
    assert "Learnt from 3 that show it and 3 that do not." in text(part)
    assert Tag.objects.get(name="sea").photos.count() == 3


def test_the_next_strip_leaves_out_what_was_skipped(ada_client, photos):
    taught(ada_client, photos)
    first = cards(ada_client.get("/teach/sea"))
    second = cards(ada_client.get("/teach/sea/strip", {"skip": first}, headers=HTMX))
    assert len(second) == 12
    assert not set(first) & set(second)
    assert ada_client.get("/teach/sea/strip", {"skip": "x"}).status_code == 200


@pytest.mark.parametrize(
    "form", [{}, {"photo": "x", "answer": "yes"}, {"photo": uuid.uuid4(), "answer": "maybe"}]
)
def test_made_up_answers_are_refused(ada_client, photos, form):
    taught(ada_client, photos, 1, 0)
    assert ada_client.post("/teach/sea/answer", form).status_code == 400


def test_an_unknown_photo_gets_a_sentence(ada_client, bob_client, photos):
    bob_client.post("/teach", {"name": "sea"})
    refused = answer(bob_client, photos["red"][0], "yes")
    assert refused.status_code == 404
    assert "Nothing was stored" in text(refused)
    part = answer(bob_client, photos["red"][0], "yes", headers=HTMX)
    assert "Nothing was stored" in text(part)
    assert not Example.objects.exists()


@pytest.mark.parametrize("box", ["0,0,0,0", "x", "0,0,1", "nan,0,1,1", "0,0,inf,1"])
def test_a_bad_box_gets_a_sentence(ada_client, photos, box):
    ada_client.post("/teach", {"name": "sea"})
    form = {"photo": photos["red"][0], "answer": "yes", "box": box}
    assert ada_client.post("/teach/sea/answer", form).status_code == 400
    assert not Example.objects.exists()


def test_all_sure_are_shown_before_they_are_tagged_and_can_be_undone(ada_client, photos):
    taught(ada_client, photos)
    assert "3 sure" in text(ada_client.get("/teach/sea"))
    asked = ada_client.post("/teach/sea/accept")
    assert "3 photos surely show it." in text(asked)
    tag = Tag.objects.get(name="sea")
    assert tag.photos.count() == 3
    page = ada_client.post("/teach/sea/accept", {"sure": "yes"}, follow=True)
    assert "3 photos got the tag sea." in text(page)
    assert tag.photos.count() == 6
    act = TaggingAct.objects.get()
    page = ada_client.post(f"/teach/acts/{act.pk}/undo", follow=True)
    assert "3 photos lost the tag." in text(page)
    assert "undone" in text(page)
    assert tag.photos.count() == 3


def test_nothing_sure_is_said(ada_client, photos):
    ada_client.post("/teach", {"name": "sea"})
    assert "No photo surely shows it" in text(ada_client.post("/teach/sea/accept"))
    page = ada_client.post("/teach/sea/accept", {"sure": "yes"}, follow=True)
    assert "0 photos got the tag" in text(page)


def test_others_can_neither_see_nor_undo(ada_client, bob_client, photos):
    taught(ada_client, photos)
    ada_client.post("/teach/sea/accept", {"sure": "yes"})
    act = TaggingAct.objects.get()
    assert bob_client.get("/teach/sea").status_code == 404
    assert bob_client.post(f"/teach/acts/{act.pk}/undo").status_code == 404
    assert "/teach/sea" not in bob_client.get("/teach").content.decode()


def test_words_and_live_are_changed_on_the_page(ada_client, photos):
    taught(ada_client, photos, 4, 3)
    ada_client.post("/teach/sea/change", {"words": "blue"})
    assert Lesson.objects.get().text == "blue"
    refused = ada_client.post("/teach/sea/change", {"live": "1"})
    assert refused.status_code == 409
    assert "at least 5 photos" in text(refused)
    answer(ada_client, photos["blue"][4], "yes")
    ada_client.post("/teach/sea/change", {"live": "1"})
    assert Lesson.objects.get().live
    ada_client.post("/teach/sea/change", {"live": "0"})
    assert not Lesson.objects.get().live
    long = ada_client.post("/teach/sea/change", {"words": "x" * 301})
    assert long.status_code == 400


def test_without_a_model_answers_are_kept(ada_client, photos):
    EmbeddingModel.objects.update(state=EmbeddingModel.State.BUILDING)
    taught(ada_client, photos)
    page = ada_client.get("/teach/sea")
    assert "Your answers are kept" in text(page)
    assert Example.objects.count() == 6


def test_a_new_model_shows_how_far_it_agrees(ada_client, photos):
    taught(ada_client, photos, 5, 4)
    assert "The model colours agrees with 9 of these 9." in text(ada_client.get("/teach/sea"))
