"""The targets that the suite measures, and in one place why those that are missed are missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from benchmarks.suite.results import Results, ratio

_A_PHOTO = (
    "A photo of 12 MP costs 103 ms of CPU, the bound 49: import 20 (hash, copy, header, rows), "
    "decoders 13 more (thumbnail, fingerprint, quality), gallery 21 more (rows, index, comparing). "
    "Of 60 photos, the start of the import command alone takes a seventh of the time."
)
REASONS: dict[str, str] = {
    "plain": _A_PHOTO,
    "draft": _A_PHOTO,
    "bound": _A_PHOTO,
    "small": "The rows, files and comparisons of a photo cost 60 ms of CPU whatever its size.",
    "rclip": _A_PHOTO,
    "immich": _A_PHOTO,
    "vit-bound": _A_PHOTO,
    "backfill": "Queries share Python's lock with the rows and comparisons of what comes in.",
}
"""Why a target is missed, by its key. A missed target without a reason is told by `docs`."""

SEARCHABLE = "photos to searchable"
Figure = Callable[[Results], float | None]


@dataclass(frozen=True)
class Target:
    """A figure that is to be reached; None of it means that the run did not measure it."""

    key: str
    what: str
    goal: float
    figure: Figure
    unit: str = "times"
    at_most: bool = True

    def is_met(self, value: float) -> bool:
        return value <= self.goal if self.at_most else value >= self.goal


def _rate(first: str, second: str, megapixels: str, model: str, results: Results) -> float | None:
    figure = f"{SEARCHABLE}, {megapixels} MP, {model}"
    return ratio(results.of("ingest", first, figure), results.of("ingest", second, figure))


def _at(part: str, figure: str, size: int, results: Results) -> float | None:
    found = results.of(part, "Scry", figure, size)
    return found.median if found else None


def _huge_tag(size: int, results: Results) -> float | None:
    return ratio(
        results.of("library", "Scry", "query with a huge tag p50", size),
        results.of("library", "Scry", "query p50", size),
    )


def _backfill(results: Results) -> float | None:
    figure = "query p95 during an import, against rest, 12 MP, starter"
    found = results.of("ingest", "Scry", figure)
    return found.median if found else None


def targets(results: Results) -> Iterator[Target]:
    """Yield the targets; some depend on the machine."""
    yield from _ingest(results.has_feature("amx_bf16"))
    yield from _library()
    yield from _duplicates()


def _ingest(amx: bool) -> Iterator[Target]:  # noqa: FBT001 - the only thing that it depends on
    bound, scry = "decode and compute bound", "Scry"
    # With random weights all photos look alike, and each would be compared with all.
    vit = f"{scry}, before comparing"
    by = "with AMX" if amx else "without AMX"

    def at_least(
        key: str, what: str, goal: float, first: str, second: str, megapixels: str, model: str
    ) -> Target:
        figure = partial(_rate, first, second, megapixels, model)
        return Target(key, what, goal, figure, at_most=False)

    yield at_least("plain", "12 MP, starter, against the plain loop",
                   3, scry, "plain loop", "12", "starter")  # fmt: skip
    yield at_least("draft", "12 MP, starter, against the draft loop",
                   1, scry, "draft loop", "12", "starter")  # fmt: skip
    yield at_least("bound", "12 MP, starter, share of the bound",
                   0.7, scry, bound, "12", "starter")  # fmt: skip
    yield at_least("small", "0.2 MP, starter, share of the bound",
                   0.7, scry, bound, "0.2", "starter")  # fmt: skip
    yield at_least("rclip", f"12 MP, ViT-B-32, against rclip, {by}",
                   3 if amx else 2.2, vit, "rclip", "12", "ViT-B-32")  # fmt: skip
    yield at_least("immich", f"12 MP, ViT-B-32, against Immich's loop, {by}",
                   4 if amx else 2.6, vit, "Immich's loop", "12", "ViT-B-32")  # fmt: skip
    yield at_least("vit-bound", "12 MP, ViT-B-32, share of the bound",
                   0.75, vit, bound, "12", "ViT-B-32")  # fmt: skip
    yield at_least("uploads", "12 MP, starter, uploads against imports",
                   0.8, "Scry, uploads by API", scry, "12", "starter")  # fmt: skip
    yield Target("backfill", "query p95 during an import, against rest", 2, _backfill)


def _library() -> Iterator[Target]:
    def at_most(key: str, figure: str, size: int, goal: float, unit: str) -> Target:
        what = f"{figure}, {size:,} photos"
        return Target(key, what, goal, partial(_at, "library", figure, size), unit)

    for size, name in ((1000, "1k"), (100_000, "100k")):
        yield at_most(f"query-p50-{name}", "query p50", size, 40, "ms")
        yield at_most(f"query-p95-{name}", "query p95", size, 90, "ms")
        yield at_most(f"image-{name}", "query by image p50", size, 150, "ms")
        huge = "query with a huge tag, against without, "
        yield Target(f"tag-{name}", f"{huge}{size:,} photos", 2, partial(_huge_tag, size))
    yield at_most("facets", "facets p50", 100_000, 100, "ms")
    yield at_most("start", "first page after the start", 1000, 1, "s")
    yield at_most("ready", "search ready after the start", 1000, 5, "s")
    yield at_most("memory", "memory after ten searches", 1000, 900, "MB")
    million = 1_000_000
    yield at_most("million-query", "query p95", million, 150, "ms")
    yield at_most("million-grid", "grid p95", million, 120, "ms")
    yield at_most("million-start", "first page after the start", million, 3, "s")
    yield at_most("million-ready", "search ready after the start", million, 6, "s")
    yield at_most("million-memory", "memory after ten searches", million, 3000, "MB")


def _duplicates() -> Iterator[Target]:
    for size, goal in ((20_000, 40), (100_000, 240)):
        figure = "full search for duplicates"
        found = partial(_at, "duplicates", figure, size)
        yield Target(f"sweep-{size}", f"{figure}, {size:,} photos", goal, found, "s")
        figure = "query p95 meanwhile, against rest"
        found = partial(_at, "duplicates", figure, size)
        yield Target(f"sweep-query-{size}", f"{figure}, {size:,} photos", 2, found)
