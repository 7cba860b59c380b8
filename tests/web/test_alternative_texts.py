"""What stands for photos where they are not seen, and how many stops the Tab key makes at them."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import sensitive
from gallery.models import Photo
from gallery.models.sensitive import State
from search.understanding.models import Label, LabelHit, LabelSet
from tests.web.result_pages import text
from tests.web.test_folding import group
from tests.web.test_labels_api import fill
from tests.web.test_stacks import post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def labelled(ada_client, model) -> Photo:
    """A photo that surely is red and warm, among others."""
    photo_id = fill(ada_client, *["red"] * 3, *["green"] * 3)["red"][0]
    form = {"name": "Hues", "kind": "any_of", "labels": "red\nwarm\ngreen"}
    assert ada_client.post("/labels", form).status_code == 302
    red = LabelHit.objects.get(photo=photo_id, projection__label__name="red")
    LabelHit.objects.filter(pk=red.pk).update(score=0.98)
    warm = Label.objects.get(name="warm").projections.get()
    LabelHit.objects.filter(projection=warm).delete()
    LabelHit.objects.create(projection=warm, photo_id=photo_id, score=0.8)
    return Photo.objects.get(pk=photo_id)


def texts_for(client, path: str, photo: Photo, **headers: str) -> set[str]:
    """Return the texts in the place of a photo's pictures on a page."""
    page = text(client.get(path, headers=headers))
    picture = rf'<img [^>]*src="[^"]*{photo.pk}/(?:thumbnail|preview)[^>]*?\balt="([^"]*)"'
    return set(re.findall(picture, page))


def pages_of(photo: Photo) -> list[str]:
    row = LabelSet.objects.get()
    return [
        "/", "/search?q=red", "/search?q=type:png", f"/photos/{photo.pk}", "/best", "/calendar",
        f"/labels/{row.pk}/{row.labels.get(name='red').pk}",
    ]  # fmt: skip


def test_the_surest_labels_stand_for_a_photo_and_its_caption_before_them(ada_client, labelled):
    for path in pages_of(labelled):
        assert texts_for(ada_client, path, labelled) <= {"red and warm"}, path
    assert texts_for(ada_client, "/", labelled) == {"red and warm"}
    assert texts_for(ada_client, f"/photos/{labelled.pk}", labelled) == {"red and warm"}
    Photo.objects.filter(pk=labelled.pk).update(caption="The door of the old house")
    for path in pages_of(labelled):
        assert texts_for(ada_client, path, labelled) <= {"The door of the old house"}, path
    assert texts_for(ada_client, "/", labelled) == {"The door of the old house"}


def test_they_are_joined_in_the_language_of_the_page(ada_client, labelled):
    asked = {"Accept-Language": "de"}
    assert texts_for(ada_client, "/", labelled, **asked) == {"red und warm"}


def test_without_both_it_is_the_name(ada_client, labelled):
    LabelHit.objects.all().delete()
    for path in ("/", f"/photos/{labelled.pk}"):
        assert texts_for(ada_client, path, labelled) == {labelled.name}


def test_the_others_of_a_stack_have_texts_too(ada_client, labelled):
    other = Photo.objects.exclude(pk=labelled.pk).earliest("created_at")
    post(ada_client, "/api/v1/stacks", ids=[str(other.pk), str(labelled.pk)])
    assert texts_for(ada_client, f"/photos/{other.pk}", labelled) == {"red and warm"}
    opened = texts_for(ada_client, "/", other)
    assert len(opened) == 1


def test_more_photos_take_no_more_queries(ada_client, labelled):
    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            ada_client.get("/")
        return len(seen)

    queries()
    few = queries()
    fill(ada_client, *["blue"] * 8)
    assert queries() == few


def test_what_is_shared_is_told_by_neither_label_nor_name(ada_client, world, stranger):
    form = {"name": "Hues", "kind": "any_of", "labels": "red\nblue"}
    assert ada_client.post("/labels", form).status_code == 302
    assert LabelHit.objects.filter(photo=world.photos["red"]).exists()
    _row, path = world.link(names=True)
    Photo.objects.update(caption="Only for me")
    for address in (path, f"{path}/photos/{world.photos['red'].pk}"):
        (told,) = texts_for(stranger, address, world.photos["red"])
        assert re.fullmatch(r"Photo( of .+)?", told)
    _row, path = world.link(captions=True)
    assert texts_for(stranger, path, world.photos["red"]) == {"Only for me"}


class TabStops(HTMLParser):
    """Counts what the Tab key stops at on each tile of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: dict[str, int] = {}
        self._tile = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "li":
            self._tile = given.get("data-id") or ""
            self.counts.setdefault(self._tile, 0)
        stops = tag in {"a", "button", "input", "select"} or "tabindex" in given
        self.counts[self._tile] = self.counts.get(self._tile, 0) + (
            stops and given.get("tabindex") != "-1"
        )

    def handle_endtag(self, tag: str) -> None:
        if tag == "li":
            self._tile = ""


def tab_stops(answer) -> dict[str, int]:
    stops = TabStops()
    stops.feed(text(answer))
    del stops.counts[""]
    return stops.counts


def test_the_tab_key_stops_at_a_photo_twice_at_most(ada, ada_client, reds):
    photos = list(Photo.objects.order_by("created_at"))
    group(ada, [photo.pk for photo in photos[:2]])
    post(ada_client, "/api/v1/stacks", ids=[str(photos[2].pk), str(photos[3].pk)])
    covered = Photo.objects.filter(pk__in=[photo.pk for photo in photos[2:5]])
    sensitive.decide(ada, covered, "nudity", State.CONFIRMED)
    for path in ("/", "/search?q=red", "/search?q=type:png", "/best"):
        stops = tab_stops(ada_client.get(path))
        assert len(stops) > 2
        assert set(stops.values()) <= {1, 2}, path
