"""The part for vectors alone: Scry's embedded index beside exact scans and HNSW libraries."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path

from benchmarks.suite import peers
from benchmarks.suite.measurements import Origin, Sample
from benchmarks.suite.rounds import Step, Workplace
from benchmarks.suite.scales import Scale

SUBJECTS = {
    "numpy": ("numpy, exact", Origin.STEPS),
    "faiss": ("faiss, flat", Origin.PACKAGE),
    "hnswlib": ("hnswlib", Origin.PACKAGE),
    "usearch": ("usearch", Origin.PACKAGE),
    "scry": ("Scry (Qdrant Edge)", Origin.SCRY),
}
UNITS = {
    "query p50": "ms",
    "query p95": "ms",
    "recall of the nearest ten": "share",
    "filling": "vectors/s",
    "memory": "MB",
}


def groups(scale: Scale, place: Workplace) -> Iterator[AbstractContextManager[Sequence[Step]]]:
    """Yield the steps for each number of vectors."""
    for count in scale.vectors:
        yield nullcontext(
            [
                Step(f"{subject}, {count} vectors", partial(_samples, engine, count, scale, place))
                for engine, (subject, _origin) in SUBJECTS.items()
            ]
        )


def _samples(
    engine: str, count: int, scale: Scale, place: Workplace, _number: int
) -> Iterator[Sample]:
    subject, origin = SUBJECTS[engine]
    needs_peers = origin == Origin.PACKAGE
    python = None if needs_peers else Path(sys.executable)
    arguments = (engine, str(count), f"--dim={scale.dim}", f"--queries={scale.queries}")
    found = peers.run("vector_engines", *arguments, python=python, environment=place.environment)
    for figure, value in found.items():
        if figure != "filling" or engine != "numpy":
            unit = UNITS[figure]
            yield Sample("vectors", subject, origin, figure, unit, value, count, "made-up vectors")
