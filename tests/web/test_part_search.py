"""Small things in large photos come up in ordinary searches, with the part that shows them."""

from __future__ import annotations

import pytest

from gallery import trash
from gallery.models import Photo
from search.parts import nearest, scale
from search.relevance import library
from search.vectors import embedders
from search.vectors.index import IndexUnavailable
from tests.web.test_why import picture
from tests.workers.conftest import add_photo, drain
from workers import embed_parts as regions, jobs
from workers.index_sync.sources import PARTS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.PART_SEARCH = 1000
    embedders.unload_all()
    scale.forget()
    library.forget()
    jobs.PARTS.resume()


def add(owner, data: bytes) -> Photo:
    photo = add_photo(owner, data)
    photo.width, photo.height = 800, 600
    photo.save(update_fields=["width", "height"])
    return photo


@pytest.fixture
def spotted(ada, model):
    """A grey photo with a red square, among others of other colours and some all red ones."""
    for _ in range(3):
        add_photo(owner=ada, colour="red")
    colours = ["blue", "green", "yellow", "purple", "brown", "cyan"] * 2
    for place, colour in enumerate(colours):
        add(ada, picture(colour, (50 * place, 400)))
    photo = add(ada, picture("red", (600, 0)))
    drain()
    return photo


def ask(client, **params):
    return client.get("/api/v1/search", {"q": "red", **params}).json()["hits"]


def test_a_hit_says_which_part_matched(ada_client, spotted, model):
    (before,) = (hit for hit in ask(ada_client) if hit["id"] == str(spotted.pk))
    assert before["box"] is None
    regions.make_due(model, stop=lambda: False)
    scale.forget()
    (hit,) = (hit for hit in ask(ada_client) if hit["id"] == str(spotted.pk))
    assert hit["box"] == pytest.approx([0.375, 0, 0.625, 0.625], abs=0.01)
    assert before["score"] < hit["score"] <= 1


def test_parts_are_found_only_by_their_owner_and_while_they_live(
    ada_client, bob_client, spotted, model
):
    regions.make_due(model, stop=lambda: False)
    scale.forget()
    assert ask(bob_client) == []
    # The index still holds the points, as it does for a moment after a deletion.
    trash.trash(Photo.objects.filter(pk=spotted.pk))
    assert str(spotted.pk) not in {hit["id"] for hit in ask(ada_client)}


def test_whole_photos_are_found_while_the_index_of_parts_is_away(
    ada_client, spotted, model, monkeypatch, caplog
):
    regions.make_due(model, stop=lambda: False)
    scale.forget()
    expected = {hit["id"] for hit in ask(ada_client)}

    def away(*_, **__):
        raise IndexUnavailable("The Qdrant server answered 404.")

    parts = nearest.index_of(model)
    monkeypatch.setattr(parts, "query", away)
    monkeypatch.setattr(nearest, "index_of", lambda _: parts)
    hits = ask(ada_client)
    assert {hit["id"] for hit in hits} == expected
    assert all(hit["box"] is None for hit in hits)
    assert "Parts of photos cannot be searched now" in caplog.text


def test_only_what_is_wanted_is_looked_for_among_the_parts(ada_client, spotted, model, monkeypatch):
    regions.make_due(model, stop=lambda: False)
    library.embed_texts(model.key)
    scale.forget()
    parts = nearest.index_of(model)
    asked, query = [], parts.query
    monkeypatch.setattr(parts, "query", lambda *args, **kw: asked.append(1) or query(*args, **kw))
    monkeypatch.setattr(nearest, "index_of", lambda _: parts)
    (hit,) = (hit for hit in ask(ada_client, q="red -blue -green") if hit["box"])
    assert hit["id"] == str(spotted.pk)
    assert len(asked) == 1
    ask(ada_client, q="-blue -green")
    assert len(asked) == 1


def lines(owner, model):
    query = embedders.text_embedder(model.key).embed_texts(["red"])[0]
    found = scale.scale_of(owner, model).lines(query)
    return {place: (round(line.factor, 4), round(line.offset, 4)) for place, line in found.items()}


def add_parts(owner, model, *colours: str) -> list[Photo]:
    """Add photos with a red corner each, and make their parts searchable."""
    photos = [
        add(owner, picture(colour, (10 * place, 200))) for place, colour in enumerate(colours)
    ]
    drain()
    regions.make_due(model, stop=lambda: False)
    return photos


def test_a_small_library_is_measured_again_soon(ada, model, monkeypatch):
    """Whatever was measured while photos came in, the scale is soon that of all of them."""
    now = [1000.0]
    monkeypatch.setattr(scale.time, "monotonic", lambda: now[0])
    add_parts(ada, model, *["blue"] * scale.FEWEST)
    early = lines(ada, model)
    assert early
    add_parts(ada, model, *["orange", "pink", "white", "red"] * 3)
    now[0] += scale.SOON_S + 1
    late = lines(ada, model)
    scale.forget()
    assert late == lines(ada, model) != early


def test_the_scale_is_that_of_the_living_photos_whatever_the_index_has(ada, model):
    photos = add_parts(ada, model, *["blue", "orange", "pink", "white"] * 4)
    before = lines(ada, model)
    trash.trash(Photo.objects.filter(pk__in=[photo.pk for photo in photos[::4]]))
    scale.forget()
    with_trash = lines(ada, model)
    assert with_trash != before
    PARTS.wait_again(model, [photo.pk for photo in photos])
    scale.forget()
    assert lines(ada, model) == with_trash
