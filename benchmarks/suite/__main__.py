"""Measure Scry beside its peers, show the results, and compare them with earlier ones.

    python -m benchmarks.suite run [--scale bench|full] [--results FILE] [--only PART ...]
    python -m benchmarks.suite check BEFORE NOW
    python -m benchmarks.suite docs RESULTS

`run` writes one JSON file and prints the table. In each round all programs take turns; the next
round has the opposite order. `check` exits with 1 if a ratio got worse by more than 15 %. `docs`
puts results into docs/reference: JSON, table and plots.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.gallery_process import ROOT
from benchmarks.suite import check, duplicates, ingest, library, machine, rounds, tables, vectors
from benchmarks.suite.docs import write_docs
from benchmarks.suite.measurements import Sample, gathered
from benchmarks.suite.results import Results, read
from benchmarks.suite.scales import SCALES, Scale

QUIET = {"LOG_LEVEL": "ERROR"}
"""Galleries are asked before they are ready, which each of them would tell."""

PARTS: dict[str, rounds.Part] = {
    "vectors": vectors.groups,
    "ingest": ingest.groups,
    "library": library.groups,
    "duplicates": duplicates.groups,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure")
    run.add_argument("--scale", choices=SCALES, default="bench")
    run.add_argument("--results", type=Path, default=Path("build/bench/results.json"))
    run.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    run.add_argument("--photos", type=Path, help="a folder of JPEGs to measure, too")
    run.add_argument("--like", type=Path, help="generate photos that show what this folder shows")
    compare = commands.add_parser("check", help="compare the ratios of two runs")
    compare.add_argument("before", type=Path)
    compare.add_argument("now", type=Path)
    docs = commands.add_parser("docs", help="put results into the documentation")
    docs.add_argument("results", type=Path)
    options = parser.parse_args()
    if options.command == "check":
        if not options.before.exists():
            parser.error(f"There are no results in {options.before} to compare with.")
        return 0 if check.report(read(options.before), read(options.now)) else 1
    if options.command == "docs":
        return 0 if write_docs(read(options.results), ROOT / "docs") else 1
    _run(options)
    return 0


def _run(options: argparse.Namespace) -> None:
    facts = machine.facts() | {
        "scale": options.scale,
        "scenes": "given" if options.like else "drawn",
    }
    kept = options.results.resolve().parent
    kept.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="scry-bench-") as scratch:
        scenes = tuple(sorted(options.like.glob("*.jpg"))) if options.like else ()
        place = rounds.Workplace(kept, Path(scratch), QUIET, options.photos, scenes)
        for results in measured(SCALES[options.scale], place, options.only, facts):
            results.write(options.results)
    print(tables.page(results))


def measured(
    scale: Scale, place: rounds.Workplace, parts: list[str], facts: dict[str, object]
) -> Iterator[Results]:
    """Yield the results so far after each group of steps, since a run may be stopped."""
    samples: list[Sample] = []
    absent: dict[str, str] = {}
    for name in parts:
        for found, missing in rounds.measured(PARTS[name], scale, place):
            samples += found
            absent |= missing
            yield Results(facts, gathered(samples), dict(absent))


if __name__ == "__main__":
    raise SystemExit(main())
