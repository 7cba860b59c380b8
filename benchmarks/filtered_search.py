"""How much longer a vector query takes when filters scope it, and what it still finds.

    python -m benchmarks.filtered_search [--count 100000] [--queries 40] [--data FOLDER]

Everything runs in one process. Filters are parsed and turned into the index's filter, with ids from
SQL where the payload of points does not say enough. Then the first 1,000 neighbours are fetched and
the number that passes is estimated, as in every search. The same query without filters follows each
time, so that both meet the same load of a busy machine; the ratio is that of the medians. A second
ratio compares whole searches for words, as the API answers them. Vectors and facts are generated
(`benchmarks.fill --facts`). Recall compares with an exact scan in numpy of the photos that pass in
SQL.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from search.vectors.index import VectorIndex

Vectors = NDArray[np.float32]
ROOT = Path(__file__).resolve().parent.parent
DIM = 512
WINDOW = 1000
PERCENTS = (1, 10, 50)

# Filters by the percentage of photos that pass them, about. `{0}`, `{1}` and `{2}` are periods with
# 1, 10 and 50 % of the photos; share-N is a tag on N %.
CASES: tuple[tuple[int, tuple[str, ...]], ...] = (
    (1, ("date:{0}",)),
    (1, ("camera:leica",)),
    (1, ("tag:share-1",)),
    (1, ("date:{1}", "tag:share-10")),
    (1, ("date:{1}", "camera:nikon,pixel,iphone,canon", "colour:teal")),
    (1, ("tag:share-10", "camera:nikon", "near:38.72,-9.14,300km")),
    (10, ("date:{1}",)),
    (10, ("tag:share-10",)),
    (10, ("date:{2}", "colour:red")),
    (10, ("date:{2}", "camera:nikon,pixel", "-is:favourite")),
    (50, ("date:{2}",)),
    (50, ("tag:share-50",)),
    (50, ("orientation:landscape", "camera:nikon,pixel,iphone")),
    (50, ("orientation:landscape", "camera:nikon,pixel,iphone,canon", "-tag:share-10")),
)


def main() -> None:
    """Fill a library, search it with and without filters, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=40)
    parser.add_argument("--data", type=Path, help="folder to keep the library in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scry-filters-") as folder:
        data = options.data or Path(folder)
        _set_up(data)
        user = _library(data, options.count)
        _measure(user, options.queries)


def _set_up(data: Path) -> None:
    os.environ["DATA_DIR"] = str(data)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()


def _library(data: Path, count: int) -> Any:
    """Return the owner of `count` searchable photos, generated if there are none yet."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection

    from gallery.models import EmbeddingModel, Photo
    from workers.index_sync.projection import project_waiting
    from workers.index_sync.sources import PHOTOS

    call_command("migrate", verbosity=0)
    user, _ = get_user_model().objects.get_or_create(username="bench")
    if not Photo.objects.exists():
        command = [sys.executable, "-m", "benchmarks.fill", "bench", str(count), str(DIM)]
        subprocess.run(
            [*command, "--facts"], cwd=ROOT, env={**os.environ, "DATA_DIR": str(data)}, check=True
        )
        _share_tags(user)
    project_waiting(PHOTOS, EmbeddingModel.objects.get())
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA optimize=0x10002")  # as the gallery does itself now and then
    return user


def _share_tags(user: Any) -> None:
    """Put a tag on each percentage of the photos."""
    from gallery.models import Photo, Tag, Tagged

    ids = list(Photo.objects.values_list("pk", flat=True))
    random = np.random.default_rng(5)
    for percent in PERCENTS:
        tag = Tag.objects.create(owner=user, name=f"share-{percent}")
        chosen = random.choice(len(ids), len(ids) * percent // 100, replace=False)
        Tagged.objects.bulk_create(
            (Tagged(tag=tag, photo_id=ids[place]) for place in chosen), batch_size=10_000
        )


def _measure(user: Any, queries: int) -> None:
    from gallery.models import EmbeddingModel
    from search.vectors.index import open_index

    model = EmbeddingModel.objects.get()
    index = open_index(model.key, model.dim)
    ids, vectors = _all_vectors(model)
    random = np.random.default_rng(9)
    asked = vectors[random.choice(len(vectors), queries)] + 0.02 * random.normal(
        size=(queries, model.dim)
    )
    asked = (asked / np.linalg.norm(asked, axis=1, keepdims=True)).astype(np.float32)
    for percent, filters in CASES:
        text = _dated(" ".join(filters), len(ids))
        plain, took, before = zip(
            *(
                (*_once(user, index, vector, "")[:1], *_once(user, index, vector, text))
                for vector in asked
            ),
            strict=True,
        )
        bare, whole = zip(
            *((_search(user, ""), _search(user, text)) for _ in range(queries)),
            strict=True,
        )
        passing, recall = _recall(user, index, asked[:20], text, ids, vectors)
        print(
            f"{percent:2} % {text}\n"
            f"     {_figures(took)}   without filters {_figures(plain)}   "
            f"{np.median(took) / np.median(plain):4.1f} x   narrow {np.median(before):5.1f} ms\n"
            f"     whole search {_figures(whole)}   without filters {_figures(bare)}   "
            f"{np.median(whole) / np.median(bare):4.1f} x\n     "
            f"{passing / len(ids):6.2%} pass   recall@10 {recall:.3f}"
        )


def _dated(text: str, count: int) -> str:
    """Return the filters with periods that hold 1, 10 and 50 % of all photos."""
    from datetime import date, timedelta

    from benchmarks.photo_facts import MINUTES

    days = count * MINUTES / 60 / 24
    start = date.today() - timedelta(days * 0.7)
    spans = [
        f"{start}..{start + timedelta(max(round(days * percent / 100) - 1, 0))}"
        for percent in PERCENTS
    ]
    return text.format(*spans)


def _once(user: Any, index: VectorIndex, vector: Vectors, text: str) -> tuple[float, float]:
    """Return the milliseconds of one query as a whole, and of what comes before the index."""
    from search import language
    from search.filters.selection import apply_filters

    started = time.perf_counter()
    flt = apply_filters(user, language.parse(text).filters if text else ()).index_filter
    narrowed = time.perf_counter()
    hits = index.query(vector, limit=WINDOW, flt=flt)
    if len(hits) == WINDOW:
        index.count(flt, exact=False)
    return (time.perf_counter() - started) * 1000, (narrowed - started) * 1000


def _search(user: Any, text: str) -> float:
    """Return the milliseconds of a search for new words."""
    from search import language
    from search.engine import answer

    words = f"a dog in the snow {time.perf_counter_ns() % 1_000_000_000} {text}"
    started = time.perf_counter()
    answer.search(user, answer.SearchRequest(language.parse(words)))
    return (time.perf_counter() - started) * 1000


def _recall(
    user: Any,
    index: VectorIndex,
    asked: Vectors,
    text: str,
    ids: list[UUID],
    vectors: Vectors,
) -> tuple[int, float]:
    """Return how many photos pass in SQL, and the share of their ten nearest that are found."""
    from search import language
    from search.filters.selection import apply_filters

    narrowed = apply_filters(user, language.parse(text).filters)
    passing = set(narrowed.photos.values_list("pk", flat=True))
    rows = np.array([place for place, photo_id in enumerate(ids) if photo_id in passing])
    shares = []
    for vector in asked:
        best = rows[np.argsort(-(vectors[rows] @ vector))[:10]]
        exact = {ids[place] for place in best}
        found = {hit.id for hit in index.query(vector, limit=10, flt=narrowed.index_filter)}
        shares.append(len(exact & found) / max(len(exact), 1))
    return len(passing), float(np.mean(shares))


def _all_vectors(model: Any) -> tuple[list[UUID], Vectors]:
    """Return all stored vectors, shape (count, dim), float32, with the ids of their photos."""
    from gallery.models import Embedding

    rows = Embedding.objects.filter(model=model, vector__isnull=False)
    vectors = np.empty((rows.count(), model.dim), np.float32)
    ids = []
    for place, row in enumerate(rows.iterator(chunk_size=1000)):
        vectors[place] = row.get_vector()
        ids.append(row.photo_id)
    return ids, vectors


def _figures(took: Sequence[float]) -> str:
    return f"p50 {np.percentile(took, 50):6.1f} ms   p95 {np.percentile(took, 95):6.1f} ms"


if __name__ == "__main__":
    main()
