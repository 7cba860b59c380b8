"""Every filter leaves the same photos in SQL, in the index, and by plain reasoning."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import (
    HealthCheck,
    example,
    given,
    settings as hypothesis_settings,
    strategies as st,
)

from gallery import colours
from gallery.models import Embedding, Photo
from search.filters import selection
from search.filters.selection import apply_filters
from search.language import Filter, dates, values
from search.vectors.index import open_index
from tests.contract.exact_index import holds
from tests.embedders import ColourEmbedder
from tests.galleries import CAMERAS, LENSES, ZONE, fill, random_photo
from workers.index_sync import projection, sources

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

QUESTION = np.eye(1, ColourEmbedder.dim, dtype=np.float32)[0]


def index_all(model: Any) -> None:
    """Put all live photos into the index, with vectors at random."""
    chance = np.random.default_rng(3)
    for photo in Photo.objects.live():
        row = Embedding(photo=photo, model=model, state=Embedding.State.EMBEDDED)
        vector = chance.normal(size=model.dim)
        row.set_vector((vector / np.linalg.norm(vector)).astype(np.float32))
        row.save()
    assert projection.project_waiting(sources.PHOTOS, model) == Photo.objects.live().count()


# --- plain reasoning ------------------------------------------------------------------------------


def passes(one: Photo, flt: Filter) -> bool:
    """Tell whether a photo meets a filter, slowly and plainly."""
    return any(meets(one, flt.name, value) for value in flt.values) != flt.excluded


def meets(one: Photo, name: str, value: str) -> bool:  # noqa: C901 - one case a filter
    match name:
        case "after":
            return day_of(one) >= spans(value)[0].start
        case "before":
            return day_of(one) < spans(value)[0].start
        case "date":
            day = day_of(one)
            return any(
                (span.start is None or day >= span.start) and (span.end is None or day < span.end)
                for span in spans(value)
            )
        case "camera":
            return one.camera != "" and named(one.camera, CAMERAS, value)
        case "lens":
            return one.lens != "" and named(one.lens, LENSES, value)
        case "orientation":
            shape = (one.width > one.height) - (one.width < one.height)
            return {1: "landscape", 0: "square", -1: "portrait"}[shape] == value
        case "aspect":
            return values.aspect(value).contains(one.width / one.height)
        case "size":
            bounds = values.size(value)
            return bounds.contains(one.width * one.height if bounds.unit else one.size)
        case "colour":
            asked = value if value[0] != "#" else colours.name_of(*bytes.fromhex(value[1:]))
            return asked in colours.from_column(one.colours)
        case "album":
            return value.lower() in {album.name.lower() for album in one.albums.all()}
        case "tag":
            return value.lower() in {tag.name.lower() for tag in one.tags.all()}
        case "type":
            return one.format.lower() == value
        case "name":
            return value.lower() in one.name.lower()
        case "place":
            return one.place != "" and one.place.endswith(PLACES.get(value.lower(), "nowhere"))
        case "near":
            return one.latitude is not None and is_near(one, value)
        case "rating":
            return values.rating(value).contains(one.rating)
        case "is" | "has" | "in":
            return {
                "favourite": one.favourite,
                "stacked": one.stack_id is not None,
                "untagged": not one.tags.all(),
                "gps": one.latitude is not None,
                "caption": one.caption != "",
                "date": one.taken_at is not None,
                "camera": one.camera != "",
                "tag": bool(one.tags.all()),
                "album": bool(one.albums.all()),
            }[value]
    raise AssertionError(name)


def spans(value: str) -> tuple[dates.Span, ...]:
    return dates.spans(value, today=datetime.now(ZONE).date())


def day_of(one: Photo) -> Any:
    return one.local_time.date()


def named(name: str, known: list[str], value: str) -> bool:
    if value in known:
        return name == value
    lower = name.lower()
    return value.lower() in lower or set(value.lower().split()) <= set(lower.split())


def is_near(one: Photo, value: str) -> bool:
    place = values.place(value)
    north, east = math.radians(one.latitude), math.radians(one.longitude)
    other, away = math.radians(place.latitude), math.radians(place.longitude)
    on = (math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north))
    to = (math.cos(other) * math.cos(away), math.cos(other) * math.sin(away), math.sin(other))
    return 2 * math.asin(min(1.0, math.dist(on, to) / 2)) * 6371.0088 <= place.km


# --- filters at random ----------------------------------------------------------------------------

DATES = ["2019", "2020-03", "2020-06-11", "winter-2020", "winter-2019-2020", "summer-2023",
         "today", "last-30-days", "last-100-years", "2019..2020", "2023..", "..2020-06",
         "yesterday"]  # fmt: skip
POINTS = [value for value in DATES if ".." not in value]
PLACES = {"lisbon": "Lisbon, Portugal", "lissabon": "Lisbon, Portugal", "portugal": ", Portugal",
          "au": ", Australia", "sydney, australia": "Sydney, Australia"}  # fmt: skip
CHOICES: dict[str, list[str]] = {
    "after": POINTS,
    "before": POINTS,
    "date": DATES,
    "camera": ["nikon", "Canon EOS R", "canon eos r", "R5", "d750 nikon", "ærø", "Leica", "%"],
    "lens": ["50mm", "50MM", "24-105mm", "100%", "_", "nothing"],
    "orientation": ["landscape", "portrait", "square"],
    "aspect": ["1", "3:2", "16:9", ">2", ">=16:9", "<=4:3", "<1", "1..1.5", "panorama"],
    "colour": ["red", "blue", "grey", "#ff0000", "#0a0a0a", "#3366cc"],
    "album": ["Lisbon", "lisbon", "Lisbon trip", "Empty", "Nowhere"],
    "tag": ["sea", "family", "unused", "nothing"],
    "type": ["jpeg", "png", "heif", "avif"],
    "name": ["IMG", "2231", "(1)", "ÜBERSEE", "100%", "_", "\\", ".jpg", "zzz"],
    "place": ["lisbon", "LISSABON", "portugal", "au", "Sydney, Australia", "Nowhere"],
    "near": ["38.72,-9.14,1km", "38.72,-9.14,10km", "0,180,5km", "0,-180,1km", "90,0,20km",
             "-90,0,1km", "0,0,20004km", "0,0,10007km", "-33.86,151.2,0.001km", "0,0,2000km"],
    "size": ["500KB", ">500KB", "<=500KB", "1MB..10MB", "<10MB", ">=0.12mp", "0.12mp", ">5.76mp"],
    "rating": ["0", "4", ">=4", "<2", "2..3", ">4", "<=0"],
    "is": ["favourite", "stacked", "untagged"],
    "has": ["gps", "caption", "date", "camera", "tag"],
    "in": ["album"],
}  # fmt: skip


def one_filter(name: str) -> st.SearchStrategy[Filter]:
    given_values = st.lists(st.sampled_from(CHOICES[name]), min_size=1, max_size=3, unique=True)
    canonical = given_values.map(
        lambda found: tuple(dict.fromkeys(values.check(name, value) or "?" for value in found))
    )
    return st.builds(Filter, st.just(name), canonical, st.booleans())


FILTERS = st.lists(st.sampled_from(sorted(CHOICES)).flatmap(one_filter), max_size=4)


@pytest.fixture(params=[1, 2])
def library(request, ada, bob, model, settings) -> list[Photo]:
    """A library at random beside another person's, which has the same names; all searchable."""
    settings.TIME_ZONE = str(ZONE)
    chance = random.Random(request.param)
    fill(bob, chance, 12)
    fill(ada, chance, 60)
    trashed = random_photo(ada, chance)
    Photo.objects.filter(pk=trashed.pk).update(trashed_at=datetime.now(UTC))
    index_all(model)
    return list(Photo.objects.filter(owner=ada, trashed_at=None).prefetch_related("albums", "tags"))


@pytest.mark.parametrize("few", [5000, 3])
@hypothesis_settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@example(filters=[Filter(name, (values.check(name, value) or "?",)) for name, value in [
    ("camera", "nikon"), ("is", "favourite"), ("date", "2020-06-11")]])  # fmt: skip
@given(filters=FILTERS)
def test_sql_and_index_and_plain_reasoning_agree(ada, model, library, few, monkeypatch, filters):
    monkeypatch.setattr(selection, "FEW", few)
    expected = {photo.pk for photo in library if all(passes(photo, flt) for flt in filters)}
    found = apply_filters(ada, filters)
    assert set(found.photos.values_list("pk", flat=True)) == expected
    index = open_index(model.key, model.dim)
    hits = index.query(QUESTION, limit=1000, flt=found.index_filter)
    assert {hit.id for hit in hits} == expected
    rows = Embedding.objects.filter(photo__in=library).select_related("photo")
    by_payload = {
        row.photo_id
        for row in rows
        if holds(found.index_filter, row.photo_id, sources.point_payload(row))
    }
    assert by_payload == expected


def test_each_value_of_each_filter_agrees_alone_and_excluded(ada, model, library):
    index = open_index(model.key, model.dim)
    everything = {photo.pk for photo in library}
    for name, value in [(key, value) for key in CHOICES for value in CHOICES[key]]:
        checked = values.check(name, value)
        assert checked is not None, value
        flt = Filter(name, (checked,))
        expected = {photo.pk for photo in library if passes(photo, flt)}
        turned = Filter(name, (checked,), excluded=True)
        for asked, wanted in [(flt, expected), (turned, everything - expected)]:
            found = apply_filters(ada, [asked])
            assert set(found.photos.values_list("pk", flat=True)) == wanted, asked
            hits = index.query(QUESTION, limit=1000, flt=found.index_filter)
            assert {hit.id for hit in hits} == wanted, asked
