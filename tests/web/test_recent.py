"""Figures of large libraries may be some seconds old; all others are new."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import recent, sensitive
from gallery.models import Photo
from gallery.models.sensitive import Policy, State
from search.engine.answer import SearchRequest
from search.facets.result_facets import facets
from search.filters.places import places_of
from search.language import Query
from tests.web.test_large_gallery import add_searchable

pytestmark = pytest.mark.django_db

LISBON = 2267057


def listed(ada) -> dict[str, int]:
    return {facet.name: facet.values[0].count for facet in facets(ada, SearchRequest(Query()))}


def test_figures_of_a_small_library_are_new(ada, model):
    add_searchable(ada, model, 3)
    assert (recent.count_photos(ada), listed(ada)["year"]) == (3, 3)
    add_searchable(ada, model, 1)
    assert (recent.count_photos(ada), listed(ada)["year"]) == (4, 4)


def test_figures_of_a_large_library_are_kept_for_its_owner_alone(ada, bob, model, monkeypatch):
    monkeypatch.setattr(recent, "MANY", 2)
    add_searchable(ada, model, 3)
    before = (recent.count_photos(ada), listed(ada))
    add_searchable(ada, model, 1)
    assert (recent.count_photos(ada), listed(ada)) == before
    assert (recent.count_photos(bob), listed(bob)) == (0, {})


def test_the_grid_asks_for_the_years_of_a_large_library_once(ada, ada_client, model, monkeypatch):
    monkeypatch.setattr(recent, "MANY", 2)
    add_searchable(ada, model, 3)
    ada_client.get("/")
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert ada_client.get("/").status_code == 200
    assert not [each for each in asked.captured_queries if '"wall_at" DESC' in each["sql"]]


def test_a_photo_hidden_or_shown_again_changes_kept_figures_at_once(
    ada, ada_client, model, monkeypatch
):
    monkeypatch.setattr(recent, "MANY", 1)
    add_searchable(ada, model, 4)
    first, second, *_ = (Photo.objects.filter(pk=photo.pk) for photo in Photo.objects.all())
    old = datetime(2001, 2, 3, tzinfo=UTC)
    first.update(place_id=LISBON, wall_at=old, shown_at=old, camera="Zenit")
    sensitive.set_policy(ada, "nudity", Policy.HIDE)

    def figures() -> tuple[int, bool, int, bool]:
        """Return the photos, and whether facets, places and years know of the first one."""
        years = [year for year, _ in ada_client.get("/").context["years"]()]
        places = places_of(ada).towns
        return recent.count_photos(ada), "camera" in listed(ada), len(places), 2001 in years

    assert figures() == (4, True, 1, True)
    hidden = sensitive.decide(ada, first, "nudity", State.CONFIRMED)
    assert figures() == (3, False, 0, False)
    # As many photos are hidden, but others.
    sensitive.undo(ada, hidden.batch)
    sensitive.decide(ada, second, "nudity", State.CONFIRMED)
    assert figures() == (3, True, 1, True)
    sensitive.set_policy(ada, "nudity", Policy.BLUR)
    assert figures() == (4, True, 1, True)


def test_facets_of_all_photos_know_nothing_of_hidden_ones(ada, model):
    add_searchable(ada, model, 6)
    rows = [Photo.objects.filter(pk=photo.pk) for photo in Photo.objects.order_by("pk")]
    for row, year in zip(rows, (2018, 2019, 2020, 2020, 2001, 2023), strict=True):
        row.update(wall_at=datetime(year, 5, 5, tzinfo=UTC))
    # The library of towns may call one by another name than when the photo came.
    Photo.objects.filter(pk__in=[rows[0].get().pk, rows[4].get().pk]).update(
        place_id=LISBON, place="Lisbon, by an old name"
    )
    sensitive.set_policy(ada, "nudity", Policy.HIDE)
    for row in rows[4:]:
        sensitive.decide(ada, row, "nudity", State.CONFIRMED)
    shown = {facet.name: facet.values for facet in facets(ada, SearchRequest(Query()))}
    years = {value.label: value.count for value in shown["year"]}
    assert years == {"2020": 2, "2019": 1, "2018": 1}
    assert [value.count for value in shown["town"]] == [1]


def test_a_figure_is_not_kept_if_photos_were_shown_and_hidden_while_it_was_read(
    ada, model, monkeypatch
):
    monkeypatch.setattr(recent, "MANY", 1)
    add_searchable(ada, model, 4)
    photo = Photo.objects.filter(pk=Photo.objects.first().pk)
    sensitive.decide(ada, photo, "nudity", State.CONFIRMED)
    sensitive.set_policy(ada, "nudity", Policy.BLUR)

    def read() -> int:
        count = Photo.objects.visible_to(ada).count()
        sensitive.set_policy(ada, "nudity", Policy.HIDE)
        return count

    assert recent.recent(ada, "test", read) == 4
    sensitive.set_policy(ada, "nudity", Policy.BLUR)
    assert recent.recent(ada, "test", lambda: 3) == 3
