"""The pages of label sets: making, changing and reading them, answers, cuts and albums."""

from __future__ import annotations

import pytest

from search.models import SavedSearch
from search.understanding.labels import pasting
from search.understanding.labels.presets import PRESETS
from search.understanding.models import Kind, Label, LabelHit, LabelSet, Verdict
from tests.web.test_labels_api import fill

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def library(ada_client, model):
    return fill(ada_client, *["red"] * 3, *["green"] * 4, *["blue"] * 5)


@pytest.fixture
def made(ada_client, library) -> LabelSet:
    form = {"name": "Hues", "kind": "any_of", "labels": "red\nblue\nyellow"}
    assert ada_client.post("/labels", form).status_code == 302
    return LabelSet.objects.get()


def address(label: Label) -> str:
    return f"/labels/{label.set_id}/{label.pk}"


def test_a_pasted_list_becomes_a_set_with_live_counts(ada_client, made):
    page = ada_client.get(f"/labels/{made.pk}").content.decode()
    assert [label.name for label in made.labels.all()] == ["red", "blue", "yellow"]
    assert page.count('<span class="quiet">3</span>') == 1
    assert page.count('<span class="quiet">5</span>') == 1
    listed = ada_client.get("/labels").content.decode()
    assert "8 photos" in listed


def test_a_list_that_is_refused_stays_in_the_form(ada_client, model):
    form = {"name": "Twice", "kind": "one_of", "labels": "dog\ncat\nDOG"}
    answer = ada_client.post("/labels", form)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "The label DOG is there twice." in page
    assert "dog\ncat\nDOG</textarea>" in page
    assert not LabelSet.objects.exists()


@pytest.mark.parametrize("key", PRESETS)
def test_every_preset_is_a_set(ada_client, model, key):
    preset = PRESETS[key]
    labels = pasting.read(preset.text)
    assert len(labels) == preset.size
    page = ada_client.get("/labels", {"preset": key}).content.decode()
    assert labels[0].name in page


def test_lists_have_wordings_and_trees_in_two_spellings():
    text = "animal\n  bird: a {} in the sky; birds\n    owl\n  dog\nplant > tree > oak\nnote: 1"
    assert [(each.name, each.wordings, each.parent) for each in pasting.read(text)] == [
        ("animal", (), ""),
        ("bird", ("a {} in the sky", "birds"), "animal"),
        ("owl", (), "bird"),
        ("dog", (), "animal"),
        ("plant", (), ""),
        ("tree", (), "plant"),
        ("oak", (), "tree"),
        ("note", ("1",), ""),
    ]


def test_a_label_shows_its_photos_what_to_ask_and_the_cut(ada_client, library, made):
    page = ada_client.get(address(made.labels.get(name="red"))).content.decode()
    for photo_id in library["red"]:
        assert f"/photos/{photo_id}/thumbnail" in page
    assert 'type="range"' in page
    assert "Do these show it?" in page


def test_an_answer_is_kept_and_taken_back(ada_client, library, made):
    red = made.labels.get(name="red")
    form = {"photo": library["red"][0], "said": "no"}
    answer = ada_client.post(f"{address(red)}/answer", form, headers=HTMX)
    assert answer.content.decode().count('aria-pressed="true"') == 1
    assert Verdict.objects.get().yes is False
    assert ada_client.post(f"{address(red)}/answer", form | {"said": "clear"}).status_code == 302
    assert not Verdict.objects.exists()
    assert ada_client.post(f"{address(red)}/answer", {"photo": "x"}).status_code == 404


def test_the_cut_is_looked_at_moved_and_left_to_the_answers_again(ada_client, library, made):
    red = made.labels.get(name="red")
    look = ada_client.get(address(red), {"step": "6"}, headers=HTMX).content.decode()
    assert "6 photos" in look
    assert Label.objects.get(pk=red.pk).cut_share is None
    ada_client.post(f"{address(red)}/change", {"step": "6"})
    assert Label.objects.get(pk=red.pk).cut_share == pytest.approx(0.5)
    ada_client.post(f"{address(red)}/change", {"auto": "1", "step": "6"})
    assert Label.objects.get(pk=red.pk).cut_share is None
    assert ada_client.get(address(red), {"step": "999999999"}).status_code == 200


def test_a_label_is_kept_as_an_album_once(ada_client, library, made):
    red = made.labels.get(name="red")
    for _try in range(2):
        answer = ada_client.post(f"{address(red)}/change", {"keep": "1"})
        saved = SavedSearch.objects.get()
        assert answer.headers["Location"] == saved.get_absolute_url()
    assert (saved.name, saved.query) == ("red", "label:Hues/red")
    page = ada_client.get(saved.get_absolute_url()).content.decode()
    assert any(photo_id in page for photo_id in library["red"])
    assert not any(photo_id in page for photo_id in library["blue"])


def test_a_set_is_changed_renamed_and_removed(ada_client, made):
    red = made.labels.get(name="red")
    change = f"/labels/{made.pk}/change"
    ada_client.post(change, {"name": "Colours", "labels": "green\nred: scarlet"})
    assert LabelSet.objects.get().name == "Colours"
    assert [(each.name, each.wordings) for each in made.labels.all()] == [
        ("green", []),
        ("red", ["scarlet"]),
    ]
    assert made.labels.get(name="red").pk == red.pk
    assert ada_client.post(change, {"labels": ""}).status_code == 400
    ada_client.post(f"{address(red)}/change", {"name": "rouge", "wordings": "red; a red thing"})
    assert made.labels.get(pk=red.pk).wordings == ["red", "a red thing"]
    ada_client.post(change, {"remove": "1"})
    assert not LabelSet.objects.exists()


def test_a_photo_tells_its_labels(ada_client, library, made):
    red = library["red"][0]
    chips = ada_client.get(f"/photos/{red}/labels").content.decode()
    assert ">red</a>" in chips
    assert ">blue</a>" not in chips
    assert f"/photos/{red}/labels" in ada_client.get(f"/photos/{red}").content.decode()


@pytest.mark.parametrize(("kind", "guessed"), [(Kind.ANY_OF, True), (Kind.ONE_OF, False)])
def test_a_weak_label_of_a_photo_is_told_only_where_it_passed_a_cut(
    ada_client, library, made, kind, guessed
):
    LabelSet.objects.filter(pk=made.pk).update(kind=kind)
    red = library["red"][0]
    LabelHit.objects.filter(photo=red).update(score=0.3)
    chips = ada_client.get(f"/photos/{red}/labels").content.decode()
    assert (">red</a>" in chips) is guessed


def test_a_set_of_many_labels_says_that_it_is_being_prepared(ada_client, library):
    labels = "\n".join(f"thing {n}" for n in range(60))
    made = ada_client.post("/labels", {"name": "Many", "kind": Kind.ONE_OF, "labels": labels})
    page = ada_client.get(made.headers["Location"]).content.decode()
    assert "Being prepared: 0 of 60 labels are done." in page
