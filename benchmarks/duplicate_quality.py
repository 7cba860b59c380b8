"""How well duplicates are found, beside imagededup, on changed copies and bursts of real photos.

`python -m benchmarks.duplicate_quality --photos DIR [--others DIR] [--imagededup-python PYTHON]`

From DIR, some photos get changed copies (`benchmarks.transforms`), some become simulated bursts
(`benchmarks.bursts`), and the rest stay as they are. Photos of --others stay as they are, too
(with --labels only those that are named there): any two of them that are called the same picture
count as wrong, unless their pixels are equal. With --work DIR the files and the gallery are kept,
and the next run only compares again.
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import duplicate_corpus, duplicate_measures as measures
from benchmarks.duplicate_corpus import Corpus
from benchmarks.duplicate_measures import Pair, Score
from benchmarks.duplicate_product import Report, find
from benchmarks.transforms import TRANSFORMS, opened

PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
CHILD = Path(__file__).with_name("imagededup_pairs.py")

PUBLISHED = {"CNN": 0.9}
"""imagededup's own threshold; that of its hashes is the largest distance that the child reports."""


def main() -> None:
    options = _options()
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory(prefix="scry-duplicates-") as temporary:
        work = options.work or Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        corpus = _corpus(work, options)
        found = find(corpus, work / "gallery")
        scores = {"Scry": measures.same_picture(corpus, found.same)}
        others = _imagededup(corpus, work, options.imagededup_python)
        notes = [f"{name}: not run ({e['error']})" for name, e in others.items() if "error" in e]
        rivals = {name: answer["pairs"] for name, answer in others.items() if "pairs" in answer}
        for name, rows in rivals.items():
            scores |= _rival_scores(corpus, name, rows)
        _report(corpus, found, scores, rivals)
        print("\n".join(["", *notes]))
        if options.work:
            _save_mistakes(corpus, found, work)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--others", type=Path, help="more photos, left as they are")
    parser.add_argument("--labels", type=Path, help="JSON: [{a, b, label}] on pairs of --others")
    parser.add_argument("--imagededup-python", type=Path, help="a Python that has imagededup")
    parser.add_argument("--work", type=Path, help="keep files, gallery and mistakes here")
    parser.add_argument("--base", type=int, default=155, help="photos that get changed copies")
    parser.add_argument("--bursts", type=int, default=40, help="photos that become a burst")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def _corpus(work: Path, options: argparse.Namespace) -> Corpus:
    folder = work / "files"
    rows = json.loads(options.labels.read_text("utf-8")) if options.labels else []
    others = _pictures(options.others) if options.others else []
    if rows:
        named = {row[side] for row in rows for side in "ab"}
        others = [path for path in others if path.name in named]
    if folder.exists():
        corpus = Corpus.load(folder)
    else:
        photos, base, burst = _pictures(options.photos), options.base, options.bursts
        corpus = duplicate_corpus.write(
            folder, photos, others, base=base, burst=burst, seed=options.seed
        )
    corpus.label((row["a"], row["b"], row["label"]) for row in rows)
    return corpus


def _pictures(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES)


# --- imagededup -----------------------------------------------------------------------------------


def _imagededup(corpus: Corpus, work: Path, python: Path | None) -> dict[str, Any]:
    """Return what imagededup's methods say, or {} without imagededup."""
    if python is None:
        print("imagededup: not compared; give --imagededup-python a Python that has it.")
        return {}
    kept = work / "imagededup.json"
    if not kept.exists():
        done = subprocess.run(
            [python, CHILD, _readable(corpus, work)], stdout=subprocess.PIPE, check=True
        )
        kept.write_bytes(done.stdout)
    answers: dict[str, Any] = json.loads(kept.read_text("utf-8"))
    return answers


def _readable(corpus: Corpus, work: Path) -> Path:
    """Return a folder of the files for imagededup, with AVIF as PNG, because it reads no AVIF."""
    folder = work / "readable"
    folder.mkdir(exist_ok=True)
    for name in corpus.items:
        path, target = corpus.folder / name, folder / name
        if path.suffix == ".avif":
            opened(path).save(folder / f"{name}.png")
        elif not target.exists():
            target.symlink_to(path.resolve())
    return folder


def _rival_scores(
    corpus: Corpus, name: str, rows: Sequence[tuple[str, str, float]]
) -> dict[str, Score]:
    """Return the score at the published threshold, and at the one with the best F1."""
    similarity = name.startswith("CNN")
    levels = [0.8 + 0.01 * i for i in range(20)] if similarity else list(range(11))

    def at(level: float) -> Score:
        return measures.same_picture(corpus, _within(rows, level, similarity=similarity))

    best = max(levels, key=lambda level: at(level).f1)
    published = PUBLISHED["CNN"] if similarity else max(levels)
    sign = ">=" if similarity else "<="
    return {f"{name} {sign} {published:g}": at(published)} | {
        f"{name} {sign} {best:.2g}, its best": at(best)
    }


def _within(rows: Sequence[tuple[str, str, float]], level: float, *, similarity: bool) -> set[Pair]:
    return {
        frozenset((_own_name(first), _own_name(second)))
        for first, second, score in rows
        if (score >= level - 1e-9 if similarity else score <= level)
    }


def _own_name(name: str) -> str:
    """Return the name in the corpus of a file that `_readable` may have made a PNG."""
    return name.removesuffix(".png") if name.endswith(".avif.png") else name


# --- the report -----------------------------------------------------------------------------------


def _report(
    corpus: Corpus, found: Report, scores: dict[str, Score], rivals: dict[str, Any]
) -> None:
    items = corpus.items.values()
    print(
        f"{len(items)} files: {sum(bool(i.change) for i in items)} changed copies, "
        f"{sum(bool(i.burst) for i in items)} frames of bursts; refused: {found.refused or 'none'}"
    )
    print("seconds:", {name: round(value, 1) for name, value in found.seconds.items()})
    print("\n" + _summary(scores))
    published = {name: s for name, s in scores.items() if not name.endswith("its best")}
    print("\n" + _by_change(published))
    share = measures.share_grouped(corpus, found.groups)
    print(f"\nIn one group with its original: {share:.1%} of all copies.")
    _similar(corpus, found)


def _summary(scores: dict[str, Score]) -> str:
    rows = [
        [
            name,
            f"{score.by_family['edit']:.1%}",
            f"{score.by_family['turned']:.1%}",
            f"{score.by_family['combined']:.1%}",
            f"{score.precision:.1%}",
            f"{score.precision_of_all:.1%}",
            str(score.counts["burst"] + score.counts["scene"]),
            str(score.counts["different"]),
        ]
        for name, score in scores.items()
    ]
    head = [
        "same picture",
        "recall of edits",
        "turned, mirrored",
        "combined",
        "precision",
        "with pairs of copies",
        "wrong: other moments",
        "wrong: other things",
    ]
    return _table(head, rows)


def _by_change(scores: dict[str, Score]) -> str:
    rows = [
        [t.name, *(f"{score.by_change[t.name]:.0%}" for score in scores.values())]
        for t in TRANSFORMS
    ]
    return _table(["change", *scores], rows)


def _similar(corpus: Corpus, found: Report) -> None:
    score = measures.similar_shots(corpus, found.similar, found.same)
    print(
        f"\nSimilar shots: frames of one burst found {score.recall:.1%} (with times "
        f"{score.recall_timed:.1%}, without {score.recall_untimed:.1%}), precision "
        f"{score.precision:.1%}; reported: {dict(score.counts)}"
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _save_mistakes(corpus: Corpus, found: Report, work: Path) -> None:
    mistakes = {
        "missed": measures.missed(corpus, found.same),
        "wrong": measures.wrong_pairs(corpus, found.same),
        "wrong_similar": [
            row for row in measures.wrong_pairs(corpus, found.similar) if row[2] == "different"
        ],
    }
    (work / "mistakes.json").write_text(json.dumps(mistakes, indent=1), "utf-8")


if __name__ == "__main__":
    main()
