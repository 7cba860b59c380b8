"""What each feature of search adds to finding photos, in one table, on held-out photos.

    python -m benchmarks.retrieval_features --captions DIR --kinds DIR [--every 1] [--no-detail]

*Scenes* are the photos of the split `dev` in the folder of captions. Each of their five captions is
a query, and so are single nouns (a photo is right if two captions say the noun). *Kinds* are photos
named after what they show, one of each; the names are the queries. Rows "vectors" rank by the model
alone. The other rows query a real gallery over HTTP, where the photos are named IMG_0001.jpg and so
on, except in the last row. The columns are R@1/5/10, then the share of queries whose first right
photo is among the first ten and Strong or Likely, and the share of absent concepts with any Strong
or Likely photo. `benchmarks.combination` and `benchmarks.exclusion` measure combined queries and
exclusion.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.gallery_process import Gallery, gallery
from benchmarks.relevance import lines, says
from benchmarks.starter_retrieval import dev_captions, embed_files, load_model
from search.vectors.embedders.base import Vectors
from search.vectors.embedders.open_clip import OpenClipEmbedder
from search.vectors.embedders.phrasing import embed_worded

KS = (1, 5, 10)
Found = tuple[list[int], bool, bool]
"""The first photos by number; whether the first right one, and whether any hit, is trusted."""
Ask = Callable[[str, frozenset[int]], Found]


@dataclass(frozen=True)
class Photos:
    """Photos and their queries, each with the numbers of the right photos."""

    name: str
    paths: list[Path]
    asked: dict[str, list[tuple[str, frozenset[int]]]] = field(default_factory=dict)


def scenes(folder: Path, every: int) -> Photos:
    paths, captions, gold = dev_captions(folder)
    said = np.zeros((len(lines("relevance_nouns.txt")), len(paths)), np.intp)
    for caption, photo in zip(captions, gold, strict=True):
        said[:, photo] += [says(noun, caption) for noun in lines("relevance_nouns.txt")]
    nouns = [
        (noun, frozenset(np.flatnonzero(row >= 2).tolist()))
        for noun, row in zip(lines("relevance_nouns.txt"), said, strict=True)
        if (row >= 2).any()
    ]
    whole = [(c.rstrip(" ."), frozenset({int(g)})) for c, g in zip(captions, gold, strict=True)]
    away = [(concept, frozenset[int]()) for concept in absent(" ".join(captions))]
    return Photos("scenes", paths, {"captions": whole[::every], "nouns": nouns, "absent": away})


def kinds(folder: Path) -> Photos:
    paths = sorted(folder.glob("*.jpg"))
    names = [path.stem.replace("_", " ") for path in paths]
    asked = [(name, frozenset({place})) for place, name in enumerate(names)]
    away = [(concept, frozenset[int]()) for concept in absent(" ".join(names))]
    return Photos("kinds", paths, {"kinds": asked, "absent": away})


def absent(known: str) -> list[str]:
    """Return the concepts of which no word is in the texts about the photos."""
    found = lines("relevance_absent.txt")
    return [concept for concept in found if not any(says(word, known) for word in concept.split())]


def by_vectors(photos: Vectors, texts: Callable[[Sequence[str]], Vectors]) -> Ask:
    def ask(query: str, _right: frozenset[int]) -> Found:
        scores = photos @ texts([query])[0]
        return np.argsort(-scores, kind="stable")[: max(KS)].tolist(), False, False

    return ask


def by_gallery(running: Gallery, ids: dict[str, int]) -> Ask:
    """Return a function that queries a gallery; a query that it refuses finds nothing."""

    def ask(query: str, right: frozenset[int]) -> Found:
        answer = running.client.get("/api/v1/search", params={"q": query, "limit": max(KS)})
        if answer.status_code != 200:
            return [], False, False
        body = answer.json()
        found = [(ids[hit["id"]], hit["band"]) for hit in body["hits"]]
        first = next((band for photo, band in found if photo in right), None)
        trusted = first in {"strong", "likely"}
        return [photo for photo, _ in found], trusted, body["strong"] + body["likely"] > 0

    return ask


def figures(queries: list[tuple[str, frozenset[int]]], ask: Ask) -> NDArray[np.float64]:
    """Return the means of R@1, R@5, R@10, trusted, anything trusted, milliseconds."""
    rows = []
    for query, right in queries:
        started = time.perf_counter()
        found, trusted, anything = ask(query, right)
        took = (time.perf_counter() - started) * 1000
        rows.append([*(bool(right & set(found[:k])) for k in KS), trusted, anything, took])
    return np.asarray(np.array(rows, float).mean(axis=0))


def report(title: str, photos: Photos, ask: Ask, *, banded: bool) -> None:
    for name, queries in photos.asked.items():
        shares = figures(queries, ask)
        if name == "absent":
            if banded:
                told = f"something shown for {shares[4]:.0%} of {len(queries)}"
                print(f"{title:34s} absent from {photos.name}: {told}", flush=True)
            continue
        recall = " / ".join(f"{share:5.1%}" for share in shares[:3])
        kept = f"{shares[3]:6.0%} kept" if banded else ""
        print(f"{title:34s} {name:9s} {len(queries):5d}  {recall} {kept}", flush=True)


def upload(running: Gallery, paths: list[Path], *, named: bool) -> dict[str, int]:
    """Send the photos and wait until they can be searched; return their numbers by id."""
    ids = {}
    for number, path in enumerate(paths):
        name = path.name if named else f"IMG_{number:04d}.jpg"
        answer = running.client.post("/api/v1/photos", files={"file": (name, path.read_bytes())})
        ids[answer.json()["id"]] = number
    running.wait_until_settled()
    return ids


def ask_galleries(photos: Photos, *, named: bool, detail: Sequence[bool]) -> None:
    """Report the product, with and without detail search, on the same data."""
    with tempfile.TemporaryDirectory(prefix="scry-benchmark-") as folder:
        ids: dict[str, int] = {}
        for on in detail:
            os.environ["PART_SEARCH"] = str(10_000 if on else 0)
            with gallery(data=Path(folder)) as running:
                running.wait_until_ready()
                ids = ids or upload(running, photos.paths, named=named)
                wait_for_bands(running)
                if on:
                    wait_for_parts(Path(folder), len(ids))
                title = "gallery, file names say it" if named else "gallery"
                report(
                    f"{title}{', detail search' if on else ''}",
                    photos,
                    by_gallery(running, ids),
                    banded=True,
                )


def wait_for_bands(running: Gallery, seconds: float = 300) -> None:
    """Wait until the gallery has the background that bands come from."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = running.client.get("/api/v1/search", params={"q": "dog", "limit": 1}).json()
        if answer["hits"] and answer["hits"][0]["band"]:
            return
        time.sleep(1)
    raise TimeoutError("There were no bands in time.")


def wait_for_parts(data: Path, photos: int, seconds: float = 3600) -> None:
    """Wait until the parts of all photos can be searched; they are made when nothing is due."""
    deadline = time.monotonic() + seconds
    done = "SELECT count(*) FROM gallery_photoparts WHERE indexed_at IS NOT NULL"
    while time.monotonic() < deadline:
        with closing(sqlite3.connect(f"file:{data}/scry.sqlite3?mode=ro", uri=True)) as database:
            if database.execute(done).fetchone()[0] >= photos:
                return
        time.sleep(2)
    raise TimeoutError("The parts of photos were not made in time.")


def report_vectors(model: OpenClipEmbedder, photos: Photos) -> None:
    rows = embed_files(model, photos.paths)
    report("vectors, texts as typed", photos, by_vectors(rows, model.embed_texts), banded=False)
    worded = by_vectors(rows, lambda texts: embed_worded(model, texts))
    report("vectors, short texts worded", photos, worded, banded=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--kinds", type=Path, required=True)
    parser.add_argument("--every", type=int, default=1, help="ask only every such caption")
    parser.add_argument("--only", choices=["vectors", "galleries", "detail"])
    parser.add_argument("--no-detail", action="store_true", help="leave detail search out")
    options = parser.parse_args()
    both = [scenes(options.captions, options.every), kinds(options.kinds)]
    if options.only in {None, "vectors"}:
        model = load_model("starter")
        for photos in both:
            report_vectors(model, photos)
    if options.only != "vectors":
        for photos in both:
            detail = [False] if options.no_detail else [True, False]
            ask_galleries(
                photos, named=False, detail=detail[: 1 if options.only == "detail" else 2]
            )
        if options.only != "detail":
            ask_galleries(both[1], named=True, detail=[False])


if __name__ == "__main__":
    main()
