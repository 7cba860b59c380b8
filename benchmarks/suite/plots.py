"""Plots of costs against the size of the library, with fitted lines, as SVG."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.suite.fitting import Line, fitted
from benchmarks.suite.measurements import Measurement
from benchmarks.suite.results import Results

INCHES = (7, 4)


@dataclass(frozen=True)
class Plot:
    """One figure of all subjects of a part, against the size."""

    name: str
    title: str
    part: str
    figure: str
    unit: str


PLOTS = (
    Plot("photo", "Adding a photo of 2 megapixels", "library", "cost of an added photo", "ms"),
    Plot("query", "A query that was not asked before, median", "library", "query p50", "ms"),
    Plot("memory", "Memory after ten searches", "library", "memory after ten searches", "MB"),
    Plot("vectors", "The ten nearest vectors, median", "vectors", "query p50", "ms"),
)


def series(plot: Plot, results: Results) -> dict[str, list[Measurement]]:
    """Return the measurements of a plot by subject, in the order of their sizes."""
    found: dict[str, list[Measurement]] = {}
    for one in results.measurements:
        if one.part == plot.part and one.figure == plot.figure and one.size:
            found.setdefault(one.subject, []).append(one)
    return {
        subject: sorted(measured, key=lambda one: one.size or 0)
        for subject, measured in found.items()
    }


def line_of(measured: Sequence[Measurement]) -> Line | None:
    """Return the fitted line, or None for fewer than two sizes."""
    if len(measured) < 2:
        return None
    return fitted([one.size or 0 for one in measured], [one.median for one in measured])


def draw(plot: Plot, results: Results, path: Path) -> bool:
    """Write a plot, if there is anything to show; return whether there is.

    The same results give the same bytes.
    """
    shown = series(plot, results)
    if not shown:
        return False
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "scry"
    mpl.rcParams["svg.fonttype"] = "none"
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=INCHES, layout="constrained")
    for subject, measured in shown.items():
        sizes = [one.size or 0 for one in measured]
        middle = np.array([one.median for one in measured])
        low = middle - [min(one.values) for one in measured]
        high = np.array([max(one.values) for one in measured]) - middle
        bars = axes.errorbar(sizes, middle, yerr=[low, high], fmt="o", capsize=3, label=subject)
        line = line_of(measured)
        if line:
            along = np.geomspace(sizes[0], sizes[-1], 100)
            axes.plot(along, [line.at(size) for size in along], color=bars[0].get_color())
    axes.set(title=plot.title, xlabel="photos or vectors in the library", ylabel=plot.unit)
    axes.set(xscale="log", yscale="log")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return True
