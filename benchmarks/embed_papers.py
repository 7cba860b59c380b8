"""Embeds drawn papers with the starter model and publishes the mean vector of each kind.

    python -m benchmarks.embed_papers

It must be run again when the starter model or the drawings change. The seeds are others than
those that `benchmarks.sensitive` measures with.
"""

from __future__ import annotations

import os

import django
import numpy as np
from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
django.setup()

# The vectors are those of the gallery's code, which needs its settings.
from benchmarks.private_papers import ORDINARY, PRIVATE, drawn, flat  # noqa: E402
from benchmarks.starter_retrieval import load_model  # noqa: E402
from search.understanding.sensitive.paper_likeness import PUBLISHED, Papers  # noqa: E402
from search.vectors.embedders.base import Vectors  # noqa: E402
from search.vectors.embedders.catalog import STARTER_KEY  # noqa: E402
from search.vectors.embedders.open_clip import OpenClipEmbedder  # noqa: E402

SIDE = 512
BATCH = 16
FIRST_SEED = 10_000
WAYS = {drawn: 40, flat: 12}
"""Papers of each kind: as they are photographed or scanned, and all scanned."""


def embed(model: OpenClipEmbedder, pictures: list[Image.Image]) -> Vectors:
    """Return the vectors of pictures at the size of thumbnails, (n, dim)."""
    small = []
    for picture in pictures:
        picture.thumbnail((SIDE, SIDE))
        small.append(np.asarray(picture.convert("RGB")))
    batches = [small[start : start + BATCH] for start in range(0, len(small), BATCH)]
    return np.concatenate([model.embed_images(batch) for batch in batches])


def means(model: OpenClipEmbedder) -> dict[str, Vectors]:
    """Return the mean vectors of each kind by its name, one for each way, (2, dim)."""
    found = {}
    for name in (*PRIVATE, *ORDINARY):
        rows = [
            embed(model, [way(name, FIRST_SEED + seed) for seed in range(count)]).mean(axis=0)
            for way, count in WAYS.items()
        ]
        found[name] = np.asarray(rows, np.float32)
    return found


def papers(of_kind: dict[str, Vectors], without: str = "") -> Papers:
    """Return the papers of some kinds, without one of them."""
    private = [of_kind[name] for name in PRIVATE if name != without]
    return Papers(np.concatenate(private), np.concatenate([of_kind[name] for name in ORDINARY]))


def main() -> None:
    made = papers(means(load_model(STARTER_KEY)))
    private, other = made.private.astype(np.float16), made.other.astype(np.float16)
    np.savez_compressed(PUBLISHED, key=STARTER_KEY, private=private, other=other)
    print(f"{PUBLISHED.name}: {len(made.private)} private and {len(made.other)} other papers")


if __name__ == "__main__":
    main()
