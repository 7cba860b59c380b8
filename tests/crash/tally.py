"""The file in which a run keeps what it did, so that another one can go on."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self


@dataclass
class Tally:
    """What was killed so far, how often, and what was found. `seconds` are those until all had
    settled after the last fault of a block; the longest counts."""

    seed: int
    blocks: int = 0
    kills: dict[str, dict[str, int]] = field(default_factory=dict)
    answers: dict[str, int] = field(default_factory=dict)
    uploads: int = 0
    failed_photos: int = 0
    longest: dict[str, float] = field(default_factory=dict)
    real_model_kills: int = 0
    violations: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, seed: int) -> Self:
        """Return the tally of a file, or a new one."""
        if not path.exists():
            return cls(seed)
        return cls(**json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        beginning = path.with_suffix(".part")
        beginning.write_text(json.dumps(asdict(self), indent=2) + "\n")
        beginning.replace(path)

    @property
    def total(self) -> int:
        return sum(sum(parts.values()) for parts in self.kills.values())

    def count_kill(self, mode: str, victim: str) -> None:
        parts = self.kills.setdefault(mode, {})
        parts[victim] = parts.get(victim, 0) + 1

    def count_answers(self, counts: dict[str, int]) -> None:
        self.answers = dict(Counter(self.answers) + Counter(counts))

    def table(self) -> str:
        """Return the figures as lines for people."""
        lines = [f"{self.total} kills in {self.blocks} blocks, seed {self.seed}"]
        for mode, parts in sorted(self.kills.items()):
            each = ", ".join(f"{victim} {count}" for victim, count in sorted(parts.items()))
            longest = self.longest.get(mode, 0.0)
            lines.append(
                f"  {mode:9} {sum(parts.values()):5}  ({each}); settled in {longest:.1f} s"
            )
        answers = ", ".join(f"{kind} {count}" for kind, count in sorted(self.answers.items()))
        lines.append(f"  uploads {self.uploads}, answers {answers}")
        lines.append(f"  with the starter model {self.real_model_kills} kills")
        lines.append(f"  photos given up after several crashes: {self.failed_photos}")
        lines.append(f"  violations: {len(self.violations)}")
        return "\n".join([*lines, *(f"    {one}" for one in self.violations[:20])])
