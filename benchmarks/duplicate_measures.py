"""Recall and precision of the duplicates that were reported in a corpus with known answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from benchmarks.duplicate_corpus import Corpus, Item
from benchmarks.transforms import TRANSFORMS

FAMILY: Mapping[str, str] = {t.name: t.family for t in TRANSFORMS}

Pair = frozenset[str]
"""The names of two files."""


@dataclass(frozen=True)
class Score:
    """How well the same pictures were told from others.

    `by_change` has the share found of each change, `counts` how many reported pairs are of which
    relation (see `duplicate_corpus.Relation`).
    """

    by_change: dict[str, float]
    by_family: dict[str, float]
    counts: Counter[str]

    @property
    def wrong(self) -> int:
        """Pairs that are no copies: moments of one scene, and photos of different things."""
        return self.counts["burst"] + self.counts["scene"] + self.counts["different"]

    @property
    def precision(self) -> float:
        """Share of right pairs, where only a copy with its original counts as right.

        Pairs of two copies are left out: thirty copies of one photo make hundreds of pairs, which
        would hide every mistake.
        """
        return _share(self.counts["original"], self.counts["original"] + self.wrong)

    @property
    def precision_of_all(self) -> float:
        """Share of right pairs, pairs of two copies of one photo counted as well."""
        right = self.counts["original"] + self.counts["copies"]
        return _share(right, right + self.wrong)

    @property
    def f1(self) -> float:
        """Harmonic mean of the recall of edits and the precision."""
        recall = self.by_family["edit"]
        both = recall + self.precision
        return 2 * recall * self.precision / both if both else 0.0


@dataclass(frozen=True)
class SimilarScore:
    """How well similar shots were found, and what was wrongly reported as such."""

    recall: float
    recall_timed: float
    recall_untimed: float
    counts: Counter[str]

    @property
    def precision(self) -> float:
        """Share of the pairs reported as similar shots that show one scene.

        Copies of one photo are left out: they are similar, but of the other kind.
        """
        right = self.counts["burst"] + self.counts["scene"]
        return _share(right, right + self.counts["different"])


def same_picture(corpus: Corpus, reported: Collection[Pair]) -> Score:
    """Score the pairs that were reported as the same picture."""
    found: dict[str, list[bool]] = {}
    families: dict[str, list[bool]] = {"edit": [], "turned": [], "combined": []}
    for copy, original in corpus.changed():
        hit = frozenset((copy.name, original.name)) in reported
        found.setdefault(copy.change, []).append(hit)
        if copy.change in FAMILY:
            families[FAMILY[copy.change]].append(hit)
    return Score(
        {name: _mean(hits) for name, hits in found.items()},
        {name: _mean(hits) for name, hits in families.items()},
        _relations(corpus, reported),
    )


def similar_shots(
    corpus: Corpus, similar: Collection[Pair], same: Collection[Pair]
) -> SimilarScore:
    """Score the pairs reported as similar shots; a frame shown as the same picture is found too."""

    def recall(wanted: Iterable[tuple[Item, Item]]) -> float:
        keys = [frozenset((a.name, b.name)) for a, b in wanted]
        return _mean([key in similar or key in same for key in keys])

    frames = corpus.burst_pairs()
    return SimilarScore(
        recall(frames),
        recall(pair for pair in frames if pair[0].timed),
        recall(pair for pair in frames if not pair[0].timed),
        _relations(corpus, similar),
    )


def wrong_pairs(corpus: Corpus, reported: Iterable[Pair]) -> list[tuple[str, str, str]]:
    """Return the reported pairs that are no copies: names and relation."""
    rows = [(min(pair), max(pair), corpus.relation(*pair)) for pair in reported]
    return sorted(row for row in rows if row[2] not in {"original", "copies"})


def missed(corpus: Corpus, reported: Collection[Pair]) -> list[tuple[str, str]]:
    """Return the changed copies whose pair with the original was not reported: name and change."""
    return [
        (copy.name, copy.change)
        for copy, original in corpus.changed()
        if frozenset((copy.name, original.name)) not in reported
    ]


def share_grouped(corpus: Corpus, groups: Iterable[Collection[str]]) -> float:
    """Return the share of changed copies that are in one group with their original."""
    group_of = {name: number for number, group in enumerate(groups) for name in group}
    return _mean(
        [
            copy.name in group_of and group_of[copy.name] == group_of.get(original.name)
            for copy, original in corpus.changed()
        ]
    )


def _relations(corpus: Corpus, reported: Iterable[Pair]) -> Counter[str]:
    return Counter(corpus.relation(*pair) for pair in reported)


def _mean(hits: Collection[bool]) -> float:
    return sum(hits) / len(hits) if hits else float("nan")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
