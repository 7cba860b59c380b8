"""What the pages of duplicates say, and the figures that they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Count, Max, Q, Sum
from django.template.defaultfilters import filesizeformat

from gallery.trash import KEPT_DAYS
from search.duplicates.groups.groups import SAME_FILE, Totals
from search.duplicates.models import Kind, Resolution

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser


@dataclass(frozen=True)
class Tab:
    """One kind of duplicates on the review page, with the sentence that says what it holds."""

    kind: str
    label: str
    lead: str
    totals: Totals

    @property
    def figures(self) -> str:
        """How many groups, and how many bytes they come to, such as "312 · 4.1 GB"."""
        return f"{self.totals.groups:,} · {size(self.totals.bytes)}"


_TABS = (
    (
        SAME_FILE,
        "Same file",
        "Kept out: these files were already here, so they were not stored again.",
    ),
    (
        Kind.SAME_PICTURE.value,
        "Same picture",
        "One picture saved more than once: smaller, re-encoded, cropped or turned. "
        f"Keep the best; the rest goes to the trash, where it stays for {KEPT_DAYS} days.",
    ),
    (
        Kind.SIMILAR_SHOTS.value,
        "Similar shots",
        "Different shots of one moment. Stack them, and they show as one tile; nothing is deleted.",
    ),
)
KINDS = tuple(kind for kind, _, _ in _TABS)


def tabs(totals: Mapping[str, Totals]) -> list[Tab]:
    """Return the three tabs with their figures."""
    return [Tab(kind, label, lead, totals.get(kind, Totals())) for kind, label, lead in _TABS]


def opening_kind(totals: Mapping[str, Totals]) -> str:
    """Return the kind that the page opens with: the first with something to decide."""
    for kind in (Kind.SAME_PICTURE.value, Kind.SIMILAR_SHOTS.value):
        if totals.get(kind, Totals()).groups:
            return kind
    return Kind.SAME_PICTURE.value


def size(count: int) -> str:
    """Return a number of bytes for people, as templates write it."""
    return filesizeformat(count).replace("\xa0", " ")


def plural(count: int, noun: str) -> str:
    """Return "1 photo" or "3,412 photos"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


@dataclass(frozen=True)
class Note:
    """What was decided, in one line; `batch` undoes it unless it was undone."""

    text: str
    batch: UUID | None = None


def note_of(user: AbstractBaseUser, batch: UUID) -> Note | None:
    """Return the note on a batch of this user's decisions, or None when there is no such batch."""
    figures = (
        Resolution.objects.visible_to(user)
        .filter(batch=batch)
        .aggregate(
            action=Max("action"),
            groups=Count("pk"),
            photos=Sum("photos"),
            trashed=Sum("trashed"),
            freed=Sum("freed"),
            undone=Count("pk", filter=~Q(undone_at=None)),
        )
    )
    if not figures["groups"]:
        return None
    undone = figures.pop("undone")
    text = decided(**figures)
    return Note(f"Undone: {text}" if undone else text, None if undone else batch)


def decided(*, action: str, groups: int, photos: int, trashed: int, freed: int) -> str:
    """Return what one decision or many together came to, as a sentence without a full stop.

    `photos` counts all photos of the groups, `trashed` those moved to the trash.
    """
    if action == Resolution.Action.STACK:
        return f"{plural(photos, 'photo')} stacked" + _in_groups(groups)
    if action == Resolution.Action.DISMISS:
        return f"{plural(photos, 'photo')} remembered as not the same" + _in_groups(groups)
    if not trashed:
        return f"All {plural(photos, 'photo')} kept" if photos > 1 else "All kept"
    gone = f"{plural(trashed, 'photo')} to the trash, {size(freed)} freed"
    return f"Best kept in {plural(groups, 'group')}: {gone}" if groups > 1 else gone


def _in_groups(groups: int) -> str:
    return f" in {groups:,} groups" if groups > 1 else ""


def came_back(*, restored: int, missing: int) -> str:
    """Return what undoing came to."""
    if not restored and not missing:
        return "Undone"
    gone = f"{missing:,} {'was' if missing == 1 else 'were'} deleted for ever"
    if not restored:
        return f"Nothing to restore: {gone}"
    return f"Restored {plural(restored, 'photo')}" + (f"; {gone}" if missing else "")
