"""What `fsck` checks, what it found and repaired, and the exit status that follows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

EXAMPLES = 5
MASS_FRACTION = 0.1
MASS_AT_LEAST = 20

CLEAN, REPAIRED, PROBLEMS_LEFT, COULD_NOT_RUN = 0, 1, 2, 3


class Check(StrEnum):
    """What is checked; the values are how the report names a violation."""

    MISSING_ORIGINAL = "photo without its original"
    STRAY_FILE = "file without a photo"
    CHANGED_ORIGINAL = "original changed on disk"
    MISSING_COMPANION = "file kept with a photo is gone"
    CHANGED_COMPANION = "file kept with a photo changed on disk"
    MISSING_EXTERNAL = "file missing in an external folder"
    MISSING_POINT = "searchable photo without a point"
    STRAY_POINT = "point without a searchable photo"
    WRONG_PAYLOAD = "point with another owner or generation"
    WRONG_VECTOR = "point with a wrong vector"
    DAMAGED_VECTOR = "stored vector damaged"
    STUCK = "work or deletion stuck"
    DUPLICATE = "two live copies of one file"
    MODEL = "model registry broken"
    NOT_FOUND = "photo that does not find itself"
    DATABASE = "database damaged"
    NO_REASON = "failed without a reason"
    NO_ROW = "photo that no model works on"
    WORDS = "words missing or wrong"
    BACK = "photo that was deleted for ever is there again"
    UNFINISHED = "work that should be finished by now"


INVARIANTS: dict[str, tuple[str, tuple[Check, ...]]] = {
    "I1": (
        "each live photo has one row for each model, which failed only for a reason",
        (Check.NO_ROW, Check.NO_REASON),
    ),
    "I2": (
        "a row that says indexed has its point, with the same vector, owner and generation",
        (
            Check.MISSING_POINT,
            Check.WRONG_PAYLOAD,
            Check.WRONG_VECTOR,
            Check.DAMAGED_VECTOR,
            Check.NOT_FOUND,
        ),
    ),
    "I3": ("no point without a live photo", (Check.STRAY_POINT,)),
    "I4": (
        "each photo has its original, byte for byte, and what is kept with it",
        (
            Check.MISSING_ORIGINAL,
            Check.CHANGED_ORIGINAL,
            Check.MISSING_COMPANION,
            Check.CHANGED_COMPANION,
            Check.MISSING_EXTERNAL,
        ),
    ),
    "I5": ("what was deleted stays deleted, its files too", (Check.BACK, Check.STRAY_FILE)),
    "I6": ("answers show what their owner may see, and all of it", (Check.WORDS,)),
    "I7": ("one live photo of each file and owner", (Check.DUPLICATE,)),
    "I8": ("one model answers, whole", (Check.MODEL, Check.DATABASE)),
    "I9": ("nothing is stuck", (Check.STUCK, Check.UNFINISHED)),
}
"""What is true of a gallery at any time, and the checks that would find it broken.

What answers hold (I5, I6, I8) is also asked over HTTP, by `tests.crash`."""


@dataclass
class Report:
    """Findings by check, with a few examples of each; the last three are lists of sentences.

    `layers` tells which layers hold around the decoder children, by their names; it is empty if
    no child could be started.
    """

    photos: int = 0
    found: Counter[Check] = field(default_factory=Counter)
    repaired: Counter[Check] = field(default_factory=Counter)
    examples: dict[Check, list[str]] = field(default_factory=lambda: defaultdict(list))
    layers: dict[str, bool] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    away: list[str] = field(default_factory=list)

    def add(self, check: Check, what: object) -> None:
        """Add one finding."""
        self.found[check] += 1
        if len(self.examples[check]) < EXAMPLES:
            self.examples[check].append(str(what))

    def add_all(self, check: Check, findings: Iterable[object]) -> None:
        """Add several findings of one check."""
        for finding in findings:
            self.add(check, finding)

    def broken(self) -> list[str]:
        """Return the names of the invariants that do not hold, whether repaired or not."""
        return [
            name
            for name, (_, checks) in INVARIANTS.items()
            if any(self.found[check] for check in checks)
        ]

    def allows(self, check: Check, count: int, options: Options) -> bool:
        """Tell whether removing `count` things is plausible; otherwise note a refusal.

        When more than a tenth of the gallery looks wrong, the cause is usually a mount or a
        setting, and a repair would do real damage.
        """
        if options.force or count <= max(MASS_AT_LEAST, MASS_FRACTION * self.photos):
            return True
        self.refused.append(
            f"{check}: {count} of {self.photos} photos is too many to be true, so nothing was "
            "removed. If it is, repeat with --force."
        )
        return False

    def status(self, *, index_required: bool) -> int:
        """Return the exit status: 0 clean, 1 repaired, 2 problems left, 3 could not run."""
        if self.refused or (index_required and self.skipped):
            return COULD_NOT_RUN
        if any(self.found[check] > self.repaired[check] for check in self.found):
            return PROBLEMS_LEFT
        return REPAIRED if self.found else CLEAN


@dataclass(frozen=True)
class Options:
    """`deep` reads every file and vector; `grace` is the age in hours from which a file may be a
    stray; `sample` photos are searched by their own vector; of a `settled` gallery nothing is left
    to be done."""

    repair: bool = False
    deep: bool = False
    force: bool = False
    sample: int = 20
    grace: float = 24.0
    settled: bool = False
