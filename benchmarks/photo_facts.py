"""Generated facts of photos, as varied as those of a library that grew for ten years."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gallery.models import Photo

MINUTES = 52
"""Between two photos: 100,000 of them take ten years."""

# Camera, lens, file type, width, height, and the percentage of photos from it.
_GEAR = (
    ("NIKON D750", "AF-S 50mm f/1.8G", "JPEG", 6016, 4016, 24),
    ("Google Pixel 8", "Pixel 8 back camera 6.9mm f/1.68", "JPEG", 4080, 3072, 22),
    ("Apple iPhone 15", "iPhone 15 back camera 5.96mm f/1.6", "HEIF", 4032, 3024, 20),
    ("Canon EOS R5", "RF24-105mm F4 L IS USM", "JPEG", 8192, 5464, 15),
    ("SONY ILCE-7M3", "FE 50mm F1.8", "JPEG", 6000, 4000, 8),
    ("FUJIFILM X100V", "", "JPEG", 6240, 4160, 4),
    ("Leica Q2", "Summilux 28mm f/1.7", "TIFF", 8368, 5584, 1),
    ("", "", "PNG", 1920, 1080, 4),
    ("", "", "WEBP", 1200, 1200, 2),
)
_CITIES = ((38.72, -9.14), (52.52, 13.40), (40.42, -3.70), (35.68, 139.69), (-33.87, 151.21))
_COLOURS = ("blue", "green", "grey", "brown", "white", "black", "red", "orange", "yellow", "teal")
ALBUMS = tuple(f"Album {number}" for number in range(1, 41))
TAGS = ("family", "travel", "food", "sea", "mountains", "work", "birthday", "cat", "dog", "flowers")


def facts(number: int, now: datetime, dice: random.Random) -> dict[str, Any]:
    """Return the columns of photo `number`; `now` is the time of the newest photo."""
    camera, lens, kind, width, height, _ = dice.choices(_GEAR, [gear[-1] for gear in _GEAR])[0]
    if dice.random() < 0.3:
        width, height = height, width
    shown = now - timedelta(minutes=MINUTES * number)
    located = dice.random() < 0.4
    city = dice.choice(_CITIES)
    return {
        "camera": camera,
        "lens": lens,
        "format": kind,
        "width": width,
        "height": height,
        "size": round(dice.lognormvariate(15.2, 0.6)),
        "shown_at": shown,
        "wall_at": shown,
        "taken_at": shown if dice.random() < 0.92 else None,
        "latitude": city[0] + dice.gauss(0, 0.3) if located else None,
        "longitude": city[1] + dice.gauss(0, 0.3) if located else None,
        "colours": f",{','.join(dice.sample(_COLOURS, dice.randint(1, 3)))},",
        "rating": dice.choices(range(6), (80, 1, 2, 5, 8, 4))[0],
        "favourite": dice.random() < 0.05,
        "caption": "a day by the sea" if dice.random() < 0.05 else "",
        "exif": {"make": camera, "model": camera, "lens": lens, "iso": 100, "note": "x" * 200},
    }


def collect(owner: Any, photos: list[Photo], dice: random.Random) -> None:
    """Put a quarter of the photos into albums, and one to three tags on a third of them."""
    from gallery.models import Album, InAlbum, Tag, Tagged

    albums = [Album.objects.get_or_create(owner=owner, name=name)[0] for name in ALBUMS]
    tags = [Tag.objects.get_or_create(owner=owner, name=name)[0] for name in TAGS]
    InAlbum.objects.bulk_create(
        InAlbum(album=dice.choice(albums), photo=photo) for photo in photos if dice.random() < 0.25
    )
    Tagged.objects.bulk_create(
        Tagged(tag=tag, photo=photo)
        for photo in photos
        if dice.random() < 0.33
        for tag in dice.sample(tags, dice.randint(1, 3))
    )
