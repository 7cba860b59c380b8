"""Bands: what a library has stands out, what it lacks does not, whatever the scale of scores."""

from __future__ import annotations

import math
import uuid
from types import SimpleNamespace

import numpy as np
import pytest

from search.relevance import TOP, Background, Band, Bands, find_bands
from search.relevance.background import MIN_PHOTOS, background_texts, nouns

DIM, THINGS, PHOTOS = 64, 300, 400


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


class World:
    """Things have a direction; photos show some of the first half, texts name all."""

    def __init__(self, *, photos: int = PHOTOS, gap: float = 0.0, noise: float = 0.6) -> None:
        rng = np.random.default_rng(7)
        things = unit(rng.normal(size=(THINGS, DIM)))
        shown = rng.integers(0, THINGS // 2, photos)
        self.shown = set(shown.tolist())
        blur = rng.normal(size=(photos, DIM)) * noise / np.sqrt(DIM)
        away = np.zeros(DIM)
        away[0] = gap
        self.photos = unit(things[shown] + blur + away)
        self.texts = unit(things - away)
        self.words = self.texts[::2]
        self.background = Background(self.words, self.photos)

    def bands(self, query: np.ndarray, *, wanted: np.ndarray | None = None) -> Bands:
        first = np.argsort(-(self.photos @ query))[:TOP]
        total = len(self.photos)
        return find_bands(self.background, query, self.photos[first], total=total, wanted=wanted)

    def shares(self) -> tuple[float, float]:
        """Return how many of the shown and of the missing things match something."""
        rows = [
            (thing in self.shown, not self.bands(self.texts[thing]).is_empty)
            for thing in range(1, THINGS, 2)
        ]
        return tuple(
            np.mean([found for has, found in rows if has is wanted])  # type: ignore[return-value]
            for wanted in (True, False)
        )


@pytest.mark.parametrize("photos", [60, 400, 2500])
@pytest.mark.parametrize("gap", [0.0, 1.5])
def test_what_is_there_is_told_from_what_is_not(photos, gap):
    has, lacks = World(photos=photos, gap=gap).shares()
    assert has >= 0.95
    # The limits are fitted so that 60 to 70 % of what is absent matches nothing.
    assert lacks <= 0.45


def test_a_photo_of_the_thing_is_strong_and_the_typical_one_weak():
    world = World()
    thing = next(thing for thing in sorted(world.shown) if thing % 2)
    found = world.bands(world.texts[thing])
    assert found.band(found.best) == Band.STRONG
    assert found.band(found.typical) == Band.WEAK
    assert found.typical < found.likely <= found.strong <= found.best


def test_leaving_something_out_does_not_lower_what_was_asked_for():
    world = World()
    wanted, other = [thing for thing in sorted(world.shown) if thing % 2][:2]
    asked = world.texts[wanted]
    found = world.bands(unit(asked - 0.6 * world.texts[other]), wanted=asked)
    assert not found.is_empty
    assert found.standing == pytest.approx(world.bands(asked).standing, abs=0.05)


def test_a_copy_is_found_by_picture_and_a_stranger_is_not():
    world = World()
    copy, stranger = world.photos[3], world.texts[-1]
    for query, matches in ((copy, True), (stranger, False)):
        first = np.argsort(-(world.photos @ query))[:TOP]
        found = find_bands(
            world.background, query, world.photos[first], total=PHOTOS, by_picture=True
        )
        assert found.is_empty is not matches


def test_what_most_photos_show_is_no_empty_answer():
    rng = np.random.default_rng(1)
    words = unit(rng.normal(size=(200, DIM)))
    photos = unit(words[5] + unit(rng.normal(size=(300, DIM))))
    first = photos[np.argsort(-(photos @ words[5]))[:TOP]]
    assert not find_bands(Background(words, photos), words[5], first, total=300).is_empty


def test_trust_falls_with_the_score_and_finds_its_score_again():
    found = Bands(strong=0.3, likely=0.25, typical=0.1, best=0.4, standing=0.9)
    confidences = [found.confidence(score) for score in (0.4, 0.3, 0.2, 0.1, 0.0)]
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[0] == pytest.approx(0.9)
    assert confidences[-1] == 0
    assert found.confidence(found.score_at(0.5)) == pytest.approx(0.5)
    assert math.isinf(found.score_at(0.95))


def test_no_hits_are_an_empty_answer():
    found = find_bands(World().background, np.ones(DIM, np.float32), np.empty((0, DIM)), total=0)
    assert found.is_empty
    assert found.band(1.0) == Band.WEAK


def test_fewer_hits_than_usual_are_enough():
    world = World()
    query = world.texts[min(thing for thing in world.shown if thing % 2)]
    first = world.photos[np.argsort(-(world.photos @ query))[:1]]
    assert 0 <= find_bands(world.background, query, first, total=1).standing <= 1


def test_a_foreign_text_needs_less_evidence():
    world = World()
    text = world.texts[min(world.shown)]
    first = world.photos[np.argsort(-(world.photos @ text))[:TOP]]
    plain, foreign = (
        find_bands(world.background, text, first, total=PHOTOS, foreign=foreign)
        for foreign in (False, True)
    )
    assert foreign.strong <= plain.strong
    assert foreign.likely <= plain.likely
    assert foreign.standing > plain.standing


@pytest.mark.parametrize("share", [0, 1, 5, 50, 95])
def test_a_thing_is_found_whatever_share_of_the_library_shows_it(share):
    world = World(photos=1000)
    thing, missing = 1, THINGS - 1
    rng = np.random.default_rng(3)
    blur = rng.normal(size=(1000, DIM)) * 0.6 / np.sqrt(DIM)
    photos = np.where(
        np.arange(1000)[:, None] < 10 * share, unit(world.texts[thing] + blur), world.photos
    )
    photos = photos[(photos @ world.texts[thing] < 0.3) | (np.arange(1000) < 10 * share)]
    background = Background(world.words, photos[rng.permutation(len(photos))])

    def found(text: np.ndarray) -> Bands:
        first = photos[np.argsort(-(photos @ text))[:TOP]]
        return find_bands(background, text, first, total=len(photos))

    bands = found(world.texts[thing])
    kept = photos[: 10 * share] @ world.texts[thing] >= bands.likely
    assert bands.is_empty is (share == 0)
    assert share == 0 or kept.mean() > 0.9
    assert found(world.texts[missing]).is_empty


def test_one_photo_more_or_less_does_not_move_the_bands():
    world = World()
    thing = next(thing for thing in sorted(world.shown) if thing % 2)
    fewer = Background(world.words, world.photos[1:])
    first = world.photos[np.argsort(-(world.photos @ world.texts[thing]))[:TOP]]
    before = world.bands(world.texts[thing])
    after = find_bands(fewer, world.texts[thing], first, total=PHOTOS - 1)
    assert after.likely == pytest.approx(before.likely, abs=0.005)
    assert after.strong == pytest.approx(before.strong, abs=0.005)


def test_absence_is_asserted_of_what_is_far_from_everything_only():
    world = World()
    shown = [world.bands(world.texts[thing]).is_absent for thing in world.shown if thing % 2]
    assert not any(shown)
    stranger = find_bands(
        world.background, world.texts[0], np.tile(-world.texts[0], (20, 1)), total=PHOTOS
    )
    assert stranger.is_absent
    assert stranger.is_empty


def test_hits_behind_the_judged_ones_are_judged_by_their_score():
    rng = np.random.default_rng(1)
    words = unit(rng.normal(size=(200, DIM)))
    photos = unit(2 * words[5] + unit(rng.normal(size=(300, DIM))))
    scores = photos @ words[5]
    first = photos[np.argsort(-scores)[:TOP]]
    bands = find_bands(Background(words, photos), words[5], first, total=300)
    assert bands.likely < np.sort(scores)[-TOP - 1]


def test_nouns_have_numbers_of_kinds():
    found = dict(nouns())
    assert len(found) == len(nouns()) > 1000
    assert found["animal"] > found["dog"] > found["spaniel"] > 1


def test_too_few_photos_have_no_background():
    with pytest.raises(ValueError, match="photos"):
        Background(World().words, World().photos[: MIN_PHOTOS - 1])


def test_the_background_texts_are_many_plain_and_different():
    found = background_texts()
    assert len(found) > 1000
    assert len({text.casefold() for text in found}) == len(found)
    assert all(text == text.strip() and text.isascii() and text for text in found)


def test_a_background_is_kept_per_library_and_measured_from_its_own_photos(
    db, settings, tmp_path, monkeypatch
):
    from django.contrib.auth import get_user_model

    from gallery.models import EmbeddingModel
    from search.relevance import library

    settings.DATA_DIR = tmp_path
    library.forget()
    user = get_user_model().objects.create_user(username=uuid.uuid4().hex)
    model = EmbeddingModel.objects.create(key="colours", dim=16)
    started = []
    monkeypatch.setattr(library, "_embed_quietly", started.append)
    assert library.background_of(user, model) is None
    library.embed_texts("colours")
    assert library.stored_texts("colours").shape == (
        len(background_texts()) + len(nouns()),
        16,
    )
    assert library.background_of(user, model) is None
    rows = unit(np.random.default_rng(0).normal(size=(MIN_PHOTOS, 16)))
    monkeypatch.setattr(library, "_sample", lambda *_: rows)
    found = library.background_of(user, model)
    assert isinstance(found, Background)
    assert library.background_of(user, model) is found


def test_a_library_that_shrank_has_no_background_from_the_next_measure_on(measured, monkeypatch):
    library, user, model, _made = measured
    assert library.background_of(user, model) is not None
    monkeypatch.setattr(library, "_sample", lambda *_: np.empty((0, 16), np.float32))
    monkeypatch.setattr(library, "connections", SimpleNamespace(close_all=lambda: None))
    library._refresh(user, model, (model.key, str(user.pk)))
    assert library.background_of(user, model) is None


def test_the_starter_model_comes_with_its_text_embeddings(settings, tmp_path, monkeypatch):
    from search.relevance import library
    from search.vectors.embedders.catalog import STARTER_KEY

    settings.DATA_DIR = tmp_path
    library.forget()
    monkeypatch.setattr(library, "READS_EVERY_LANGUAGE", False)
    assert library.stored_texts(STARTER_KEY) is None
    monkeypatch.setattr(library, "READS_EVERY_LANGUAGE", True)
    rows = library.stored_texts(STARTER_KEY)
    assert rows is not None, "python -m benchmarks.embed_background makes them."
    assert rows.shape == (len(background_texts()) + len(nouns()), 512)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    assert library.stored_texts("colours") is None
    library.forget()


def test_damaged_text_embeddings_count_as_missing(settings, tmp_path):
    from search.relevance import library

    settings.DATA_DIR = tmp_path
    library.embed_texts("colours")
    library._file("colours").write_bytes(b"\x93NUMPY\x01")
    assert library.stored_texts("colours") is None


def test_hits_must_show_each_of_several_wanted_things():
    world = World()
    shown = [thing for thing in sorted(world.shown) if thing % 2][:2]
    missing = next(thing for thing in range(THINGS - 1, 0, -2) if thing not in world.shown)
    rng = np.random.default_rng(2)
    both = unit(
        world.photos[[0]] + 3 * world.texts[shown].sum(axis=0) + 0.01 * rng.normal(size=DIM)
    )
    photos = np.concatenate([both, world.photos])

    def found(*things: int) -> Bands:
        each = tuple(world.texts[list(things)])
        query = unit(np.sum(each, axis=0))
        first = photos[np.argsort(-(photos @ query))[:TOP]]
        return find_bands(
            world.background, query, first, total=len(photos), wanted=query, each=each
        )

    assert found(*shown).standing > found(shown[0], missing).standing
    assert found(shown[0], missing).is_empty


@pytest.fixture
def measured(db, settings, tmp_path, monkeypatch):
    """A person whose library has been measured once; `made` counts measures."""
    from django.contrib.auth import get_user_model

    from gallery.models import EmbeddingModel
    from search.relevance import library

    settings.DATA_DIR = tmp_path
    library.forget()
    library.embed_texts("colours")
    rows = unit(np.random.default_rng(0).normal(size=(MIN_PHOTOS, 16)))
    made: list[int] = []
    monkeypatch.setattr(library, "_sample", lambda *_: made.append(1) or rows)
    user = get_user_model().objects.create_user(username=uuid.uuid4().hex)
    model = EmbeddingModel.objects.create(key="colours", dim=16)
    yield library, user, model, made
    library.forget()


def test_a_stale_measure_is_served_while_one_thread_takes_the_next(measured, monkeypatch):
    library, user, model, made = measured
    # The target is run by this thread below, whose connection is the test's.
    monkeypatch.setattr(library, "connections", SimpleNamespace(close_all=lambda: None))
    first = library.background_of(user, model)
    started = []
    monkeypatch.setattr(
        library.threading, "Thread", lambda **given: started.append(given) or Waiting()
    )
    library._measurements[model.key, str(user.pk)].expires = 0
    assert library.background_of(user, model) is first
    assert library.background_of(user, model) is first
    assert len(started) == len(made) == 1
    started[0]["target"](*started[0]["args"])
    assert len(made) == 2
    assert library.background_of(user, model) is not first


def test_texts_that_cannot_be_embedded_are_not_tried_by_every_request(measured, monkeypatch):
    library, user, _, _ = measured
    from gallery.models import EmbeddingModel

    missing = EmbeddingModel.objects.create(key="missing-model", dim=16)
    started = []
    monkeypatch.setattr(
        library.threading, "Thread", lambda **given: started.append(given) or Waiting()
    )
    assert library.background_of(user, missing) is None
    assert library.background_of(user, missing) is None
    assert len(started) == 1


def test_texts_that_another_process_embeds_are_left_to_it(settings, tmp_path):
    import fcntl

    from search.relevance import library

    settings.DATA_DIR = tmp_path
    file = library._file("colours")
    file.parent.mkdir(parents=True)
    with file.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        library.embed_texts("colours")
        assert library.stored_texts("colours") is None
    library.embed_texts("colours")
    assert library.stored_texts("colours") is not None


class Waiting:
    """A thread that is not started."""

    def start(self) -> None:
        pass
