"""What filters look at reaches the index, also of photos that were here before."""

from __future__ import annotations

import pytest

from gallery.correct_dates import correct, undo
from gallery.corrections import Shift, Unknown
from gallery.ingest import ingest
from gallery.models import Embedding, Photo
from search.filters.conditions import aspect_within
from search.language import values
from search.vectors.index import (
    And,
    Eq,
    Near,
    Place,
    Point,
    Range,
    close_all,
    open_index,
    qdrant_edge,
)
from tests import images
from tests.fake_qdrant import FakeQdrant
from tests.workers.conftest import add_photo, assert_settled, drain, row_of
from workers import housekeeping
from workers.index_sync import projection, reconcile
from workers.index_sync.sources import PHOTOS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

EVERYTHING = {
    "owner", "gen", "taken", "dated", "orientation", "aspect", "megapixels", "type",
    "bytes", "colours", "place", "town", "camera", "lens",
}  # fmt: skip


@pytest.fixture
def server(settings):
    """A server to index in, instead of the embedded engine."""
    with FakeQdrant(api_key="secret") as running:
        settings.QDRANT_URL, settings.QDRANT_API_KEY = running.url, "secret"
        close_all()
        yield running
        close_all()


def take_in(owner, tmp_path) -> Photo:
    """Upload a picture of which the camera said everything."""
    block = images.exif(
        {0x010F: "Canon", 0x0110: "EOS R5", 0x4746: 4},
        {0x9003: "2024:05:31 18:30:15", 0xA434: "RF35mm F1.8"},
        {1: "N", 2: (48.0, 30.0, 0.0), 3: "W", 4: (2.0, 0.0, 0.0)},
    )
    red = images.gradient((90, 60)).point(lambda _: 0)
    red.paste("red", (0, 0, 90, 60))
    path = images.write(tmp_path, "upload", images.encode(red, exif=block))
    return ingest(owner, path, "red.jpg").photo


def payload_of(model, photo):
    (point,) = open_index(model.key, model.dim).fetch([photo.pk])
    return dict(point.payload)


def test_an_upload_has_all_facts_in_sql_and_in_the_index(ada, model, tmp_path):
    photo = take_in(ada, tmp_path)
    drain()
    photo.refresh_from_db()
    assert (photo.camera, photo.lens, photo.rating) == ("Canon EOS R5", "RF35mm F1.8", 4)
    assert (photo.latitude, photo.longitude, photo.colours) == (48.5, -2.0, ",red,")
    payload = payload_of(model, photo)
    assert payload.keys() == EVERYTHING
    assert payload["place"] == Place(48.5, -2.0)
    assert (photo.place, payload["town"]) == ("Saint-Samson-sur-Rance, France", str(photo.place_id))
    assert payload["dated"] is True
    assert (payload["orientation"], payload["aspect"], payload["type"]) == (
        "landscape", 1.5, "jpeg",
    )  # fmt: skip
    index = open_index(model.key, model.dim)
    near = And((Eq("colours", "red"), Near("place", 48.5, -2.0, 1.0), Range("megapixels", 0.005)))
    assert index.count(near) == 1
    assert index.count(Near("place", 48.5, -3.0, 1_000.0)) == 0


def test_a_corrected_date_reaches_the_index(ada, model, tmp_path):
    photo = take_in(ada, tmp_path)
    drain()
    before = payload_of(model, photo)["taken"]
    result = correct(Photo.objects.visible_to(ada), Shift(days=1))
    drain()
    assert payload_of(model, photo)["taken"] == before + 86_400
    undo(ada, result.batch)
    drain()
    assert payload_of(model, photo)["taken"] == before
    correct(Photo.objects.visible_to(ada), Unknown())
    drain()
    assert payload_of(model, photo)["dated"] is False
    assert_settled(model)


def test_a_photo_of_which_little_is_known_leaves_the_rest_out(ada, model):
    photo = add_photo(ada)
    drain()
    payload = payload_of(model, photo)
    assert payload.keys() == EVERYTHING - {"place", "town", "camera", "lens"}
    assert payload["dated"] is False


# --- the check -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [{"camera": "Another"}, {"latitude": 1.0, "longitude": 2.0}, {"colours": ",blue,"}],
    ids=["camera", "place", "colours"],
)
def test_any_fact_that_differs_is_noticed(ada, model, change):
    photo = add_photo(ada)
    drain()
    (pair,) = reconcile.pairs(PHOTOS, model)
    assert not reconcile.payload_differs(pair.row, pair.points[0])
    Photo.objects.filter(pk=photo.pk).update(**change)
    (pair,) = reconcile.pairs(PHOTOS, model)
    assert reconcile.payload_differs(pair.row, pair.points[0])


def test_fractions_are_the_same_after_they_were_read_from_disk(ada, model):
    sizes = [(320, 340), (300, 229), (200, 133), (500, 323), (160, 90), (4032, 3024)]
    places = [(48.858222, 2.2945), (-33.856784, 151.215297), (43.467157, 11.885395)]
    for nth, (width, height) in enumerate(sizes):
        photo = add_photo(ada)
        latitude, longitude = places[nth % len(places)]
        Photo.objects.filter(pk=photo.pk).update(
            width=width, height=height, latitude=latitude, longitude=longitude
        )
    drain()
    close_all()
    pairs = list(reconcile.pairs(PHOTOS, model))
    assert len(pairs) == len(sizes)
    assert not any(reconcile.payload_differs(pair.row, pair.points[0]) for pair in pairs)
    for width, height in sizes:
        least = values.aspect(f">={width}:{height}")
        most = values.aspect(f"<={width}:{height}")
        index = open_index(model.key, model.dim)
        exact = And((aspect_within(least).index_filter, aspect_within(most).index_filter))
        assert index.count(exact) == 1


@pytest.mark.parametrize("step", ["photos_upserted", "photos_flushed"])
def test_a_fact_that_changes_on_the_way_to_the_index_is_told_again(ada, model, monkeypatch, step):
    photo, other = add_photo(ada), add_photo(ada)

    def change_here(name):
        if name == step and Photo.objects.filter(pk=photo.pk, camera="").update(camera="X100"):
            assert Embedding.objects.project_again([photo.pk]) == 0

    monkeypatch.setattr(projection, "failpoint", change_here)
    assert drain() == 1
    assert row_of(other).state == "indexed"
    drain()
    assert payload_of(model, photo)["camera"] == "X100"
    assert_settled(model)


# --- points that an earlier version wrote ---------------------------------------------------------


def write_as_before(model, photos):
    """Give the photos the points that versions without facts wrote."""
    index = open_index(model.key, model.dim)
    old = [
        Point(row.photo_id, row.get_vector(), {"owner": str(row.photo.owner_id), "gen": 1})
        for row in map(row_of, photos)
    ]
    index.upsert(old)
    index.flush()
    close_all()


def test_an_embedded_index_of_an_earlier_schema_is_filled_anew(ada, model, monkeypatch):
    photo = add_photo(ada)
    with monkeypatch.context() as earlier:
        earlier.setattr(qdrant_edge, "SCHEMA", 1)
        drain()
        write_as_before(model, [photo])
    housekeeping.sweep()
    assert payload_of(model, photo)["colours"] == ["red"]
    assert_settled(model)
