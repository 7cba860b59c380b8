"""The offline gazetteer: towns near places, their names, and time zones."""

from __future__ import annotations

import zoneinfo

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from gallery import gazetteer
from gallery.gazetteer import REACH_KM, ZONE_REACH_KM, kilometres, nearest, towns, zone_at

_on_earth = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
_some = settings(deadline=None, max_examples=60)
_ZONES = zoneinfo.available_timezones()


@pytest.mark.parametrize(
    ("latitude", "longitude", "label"),
    [
        (38.7139, -9.1334, "Lisbon, Portugal"),
        (38.6916, -9.2160, "Lisbon, Portugal"),  # a tower in a parish with an entry of its own
        (38.6790, -9.1569, "Almada, Portugal"),  # across the river
        (48.8867, 2.3431, "Paris, France"),
        (48.8049, 2.1204, "Versailles, France"),
        (40.7580, -73.9855, "New York City, United States"),
        (40.7282, -74.0776, "Jersey City, United States"),  # nearer, but of another state
        (41.9022, 12.4539, "Vatican City, Vatican"),
        (22.3193, 114.1694, "Hong Kong"),
        (63.8385, -22.4393, "Grindavík, Iceland"),  # a small town
        (-54.80, -68.30, "Ushuaia, Argentina"),
    ],
)
def test_a_place_belongs_to_the_town_that_people_name(latitude, longitude, label):
    town = nearest(latitude, longitude)
    assert town is not None
    assert town.label == label


@pytest.mark.parametrize(
    "place", [(0, -30), (-90, 0), (90, 0), (45, 180), (float("nan"), 0), (91, 0)]
)
def test_far_from_towns_there_is_no_place(place):
    assert nearest(*place) is None


def test_a_town_has_names_in_many_scripts_but_no_codes():
    lisbon = nearest(38.72, -9.14)
    assert {"Lisbon", "Lisboa", "Lissabon", "里斯本", "Лиссабон"} <= set(lisbon.names)
    assert lisbon.names[0] == lisbon.name
    assert "LIS" not in lisbon.names
    assert towns([lisbon.id, -1]) == {lisbon.id: lisbon}
    assert towns([]) == {}


@given(_on_earth)
@example((-16.8, 179.99))
@example((-16.8, -179.99))
@example((90.0, 0.0))
@example((-77.85, 166.67))
@_some
def test_a_town_is_within_reach_and_its_region_is_that_of_the_closest(place):
    every = gazetteer._all().rows
    km = kilometres(*place, every["latitude"], every["longitude"])
    town = nearest(*place)
    assert (town is not None) == bool(km.min() <= REACH_KM)
    if town is not None:
        assert town.country_code == every[km.argmin()]["country"].decode()
        assert km[every["id"] == town.id].item() <= REACH_KM


@pytest.mark.slow
@given(_on_earth)
@example((-16.8, 180.0))
@example((-16.8, -180.0))
@example((90.0, -180.0))
@_some
def test_every_place_on_earth_has_a_time_zone(place):
    every = gazetteer._all().rows
    km = kilometres(*place, every["latitude"], every["longitude"])
    zone = zone_at(*place)
    assert zone in _ZONES
    if km.min() <= ZONE_REACH_KM:
        assert zone == every[km.argmin()]["zone"].decode()
    else:
        assert zone.startswith("Etc/GMT")


@pytest.mark.parametrize(
    ("latitude", "longitude", "zone"),
    [
        (38.72, -9.14, "Europe/Lisbon"),
        (0, -30, "Etc/GMT+2"),
        (0, -179.9, "Etc/GMT+12"),
        (-50, 100, "Etc/GMT-7"),
        (30, -40, "Etc/GMT+3"),
        (91, 0, None),
        (float("nan"), 0, None),
    ],
)
def test_the_time_is_that_of_the_town_or_of_the_sea(latitude, longitude, zone):
    assert zone_at(latitude, longitude) == zone


@given(_on_earth, _on_earth)
def test_distances_are_symmetric_and_at_most_half_way_around(one, other):
    there = kilometres(*one, [other[0]], [other[1]])
    back = kilometres(*other, [one[0]], [one[1]])
    assert there == pytest.approx(back, abs=0.01)
    assert 0 <= there[0] <= 20_015.2


def test_towns_are_kept_beside_the_photos_and_made_again_when_damaged(settings, monkeypatch):
    read = gazetteer._all()
    monkeypatch.setattr(gazetteer, "_read", lambda: (read.rows, read.names))
    gazetteer._load()
    names, rows = sorted((settings.DATA_DIR / "gazetteer").iterdir())
    monkeypatch.setattr(gazetteer, "_read", lambda: pytest.fail("they are there"))
    assert np.array_equal(gazetteer._load().rows, read.rows)
    for damaged in (names, rows):
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[: len(whole) // 2])
        monkeypatch.setattr(gazetteer, "_read", lambda: (read.rows, read.names))
        assert np.array_equal(gazetteer._load().latitudes, read.latitudes)
        assert damaged.read_bytes() == whole


def test_towns_are_found_although_they_cannot_be_kept(settings, monkeypatch):
    read = gazetteer._all()
    monkeypatch.setattr(gazetteer, "_read", lambda: (read.rows, read.names))
    settings.DATA_DIR /= "missing"
    settings.DATA_DIR.write_text("a file")
    assert gazetteer._load().rows is read.rows
