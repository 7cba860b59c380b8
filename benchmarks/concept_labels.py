"""Photos labelled by their five captions, for queries of several terms.

A photo shows a concept if two captions or more say it, and is free of it if none does.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.starter_retrieval import embed_files
from search.relevance import Background
from search.relevance.background import SAMPLE_SIZE, background_texts, nouns
from search.vectors.embedders.base import Vectors
from search.vectors.embedders.open_clip import OpenClipEmbedder
from search.vectors.embedders.phrasing import embed_worded

CONCEPTS = {
    "dog": r"dogs?|pupp(?:y|ies)",
    "man": r"m[ae]n|guys?|gentlem[ae]n",
    "woman": r"wom[ae]n|lad(?:y|ies)",
    "child": r"child(?:ren)?|kids?|boys?|girls?|toddlers?|bab(?:y|ies)",
    "people": r"people|persons?|crowds?|m[ae]n|wom[ae]n|child(?:ren)?|boys?|girls?|kids?|guys?"
    r"|lad(?:y|ies)|toddlers?|bab(?:y|ies)|players?|couples?",
    "water": r"water|oceans?|sea|lakes?|rivers?|pools?|waves?|surf\w*|swim\w*|splash\w*",
    "snow": r"snow\w*|ski\w*",
    "grass": r"grass\w*|lawns?|fields?|meadows?",
    "beach": r"beach\w*|shores?|shoreline",
    "street": r"streets?|sidewalks?|roads?|cit(?:y|ies)",
    "mountain": r"mountains?|cliffs?|hills?|peaks?",
    "rock": r"rocks?|rocky|boulders?|stones?",
    "tree": r"trees?|woods?|forests?",
    "car": r"cars?|trucks?|vehicles?|jeeps?|vans?",
    "bicycle": r"bikes?|bicycles?|bikers?|cyclists?|bicyclists?|biking",
    "motorcycle": r"motorcycl\w*|motorbikes?|dirt ?bikes?|motocross",
    "ball": r"balls?|footballs?|soccer|basketballs?|baseballs?|tennis|volleyballs?",
    "horse": r"horses?",
    "boat": r"boats?|kayak\w*|canoe\w*|rafts?|ships?",
    "hat": r"hats?|caps?|helmets?",
    "helmet": r"helmets?",
    "sunglasses": r"sunglasses|glasses|goggles",
    "fence": r"fences?",
    "building": r"buildings?|houses?|towers?",
    "bench": r"bench(?:es)?",
    "swimming pool": r"pools?",
    "skateboard": r"skateboard\w*|skater?s?|skating",
    "stick": r"sticks?|branch(?:es)?",
    "climbing": r"climb\w*",
    "jumping": r"jump\w*|leap\w*",
    "running": r"run|runs|running",
    "sitting": r"sit|sits|sitting|seated",
    "smiling": r"smil\w*",
    "night": r"nights?|dark",
    "crowd": r"crowds?|audience|spectators?",
    "toy": r"toys?|frisbee",
}
"""The name of a concept, and the pattern of the words that captions use for it."""


@dataclass(frozen=True)
class Library:
    """Photos as unit vectors (n, dim) and how many captions of each say a concept.

    `said` has shape (concepts, n). `words` are the concepts as queries. `background` is what Scry
    compares queries with.
    """

    photos: Vectors
    said: NDArray[np.intp]
    words: dict[str, Vectors]
    background: Background

    def shows(self, concept: str) -> NDArray[np.bool_]:
        return np.asarray(self.said[list(CONCEPTS).index(concept)] >= 2)

    def surely(self, concept: str) -> NDArray[np.bool_]:
        return np.asarray(self.said[list(CONCEPTS).index(concept)] >= 3)

    def free_of(self, concept: str) -> NDArray[np.bool_]:
        return np.asarray(self.said[list(CONCEPTS).index(concept)] == 0)


@dataclass(frozen=True)
class Collection:
    """All labelled photos; no part of the starter model has seen those of the split `dev`."""

    photos: Vectors
    said: NDArray[np.intp]
    dev: NDArray[np.bool_]
    words: dict[str, Vectors]
    background_texts: Vectors
    nouns: Vectors

    def library(self, chosen: NDArray[np.intp]) -> Library:
        sample = np.random.default_rng(0).permutation(chosen)[:SAMPLE_SIZE]
        background = Background(self.background_texts, self.photos[sample], self.nouns)
        return Library(self.photos[chosen], self.said[:, chosen], self.words, background)


def half(*names: str) -> int:
    """Return 0 for queries on which methods and constants are chosen, 1 for those reported."""
    return hashlib.sha256("-".join(names).encode()).digest()[0] % 2


def read(folder: Path, model: OpenClipEmbedder, cache: Path | None) -> Collection:
    """Return the photos under `folder` with their labels; `cache` keeps the embeddings (.npz)."""
    said_of: dict[str, list[str]] = defaultdict(list)
    dev: dict[str, bool] = {}
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            said_of[row["image"]].append(row["caption"].lower())
            dev[row["image"]] = row["split"] == "dev"
    names = list(said_of)
    photos = _photo_vectors(model, [folder / "images" / name for name in names], cache)
    said = np.zeros((len(CONCEPTS), len(names)), np.intp)
    for place, pattern in enumerate(CONCEPTS.values()):
        found = re.compile(rf"\b(?:{pattern})\b")
        said[place] = [sum(bool(found.search(c)) for c in said_of[name]) for name in names]
    words = dict(zip(CONCEPTS, embed_worded(model, list(CONCEPTS)), strict=True))
    known = embedded(model.embed_texts, [noun for noun, _kinds in nouns()])
    return Collection(
        photos, said, np.array([dev[name] for name in names]), words, background_of(model), known
    )


def background_of(model: OpenClipEmbedder) -> Vectors:
    return embedded(partial(embed_worded, model), background_texts())


def embedded(embed: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> Vectors:
    return np.concatenate([embed(texts[at : at + 32]) for at in range(0, len(texts), 32)])


def _photo_vectors(model: OpenClipEmbedder, paths: Sequence[Path], cache: Path | None) -> Vectors:
    if cache and cache.is_file():
        kept: Vectors = np.load(cache)["photos"]
        if len(kept) == len(paths):
            return kept
    photos: Vectors = embed_files(model, list(paths))
    if cache:
        np.savez(cache, photos=photos)
    return photos
