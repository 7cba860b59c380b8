"""The map of places: clusters, photos of an area, towns, and the host of its tiles."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import env, gazetteer, sensitive, trash
from gallery.areas import Area
from gallery.clusters import _EDGE, _PICTURE, _on_map, clusters
from gallery.models import Photo
from gallery.views import place_pages
from search.filters.selection import apply_filters
from search.language import parse, to_text
from tests.alike import photo
from tests.web.test_places import LISBON, PORTO, photo_at

pytestmark = pytest.mark.django_db

WORLD = Area(-90, -180, 90, 180)
PORTUGAL = Area(36, -10, 43, -6)
SIDES = {"south": 36, "west": -10, "north": 43, "east": -6}
FIJI, SAMOA, POLE, NULL_ISLAND = (-17.0, 179.99), (-13.8, -172.1), (-90.0, 0.0), (0.0, 0.0)


@pytest.fixture
def trip(ada) -> list[Photo]:
    """Three photos of Lisbon, two of Porto, and one that says nothing."""
    places = [LISBON, (38.7101, -9.1401), (38.7102, -9.1399), PORTO, (41.1501, -8.6101)]
    return [*(photo_at(ada, at, decoded_at=timezone.now()) for at in places), photo(ada)]


def visible(user):
    return Photo.objects.visible_to(user)


def counts(found) -> list[int]:
    return [cluster.count for cluster in found]


# --- areas ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("38.6,-9.3,38.8,-9", "38.6,-9.3,38.8,-9"),
        (" +38.60 , -9.3 38.8  -9.0 ", "38.6,-9.3,38.8,-9"),
        ("-18,179,-16,-179", "-18,179,-16,-179"),
        ("-0.0,-0.0000001,0,0", "0,0,0,0"),
        ("-90,-180,90,180", "-90,-180,90,180"),
    ],
)
def test_an_area_is_four_sides(text, area):
    assert str(Area.parse(text)) == area
    assert str(Area.parse(area)) == area


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,4,5", "39,0,38,1", "-91,0,0,0", "0,0,91,0", "0,-181,0,0", "0,0,0,181",
     "nan,0,1,1", "1e1,0,20,1", "a,b,c,d", "0,0,inf,1", "٣,0,4,1"],
)  # fmt: skip
def test_anything_else_is_no_area(text):
    assert Area.parse(text) is None


def test_an_area_may_reach_over_the_date_line(ada):
    there = [photo_at(ada, FIJI), photo_at(ada, SAMOA)]
    photo_at(ada, LISBON)
    area = Area(-20, 170, -10, -170)
    assert set(visible(ada).filter(area.q())) == set(there)
    assert (area.width, area.middle) == (20, (-15, 180))


@pytest.mark.parametrize("position", [LISBON, POLE, FIJI, (0.1234565, 179.9999999)])
def test_the_area_around_photos_holds_them(ada, position):
    one = photo_at(ada, position)
    (cluster,) = clusters(visible(ada), WORLD, 3)
    area = Area.parse(str(cluster.area))
    assert list(visible(ada).filter(area.q())) == [one]


# --- clusters -------------------------------------------------------------------------------------


def test_clusters_split_as_one_zooms_in(ada, trip):
    far = clusters(visible(ada), WORLD, 2)
    near = clusters(visible(ada), PORTUGAL, 8)
    closest = clusters(visible(ada), Area(38.7099, -9.1402, 38.7103, -9.1398), 20)
    assert (counts(far), counts(near), counts(closest)) == ([5], [3, 2], [1, 1, 1])
    assert {cluster.cover.place for cluster in near} == {"Lisbon, Portugal", "Porto, Portugal"}
    # The picture of a cluster is that of one of its parts.
    assert far[0].cover in [cluster.cover for cluster in near]


def test_each_photo_is_in_one_cluster_whose_area_has_no_other(ada):
    for step in range(60):
        photo_at(ada, (38 + step * 0.037, -9 + (step * 7 % 11) * 0.11))
    found = clusters(visible(ada), WORLD, 9)
    assert sum(counts(found)) == 60
    for cluster in found:
        assert visible(ada).filter(cluster.area.q()).count() == cluster.count


def test_neighbours_whose_pictures_would_cover_each_other_are_one(ada):
    # At zoom 3 a cell ends between the two towns, which are 18 pixels apart.
    for position in (LISBON, LISBON, PORTO, (-41.29, 174.78)):
        photo_at(ada, position)
    found = clusters(visible(ada), WORLD, 3)
    assert counts(found) == [3, 1]
    assert found[0].cover.place == "Lisbon, Portugal"
    assert visible(ada).filter(found[0].area.q()).count() == 3


@pytest.mark.parametrize("zoom", [1, 4, 7, 10, 13])
def test_joined_clusters_hold_the_photos_of_their_area_and_no_others(ada, zoom):
    spread = 300 / 2**zoom
    dice = random.Random(zoom)
    for _ in range(80):
        at = (50 + dice.uniform(-spread, spread), 10 + dice.uniform(-spread, spread))
        photo_at(ada, (min(max(at[0], -89.0), 89.0), at[1]))
    found = clusters(visible(ada), WORLD, zoom)
    assert sum(counts(found)) == 80
    assert counts(found) == sorted(counts(found), reverse=True)
    for cluster in found:
        assert visible(ada).filter(cluster.area.q()).count() == cluster.count
    # What still covers something has a third between them.
    for one, other in combinations(found, 2):
        places = [_on_map(each.cover, zoom) for each in (one, other)]
        if all(abs(first - second) < _PICTURE for first, second in zip(*places, strict=True)):
            around = area_around(one.area, other.area)
            assert sum(meet(around, each.area) for each in found) > 2


def area_around(one: Area, other: Area) -> Area:
    return Area(
        min(one.south, other.south), min(one.west, other.west),
        max(one.north, other.north), max(one.east, other.east),
    )  # fmt: skip


def meet(one: Area, other: Area) -> bool:
    beside = one.east < other.west or other.east < one.west
    return not (beside or one.north < other.south or other.north < one.south)


def test_clusters_know_how_large_their_pictures_are():
    text = (settings.BASE_DIR / "static/js/places/marks.js").read_text()
    assert f"const SIDE = {_PICTURE};" in text
    assert (
        f"const EDGE = {_EDGE:g};"
        in (settings.BASE_DIR / "static/js/places/position.js").read_text()
    )


def test_photos_at_the_edges_of_the_world_are_there(ada):
    for position in (FIJI, SAMOA, POLE, NULL_ISLAND, (90.0, 180.0), (0.0, -180.0)):
        photo_at(ada, position)
    assert sum(counts(clusters(visible(ada), WORLD, 4))) == 6


def test_an_answer_is_bounded_whatever_is_asked(ada, monkeypatch):
    for step in range(120):
        photo_at(ada, (-80 + step // 12 * 17, -175 + step % 12 * 30))
    assert len(clusters(visible(ada), WORLD, 4)) == 120
    monkeypatch.setattr("gallery.clusters.MOST_CELLS", 100)
    with CaptureQueriesContext(connection) as asked:
        found = clusters(visible(ada), WORLD, 20)
    assert (len(asked), sum(counts(found))) == (2, 120)
    assert len(found) <= 100


def test_trashed_hidden_and_other_peoples_photos_are_on_no_map(ada, bob, trip):
    trash.trash(Photo.objects.filter(pk=trip[0].pk))
    sensitive.set_policy(ada, "nudity", "hidden")
    sensitive.decide(ada, Photo.objects.filter(pk=trip[3].pk), "nudity", "confirmed")
    photo_at(bob, LISBON)
    found = clusters(visible(ada), PORTUGAL, 8)
    assert counts(found) == [2, 1]
    covers = {cluster.cover.pk for cluster in found}
    assert covers <= {trip[1].pk, trip[2].pk, trip[4].pk}


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="the words of SQLite's plans")
@pytest.mark.parametrize("area", [WORLD, Area(38, -10, 42, -8), Area(-20, 170, -10, -170)])
def test_clusters_are_counted_in_an_index(ada, trip, area):
    with CaptureQueriesContext(connection) as asked:
        clusters(visible(ada), area, 5)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + asked.captured_queries[0]["sql"])
        plan = " ".join(row[3] for row in cursor.fetchall())
    assert "USING COVERING INDEX photo_position" in plan


# --- the API --------------------------------------------------------------------------------------


def test_the_api_returns_clusters_with_pictures_and_names(ada, ada_client, trip):
    said = ada_client.get("/api/v1/places", SIDES | {"zoom": 8}).json()
    assert said["photos"] == 5
    first, second = said["clusters"]
    assert (first["count"], first["place"], second["count"]) == (3, "Lisbon, Portugal", 2)
    assert first["thumbnail"] == f"{first['url']}/thumbnail"
    assert str(first["photo"]) in {str(one.pk) for one in trip[:3]}
    query = parse(f"area:{first['area']}")
    assert set(apply_filters(ada, query.filters).photos) == set(trip[:3])


def test_a_covered_photo_lends_its_cluster_no_picture(ada, ada_client, trip):
    sensitive.decide(ada, Photo.objects.filter(place_id=2267057), "nudity", "confirmed")
    clusters = ada_client.get("/api/v1/places", SIDES | {"zoom": 8}).json()["clusters"]
    assert [cluster["thumbnail"] is None for cluster in clusters] == [True, False]


def test_the_api_names_the_largest_towns_of_the_area(ada_client):
    towns = ada_client.get("/api/v1/places", SIDES).json()["towns"]
    assert [town["name"] for town in towns[:2]] == ["Lisbon", "Vigo"]
    assert 20 < len(towns) <= 60


def test_towns_on_both_sides_of_the_date_line_are_found():
    names = {town.name for town in gazetteer.largest_towns(Area(-20, 170, -10, -170), 60)}
    assert {"Suva", "Apia"} <= names
    assert gazetteer.largest_towns(Area(-60, -130, -50, -120), 5) == []


@pytest.mark.parametrize(
    "params",
    [{"south": "-91"}, {"north": "x"}, {"west": "181"}, {"east": "nan"}, {"zoom": "21"},
     {"zoom": "-1"}, {"zoom": "1.5"}, {"south": "inf"}],
)  # fmt: skip
def test_bad_sides_are_refused(ada_client, params):
    answer = ada_client.get("/api/v1/places", params)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


def test_an_area_that_is_upside_down_holds_nothing(ada_client, trip):
    said = ada_client.get("/api/v1/places", {"south": 50, "north": 10}).json()
    assert (said["photos"], said["clusters"], said["towns"]) == (0, [], [])


# --- the query ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("area:38,-10,39,-9", 3),
        ("area:38,-10,42,-8", 5),
        ("-area:38,-10,39,-9", 3),
        ('area:"38,-10,39,-9","41,-9,42,-8"', 5),
        ("area:38,-10,39,-9 place:porto", 0),
        ("area:-90,-180,90,180", 5),
    ],
)
def test_an_area_is_a_filter(ada, trip, text, number):
    query = parse(text)
    assert len(apply_filters(ada, query.filters).photos) == number
    assert parse(to_text(query)) == query


def test_an_area_is_a_chip_that_leads_back_to_the_map(ada_client, trip, model):
    page = ada_client.get("/search", {"q": "area:38,-10,39,-8.5"}).text
    assert "on the map near" in page
    assert "/places#38,-10,39,-8.5" in page
    assert "-9.1" not in ada_client.get("/search", {"q": "area:50,-40,51,-39"}).text


# --- the pages ------------------------------------------------------------------------------------


def test_the_page_lists_towns_with_the_most_photos_first(ada_client, trip):
    page = " ".join(ada_client.get("/places").text.split())
    assert page.index("Lisbon, Portugal") < page.index("Porto, Portugal")
    assert "3 photos" in page
    link = "/search?q=place%3A%22Lisbon%2C%20Portugal%22"
    assert link in page
    assert ada_client.get(link).status_code == 200


def test_a_library_without_positions_is_told_what_to_do(ada, ada_client):
    photo(ada)
    page = ada_client.get("/places").text
    assert "No photo says where it was taken" in page
    assert "leaflet" not in page


def test_photos_at_sea_are_on_the_map_and_in_no_town(ada, ada_client):
    photo_at(ada, (0.0, -30.0))
    page = ada_client.get("/places").text
    assert 'id="places"' in page
    assert "towns-title" not in page


def test_the_panel_shows_the_newest_of_an_area(ada, ada_client, trip, model):
    answer = ada_client.get(
        "/places/photos", {"area": "38,-10,39,-9"}, headers={"HX-Request": "true"}
    )
    page = answer.text
    assert all(f"/photos/{one.pk}" in page for one in trip[:3])
    assert f"/photos/{trip[3].pk}" not in page
    assert "3 photos in the search" in page
    assert "/search?q=area%3A38%2C-10%2C39%2C-9" in page


@pytest.mark.parametrize("few", [1, 5000])
def test_the_newest_come_first_be_they_few_or_many(ada, trip, monkeypatch, few):
    monkeypatch.setattr(place_pages, "_FEW", few)
    inside = visible(ada).filter(Area(38, -10, 42, -8).q())
    assert place_pages.newest(inside) == list(inside.newest_first())


def test_without_scripts_an_area_leads_to_the_search(ada_client):
    answer = ada_client.get("/places/photos", {"area": "38,-10,39,-9"})
    assert answer.headers["Location"] == "/search?q=area%3A38%2C-10%2C39%2C-9"
    for area in ("", "1,2", "99,0,0,0", "\0"):
        assert ada_client.get("/places/photos", {"area": area}).status_code == 400


def test_a_photo_with_a_place_leads_to_it_on_the_map(ada, ada_client, trip):
    assert "/places#14/38.71000/-9.14000" in ada_client.get(f"/photos/{trip[0].pk}").text
    assert "/places#" not in ada_client.get(f"/photos/{trip[5].pk}").text


# --- tiles ----------------------------------------------------------------------------------------


def policy(answer) -> str:
    found = [part.strip() for part in answer.headers["Content-Security-Policy"].split(";")]
    return next(part for part in found if part.startswith("img-src"))


def test_without_tiles_no_other_host_is_allowed(ada_client, trip):
    answer = ada_client.get("/places")
    assert policy(answer) == "img-src 'self' blob: data:"
    assert 'data-tiles=""' in answer.text


def test_the_host_of_the_tiles_is_allowed_on_this_page_alone(ada_client, trip, settings):
    settings.MAP_TILES_URL = "https://tiles.example.org:8443/{z}/{x}/{y}.png?key=a"
    settings.MAP_TILES_ATTRIBUTION = "© <b>somebody</b>"
    answer = ada_client.get("/places")
    assert policy(answer) == "img-src 'self' blob: data: https://tiles.example.org:8443"
    assert 'data-attribution="© &lt;b&gt;somebody&lt;/b&gt;"' in answer.text
    for path in ("/", "/search", "/map", f"/photos/{trip[0].pk}"):
        assert "tiles.example.org" not in policy(ada_client.get(path))


def test_tiles_of_the_own_host_need_no_permission(ada_client, trip, settings):
    settings.MAP_TILES_URL = "/tiles/{z}/{x}/{y}.png"
    assert policy(ada_client.get("/places")) == "img-src 'self' blob: data:"


@pytest.mark.parametrize(
    "address",
    ["tiles.example.org/{z}/{x}/{y}", "https://tiles.example.org/", "ftp://a/{z}/{x}/{y}",
     "https://{s}.example.org/{z}/{x}/{y}", "https://a;b/{z}/{x}/{y}", "https:///{z}/{x}/{y}",
     "https://user@a/{z}/{x}/{y}", "https://a/{z}/{x}/{y} 'unsafe-inline'"],
)  # fmt: skip
def test_a_bad_address_of_tiles_is_refused_at_the_start(monkeypatch, address):
    monkeypatch.setenv("MAP_TILES_URL", address)
    with pytest.raises(ImproperlyConfigured, match="MAP_TILES_URL must be an address like"):
        env.tile_address("MAP_TILES_URL")
