"""What people decided about labels, lessons and themes, and what is projected from it."""

from __future__ import annotations

from search.understanding.models.evaluation import EvaluationRun
from search.understanding.models.labels import (
    Kind,
    Label,
    LabelHit,
    LabelProjection,
    LabelSet,
    Verdict,
)
from search.understanding.models.lessons import (
    Example,
    ExampleVector,
    Lesson,
    TaggedInBulk,
    TaggingAct,
    WordsVector,
)
from search.understanding.models.suspicion import Engine, PromptScan, Suspicion
from search.understanding.models.themes import MapRun, ThemeName

__all__ = [
    "Engine",
    "EvaluationRun",
    "Example",
    "ExampleVector",
    "Kind",
    "Label",
    "LabelHit",
    "LabelProjection",
    "LabelSet",
    "Lesson",
    "MapRun",
    "PromptScan",
    "Suspicion",
    "TaggedInBulk",
    "TaggingAct",
    "ThemeName",
    "Verdict",
    "WordsVector",
]
