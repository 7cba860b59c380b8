"""Hypothesis looks for an order of events that breaks an invariant; it shows the shortest one."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from hypothesis import HealthCheck, settings as bounds, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

from gallery import failpoints, originals_marker, trash
from gallery.failpoints import FailpointReached
from gallery.models import Embedding, EmbeddingModel, Photo, Tombstone
from search.relevance import library
from search.vectors.index import close_all, open_index
from tests.embedders import PALETTE
from tests.workers.conftest import add_photo, expire_leases, forget_pauses
from tests.workers.test_failpoints import assert_sound, recover
from tests.workers.test_models import settle
from workers import housekeeping, jobs, model_choice
from workers.index_sync import removal

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

MODELS = ("colours", "other", "third")
CRASHES = sorted(
    name
    for name in failpoints.NAMES
    # These are reached by other deeds, and tests.workers.test_failpoints does them.
    if not name.startswith(
        ("upload", "original", "rows_written", "companion", "external", "backup")
    )
)
STEPS = (
    removal.withdraw,
    removal.purge,
    jobs.PROJECT.run,
    jobs.EMBED.run,
    jobs.COMPARE.run,
    model_choice.promote,
    housekeeping.sweep,
)


class Events(RuleBasedStateMachine):
    """A gallery of two owners, which each example begins anew. The test sets the first three."""

    clients: dict[Any, Client]
    settings: Any
    monkeypatch: Any

    photos = Bundle("photos")
    in_trash = Bundle("in_trash")

    def __init__(self):
        super().__init__()
        begin_anew(self.settings)
        self.live = {owner: set() for owner in self.clients}

    # --- people ---

    @rule(target=photos, owner=st.integers(0, 1), colour=st.sampled_from(list(PALETTE)))
    def upload(self, owner, colour):
        owner = list(self.clients)[owner]
        photo = add_photo(owner, colour=colour)
        self.live[owner].add(photo.pk)
        return photo

    @rule(target=in_trash, photo=consumes(photos))
    def delete(self, photo):
        assert trash.trash(Photo.objects.filter(pk=photo.pk)) == [photo.pk]
        self.live[photo.owner].discard(photo.pk)
        return photo

    @rule(target=photos, photo=consumes(in_trash))
    def undelete(self, photo):
        assert trash.restore(Photo.objects.filter(pk=photo.pk)) == [photo.pk]
        self.live[photo.owner].add(photo.pk)
        return photo

    @rule(photo=consumes(in_trash))
    def delete_for_ever(self, photo):
        assert trash.empty(Photo.objects.filter(pk=photo.pk)) == 1

    @rule(key=st.sampled_from(MODELS))
    def switch_model(self, key):
        settle(self.settings, key)

    # --- the workers, whose messages may come twice, in any order, or never ---

    @rule(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=6))
    def deliver(self, steps):
        for step in steps:
            step()

    @rule(step=st.sampled_from(STEPS))
    def redeliver(self, step):
        step()
        step()

    @rule(
        point=st.sampled_from(CRASHES),
        steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=4),
    )
    def crash(self, point, steps):
        """End in the middle, and start again with what is on the disk."""
        self.monkeypatch.setenv(failpoints.VARIABLE, f"{point}=raise")
        with suppress(FailpointReached):
            for step in steps:
                step()
        self.monkeypatch.delenv(failpoints.VARIABLE)
        close_all()

    @rule()
    def flush(self):
        for model in EmbeddingModel.objects.wanted():
            open_index(model.collection, model.dim).flush()

    @rule()
    def lose_points(self):
        """Restore an old copy of the index, as it were."""
        model = EmbeddingModel.objects.active()
        index = open_index(model.collection, model.dim)
        index.delete([point.id for point in index.scroll()][:2])

    @rule()
    def time_passes(self):
        expire_leases()
        forget_pauses()
        jobs.allow()

    # --- what must hold ---

    @invariant()
    def the_record_is_what_people_made_it(self):
        for owner, live in self.live.items():
            shown = Photo.objects.visible_to(owner).values_list("pk", flat=True)
            assert set(shown) == live

    @invariant()
    def answers_show_what_their_owner_may_see(self):
        for owner, live in self.live.items():
            answer = self.clients[owner].get("/api/v1/search", {"q": "red"}).json()
            assert {hit["id"] for hit in answer["hits"]} <= {str(pk) for pk in live}
            # A process that has not loaded the new model yet answers with the former one.
            answering = EmbeddingModel.objects.filter(key=answer["model"])
            assert answering.get().state in ("active", "retired")

    def teardown(self):
        recover()
        housekeeping.sweep()
        recover()
        assert_sound()
        indexed = Embedding.objects.live().filter(state="indexed", model__state="active")
        assert set(indexed.values_list("photo_id", flat=True)) == set().union(*self.live.values())


def begin_anew(settings) -> None:
    """Forget all photos, models and indexes of the example before."""
    close_all()
    Photo.objects.all().delete()
    Tombstone.objects.all().delete()
    EmbeddingModel.objects.all().delete()
    for folder in ("media", "index"):
        shutil.rmtree(django_settings.DATA_DIR / folder, ignore_errors=True)
    django_settings.MEDIA_DIR.mkdir(parents=True)
    originals_marker.mark()
    cache.clear()
    library.forget()
    jobs.allow()
    settle(settings, MODELS[0])


def test_no_order_of_events_breaks_an_invariant(ada, bob, settings, monkeypatch):
    settings.EMBEDDING_BATCH = 3
    settings.PART_SEARCH = 0
    Events.clients = {ada: Client(), bob: Client()}
    for owner, client in Events.clients.items():
        client.force_login(owner)
    Events.settings, Events.monkeypatch = settings, monkeypatch
    run_state_machine_as_test(
        Events,
        settings=bounds(
            max_examples=8,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
