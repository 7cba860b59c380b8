"""What the pages of duplicates say, and the figures that they show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, Max, Q, Sum
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _, ngettext

from gallery.models import User
from gallery.templatetags import numbers
from gallery.trash import KEPT_DAYS
from search.duplicates.models import Kind, Resolution
from search.duplicates.review.listing import SAME_FILE, Totals

TAB_KINDS = (SAME_FILE, *Kind.values)
"""The kinds of the tabs of the review page, in their order."""


@dataclass(frozen=True)
class Tab:
    """One kind of duplicates on the review page, with a sentence that explains it."""

    kind: str
    label: str
    lead: str
    totals: Totals


def tabs(totals: Mapping[str, Totals]) -> list[Tab]:
    """Return the three tabs with their figures."""
    leads = {
        SAME_FILE: _("These files were already here, so they were not stored again."),
        Kind.SAME_PICTURE: _(
            "One picture saved more than once: smaller, re-encoded, cropped or turned. "
            "Keep the best; the rest goes to the trash, where it stays for %(days)d days."
        )
        % {"days": KEPT_DAYS},
        Kind.SIMILAR_SHOTS: _(
            "Different shots of one moment. Stack them, and they show as one tile; "
            "nothing is deleted."
        ),
    }
    labels = {SAME_FILE: _("Same file"), **dict(Kind.choices)}
    return [Tab(kind, str(labels[kind]), leads[kind], totals[kind]) for kind in TAB_KINDS]


def opening_kind(totals: Mapping[str, Totals]) -> str:
    """Return the kind that the page opens with: the first with something to decide."""
    has_groups = (kind for kind in Kind.values if totals[kind].groups)
    return next(has_groups, Kind.SAME_PICTURE.value)


@dataclass(frozen=True)
class Note:
    """What was decided, in one line; `batch` undoes it, None if there is nothing to undo."""

    text: str
    batch: UUID | None = None


def note_on(user: User, batch: UUID) -> Note | None:
    """Return the note on a batch of this user's decisions, or None when there is no such batch."""
    decisions = Resolution.objects.visible_to(user).filter(batch=batch)
    figures = decisions.aggregate(
        action=Max("action"),
        groups=Count("pk"),
        photos=Sum("photos"),
        trashed=Sum("trashed"),
        freed=Sum("freed"),
        undone=Count("pk", filter=~Q(undone_at=None)),
    )
    if not figures["groups"]:
        return None
    is_undone = figures.pop("undone") > 0
    text = decision_text(**figures)
    if is_undone:
        return Note(_("Undone: %(decision)s") % {"decision": text})
    return Note(text, batch)


def decision_text(*, action: str, groups: int, photos: int, trashed: int, freed: int) -> str:
    """Return what one decision or many together did, as a sentence without a full stop.

    `photos` counts all photos of the groups, `trashed` those moved to the trash.
    """
    in_groups = _("%(decision)s in %(groups)s groups")
    figures = {
        "photos": numbers.count(photos),
        "trashed": numbers.count(trashed),
        "groups": numbers.count(groups),
    }
    figures["freed"] = filesizeformat(freed).replace("\xa0", " ")
    match action:
        case Resolution.Action.STACK:
            text = ngettext("%(photos)s photo stacked", "%(photos)s photos stacked", photos)
        case Resolution.Action.DISMISS:
            text = ngettext(
                "%(photos)s photo marked as not the same",
                "%(photos)s photos marked as not the same",
                photos,
            )
        case _ if trashed:
            in_groups = _("Best kept in %(groups)s groups: %(decision)s")
            text = ngettext(
                "%(trashed)s photo to the trash, %(freed)s freed",
                "%(trashed)s photos to the trash, %(freed)s freed",
                trashed,
            )
        case _:
            return _("All %(photos)s photos kept") % figures if photos > 1 else _("All kept")
    if groups > 1:
        return in_groups % (figures | {"decision": text % figures})
    return text % figures


def undo_text(*, restored: int, missing: int) -> str:
    """Return what undoing did, as a sentence without a full stop."""
    if not restored and not missing:
        return _("Undone")
    figures = {"restored": numbers.count(restored), "missing": numbers.count(missing)}
    gone = ngettext(
        "%(missing)s was deleted for ever", "%(missing)s were deleted for ever", missing
    )
    if not restored:
        return _("Nothing to restore: %(missing)s") % {"missing": gone % figures}
    text = ngettext("Restored %(restored)s photo", "Restored %(restored)s photos", restored)
    return text % figures + (f"; {gone % figures}" if missing else "")


def left_text(groups: int) -> str:
    """Return that some groups of a bulk decision were left as they are."""
    return ngettext(
        "%(groups)s group was skipped because it had changed",
        "%(groups)s groups were skipped because they had changed",
        groups,
    ) % {"groups": numbers.count(groups)}
