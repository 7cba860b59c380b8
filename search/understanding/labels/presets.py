"""Lists of labels that come with Scry, as text files in `preset_lists`, one list a file.

The names of ImageNet's kinds are those of open_clip (MIT), made by OpenAI; those of CIFAR-100 and
of the 102 flowers are those of the data sets. No list names origin, sex or belief of people.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from search.understanding.models import Kind

_FOLDER = Path(__file__).with_name("preset_lists")


@dataclass(frozen=True)
class Preset:
    """A list of labels with the kind of set that it makes."""

    key: str
    title: str | Promise
    kind: Kind

    @property
    def text(self) -> str:
        """The list as people paste one."""
        return (_FOLDER / f"{self.key}.txt").read_text("utf-8")

    @property
    def size(self) -> int:
        """How many labels it has."""
        return sum(1 for line in self.text.splitlines() if line.strip())


PRESETS = {
    preset.key: preset
    for preset in (
        Preset("things", _("Things"), Kind.ANY_OF),
        Preset("scenes", _("Scenes"), Kind.ANY_OF),
        Preset("activities", _("Activities"), Kind.ANY_OF),
        Preset("emotions", _("Emotions"), Kind.ONE_OF),
        Preset("documents", _("Kinds of documents"), Kind.ONE_OF),
        Preset("flowers", _("102 flowers"), Kind.ONE_OF),
        Preset("cifar100", _("The 100 classes of CIFAR-100"), Kind.ONE_OF),
        Preset("imagenet", _("The 1,000 kinds of ImageNet"), Kind.ONE_OF),
    )
}
