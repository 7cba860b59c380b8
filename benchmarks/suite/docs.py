"""Put results into the documentation: the JSON, the table and the plots."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.suite import plots, tables
from benchmarks.suite.results import Results
from benchmarks.suite.targets import REASONS

BEGIN, END = "<!-- results of make bench: begin -->", "<!-- results of make bench: end -->"


def write_docs(results: Results, docs: Path) -> bool:
    """Write performance.json, the plots, and the section of performance.md between its marks.

    Returns whether each missed target has a reason in `targets.REASONS`.
    """
    reference = docs / "reference"
    results.write(reference / "performance.json")
    page = reference / "performance.md"
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    assert after, f"{page} has lost its marks"
    section = f"{tables.page(results)}\n\n{_pictures(results, docs)}".strip()
    page.write_text(f"{before}{BEGIN}\n\n{section}\n\n{END}{after}", encoding="utf-8")
    silent = [target.key for target in tables.missed(results) if target.key not in REASONS]
    if silent:
        print("Missed without a reason in targets.py:", *silent, file=sys.stderr)
    return not silent


def _pictures(results: Results, docs: Path) -> str:
    shown = []
    for plot in plots.PLOTS:
        name = f"performance-{plot.name}.svg"
        if plots.draw(plot, results, docs / "images" / name):
            shown.append(f"![{plot.title}, against the size of the library](../images/{name})")
    return "\n\n".join(shown)
