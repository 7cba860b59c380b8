"""What a comparison found, what was repaired, and what that means as an exit status."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

EXAMPLES = 5
MASS_FRACTION = 0.1
MASS_AT_LEAST = 20

CLEAN, REPAIRED, PROBLEMS_LEFT, COULD_NOT_RUN = 0, 1, 2, 3


class Check(StrEnum):
    """Everything that must hold, by the words that the report uses when it does not."""

    MISSING_ORIGINAL = "photo without its original"
    STRAY_FILE = "file without a photo"
    CHANGED_ORIGINAL = "original changed on disk"
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
    """Findings by check, with a few examples of each; `refused` and `skipped` are sentences."""

    photos: int = 0
    found: Counter[Check] = field(default_factory=Counter)
    repaired: Counter[Check] = field(default_factory=Counter)
    examples: dict[Check, list[str]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def add(self, check: Check, what: object) -> None:
        """Note one finding."""
        self.found[check] += 1
        examples = self.examples.setdefault(check, [])
        if len(examples) < EXAMPLES:
            examples.append(str(what))

    def allows(self, check: Check, count: int, *, force: bool) -> bool:
        """Tell whether removing `count` things is plausible; refuse it in a sentence if not.

        When more than a tenth of everything looks wrong, what is wrong is usually a mount or a
        setting, and a repair would make it true.
        """
        if force or count <= max(MASS_AT_LEAST, MASS_FRACTION * self.photos):
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

    def as_dict(self) -> dict[str, object]:
        """Return plain values for JSON."""
        return {
            "photos": self.photos,
            "found": {str(check): count for check, count in self.found.items()},
            "repaired": {str(check): count for check, count in self.repaired.items()},
            "examples": {str(check): list(some) for check, some in self.examples.items()},
            "refused": self.refused,
            "skipped": self.skipped,
        }
