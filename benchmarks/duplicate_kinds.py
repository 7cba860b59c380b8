"""Pictures that look alike and are not the same, and their copies: what each finder says of them.

`python -m benchmarks.duplicate_kinds [--seeds 2] [--kinds bill,meme] [--imagededup-python PYTHON]`

For every kind of `tests.papers`, `tests.sheets` and `tests.lookalikes` (bills, screens, memes,
maps, ...) and for exposure brackets, families of one layout are made from seeds, with copies of
each picture: saved again, halved, cropped by 5 %, as WebP. Two members of a family offered as one
picture are a wrong offer, since keeping the best would delete the other.

Every original is judged against the other originals of its family, its own copies and theirs, as if
the embedding had proposed all of these pairs: so no model is needed, and none can help. One table
compares Scry with imagededup and with czkawka-like hashes on the same pairs.
"""

from __future__ import annotations

import argparse
import itertools
import json
import logging
import os
import subprocess
import tempfile
import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks import czkawka_hash
from benchmarks.duplicate_corpus import Corpus, Item
from benchmarks.duplicate_measures import Pair
from benchmarks.duplicate_quality import CHILD, _table
from tests import papers
from tests.images import exif
from tests.lookalikes import LOOKALIKES
from tests.scenes import scene
from tests.sheets import SHEETS

if TYPE_CHECKING:
    from search.duplicates.find.judging import Side

MAKERS = papers.PAPERS | papers.OTHERS | SHEETS | LOOKALIKES
BRACKET = "bracket"
TAKEN, EXPOSURE = 0x9003, 0x829A  # EXIF tags

SHOTS = {"0.0025": 0.45, "0.01": 1.0, "0.04": 1.9}
"""Exposure times of a bracket, in seconds, and how bright each shot is."""

COSINE = 0.9
"""imagededup's own threshold of its CNN."""


def main() -> None:
    options = _options()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="scry-kinds-") as temporary:
        work = options.work or Path(temporary)
        corpus = write(work / "files", options.seeds, options.kinds)
        pairs = pairs_of(corpus)
        found: dict[str, Collection[Pair]] = {"Scry": _same(corpus, pairs, work)}
        found |= _czkawka(corpus) | _imagededup(corpus, options.imagededup_python)
        found = {name: pairs.intersection(some) for name, some in found.items()}
        print(f"{len(corpus.items)} files, {len(pairs)} pairs")
        print(_kinds_table(corpus, found))
        for row in sorted(sorted(pair) for pair in _wrong(corpus, found["Scry"])):
            print("wrong:", *row)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, help="families of each kind")
    parser.add_argument("--kinds", type=lambda text: text.split(","), default=[*MAKERS, BRACKET])
    parser.add_argument("--imagededup-python", type=Path, help="a Python that has imagededup")
    parser.add_argument("--work", type=Path, help="keep the files here")
    return parser.parse_args()


# --- Scry -----------------------------------------------------------------------------------------


def pairs_of(corpus: Corpus) -> set[Pair]:
    """Return each original with all else of its family: copies with copies are left out."""
    families: defaultdict[str, list[str]] = defaultdict(list)
    for name in corpus.items:
        families[name.rpartition("-")[0]].append(name)
    return {
        frozenset((one, other))
        for family in families.values()
        for one, other in itertools.combinations(family, 2)
        if not (_is_copy(one) and _is_copy(other))
    }


def _is_copy(name: str) -> bool:
    return "~" in name


def _same(corpus: Corpus, pairs: Collection[Pair], work: Path) -> set[Pair]:
    """Return the pairs that Scry calls the same picture, whatever a model would say of them."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "gallery.settings", "DATA_DIR": str(work / "data")}
    import django

    django.setup()
    from search.duplicates.find import judging
    from search.duplicates.find.thresholds import CAREFUL
    from search.duplicates.models import Kind

    names = {uuid.uuid5(uuid.NAMESPACE_URL, name): name for name in corpus.items}
    sides = {name: _side(corpus.folder / name, photo_id) for photo_id, name in names.items()}

    def reader(longest: int) -> judging.Detail:
        return lambda photo_id: _pixels(corpus.folder / names[photo_id], longest)

    ordered = [sorted(pair) for pair in sorted(pairs, key=sorted)]
    judgements = judging.judge(
        [judging.Pair(sides[one], sides[other], 1.0) for one, other in ordered],
        CAREFUL,
        reader(512),
        fine=reader(1024),
    )
    return {
        frozenset(names)
        for names, judgement in zip(ordered, judgements, strict=True)
        if judgement and judgement.kind == Kind.SAME_PICTURE
    }


def _side(path: Path, photo_id: uuid.UUID) -> Side:
    from gallery.decoding.fingerprint import fingerprint_of
    from search.duplicates.find.judging import Side

    with Image.open(path) as image:
        tags = image.getexif().get_ifd(0x8769)
        facts: dict[str, Any] = {"exposure": float(tags[EXPOSURE])} if EXPOSURE in tags else {}
        if TAKEN in tags:
            facts["taken_at"] = tags[TAKEN].replace(":", "-", 2).replace(" ", "T")
        size = image.size
    return Side(photo_id, fingerprint_of(_pixels(path, 512)), *size, exif=facts)


def _pixels(path: Path, longest: int) -> np.ndarray:
    with Image.open(path) as image:
        picture = image.convert("RGB")
    picture.thumbnail((longest, longest))
    return np.asarray(picture)


# --- the pictures ---------------------------------------------------------------------------------


def write(folder: Path, seeds: int, kinds: Collection[str]) -> Corpus:
    """Write the families of all kinds into a folder, or return those that are there."""
    if folder.exists():
        return Corpus.load(folder)
    folder.mkdir(parents=True)
    items = []
    for seed in range(seeds):
        for kind in (kind for kind in kinds if kind in MAKERS):
            for number, image in enumerate(papers.family(MAKERS[kind], 1000 + seed)):
                items += _with_copies(folder, f"{kind}-{seed}-{number}", image)
        if BRACKET in kinds:
            items += _bracket(folder, seed)
    corpus = Corpus(folder, items)
    corpus.save()
    return corpus


def _with_copies(folder: Path, stem: str, image: Image.Image) -> list[Item]:
    name = f"{stem}.png"
    image.save(folder / name)
    items = [Item(name, name)]
    for number, (change, copy) in enumerate(papers.COPIES.items()):
        copied = f"{stem}~{number}.jpg"
        copy(image).save(folder / copied, quality=97)
        items.append(Item(copied, name, change))
    return items


def _bracket(folder: Path, seed: int) -> list[Item]:
    """Write one scene at three exposures, as a camera does: seconds apart, with other times."""
    pixels = np.asarray(scene(5000 + seed, (900, 675)), np.float32)
    items = []
    for second, (exposure, gain) in enumerate(SHOTS.items()):
        name = f"{BRACKET}-{seed}-{second}.jpg"
        shot = Image.fromarray(np.clip(pixels * gain, 0, 255).astype(np.uint8))
        taken = {TAKEN: f"2024:05:01 09:{seed:02}:{2 * second:02}", EXPOSURE: float(exposure)}
        shot.save(folder / name, quality=92, exif=exif({0x0110: "EOS R5"}, taken))
        items.append(Item(name, name))
    return items


def kind_of(name: str) -> str:
    """Return the kind of picture that a file of this name is."""
    return name.split("-", 1)[0]


# --- the others -----------------------------------------------------------------------------------


def _czkawka(corpus: Corpus) -> dict[str, Collection[Pair]]:
    names = sorted(corpus.items)
    return {
        f"czkawka-like {side}×{side}, {level}": czkawka_hash.pairs(corpus.folder, names, side, most)
        for side, levels in czkawka_hash.LEVELS.items()
        for level, most in levels.items()
    }


def _imagededup(corpus: Corpus, python: Path | None) -> dict[str, Collection[Pair]]:
    if python is None:
        print("imagededup: not compared; give --imagededup-python a Python that has it.")
        return {}
    kept = corpus.folder.with_name("imagededup.json")
    if not kept.exists():
        command = [python, CHILD, corpus.folder]
        kept.write_bytes(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    answers = json.loads(kept.read_text("utf-8"))
    found: dict[str, Collection[Pair]] = {}
    for name, answer in answers.items():
        if "pairs" not in answer:
            print(f"imagededup {name}: not run ({answer['error']})")
        elif name.startswith(("PHash", "CNN")):
            least = COSINE if name.startswith("CNN") else -1.0
            rows = [row for row in answer["pairs"] if row[2] >= least]
            found[f"imagededup {name}"] = {frozenset(row[:2]) for row in rows}
    return found


# --- the table ------------------------------------------------------------------------------------


def _kinds_table(corpus: Corpus, found: Mapping[str, Collection[Pair]]) -> str:
    """Return for each kind and finder the wrong offers, and the share of copies found."""
    kinds = list(dict.fromkeys(map(kind_of, corpus.items)))
    rows = [[kind, *(_cell(corpus, kind, pairs) for pairs in found.values())] for kind in kinds]
    rows.append(["all", *(_cell(corpus, "", pairs) for pairs in found.values())])
    return _table(["wrong offers / copies found", *found], rows)


def _cell(corpus: Corpus, kind: str, pairs: Collection[Pair]) -> str:
    wrong = [pair for pair in _wrong(corpus, pairs) if kind in ("", *map(kind_of, pair))]
    copies = [pair for pair in corpus.changed() if kind in ("", kind_of(pair[0].name))]
    hits = sum(frozenset((copy.name, own.name)) in pairs for copy, own in copies)
    return f"{len(wrong)} / {hits / len(copies):.0%}" if copies else f"{len(wrong)} / -"


def _wrong(corpus: Corpus, pairs: Collection[Pair]) -> list[Pair]:
    return [pair for pair in pairs if corpus.relation(*pair) == "different"]


if __name__ == "__main__":
    main()
