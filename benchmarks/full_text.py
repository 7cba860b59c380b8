"""What full-text search costs among 100,000 photos: filling the index, and one look-up.

    python -m benchmarks.full_text [--count 100000] [--captions FILE.csv]

Photos are rows without files. Their file names are those of cameras and phones. A tenth have
captions (from the column `caption` of a CSV file, else generated); some have tags, albums, cameras
and lenses. A second person has as many. DATABASE_URL chooses Postgres; without it, SQLite is used
in a folder of its own.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

_NOUNS = ("dog", "cat", "beach", "sunset", "child", "train", "car", "tree", "snow", "garden")
_CAMERAS = ("Nikon D850", "Apple iPhone 13", "Google Pixel 6", "Canon EOS R5", "Leica Q2")
_CITIES = ("Lisbon", "Porto", "Berlin", "Kyoto", "Oslo", "北京", "Zürich", "São Paulo")

QUERIES = (
    *("IMG_2231", "img_2231.jpg", "20190704", "202107", "lisbon", "berlin 2014", "kyoto +oslo"),
    *("a dog on the beach", "two children playing with a dog in the garden", "a red car"),
    *("img", "jpg", "nikon", "dog", '"summer in lisbon"', "北京", "zurich", "nothing says this"),
    *("beach -family", "sunset -lisbon"),
)


def main() -> None:
    """Fill a gallery, search it, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--captions", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scry-words-") as folder:
        os.environ["DATA_DIR"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        captions = list(_captions(options.captions))
        owner = _fill("ada", options.count, captions)
        _fill("bob", options.count, captions)
        _write()
        _ask(owner)


def _captions(path: Path | None) -> Iterator[str]:
    if path is None:
        random.seed(1)
        for _ in range(5000):
            yield " ".join(random.choices(_NOUNS, k=8))
        return
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            yield row["caption"]


def _fill(name: str, count: int, captions: list[str]) -> Any:
    from django.contrib.auth import get_user_model

    from gallery.models import Album, InAlbum, Photo, Tag, Tagged

    owner = get_user_model().objects.create(username=name)
    random.seed(name)
    started = time.perf_counter()
    photos = [_photo(owner.pk, number, captions) for number in range(count)]
    for first in range(0, count, 5000):
        Photo.objects.bulk_create(photos[first : first + 5000])
    albums = [
        Album(owner=owner, name=f"{city} {year}") for city in _CITIES for year in range(2010, 2025)
    ]
    Album.objects.bulk_create(albums)
    tags = [Tag(owner=owner, name=name) for name in ("family", "work", *_NOUNS)]
    Tag.objects.bulk_create(tags)
    some = random.sample(photos, count // 5)
    InAlbum.objects.bulk_create(
        [InAlbum(photo=photo, album=random.choice(albums)) for photo in some], batch_size=5000
    )
    some = random.sample(photos, count // 50)
    Tagged.objects.bulk_create(
        [Tagged(photo=photo, tag=random.choice(tags)) for photo in some], batch_size=5000
    )
    print(f"{count:,} photos of {name} written in {time.perf_counter() - started:.1f} s")
    return owner


def _photo(owner_id: int, number: int, captions: list[str]) -> Any:
    from gallery.models import Photo

    day = f"{random.randint(2005, 2024)}{random.randint(1, 12):02}{random.randint(1, 28):02}"
    name = random.choice((f"IMG_{number % 10000:04}", f"DSC{number % 100000:05}", f"PXL_{day}_1"))
    return Photo(
        owner_id=owner_id,
        sha256=f"{owner_id:08x}{number:056x}",
        size=1,
        format="JPEG",
        extension="jpg",
        name=f"{name}.jpg",
        width=4000,
        height=3000,
        camera=random.choice(_CAMERAS),
        lens="24-70mm f/2.8" if number % 3 else "",
        caption=random.choice(captions) if number % 10 == 0 else "",
    )


def _write() -> None:
    from django.db import connection

    from search import fulltext

    started = time.perf_counter()
    done = fulltext.catch_up(3600)
    took = time.perf_counter() - started
    print(f"{done:,} photos' words written in {took:.1f} s ({took / done * 1e6:.0f} µs each)")
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT sum(length(words)) FROM search_photowords")
            text = cursor.fetchone()[0]
            cursor.execute("SELECT sum(length(block)) FROM search_words_data")
        else:
            cursor.execute("SELECT pg_table_size('search_photowords')")
            text = cursor.fetchone()[0]
            cursor.execute("SELECT pg_relation_size('search_words')")
        index = cursor.fetchone()[0]
        cursor.execute("PRAGMA optimize=0x10002" if connection.vendor == "sqlite" else "ANALYZE")
    assert not fulltext.refresh()
    print(f"{text / 1e6:.1f} MB of words, {index / 1e6:.1f} MB of index")


def _ask(owner: Any) -> None:
    from gallery.models import Photo
    from search import fulltext
    from search.language import parse

    photos = Photo.objects.visible_to(owner)
    everything: list[float] = []
    print("| query | hits | p50 ms | p95 ms | of the processor, ms |\n|---|---|---|---|---|")
    for text in QUERIES:
        said = fulltext.TextQuery.from_query(owner.pk, parse(text))

        def look(said: fulltext.TextQuery = said) -> int:
            absent = fulltext.photos_with_text(said.owner_id, said.avoided)
            return len(fulltext.search(photos.exclude(pk__in=absent) if absent else photos, said))

        hits, worked = look(), time.process_time()
        times = _timed(look)
        each = (time.process_time() - worked) / len(times) * 1000
        everything += times
        print(f"| {text} | {hits} | {_at(times, 50)} | {_at(times, 95)} | {each:.1f} |")
    print(f"| all | | {_at(everything, 50)} | {_at(everything, 95)} |")


def _timed(call: Callable[[], object], times: int = 30) -> list[float]:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    return taken


def _at(times: list[float], percent: int) -> str:
    return f"{np.percentile(times, percent):.1f}"


if __name__ == "__main__":
    main()
