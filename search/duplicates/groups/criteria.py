"""What people want to keep of a group: criteria that they can put in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.models import TextChoices
from django.utils.translation import gettext as _, gettext_lazy

from gallery.names import shows_all
from gallery.user_errors import UserError
from search.duplicates.models import KeeperCriteria


class Criterion(TextChoices):
    """Criteria in the order that holds until a person changes it.

    What cannot be recovered comes first: the camera's negative, then what the pixels really hold,
    which their number alone does not tell. Of similar shots the sharpest comes next. A re-encoded
    copy often lacks the camera's data, and a conversion to another format, or to a smaller file of
    the same format, some detail. Favourites, albums and tags come later, because the photo that is
    kept gets those of the others. Age and name only decide between photos that are otherwise equal.
    """

    NEGATIVE = "negative", gettext_lazy("RAW from the camera")
    DETAIL = "detail", gettext_lazy("Most real detail")
    SHARPEST = "sharpest", gettext_lazy("Sharpest of similar shots")
    COLOUR = "colour", gettext_lazy("In colour")
    WHOLE = "whole", gettext_lazy("Whole, clean and well exposed")
    RESOLUTION = "resolution", gettext_lazy("Most pixels")
    METADATA = "metadata", gettext_lazy("Has place, camera and date")
    FORMAT = "format", gettext_lazy("Best format")
    FILE_SIZE = "file_size", gettext_lazy("Largest file")
    FAVOURITE = "favourite", gettext_lazy("Favourite")
    ALBUMS = "albums", gettext_lazy("In more albums")
    EARLIEST = "earliest", gettext_lazy("Taken or added first")
    NAME = "name", gettext_lazy("File name")


PATTERN_LIMIT = 100

_NEW = (
    Criterion.NEGATIVE,
    Criterion.DETAIL,
    Criterion.SHARPEST,
    Criterion.COLOUR,
    Criterion.WHOLE,
)


class BadCriteria(UserError):
    """A name that is no criterion, or a pattern that is too long; the message says which."""

    code = "bad_parameter"


@dataclass(frozen=True)
class Criteria:
    """All criteria, the most important first, and a pattern (`fnmatch`) of names preferred."""

    order: list[str] = field(default_factory=lambda: list(Criterion.values))
    pattern: str = ""


def criteria_of(owner_id: int | None) -> Criteria:
    """Return what the owner with this id wants to keep, or the default order."""
    row = KeeperCriteria.objects.filter(pk=owner_id or 0).first()
    return Criteria(_with_new(row.order), row.pattern) if row else Criteria()


def parse_criteria(order: Sequence[str], pattern: str) -> Criteria:
    """Return criteria as a person gave them, followed by those left out. Raises `BadCriteria`."""
    for name in order:
        if name not in Criterion.values:
            raise BadCriteria(_("There is no criterion %(name)r.") % {"name": name[:40]})
    if len(set(order)) < len(order):
        raise BadCriteria(_("A criterion can be given only once."))
    if len(pattern.strip()) > PATTERN_LIMIT:
        message = _("The pattern can have at most %(limit)d characters.")
        raise BadCriteria(message % {"limit": PATTERN_LIMIT})
    if not shows_all(pattern):
        raise BadCriteria(_("The pattern has characters that cannot be in a file name."))
    return Criteria(_complete(order), pattern.strip())


def _complete(order: Sequence[str]) -> list[str]:
    """Return all criteria, the given ones first."""
    given = [name for name in order if name in Criterion.values]
    return given + [name for name in Criterion.values if name not in given]


def _with_new(order: Sequence[str]) -> list[str]:
    """Return a stored order, with criteria that did not exist then where they are by default.

    They come first: a person who wanted most pixels wanted the picture that holds the most.
    """
    new = [name for name in _NEW if name not in order]
    return _complete([*new, *order])
