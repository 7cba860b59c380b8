"""How many ordinary photos are suspected, and how many cards, passports and bank letters are found.

    python -m benchmarks.sensitive --photos DIR --captions DIR [--papers 100] [--json]

The first folder holds photos of one thing each, the second `captions.csv` and `images/` with photos
of people outdoors, as in `benchmarks.starter_retrieval`. Papers are drawn by `private_papers`. The
cuts were chosen on every other photo; the table is about the others. The papers that the model was
shown have other seeds than those that are measured, and once each kind is left out of them. With
the extra "moderation", the network for nudity is measured too. No picture that is really unsafe is
used, so nothing is known of how many of those are found.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

import django
import numpy as np
from numpy.typing import NDArray
from PIL import Image

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
django.setup()

# What is measured is the code of the gallery, which needs its settings.
from benchmarks.embed_papers import embed, means, papers  # noqa: E402
from benchmarks.private_papers import ORDINARY, PRIVATE, drawn  # noqa: E402
from benchmarks.starter_retrieval import dev_captions, embed_files, load_model  # noqa: E402
from gallery.models.sensitive import Kind  # noqa: E402
from gallery.sensitive import Treatment  # noqa: E402
from search.relevance.background import Background, background_texts  # noqa: E402
from search.relevance.library import stored_texts  # noqa: E402
from search.understanding.sensitive import nudity  # noqa: E402
from search.understanding.sensitive.margins import margins, texts_of  # noqa: E402
from search.understanding.sensitive.paper_likeness import likeness  # noqa: E402
from search.understanding.sensitive.suspicions import scores_of  # noqa: E402
from search.vectors.embedders.base import Vectors  # noqa: E402
from search.vectors.embedders.catalog import STARTER_KEY  # noqa: E402
from search.vectors.embedders.open_clip import OpenClipEmbedder  # noqa: E402

SIDE = 512
QUANTILES = (0.99, 0.995)


def embed_papers(model: OpenClipEmbedder, name: str, count: int) -> Vectors:
    """Return the vectors of drawn papers of a kind."""
    return embed(model, [drawn(name, seed) for seed in range(count)])


def better(ones: NDArray[np.float32], others: NDArray[np.float32]) -> float:
    """Return how often one of `ones` scores more than one of `others` (area under the curve)."""
    places = np.argsort(np.argsort(np.concatenate([ones, others])))[: len(ones)]
    below = float(places.sum()) - len(ones) * (len(ones) - 1) / 2
    return below / (len(ones) * len(others))


def curve(private: NDArray[np.float32], ordinary: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Return how many ordinary papers are suspected where these shares of private ones are."""
    shares = (0.5, 0.7, 0.9, 0.95)
    return [
        (share, float((ordinary >= np.quantile(private, 1 - share)).mean())) for share in shares
    ]


def network_rows(paths: list[Path]) -> Iterator[str]:
    """Yield what the network says of ordinary photos; nothing without the extra."""
    if not nudity.is_installed():
        yield "network for nudity: not installed"
        return
    scores = []
    for path in paths:
        with Image.open(path) as image:
            image.thumbnail((SIDE, SIDE))
            scores.append(nudity.probability(np.asarray(image.convert("RGB"))))
    found = np.array(scores)
    over = int((found >= nudity.CUT).sum())
    yield f"network for nudity: {over} of {len(found)} over the cut, the most {found.max():.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--captions", type=Path, required=True)
    parser.add_argument("--papers", type=int, default=100)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    model = load_model(STARTER_KEY)
    things = sorted(options.photos.glob("*.jpg"))
    people = dev_captions(options.captions)[0]
    photos = {"things": embed_files(model, things), "people": embed_files(model, people)}
    table = measured(model, photos, options.papers)
    if options.json:
        print(json.dumps(table, indent=1))
    else:
        print("\n".join(lines(table)))
        print("\n".join(network_rows(things + people)))


def measured(model: OpenClipEmbedder, photos: dict[str, Vectors], count: int) -> dict[str, object]:
    """Return the shares that are suspected, by kind and by sort of photo, and the curve."""
    stored = stored_texts(STARTER_KEY)
    assert stored is not None
    sample = np.random.default_rng(0).permutation(np.concatenate(list(photos.values())))
    background = Background(stored[: len(background_texts())], sample)
    of_kind = means(model)
    drawings = {name: embed_papers(model, name, count) for name in (*PRIVATE, *ORDINARY)}
    table: dict[str, object] = {"unit": background.unit}
    for kind in Kind.values:
        texts = texts_of(Treatment(kind, kind))
        both = model.embed_texts([*texts.unsafe, *texts.harmless])
        shown = papers(of_kind) if kind == Kind.DOCUMENTS else None
        score = {
            name: scores_of(vectors, texts, both, background, shown)
            for name, vectors in {**photos, **drawings}.items()
        }
        by_texts = [margins(photos[name][::2], texts, both, background) for name in photos]
        chosen = np.concatenate(by_texts)
        table[kind] = {
            "cut of texts": texts.cut,
            "cuts of the first half": [float(np.quantile(chosen, each)) for each in QUANTILES],
            "suspected": {
                # Of photos only the half on which no cut was chosen.
                name: float((rows[name in photos :: 1 + (name in photos)] >= 1).mean())
                for name, rows in score.items()
            },
        }
        if kind == Kind.DOCUMENTS:
            table["a kind that the model was not shown"] = {
                "suspected": {
                    name: _unseen(name, drawings[name], of_kind, background) for name in PRIVATE
                }
            }
            private = np.concatenate([score[name] for name in PRIVATE])
            ordinary = np.concatenate([score[name] for name in ORDINARY])
            table["private against other papers"] = {
                "area": better(private, ordinary), "curve": curve(private, ordinary),
            }  # fmt: skip
    return table


def _unseen(
    name: str, vectors: Vectors, of_kind: dict[str, Vectors], background: Background
) -> float:
    """Return how many papers of a kind are suspected by their likeness to the other kinds."""
    return float((likeness(vectors, papers(of_kind, without=name), background) >= 1).mean())


def lines(table: dict[str, object]) -> Iterator[str]:
    """Yield the table as text."""
    for name, value in table.items():
        if not isinstance(value, dict):
            yield f"{name}: {value:.3f}"
            continue
        yield f"\n{name}"
        for key, rows in value.items():
            yield f"  {key}: {rows if not isinstance(rows, dict) else ''}"
            if isinstance(rows, dict):
                yield from (f"    {sort:<16} {share:7.2%}" for sort, share in rows.items())


if __name__ == "__main__":
    main()
