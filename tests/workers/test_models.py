"""How a model is chosen, built beside another one, and takes over."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import pytest
from django.db import OperationalError

from gallery.models import Embedding, EmbeddingModel
from search.relevance import library
from search.vectors.embedders import folders, image_embedder
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.catalog import STARTER_KEY, Choice, RecommendedModel
from tests.weight_files import CLIP, SIGLIP, model_folder
from tests.workers.conftest import add_photo, assert_settled, drain, points
from workers import heartbeat, housekeeping, model_choice
from workers.housekeeping import Rounds

pytestmark = pytest.mark.django_db(transaction=True)


def settle(settings, key: str) -> bool:
    settings.EMBEDDING_MODEL = key
    return model_choice.settle()


def state_of(key: str) -> str:
    """Return the state of a model by its key or name."""
    return next(
        model.state for model in EmbeddingModel.objects.all() if key in {model.key, model.name}
    )


def test_the_first_model_answers_at_once(ada, settings):
    photo = add_photo(ada)
    assert settle(settings, "colours")
    active = EmbeddingModel.objects.active()
    assert (active.key, active.dim) == ("colours", image_embedder("colours").dim)
    assert active.why == "EMBEDDING_MODEL asks for colours."
    assert heartbeat.report.device == "cpu"
    assert Embedding.objects.get(photo=photo).state == "pending"


def test_a_model_takes_over_before_anything_is_searchable(ada, settings):
    settle(settings, "colours")
    settle(settings, "other")
    assert (state_of("colours"), state_of("other")) == ("retired", "active")


def test_another_model_is_built_beside_and_takes_over_when_all_photos_settled(ada, settings):
    settle(settings, "colours")
    photos = {add_photo(ada).pk for _ in range(3)}
    drain()
    settle(settings, "other")
    assert (state_of("colours"), state_of("other")) == ("active", "building")
    assert model_choice.promote() is None
    late = add_photo(ada)
    drain()
    assert model_choice.promote() == EmbeddingModel.objects.get(key="other")
    assert (state_of("colours"), state_of("other")) == ("retired", "active")
    for key in ("colours", "other"):
        model = EmbeddingModel.objects.get(key=key)
        assert points(model) == photos | {late.pk}
        assert_settled(model)


@pytest.mark.parametrize("replaced", ["starter", "starter-0badf00d"])
def test_a_starter_of_another_version_gives_way_at_once(ada, settings, replaced):
    settle(settings, "colours")
    photo = add_photo(ada)
    drain()
    EmbeddingModel.objects.filter(key="colours").update(key=replaced)

    settle(settings, "other")

    assert (state_of(replaced), state_of("other")) == ("retired", "active")
    assert Embedding.objects.get(photo=photo, model__key="other").state == "pending"


def test_a_model_that_fails_on_most_photos_does_not_take_over(ada, settings):
    settle(settings, "colours")
    for _ in range(3):
        add_photo(ada)
    drain()
    settle(settings, "other")
    broken = Embedding.objects.filter(model__key="other")
    broken.update(state="failed", reason="bad_vector")
    assert model_choice.promote() is None
    assert state_of("colours") == "active"


def test_a_choice_that_changes_again_retires_what_was_being_built(ada, settings):
    settle(settings, "colours")
    add_photo(ada)
    drain()
    settle(settings, "other")
    settle(settings, "colours")
    assert (state_of("colours"), state_of("other")) == ("active", "retired")
    settle(settings, "other")
    assert state_of("other") == "building"


def test_a_model_that_cannot_be_had_leaves_the_old_one_in_place(ada, settings):
    settle(settings, "colours")
    assert not settle(settings, "missing-model")
    assert state_of("colours") == "active"
    assert "choose another one" in heartbeat.detail()
    assert not model_choice.is_settling()


def test_a_known_model_with_another_dimension_is_refused(model):
    EmbeddingModel.objects.update(dim=7)
    with pytest.raises(ModelUnavailable, match="instead of 7"):
        model_choice.register(Choice("colours", "because"), image_embedder("colours"))


def test_an_automatic_choice_that_cannot_be_loaded_is_stood_in_for(settings, monkeypatch):
    settings.EMBEDDING_MODEL = "auto"
    monkeypatch.setattr(folders, "wanted", lambda: Choice("missing", "best"))
    assert model_choice.settle()
    active = EmbeddingModel.objects.active()
    assert active.key == STARTER_KEY
    assert "missing cannot be loaded" in active.why


@pytest.fixture
def page_choice(settings, tmp_path) -> Callable[..., None]:
    """A gallery whose settings page may choose; return what its form does."""
    settings.EMBEDDING_MODEL = "auto"

    def choose(model: RecommendedModel) -> None:
        folders.choose(model, model_folder(tmp_path / model.architecture, model))

    return choose


@pytest.mark.slow
def test_the_model_of_the_settings_page_is_built_while_the_old_one_answers(ada, page_choice):
    page_choice(SIGLIP)
    assert model_choice.settle()
    add_photo(ada)
    Embedding.objects.update(state="indexed")
    page_choice(CLIP)
    assert model_choice.settle()
    assert (state_of(SIGLIP.key), state_of(CLIP.key)) == ("active", "building")
    assert model_choice.promote() is None
    Embedding.objects.update(state="indexed")
    model_choice.promote()
    assert (state_of(SIGLIP.key), state_of(CLIP.key)) == ("retired", "active")


def test_no_other_model_stands_in_for_the_one_that_was_chosen(ada, model, page_choice, monkeypatch):
    page_choice(CLIP)

    def broken(key: str) -> None:
        raise ModelUnavailable("The weights are damaged.")

    monkeypatch.setattr(model_choice, "image_embedder", broken)
    assert not model_choice.settle()
    assert state_of("colours") == "active"
    assert heartbeat.detail() == "The weights are damaged."


def test_workers_notice_a_choice_of_the_settings_page(model, page_choice, monkeypatch):
    settled = queue.Queue()
    monkeypatch.setattr(housekeeping, "ROUND_SECONDS", 0.01)
    monkeypatch.setattr(Rounds, "_settle_once", lambda self: settled.put(folders.chosen()))
    rounds = Rounds(embedded=True)
    thread = threading.Thread(target=rounds._settle_model)
    thread.start()
    try:
        assert settled.get(timeout=60) == ""
        page_choice(CLIP)
        assert settled.get(timeout=60) == CLIP.key
        folders.choose_automatically()
        assert settled.get(timeout=60) == ""
    finally:
        rounds._stop.set()
        thread.join(60)
    assert settled.empty()


def test_what_fails_after_a_model_is_loaded_is_told_and_tried_again(ada, settings, monkeypatch):
    def broken(key: str, text: str) -> None:
        raise KeyError("added_tokens")

    settle(settings, "colours")
    monkeypatch.setattr(housekeeping, "embed_query_text", broken)
    assert Rounds(embedded=True)._settle_once() == housekeeping.MODEL_RETRY_SECONDS
    assert "added_tokens" in heartbeat.detail()


def test_a_database_that_was_away_for_a_moment_delays_no_model(ada, settings, monkeypatch):
    def away() -> None:
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(model_choice, "settle", away)
    monkeypatch.setattr(housekeeping.database_outages, "is_told", lambda error: True)
    assert Rounds(embedded=True)._settle_once() == housekeeping.ROUND_SECONDS


def test_a_chosen_model_knows_the_background_of_queries_before_the_first_search(ada, settings):
    settle(settings, "colours")
    library.forget()
    library._file("colours").unlink(missing_ok=True)
    model_choice.prepare_bands()
    assert library.stored_texts("colours") is not None
    written = library._file("colours").stat().st_mtime_ns
    model_choice.prepare_bands()
    assert library._file("colours").stat().st_mtime_ns == written


def test_searches_are_prepared_before_the_image_tower(monkeypatch):
    """With a model that answers already, a search waits for its text tower alone."""
    order = queue.Queue()
    monkeypatch.setattr(housekeeping, "_warm_search", lambda: order.put("text"))
    monkeypatch.setattr(Rounds, "_settle_once", lambda self: order.put("model"))
    rounds = Rounds(embedded=True)
    thread = threading.Thread(target=rounds._settle_model, daemon=True)
    thread.start()
    assert [order.get(timeout=60) for _ in range(2)] == ["text", "model"]
    rounds._stop.set()
    thread.join(60)


def test_a_text_tower_that_fails_stops_nothing(monkeypatch):
    def fail():
        raise RuntimeError("no such operation")

    monkeypatch.setattr(housekeeping, "_warm_text", fail)
    housekeeping._warm_search()


def test_memory_is_given_back_once_when_work_ends(monkeypatch):
    given, due = [], [True, False, False, True, False]
    monkeypatch.setattr(housekeeping.allocator, "give_back", lambda: given.append(len(due)))
    monkeypatch.setattr(housekeeping.jobs, "is_work_due", lambda: due.pop(0))
    rounds = Rounds(embedded=False)
    while due:
        rounds._round()
    assert given == [3, 0]
