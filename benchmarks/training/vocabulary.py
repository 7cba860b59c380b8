"""The words that the training teaches: names of classes, general words, names in many languages.

Classes are the 1,000 of ImageNet, numbered as timm numbers them. General words are the ancestors of
the classes in WordNet 3.0. Names in other languages come from Unicode CLDR's annotations (the npm
package `cldr-annotations-full`), which name some 1,900 signs, most of them pictures of things.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from timm.data import ImageNetInfo

PROMPTS = ("{}", "a photo of a {}", "there is a {} in the picture", "two {s}", "{s}")
"""How a thing is asked for; `{s}` is its plural."""

SCENES = Path(__file__).with_name("scenes.csv")
"""Everyday scenes and acts that no class is named after, with the classes that they show."""

LANGUAGES = (
    *("de", "es", "fr", "it", "pt", "nl", "sv", "da", "no", "fi", "pl", "cs", "sk", "hu", "ro"),
    *("bg", "uk", "ru", "el", "tr", "ar", "fa", "he", "hi", "bn", "ta", "th", "vi", "id", "ms"),
    *("ja", "ko", "zh", "zh-Hant", "ca", "hr"),
)
"""CLDR's languages that names are learned in: those that most people type, and their scripts."""

ABSTRACT = frozenset(Path(__file__).with_name("abstract_synsets.txt").read_text("ascii").split())
"""WordNet's synsets that nobody looks for in photos: entity, object, artifact, placental ..."""

VISIBLE = frozenset({"05", "06", "08", "13", "15", "17", "18", "20"})
"""WordNet's files of nouns for what can be seen: animals, artifacts, bodies, food, places, natural
objects, persons, plants."""

FOOD = "n00021265"
"""WordNet's "food, nutrient", which is abstract by name only."""


@dataclass(frozen=True)
class GeneralWord:
    """A word that fits several classes; `distance` tells how far above each of them it stands."""

    names: tuple[str, ...]
    distance: dict[int, int]


@dataclass(frozen=True)
class Sign:
    """A thing with its English name, and its names in other languages."""

    english: str
    names: tuple[str, ...]


def class_synsets() -> list[str]:
    """Return WordNet's synset of each class."""
    info = ImageNetInfo()
    return [info.index_to_label_name(number) for number in range(info.num_classes())]


def class_names() -> list[tuple[list[str], str]]:
    """Return the names of each class, and its definition."""
    described = []
    for label in ImageNetInfo().label_descriptions(detailed=True):
        names, _, definition = label.partition(": ")
        described.append((names.split(", "), definition))
    return described


def worded(name: str) -> list[str]:
    """Return the texts with which a thing is asked for."""
    return [prompt.replace("{s}", plural(name)).replace("{}", name) for prompt in PROMPTS]


def class_texts() -> list[list[str]]:
    """Return the texts of each class: its names in several wordings, and its definition."""
    return [
        [*_all_worded(names), f"a {names[0]}, {definition}", definition]
        for names, definition in class_names()
    ]


def general_texts(word: GeneralWord) -> list[str]:
    """Return the texts of a general word: its names in several wordings."""
    return _all_worded(word.names)


def _all_worded(names: Iterable[str]) -> list[str]:
    return [text for name in names for text in worded(name)]


def plural(name: str) -> str:
    """Return the plural of an English name, by the regular rules: good enough to learn from."""
    if name.endswith(("s", "x", "z", "ch", "sh")):
        return name + ("" if name.endswith("s") and not name.endswith("ss") else "es")
    if name.endswith("y") and name[-2:-1] not in "aeiou":
        return name[:-1] + "ies"
    for ending, other in (("man", "men"), ("fe", "ves"), ("leaf", "leaves"), ("mouse", "mice")):
        if name.endswith(ending):
            return name.removesuffix(ending) + other
    return name + "s"


# --- WordNet --------------------------------------------------------------------------------------


@cache
def wordnet(file: Path) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return WordNet's nouns from `data.noun`: synset to its names and its parents."""
    synsets = {}
    for line in file.read_text("latin-1").splitlines():
        if line.startswith("  "):  # the licence
            continue
        fields = line.partition(" | ")[0].split(" ")
        count = int(fields[3], 16)
        names = tuple(fields[4 + 2 * at].replace("_", " ") for at in range(count))
        pointers = fields[5 + 2 * count :]
        parents = tuple(
            "n" + pointers[at + 1]
            for at in range(0, len(pointers) - 3, 4)
            if pointers[at][0] == "@"
        )
        synsets["n" + fields[0]] = (names, parents)
    return synsets


def general_words(file: Path) -> list[GeneralWord]:
    """Return the ancestors of the classes, without the abstract ones."""
    synsets, classes = wordnet(file), class_synsets()
    distances: dict[str, dict[int, int]] = defaultdict(dict)
    for number, synset in enumerate(classes):
        for ancestor, distance in _ancestors(synset, file).items():
            if distance and ancestor not in ABSTRACT - {FOOD}:
                distances[ancestor][number] = distance
    return [GeneralWord(synsets[synset][0][:3], distance) for synset, distance in distances.items()]


def _ancestors(synset: str, file: Path) -> dict[str, int]:
    """Return all synsets above one, itself included, with their distance."""
    synsets, found, waiting = wordnet(file), {}, [(synset, 0)]
    for above, distance in waiting:
        if above not in found:
            found[above] = distance
            waiting += [(parent, distance + 1) for parent in synsets[above][1]]
    return found


def visible_nouns(folder: Path) -> frozenset[str]:
    """Return the English nouns whose commonest meaning is a thing that can be seen."""
    kinds = {
        "n" + line.split(" ", 1)[0]: line.split(" ", 2)[1]
        for line in (folder / "data.noun").read_text("latin-1").splitlines()
        if not line.startswith("  ")
    }
    nouns = set()
    for line in (folder / "index.noun").read_text("latin-1").splitlines():
        fields = line.split()
        if not line.startswith("  ") and kinds["n" + fields[-int(fields[2])]] in VISIBLE:
            nouns.add(fields[0].replace("_", " "))
    return frozenset(nouns)


def frequent_nouns(folder: Path) -> list[str]:
    """Return the English nouns that WordNet's own texts hold, from `index.noun`."""
    nouns = []
    for line in (folder / "index.noun").read_text("latin-1").splitlines():
        fields = line.split()
        if not line.startswith("  ") and int(fields[-int(fields[2]) - 1]) > 0:
            nouns.append(fields[0].replace("_", " "))
    return nouns


# --- CLDR -----------------------------------------------------------------------------------------


def signs(folder: Path, without: frozenset[tuple[str, str]]) -> list[Sign]:
    """Return CLDR's signs with their names in LANGUAGES; `without` are (language, name).

    `folder` holds `LANGUAGE/annotations.json`.
    """
    english = dict(_annotations(folder, "en"))
    found: dict[str, list[str]] = {sign: [] for sign in english}
    for language in LANGUAGES:
        for sign, name in _annotations(folder, language):
            if sign in found and (language[:2], name.casefold()) not in without:
                found[sign].append(name)
    return [Sign(english[sign], tuple(names)) for sign, names in found.items() if names]


def _annotations(folder: Path, language: str) -> Iterator[tuple[str, str]]:
    """Yield each sign that shows a thing, with its name."""
    text = (folder / language / "annotations.json").read_text("utf-8")
    for sign, said in json.loads(text)["annotations"]["annotations"].items():
        # Pictures of things; what lies below are arrows, brackets and other marks.
        if ord(sign[0]) >= 0x2600 and "tts" in said:
            yield sign, said["tts"][0]


def scenes() -> list[GeneralWord]:
    """Return the scenes and acts, as general words that stand a little above their classes."""
    numbers = {name: at for at, (names, _) in enumerate(class_names()) for name in names[::-1]}
    with SCENES.open(encoding="utf-8", newline="") as file:
        return [
            GeneralWord((row["text"],), {numbers[name]: 2 for name in row["classes"].split("; ")})
            for row in csv.DictReader(file)
        ]


def kept_out(file: Path) -> frozenset[tuple[str, str]]:
    """Return the names (language, name) of a list to measure with, columns language and name."""
    with file.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    return frozenset(
        (row["language"], row["name"].casefold()) for row in rows if row["language"] != "en"
    )
