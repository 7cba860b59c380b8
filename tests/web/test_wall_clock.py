"""The day of a photo is that of the clock on the wall, whatever time zone the gallery is in."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from gallery.ingest import ingest
from gallery.models import Embedding, Photo
from gallery.taken_time import TIME_COLUMNS
from gallery.views.tiles import years
from search import language
from search.duplicates.review import decisions
from search.duplicates.review.history import undo_batch
from search.engine.answer import SearchRequest
from search.facets.result_facets import facets
from search.filters.selection import apply_filters
from tests import images
from tests.alike import group, ids, photo
from tests.web.result_pages import text
from tests.web.test_api_photos import upload
from workers.index_sync.sources import point_payload

pytestmark = pytest.mark.django_db

ZONES = ["Asia/Tokyo", "UTC", "Pacific/Honolulu", "Australia/Lord_Howe"]
NEW_YEAR = {0x9003: "2024:01:01 00:30:00"}


def shot(colour="red", name="IMG_1.JPG", **options):
    photo = options.get("photo", NEW_YEAR)
    exif = images.exif(photo=photo, gps=options.get("gps"))
    return images.jpeg(colour, exif=exif), name


def send(client, data, name):
    return Photo.objects.get(pk=upload(client, data, name).json()["id"])


def days_shown(client):
    """Return where the grid, filters, facets, the index and the API put the photos."""
    page = text(client.get("/"))
    user = Photo.objects.first().owner
    found = {
        "grid": re.findall(r'data-day="([^"]+)" data-year="([^"]+)"', page),
        "years": [year for year, _ in years(Photo.objects.visible_to(user))],
        "index": [point_payload(row)["taken"] for row in Embedding.objects.order_by("pk")],
        "api": [
            (one["taken_at"], one["local_time"])
            for one in client.get("/api/v1/photos").json()["photos"]
        ],
    }
    for query in ("date:2024-01-01", "date:2023", "after:2024", "before:2024-01-02"):
        photos = apply_filters(user, language.parse(query).filters).photos
        found[query] = sorted(photos.values_list("name", flat=True))
    request = SearchRequest(language.parse("is:untagged"))
    year = next(kind for kind in facets(user, request) if kind.name == "year")
    found["facet"] = [(value.value, value.count) for value in year.values]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("zone", ZONES)
def test_another_time_zone_moves_nothing(ada_client, model, settings, zone):
    settings.TIME_ZONE = zone
    send(ada_client, *shot("red", "tokyo.jpg", photo=NEW_YEAR | {0x9011: "+09:00"}))
    send(ada_client, *shot("blue", "honolulu.jpg", photo={0x9003: "2023:12:31 23:30:00"}))
    send(ada_client, images.jpeg("green"), "IMG_20240101_001000.jpg")
    before = days_shown(ada_client)
    for other in ZONES:
        settings.TIME_ZONE = other
        assert days_shown(ada_client) == before
    assert before["date:2023"] == ["honolulu.jpg"]
    assert before["date:2024-01-01"] == ["IMG_20240101_001000.jpg", "tokyo.jpg"]
    assert before["facet"] == [("2024", 2), ("2023", 1)]
    assert before["years"] == [2024, 2023]
    assert sorted({day for day, _ in before["grid"]}) == ["2023-12-31", "2024-01-01"]


def test_instants_order_and_walls_head_the_days(ada, ada_client, model):
    first, second = (
        photo(ada, name=name, wall_at=wall, taken_at=wall - timedelta(hours=offset))
        for name, wall, offset in [
            ("tokyo", datetime(2024, 1, 1, 0, 30, tzinfo=UTC), 9),
            ("honolulu", datetime(2023, 12, 31, 23, 30, tzinfo=UTC), -10),
        ]
    )
    page = text(ada_client.get("/"))
    assert page.index(str(second.pk)) < page.index(str(first.pk))
    assert re.findall(r'data-day="([^"]+)"', page) == ["2023-12-31", "2024-01-01"]
    links = dict(years(Photo.objects.visible_to(ada)))
    for year, expected in ((2024, first), (2023, second)):
        answer = text(ada_client.get("/", {"after": links[year]}))
        assert re.search(r'class="tile"[^>]*data-id="([^"]+)"', answer)[1] == str(expected.pk)


@pytest.mark.parametrize(
    ("written", "taken_at", "minutes", "source"),
    [
        ({0x9011: "+09:00"}, "2024-01-01T00:30:00+09:00", 540, "camera"),
        ({0x9011: "-03:30"}, "2024-01-01T00:30:00-03:30", -210, "camera"),
        ({}, "2024-01-01T00:30:00+01:00", 60, "assumed"),
    ],
)
def test_the_api_gives_the_local_time_and_its_offset(
    ada_client, model, settings, written, taken_at, minutes, source
):
    settings.TIME_ZONE = "Europe/Berlin"
    one = send(ada_client, *shot(photo=NEW_YEAR | written))
    answer = ada_client.get(f"/api/v1/photos/{one.pk}").json()
    assert answer["taken_at"] == taken_at
    assert answer["local_time"] == "2024-01-01T00:30:00"
    assert (answer["utc_offset"], answer["offset_source"]) == (minutes, source)
    assert answer["date_source"] == "camera"


def test_the_api_says_that_a_date_is_unknown(ada_client, model):
    one = send(ada_client, images.jpeg(), "beach.jpg")
    answer = ada_client.get(f"/api/v1/photos/{one.pk}").json()
    assert answer["taken_at"] is None
    assert answer["utc_offset"] is None
    assert (answer["date_source"], answer["offset_source"]) == ("", "")
    assert (
        answer["local_time"]
        == one.wall_at.strftime("%Y-%m-%dT%H:%M:%S.") + answer["local_time"].rpartition(".")[2]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (*shot(photo=NEW_YEAR | {0x9011: "+09:00"}), "Monday, 1 January 2024, 00:30 UTC+9"),
        (*shot(), "Monday, 1 January 2024, 00:30"),
        (*shot(photo={}, name="IMG_20240101_003000.jpg"),
         "Monday, 1 January 2024, 00:30 date from the file name"),
        (*shot(photo={}, gps={29: "2024:01:01", 7: (0.0, 30.0, 0.0), 1: "S", 2: (33.86, 0.0, 0.0),
                              3: "E", 4: (151.2, 0.0, 0.0)}),
         "Monday, 1 January 2024, 11:30 UTC+11 date from GPS"),
    ],
)  # fmt: skip
def test_the_page_says_where_a_date_is_from(ada_client, model, data, name, words):
    one = send(ada_client, data, name)
    page = text(ada_client.get(one.get_absolute_url()))
    taken = re.search(r"<dt>Taken</dt>\s*<dd>(.*?)</dd>", page, re.DOTALL)[1]
    assert " ".join(re.sub("<[^>]+>", " ", taken).split()) == words


def test_names_and_fractions_order_a_burst(ada_client, model):
    for name in ("IMG_8225.JPG", "IMG_8223.JPG", "IMG_8224.JPG"):
        send(ada_client, *shot(f"#{name[4:8]}00", name))
    listed = [one["name"] for one in ada_client.get("/api/v1/photos").json()["photos"]]
    assert listed == ["IMG_8225.JPG", "IMG_8224.JPG", "IMG_8223.JPG"]
    Photo.objects.all().delete()
    for name, digits in (("IMG_1.JPG", "900"), ("IMG_2.JPG", "5"), ("IMG_3.JPG", "100")):
        send(
            ada_client,
            *shot(f"#{digits[0]}0{digits[0]}0ff", name, photo=NEW_YEAR | {0x9291: digits}),
        )
    listed = [one["name"] for one in ada_client.get("/api/v1/photos").json()["photos"]]
    assert listed == ["IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG"]


def test_a_file_s_own_date_counts_where_nothing_else_does(ada, model, tmp_path, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    path = images.write(tmp_path, "scan.jpg", images.jpeg())
    saved = datetime(2020, 5, 5, 20, tzinfo=UTC)
    one = ingest(ada, path, "scan.jpg", modified=saved).photo
    assert (one.local_time, one.taken_at) == (datetime(2020, 5, 6, 5), saved)
    assert (one.date_source, one.offset_source) == ("file", "assumed")


# --- what was there before ------------------------------------------------------------------------

migration = import_module("gallery.migrations.0003_wall_clock_and_place")
NOON = datetime(2024, 7, 1, 12, tzinfo=UTC)


def columns(one):
    return Photo.objects.filter(pk=one.pk).values(*TIME_COLUMNS).get()


@pytest.mark.parametrize(
    ("exif", "wall", "offset", "source"),
    [
        ({}, datetime(2024, 7, 1, 14), 120, "assumed"),
        # It was uploaded when the gallery was in another zone.
        ({"taken_at": "2024-07-01T21:00:00"}, datetime(2024, 7, 1, 21), 120, "assumed"),
        (
            {"taken_at": "2024-07-01T21:00:00", "offset": "+09:00"},
            datetime(2024, 7, 1, 21),
            540,
            "camera",
        ),
        ({"taken_at": "?", "offset": "?"}, datetime(2024, 7, 1, 14), 120, "assumed"),
    ],
)
def test_old_photos_get_the_time_that_their_camera_wrote(ada, settings, exif, wall, offset, source):
    settings.TIME_ZONE = "Europe/Berlin"
    one = photo(ada, taken_at=NOON, exif=exif)
    migration.keep_wall_clock(apps, SimpleNamespace(connection=connection))
    assert columns(one) == {
        "wall_at": wall.replace(tzinfo=UTC),
        "utc_offset": offset,
        "taken_at": wall.replace(tzinfo=UTC) - timedelta(minutes=offset),
        "shown_at": wall.replace(tzinfo=UTC) - timedelta(minutes=offset),
        "date_source": "camera",
        "offset_source": source,
    }


def test_old_photos_without_a_date_keep_the_day_of_their_upload(ada, settings):
    settings.TIME_ZONE = "Asia/Tokyo"
    late = datetime(2024, 7, 1, 20, tzinfo=UTC)
    one = photo(ada, shown_at=late, exif={"offset": "+09:00"})
    migration.keep_wall_clock(apps, SimpleNamespace(connection=connection))
    row = columns(one)
    assert (row["wall_at"], row["shown_at"]) == (datetime(2024, 7, 2, 5, tzinfo=UTC), late)
    assert (row["taken_at"], row["utc_offset"], row["date_source"]) == (None, None, "")


def test_old_points_are_written_again_with_their_day(ada, model):
    live, gone = photo(ada), photo(ada, trashed_at=NOON)
    for one in (live, gone):
        Embedding.objects.create(photo=one, model=model, state="indexed")
    migration.project_again(apps, SimpleNamespace(connection=connection))
    states = dict(Embedding.objects.values_list("photo", "state"))
    assert states == {live.pk: "embedded", gone.pk: "indexed"}


# --- duplicates -----------------------------------------------------------------------------------

THEIRS = {
    "wall_at": datetime(2019, 7, 1, 18, tzinfo=UTC),
    "utc_offset": 540,
    "taken_at": datetime(2019, 7, 1, 9, tzinfo=UTC),
    "shown_at": datetime(2019, 7, 1, 9, tzinfo=UTC),
    "date_source": "camera",
    "offset_source": "place",
}


@pytest.mark.parametrize(
    "own",
    [
        {},
        {"taken_at": NOON, "wall_at": NOON, "utc_offset": 0, "date_source": "file"},
        {"taken_at": NOON, "wall_at": NOON, "utc_offset": 0, "date_source": "name"},
    ],
)
def test_a_keeper_without_a_sure_date_gets_all_that_is_known_of_it(ada, model, own):
    keeper, poor = photo(ada, width=4000, **own), photo(ada, **THEIRS)
    before = columns(keeper)
    made = group(poor, keeper)
    members = set(made.members.values_list("photo_id", flat=True))
    done = decisions.resolve(ada, made.pk, "keep", seen=members, keep=ids([keeper]))
    assert columns(keeper) == THEIRS
    undo_batch(ada, done.batch)
    assert columns(keeper) == before


def test_a_keeper_with_a_date_keeps_it(ada, model):
    own = {"taken_at": NOON, "wall_at": NOON, "utc_offset": 0, "date_source": "camera"}
    keeper, poor = photo(ada, width=4000, **own), photo(ada, **THEIRS)
    before = columns(keeper)
    made = group(poor, keeper)
    members = set(made.members.values_list("photo_id", flat=True))
    decisions.resolve(ada, made.pk, "keep", seen=members, keep=ids([keeper]))
    assert columns(keeper) == before


def test_the_whole_file_keeps_the_date_that_a_person_gave_its_beginning(ada_client, model):
    exif = images.exif(photo=NEW_YEAR)
    data = images.encode(images.gradient((400, 300)), exif=exif)
    beginning = send(ada_client, images.cut(data, 0.8), "IMG_1.JPG")
    corrected = THEIRS | {"date_source": "person", "offset_source": "person"}
    Photo.objects.filter(pk=beginning.pk).update(**corrected)
    whole = send(ada_client, data, "IMG_1.JPG")
    beginning.refresh_from_db()
    assert beginning.trashed_at is not None
    assert columns(whole) == corrected
