"""Libraries made up at random, for tests of filters and facets: rows only."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from gallery import colours, gazetteer
from gallery.models import Album, Photo, Stack, Tag
from search.language import values
from tests.alike import photo

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
    """Return a time on the wall, as if UTC, often at the edge of a day, month or year."""
    day = datetime(chance.choice([1969, 2019, 2020, 2023, 2024]), chance.choice([1, 3, 6, 12]),
                   chance.choice([1, 10, 11, 28]), tzinfo=UTC)  # fmt: skip
    return day + timedelta(seconds=chance.choice([-1, 0, 1, 43_200]))


def random_photo(owner: Any, chance: random.Random) -> Photo:
    wall, offset = when(chance), chance.choice([-600, 0, 345, 540])
    instant = wall - timedelta(minutes=offset)
    is_dated = chance.random() < 0.8
    place = chance.choice(PLACES)
    town = gazetteer.nearest(*place) if place else None
    names = chance.sample(values.COLOURS, chance.randrange(4))
    return photo(
        owner,
        taken_at=instant if is_dated else None,
        utc_offset=offset if is_dated else None,
        shown_at=instant,
        wall_at=wall,
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
        place=town.label if town else "",
        place_id=town and town.id,
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
