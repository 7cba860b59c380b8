"""A live tag puts itself on new photos, and on nothing that a person took it off."""

from __future__ import annotations

import uuid

import pytest

from gallery.models import EmbeddingModel, Photo, Tag
from search.understanding import library_vectors
from search.understanding.lessons import tagging, teaching
from search.understanding.models import TaggingAct
from tests.taught import OTHERS, embedded, fill, plain
from workers import housekeeping

pytestmark = pytest.mark.django_db(transaction=True)


def ids(texts: list[str]) -> list[uuid.UUID]:
    return [uuid.UUID(text) for text in texts]


@pytest.fixture
def tag(ada, model):
    """A live tag of blue photos, and one blue photo that was there before."""
    photos = fill(ada) | fill(ada, OTHERS)
    lesson = teaching.teach(ada, "sea", ids(photos["blue"][:5]), ids(photos["red"][:4]))
    teaching.set_live(lesson, live=True, yes=5, no=4)
    return lesson.tag


def round_(model) -> int:
    library_vectors.forget()
    return tagging.tag_new_photos(model)


def blue(owner, n: int) -> Photo:
    return embedded(owner, plain((30, 62, 219 - n)))


def test_only_new_photos_that_surely_show_it_get_the_tag(ada, model, tag):
    new, other = blue(ada, 1), embedded(ada, plain((30, 160, 44)))
    assert round_(model) == 1
    assert tag in new.tags.all()
    assert not other.tags.exists()
    assert tag.photos.count() == 6
    assert round_(model) == 0
    act = TaggingAct.objects.get()
    assert (act.by, act.photos.count()) == ("live", 1)


def test_what_a_person_took_off_stays_off(ada, model, tag):
    first, second = blue(ada, 1), blue(ada, 2)
    assert round_(model) == 2
    first.tags.clear()
    tagging.undo(ada, TaggingAct.objects.get().pk)
    assert round_(model) == 0
    assert not first.tags.exists()
    assert not second.tags.exists()


def test_photos_of_others_never_get_it(ada, bob, model, tag):
    theirs = blue(bob, 1)
    assert round_(model) == 0
    assert not theirs.tags.exists()


def test_a_model_that_disagrees_does_nothing(ada, model, tag, monkeypatch):
    blue(ada, 1)
    monkeypatch.setattr(tagging, "AGREEMENT", 1.1)
    assert round_(model) == 0


def test_a_tag_that_is_no_longer_live_or_gone_does_nothing(ada, model, tag):
    teaching.set_live(tag.lesson, live=False, yes=5, no=4)
    blue(ada, 1)
    assert round_(model) == 0
    Tag.objects.all().delete()
    assert round_(model) == 0


def test_the_sweep_lets_live_tags_act(ada, model, tag):
    new = blue(ada, 1)
    library_vectors.forget()
    housekeeping._let_live_tags_act()
    assert tag in new.tags.all()
    EmbeddingModel.objects.update(state=EmbeddingModel.State.BUILDING)
    housekeeping._let_live_tags_act()
