"""Maps are drawn, completed and drawn anew by a worker, and do not flip."""

from __future__ import annotations

from itertools import chain, repeat

import numpy as np
import pytest

from gallery import trash
from gallery.models import Embedding, EmbeddingModel, Photo, Tag
from search.understanding.models import MapRun
from search.understanding.themes import runs
from search.understanding.themes.points import unpacked
from search.understanding.themes.steps import finish
from search.understanding.themes.themes import library_map
from tests.planted import draw, store, vectors
from workers import draw_maps, jobs

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = vectors(4, 20)


@pytest.fixture(autouse=True)
def _nothing_begun():
    draw_maps.forget()
    yield
    draw_maps.forget()


def the_run(owner) -> MapRun:
    return MapRun.objects.get(owner=owner)


def after(steps: int):
    """Return what says stop after being asked so many times."""
    return chain(repeat(False, steps), repeat(True)).__next__


def places(owner) -> dict[str, np.ndarray]:
    run = the_run(owner)
    points = unpacked(run.points, len(run.themes))
    return dict(zip(points.ids, points.at, strict=True))


@pytest.mark.slow
def test_a_worker_draws_the_map_of_each_person(ada, bob, model):
    store(ada, model, ROWS)
    store(bob, model, ROWS[:10])
    assert jobs.MAPS.is_due()
    assert jobs.MAPS.run() == 1
    run = the_run(ada)
    assert (run.state, run.progress, run.drawn, run.share_placed) == ("made", 1.0, 80, 1.0)
    assert [len(level) for level in run.themes] == [8, 13]
    assert not MapRun.objects.filter(owner=bob).exists()
    jobs.MAPS.resume()
    assert not jobs.MAPS.is_due()


def test_drawing_gives_way_and_goes_on_where_it_was(ada, model):
    store(ada, model, ROWS)
    assert draw_maps.draw_due(model, stop=after(4)) == 0
    assert the_run(ada).state == "drawing"
    begun = draw_maps._begun[0].steps
    assert draw_maps.draw_due(model, stop=lambda: False) == 1
    assert begun.gi_frame is None
    assert the_run(ada).state == "made"


def test_a_drawing_that_died_begins_anew(ada, model):
    store(ada, model, ROWS)
    draw_maps.draw_due(model, stop=after(3))
    draw_maps.forget()
    assert draw_maps.is_wanted(model)
    assert draw_maps.draw_due(model, stop=lambda: False) == 1
    assert the_run(ada).state == "made"


def test_the_owner_may_leave_while_the_map_is_drawn(ada, model):
    store(ada, model, ROWS)
    draw_maps.draw_due(model, stop=after(3))
    Photo.objects.all().delete()
    ada.delete()
    draw_maps.draw_due(model, stop=lambda: False)
    assert not MapRun.objects.exists()
    assert not draw_maps.is_wanted(model)


def test_newcomers_lie_among_their_neighbours(ada, model):
    first = [photo.pk.hex for photo in store(ada, model, ROWS)[:20]]
    draw(model)
    before = places(ada)
    new = store(ada, model, vectors(4, 22)[20:22])
    assert [due.draw for due in runs.due(model)] == [False]
    draw(model)
    after = places(ada)
    assert all(np.array_equal(before[pk], after[pk]) for pk in before)
    run = the_run(ada)
    points = unpacked(run.points, 2)
    themes = dict(zip(points.ids, points.themes[:, 0].tolist(), strict=True))
    others = np.array([before[pk] for pk in first])
    for photo in new:
        assert themes[photo.pk.hex] in [themes[pk] for pk in first]
        assert (after[photo.pk.hex] >= others.min(axis=0)).all()
        assert (after[photo.pk.hex] <= others.max(axis=0)).all()
    assert not list(runs.due(model))


def test_a_map_that_grew_by_a_fifth_is_drawn_anew_and_does_not_flip(ada, model):
    store(ada, model, ROWS)
    draw(model)
    before = places(ada)
    store(ada, model, vectors(4, 25)[75:92])
    assert [due.draw for due in runs.due(model)] == [True]
    draw(model)
    after = places(ada)
    assert len(after) == 97
    old = np.array([before[pk] for pk in before])
    new = np.array([after[pk] for pk in before])
    old, new = old - old.mean(axis=0), new - new.mean(axis=0)
    likeness = (old * new).sum() / np.sqrt((old**2).sum() * (new**2).sum())
    assert likeness > 0.9


def test_another_model_gets_a_map_of_its_own_that_lies_the_same_way(ada, model):
    photos = store(ada, model, ROWS)
    draw(model)
    before = places(ada)
    EmbeddingModel.objects.filter(pk=model.pk).update(state=EmbeddingModel.State.RETIRED)
    other = EmbeddingModel.objects.create(key="others", dim=16, state="active")
    turned = np.roll(ROWS, 3, axis=1)
    for photo, vector in zip(photos, turned, strict=True):
        row = Embedding(photo=photo, model=other, state=Embedding.State.INDEXED)
        row.set_vector(vector)
        row.save()
    assert library_map(ada) is None
    draw(other)
    run = MapRun.objects.get(model=other)
    points = unpacked(run.points, 2)
    after = dict(zip(points.ids, points.at, strict=True))
    old = np.array([before[pk] for pk in before])
    new = np.array([after[pk] for pk in before])
    assert np.corrcoef(old[:, 0], new[:, 0])[0, 1] > 0.8
    assert np.corrcoef(old[:, 1], new[:, 1])[0, 1] > 0.8


def test_photos_in_the_trash_are_not_shown_and_come_back(ada, model):
    photos = store(ada, model, ROWS)
    draw(model)
    some = Photo.objects.filter(pk__in=[photo.pk for photo in photos[:5]])
    trash.trash(some)
    assert len(library_map(ada).points) == 75
    draw(model)
    assert len(library_map(ada).points) == 75


def test_a_rename_sticks_when_the_map_is_drawn_anew(ada, model):
    store(ada, model, ROWS)
    draw(model)
    drawn = library_map(ada)
    theme = max(drawn.themes(0), key=lambda theme: len(drawn.members(theme)))
    members = set(drawn.members(theme))
    drawn.rename(theme, "Grandma's garden")
    named = library_map(ada).theme_of(0, next(iter(members)))
    assert named.title == "Grandma's garden"
    store(ada, model, vectors(4, 30)[:10])
    store(ada, model, vectors(4, 30)[110:120])
    draw(model)
    held = library_map(ada)
    named = [theme for theme in held.themes(0) if theme.given]
    assert [theme.title for theme in named] == ["Grandma's garden"]
    kept = {other.number: len(members & set(held.members(other))) for other in held.themes(0)}
    assert kept[named[0].number] == max(kept.values()) >= 3
    held.rename(named[0], "")
    assert not [theme for theme in library_map(ada).themes(0) if theme.given]


def test_tags_name_themes_first(ada, model):
    photos = store(ada, model, ROWS)
    tag = Tag.objects.create(owner=ada, name="lake")
    for photo in photos[:20]:
        photo.tags.add(tag)
    draw(model)
    titles = {theme.title for theme in library_map(ada).themes(0)}
    assert any(title.startswith("lake") for title in titles)


def test_a_library_that_shrank_below_the_least_keeps_its_map(ada, model):
    photos = store(ada, model, ROWS)
    draw(model)
    Photo.objects.filter(pk__in=[photo.pk for photo in photos[:60]]).delete()
    assert not list(runs.due(model))
    assert len(library_map(ada).points) == 20


def test_finish_draws_in_steps_that_never_go_back(ada, model):
    store(ada, model, ROWS)
    due = next(runs.due(model))
    shares = list(runs.drawing(model, due))
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] < 1
    assert finish(runs.placing(model, due)) == 0
