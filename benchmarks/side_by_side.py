"""Compare the benchmarks of start-up, search and ingest with those of another checkout.

    python -m benchmarks.side_by_side OLD_CHECKOUT [--rounds 5] [--only first_page ...] [--quick]

Each round runs every benchmark once in each checkout, one directly after the other, and the next
round in the opposite order, so that both meet the same load of a busy machine. Both run with this
Python. A figure's cost is its value, or its inverse for a rate. The table gives the medians over
the rounds, the ratio of the median costs, and the lowest and highest ratio of one round. The exit
status is 1 when a ratio is above 1.05. Figures named "p95", "worst" or "slowest" are printed but do
not decide, since a single pause moves them. Nor does the processor time of a benchmark and of all
its processes, which says more than the clock where others use the machine. The table is printed
after every round; the last one counts.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent

WORSE = 1.05
"""The highest ratio of costs that is accepted."""

ARGUMENTS: dict[str, list[str]] = {
    "first_page": [],
    "search_latency": [],
    "ingest_rate": [],
    "query_latency": ["--data", "{data}"],
}
"""The benchmarks and their arguments; `{data}` is a folder that lasts over all rounds."""

QUICK: dict[str, list[str]] = {
    "search_latency": ["--count", "200"],
    "ingest_rate": ["--count", "300"],
    "query_latency": ["--count", "20000", "--queries", "120"],
}
"""What --quick adds."""

FIGURE = re.compile(r"(p50|p95|worst)?\s+(\d+(?:\.\d+)?) (s|ms|MB|photos/s)(?=\s|$)")
UNSTEADY = re.compile(r"p95|worst|slowest|processor time")


@dataclass
class Figure:
    """One line of the table: the values of both checkouts, one for each round."""

    unit: str
    old: list[float] = field(default_factory=list)
    new: list[float] = field(default_factory=list)

    def ratio(self, old: float, new: float) -> float:
        """Return the new cost divided by the old one."""
        return old / new if self.unit.endswith("/s") else new / old


def figures_of(output: str) -> dict[str, tuple[float, str]]:
    """Return the figures that a benchmark printed: name to value and unit."""
    found: dict[str, tuple[float, str]] = {}
    for line in output.splitlines():
        text = line.partition("(")[0]
        matches = list(FIGURE.finditer(text))
        label = text[: matches[0].start()].strip() if matches else ""
        if label and not label.startswith("target"):
            for match in matches:
                name = f"{label} {match[1] or ''}".strip()
                found[" ".join(name.split())] = (float(match[2]), match[3])
    return found


def run(checkout: Path, benchmark: str, data: Path, *, quick: bool) -> dict[str, tuple[float, str]]:
    """Run a benchmark in a checkout, with `data` for its data, and return its figures."""
    arguments = [*ARGUMENTS[benchmark], *(QUICK.get(benchmark, []) if quick else [])]
    data.mkdir(exist_ok=True)
    before = _processor_seconds()
    done = subprocess.run(
        [
            *(sys.executable, "-m", f"benchmarks.{benchmark}"),
            *(argument.format(data=data) for argument in arguments),
        ],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{benchmark} failed in {checkout}:\n{done.stderr[-2000:]}")
    return figures_of(done.stdout) | {"processor time": (_processor_seconds() - before, "s")}


def _processor_seconds() -> float:
    """Return the processor time of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(
    old: Path, rounds: int, benchmarks: Sequence[str], *, quick: bool
) -> Iterator[dict[str, Figure]]:
    """Run all benchmarks in both checkouts; yield the figures so far, by name, after each round."""
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory(prefix="scry-side-by-side-") as folder:
        for number in range(rounds):
            for benchmark in benchmarks:
                order = [old, ROOT] if number % 2 == 0 else [ROOT, old]
                for checkout in order:
                    data = Path(folder) / ("old" if checkout == old else "new")
                    found = run(checkout, benchmark, data, quick=quick)
                    for name, (value, unit) in found.items():
                        figure = figures.setdefault(f"{benchmark}: {name}", Figure(unit))
                        (figure.old if checkout == old else figure.new).append(value)
                print(f"round {number + 1} of {rounds}: {benchmark} done", file=sys.stderr)
            yield figures


def report(figures: dict[str, Figure]) -> bool:
    """Print the table; return whether no steady figure got worse."""
    kept = True
    print(f"\n{'':<52}{'old':>10}{'new':>10}{'ratio':>8}   of single rounds")
    for name, figure in figures.items():
        if len(figure.old) != len(figure.new) or not all((*figure.old, *figure.new)):
            print(f"{name:<52}   printed by one checkout only, or zero")
            continue
        old, new = median(figure.old), median(figure.new)
        ratio = figure.ratio(old, new)
        each = [figure.ratio(*pair) for pair in zip(figure.old, figure.new, strict=True)]
        is_worse = ratio > WORSE and not UNSTEADY.search(name)
        kept = kept and not is_worse
        print(
            f"{name:<52}{old:>10.2f}{new:>10.2f}{ratio:>8.2f}   {min(each):.2f} to {max(each):.2f}"
            f" {figure.unit}{'   WORSE' if is_worse else ''}",
            flush=True,
        )
    return kept


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path, help="the checkout to compare with")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=ARGUMENTS, default=list(ARGUMENTS))
    parser.add_argument("--quick", action="store_true", help="fewer photos and queries")
    chosen = parser.parse_args()
    kept = True
    for figures in compare(chosen.old.resolve(), chosen.rounds, chosen.only, quick=chosen.quick):
        kept = report(figures)
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
