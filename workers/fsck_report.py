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


@dataclass
class Report:
    """Findings by check, with a few examples of each; the last three are lists of sentences."""

    photos: int = 0
    found: Counter[Check] = field(default_factory=Counter)
    repaired: Counter[Check] = field(default_factory=Counter)
    examples: dict[Check, list[str]] = field(default_factory=lambda: defaultdict(list))
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
    stray; `sample` photos are searched by their own vector."""

    repair: bool
    deep: bool
    force: bool
    sample: int
    grace: float
