"""How much the suite measures: `bench` in ten minutes, `hour`, and `full` for hours."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.suite.models import STARTER, VIT, Model

LARGE = 12
"""Megapixels above which a round has fewer photos, as many in all."""


@dataclass(frozen=True)
class Scale:
    """Numbers of rounds, photos and sizes.

    `ingests` are models and megapixels, `photos` those of one use in one round.
    """

    rounds: int
    ingests: tuple[tuple[Model, float], ...]
    photos: int
    vectors: tuple[int, ...]
    libraries: tuple[int, ...]
    queries: int
    sweeps: tuple[int, ...]
    dim: int = 512

    @property
    def models(self) -> tuple[Model, ...]:
        return tuple(dict.fromkeys(model for model, _megapixels in self.ingests))

    def photos_of(self, megapixels: float) -> int:
        """Return how many photos of that size a use in a round has."""
        return max(1, round(self.photos * min(1, LARGE / megapixels)))


BENCH = Scale(
    rounds=2,
    ingests=((STARTER, 12), (VIT, 12)),
    photos=24,
    vectors=(1000, 10_000),
    libraries=(1000, 10_000),
    queries=20,
    sweeps=(),
)
HOUR = Scale(
    rounds=3,
    ingests=((STARTER, 0.2), (STARTER, 12), (VIT, 12)),
    photos=60,
    vectors=(1000, 10_000, 100_000),
    libraries=(1000, 10_000, 100_000),
    queries=60,
    sweeps=(20_000,),
)
FULL = Scale(
    rounds=3,
    ingests=tuple((model, size) for model in (STARTER, VIT) for size in (0.2, 2, 12, 24, 48)),
    photos=160,
    vectors=(1000, 10_000, 100_000),
    libraries=(1000, 10_000, 100_000, 1_000_000),
    queries=200,
    sweeps=(20_000, 100_000),
)
SCALES = {"bench": BENCH, "hour": HOUR, "full": FULL}
