"""Every filter leaves the same photos in SQL, in the index, and by plain reasoning."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import (
    HealthCheck,
    example,
    given,
    settings as hypothesis_settings,
    strategies as st,
)

from gallery import albums, colours
from gallery.models import Album, Embedding, Photo, Stack, Tag
from search import language
from search.index import Not, open_index
from search.language import Filter, days, values
from search.narrowing import ids as narrowing_ids, narrow
from search.query import QueryError
from tests.alike import photo
from tests.contract.exact_index import holds
from tests.embedders import ColourEmbedder
from workers import projection

pytestmark = pytest.mark.django_db

QUESTION = np.eye(1, ColourEmbedder.dim, dtype=np.float32)[0]
ZONE = ZoneInfo("America/New_York")
CAMERAS = ["", "NIKON D750", "NIKON D70", "Canon EOS R", "Canon EOS R5", "Pixel 8", "Ærø 1"]
LENSES = ["", "EF50mm f/1.8", "50mm", "RF 24-105mm F4 L", "100% macro_lens"]
FORMATS = ["JPEG", "PNG", "HEIF", "WEBP", "GIF", "AVIF", "TIFF", "BMP"]
SIDES = [100, 200, 300, 400, 1600, 1920, 1080, 3000, 4000]
SIZES = [499_999, 500_000, 500_001, 1_000_000, 9_999_999, 10_000_000, 20_000_001]
NAMES = ["IMG_2231.jpg", "img_2231 (1).jpg", "Übersee 100%.png", "übersee.png", "a\\b.jpg"]
PLACES = [None, (38.72, -9.14), (38.76, -9.10), (0.0, 179.99), (0.0, -179.99), (89.9, 10.0),
          (89.95, -170.0), (-33.86, 151.2), (0.0, 0.0), (-90.0, 0.0)]  # fmt: skip
ALBUM_NAMES = ["Lisbon", "Lisbon trip", "Work", "Empty"]
TAG_NAMES = ["sea", "Family", "unused"]


def when(chance: random.Random) -> datetime:
    """Return a time, often one at the edge of a day, month or year in the gallery's zone."""
    day = datetime(chance.choice([1969, 2019, 2020, 2023, 2024]), chance.choice([1, 3, 6, 12]),
                   chance.choice([1, 10, 11, 28]), tzinfo=ZONE)  # fmt: skip
    return (day + timedelta(seconds=chance.choice([-1, 0, 1, 43_200]))).astimezone(UTC)


def random_photo(owner: Any, chance: random.Random) -> Photo:
    taken = when(chance) if chance.random() < 0.8 else None
    place = chance.choice(PLACES)
    names = chance.sample(values.COLOURS, chance.randrange(4))
    return photo(
        owner,
        taken_at=taken,
        shown_at=taken or when(chance),
        camera=chance.choice(CAMERAS),
        lens=chance.choice(LENSES),
        format=chance.choice(FORMATS),
        width=chance.choice(SIDES),
        height=chance.choice(SIDES),
        size=chance.choice(
            [499_999, 500_000, 500_001, 1_000_000, 9_999_999, 10_000_000, 20_000_001]
        ),
        name=chance.choice(NAMES),
        latitude=place and place[0],
        longitude=place and place[1],
        colours=chance.choice([colours.column(names), ""]),
        rating=chance.randrange(6),
        favourite=chance.random() < 0.3,
        caption=chance.choice(["", "a beach in Lisbon"]),
    )


def fill(owner: Any, chance: random.Random, count: int) -> list[Photo]:
    """Give somebody photos with albums, tags and a stack."""
    made = [random_photo(owner, chance) for _ in range(count)]
    for name in ALBUM_NAMES:
        album = Album.objects.create(owner=owner, name=name)
        if name != "Empty":
            album.photos.set(chance.sample(made, count // 4))
    for name in TAG_NAMES:
        tag = Tag.objects.create(owner=owner, name=name)
        if name != "unused":
            tag.photos.set(chance.sample(made, count // 3))
    stack = Stack.objects.create(owner=owner, cover=made[0])
    Photo.objects.filter(pk__in=[one.pk for one in made[:3]]).update(stack=stack)
    Photo.objects.filter(pk__in=[one.pk for one in made[1:3]]).update(folded=True)
    return made


def index_all(model: Any) -> None:
    """Put all live photos into the index, with vectors at random."""
    chance = np.random.default_rng(3)
    for one in Photo.objects.live():
        row = Embedding(photo=one, model=model, state=Embedding.State.EMBEDDED)
        vector = chance.normal(size=model.dim)
        row.set_vector((vector / np.linalg.norm(vector)).astype(np.float32))
        row.save()
    assert projection.project_waiting(model) == Photo.objects.live().count()


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
            return values.aspect(value).hold(one.width / one.height)
        case "size":
            bounds = values.size(value)
            return bounds.hold(one.width * one.height if bounds.unit else one.size)
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
        case "near":
            return one.latitude is not None and is_near(one, value)
        case "rating":
            return values.rating(value).hold(one.rating)
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


def spans(value: str) -> tuple[days.Span, ...]:
    return days.spans(value, today=datetime.now(ZONE).date())


def day_of(one: Photo) -> Any:
    return one.shown_at.astimezone(ZONE).date()


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
        lambda found: tuple(dict.fromkeys(values.check(name, one) or "?" for one in found))
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
@example(filters=[Filter(name, (values.check(name, one) or "?",)) for name, one in [
    ("camera", "nikon"), ("is", "favourite"), ("date", "2020-06-11")]])  # fmt: skip
@given(filters=FILTERS)
def test_sql_and_index_and_plain_reasoning_agree(ada, model, library, few, monkeypatch, filters):
    monkeypatch.setattr(narrowing_ids, "FEW", few)
    expected = {one.pk for one in library if all(passes(one, flt) for flt in filters)}
    found = narrow(ada, filters)
    assert set(found.photos.values_list("pk", flat=True)) == expected
    index = open_index(model.key, model.dim)
    hits = index.query(QUESTION, limit=1000, flt=found.flt)
    assert {hit.id for hit in hits} == expected
    rows = Embedding.objects.filter(photo__in=[one.pk for one in library]).select_related("photo")
    by_payload = {row.photo_id for row in rows
                  if holds(found.flt, row.photo_id, projection.point_payload(row))}  # fmt: skip
    assert by_payload == expected


def test_each_value_of_each_filter_agrees_alone_and_excluded(ada, model, library):
    index = open_index(model.key, model.dim)
    everything = {one.pk for one in library}
    for name, value in [(key, one) for key in CHOICES for one in CHOICES[key]]:
        checked = values.check(name, value)
        assert checked is not None, value
        flt = Filter(name, (checked,))
        expected = {one.pk for one in library if passes(one, flt)}
        turned = Filter(name, (checked,), excluded=True)
        for asked, wanted in [(flt, expected), (turned, everything - expected)]:
            found = narrow(ada, [asked])
            assert set(found.photos.values_list("pk", flat=True)) == wanted, asked
            hits = index.query(QUESTION, limit=1000, flt=found.flt)
            assert {hit.id for hit in hits} == wanted, asked


# --- single rules ---------------------------------------------------------------------------------


def left(user: Any, text: str) -> set[Any]:
    return set(narrow(user, language.parse(text).filters).photos.values_list("name", flat=True))


def notes(user: Any, text: str) -> tuple[str, ...]:
    return narrow(user, language.parse(text).filters).notes


def test_kinds_are_all_met_and_values_of_one_are_alternatives(ada):
    photo(ada, name="a", camera="Nikon D1", rating=5)
    photo(ada, name="b", camera="Canon R", rating=5)
    photo(ada, name="c", camera="Nikon D1", rating=1)
    assert left(ada, "camera:nikon,canon rating:5") == {"a", "b"}
    assert left(ada, "camera:nikon rating:5") == {"a"}
    assert left(ada, "-camera:nikon") == {"b"}


def test_flags_and_bounds_written_apart_are_all_met(ada):
    photo(ada, name="a", favourite=True, caption="x", latitude=1.0, longitude=1.0, size=7_000_000)
    photo(ada, name="b", favourite=True, size=7_000_000)
    photo(ada, name="c", caption="x", latitude=1.0, longitude=1.0, size=20_000_000)
    assert left(ada, "has:caption has:gps") == {"a", "c"}
    assert left(ada, "is:favourite has:gps") == {"a"}
    assert left(ada, "size:>5MB size:<10MB") == {"a", "b"}


def test_a_camera_spelt_exactly_means_that_one_alone(ada):
    photo(ada, name="a", camera="Canon EOS R")
    photo(ada, name="b", camera="Canon EOS R5")
    assert left(ada, 'camera:"Canon EOS R"') == {"a"}
    assert left(ada, 'camera:"canon eos r"') == {"a", "b"}
    assert left(ada, 'camera:"r5 canon"') == {"b"}


def test_names_that_are_not_there_pass_nothing_and_are_noted(ada):
    one = photo(ada, name="a", camera="NIKON D750")
    albums.add(albums.create(ada, "Lisbon trip"), Photo.objects.filter(pk=one.pk))
    assert left(ada, "album:Lisbon") == set()
    assert notes(ada, "album:Lisbon") == (
        "There is no album “Lisbon”. Did you mean “Lisbon trip”?",
    )
    assert notes(ada, "tag:sea") == ("There is no tag “sea”.",)
    assert notes(ada, "camera:nikkon") == ("There is no camera “nikkon”. Did you mean “NIKON”?",)
    assert left(ada, "-album:Lisbon") == {"a"}
    assert left(ada, 'album:Lisbon,"lisbon TRIP"') == {"a"}
    assert notes(ada, 'album:"Lisbon trip"') == ()


def test_the_names_of_other_people_are_not_there(ada, bob):
    theirs = photo(bob, name="theirs", camera="Leica Q", lens="Summilux")
    albums.add(albums.create(bob, "Secret"), Photo.objects.filter(pk=theirs.pk))
    albums.mark(theirs, tags=["hidden"])
    photo(ada, name="mine")
    for text, kind in [
        ("album:Secret", "album"),
        ("tag:hidden", "tag"),
        ("camera:leica", "camera"),
        ("lens:summilux", "lens"),
    ]:
        assert left(ada, text) == set()
        value = text.partition(":")[2]
        # No hint at a name that somebody else has.
        assert notes(ada, text) == (f"There is no {kind} “{value}”.",)


def test_the_days_are_those_of_the_gallerys_time_zone(ada, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    photo(ada, name="before", taken_at=datetime(2020, 5, 31, 14, 59, 59, tzinfo=UTC))
    photo(ada, name="first", taken_at=datetime(2020, 5, 31, 15, 0, tzinfo=UTC))
    photo(ada, name="after", taken_at=datetime(2020, 6, 30, 15, 0, tzinfo=UTC))
    assert left(ada, "date:2020-06") == {"first"}
    assert left(ada, "after:2020-06") == {"first", "after"}
    assert left(ada, "before:2020-06") == {"before"}


def test_a_value_that_no_query_has_is_refused(ada):
    for flt in [Filter("size", ("big",)), Filter("date", ("soon",)), Filter("near", ("x",))]:
        with pytest.raises(QueryError) as refused:
            narrow(ada, [flt])
        assert (refused.value.code, refused.value.status) == ("bad_filter", 400)
    with pytest.raises(QueryError) as refused:
        narrow(ada, [Filter("mood", ("good",))])
    assert (refused.value.code, refused.value.status) == ("unknown_filter", 400)


def test_the_index_gets_the_smaller_set_of_ids(ada, monkeypatch):
    monkeypatch.setattr(narrowing_ids, "FEW", 2)
    for number in range(9):
        photo(ada, name=f"{number}", favourite=number < 6, camera="X" if number else "")
    found = narrow(ada, language.parse("is:favourite camera:x").filters).flt
    excluded = found.parts[1]
    assert isinstance(excluded, Not)
    # Of the eight with the camera, three are no favourites.
    assert len(excluded.inner.ids) == 3
    found = narrow(ada, language.parse("-is:favourite camera:x").filters).flt
    assert len(found.parts[1].ids) == 3


def test_filters_alone_ask_for_no_ids(ada, ada_client):
    photo(ada, favourite=True)
    with CaptureQueriesContext(connection) as asked:
        narrowed = narrow(ada, language.parse("is:favourite").filters)
        assert narrowed.photos.count() == 1
    assert len(asked) == 1
    # No model is there, and none is needed.
    answer = ada_client.get("/api/v1/search", {"q": "is:favourite"})
    assert answer.status_code == 200
    assert len(answer.json()["hits"]) == 1


def test_ids_are_asked_for_once(ada):
    photo(ada, favourite=True)
    narrowed = narrow(ada, language.parse("is:favourite has:tag").filters)
    with CaptureQueriesContext(connection) as asked:
        assert narrowed.flt == narrowed.flt
    assert len(asked) == 1
