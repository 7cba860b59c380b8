"""What the grid and the results draw: photos with their state, grouped by day."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Protocol

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _, ngettext

from gallery import stacks
from gallery.alternative_texts import describe
from gallery.decoding.answers import PREVIEW_SIDE, SMALL_SIDE, THUMBNAIL_SIDE
from gallery.models import Embedding, Photo, PhotoQuerySet
from gallery.paging import cursor_of
from gallery.templatetags.dates import weekday

PAGE = 60
"""Photos per page: enough to fill a large screen, few enough to load at once."""
_LOWEST_ID = uuid.UUID(int=0).hex

_OF_NEW_YEAR = 500
"""Photos around the turn of a year that are looked through for the last one before it."""


@dataclass(frozen=True)
class Fold:
    """The photos that a tile stands for: `ids`, its own first. `url` shows the others.

    `stack` is set if they are a stack, which is selected and deleted as a whole.
    """

    ids: Sequence[uuid.UUID]
    url: str
    stack: uuid.UUID | None = None

    @property
    def others(self) -> int:
        """The number of photos hidden under the tile's own."""
        return len(self.ids) - 1

    @property
    def label(self) -> str:
        """The label for people."""
        if self.stack is not None:
            number = len(self.ids)
            text = ngettext("Stack of %(count)d photo", "Stack of %(count)d photos", number)
            return text % {"count": number}
        text = ngettext("%(count)d similar photo", "%(count)d similar photos", self.others)
        return text % {"count": self.others}


class Match(Protocol):
    """What a search found out about a photo: its cosine similarity to the query, and its band.

    `words` says which of its words match the query. `box` is the part that matched: left, top,
    width and height as fractions. Each may be empty.
    """

    @property
    def score(self) -> float | None: ...
    @property
    def band(self) -> str | None: ...
    @property
    def words(self) -> str: ...
    @property
    def box(self) -> tuple[float, float, float, float] | None: ...


AT_ONCE = 6
"""Photos whose pictures a browser asks for before it knows the layout: the top of a phone."""
SPARSE = 2.8
"""The sum of aspect ratios up to which a day shares its row; on a screen a row holds 5 to 9."""

PANORAMA = 2.5
"""Long by short side from which on 512 pixels of length leave too few for the height of a tile."""
_ROWS = {"": (88, 116, 204), "small": (72, 72, 128), "large": (190, 190, 300)}
"""CSS pixels that a row is high on a phone, a small screen and others, by what was chosen for the
size of photos, as in grid.css."""
_NARROWEST = 0.5  # width by height of a tile, as there
_SMALL = f"thumbnail?side={SMALL_SIDE}"


@dataclass(frozen=True)
class Tile:
    """One photo of a grid, with its `match` where a search found it.

    `at_once` lets a browser ask for its picture before it knows the layout. `of` is the photo under
    which it was folded.
    """

    photo: Photo
    state: str
    message: str
    may_pass: bool
    match: Match | None = None
    fold: Fold | None = None
    at_once: bool = False
    of: uuid.UUID | None = None

    @cached_property
    def base(self) -> str:
        """The address of the photo, below which its renditions are."""
        return self.photo.get_absolute_url()

    @property
    def srcset(self) -> str:
        """What the tile may show, with the widths in pixels.

        The thumbnail of a panorama would be enlarged, so its preview is offered, too.
        """
        widths = rendition_widths(self.photo)
        # Of renditions that are equally wide, only the first is offered.
        offered = {widths["thumbnail_width"]: "thumbnail"}
        offered.setdefault(widths["small_width"], _SMALL)
        if self.is_panorama:
            offered.setdefault(widths["preview_width"], "preview")
        return ", ".join(f"{self.base}/{name} {width}w" for width, name in sorted(offered.items()))

    def sizes(self, chosen: str) -> str:
        """Return how wide the photo is drawn, which a browser knows once the page is laid out.

        `chosen` is the size of photos (`devices.Tiles`). A tile shows a part of a panorama, and the
        middle of what is very high.
        """
        shape = max(self.photo.width / max(self.photo.height, 1), _NARROWEST)
        phone, small, other = (round(row * shape) for row in _ROWS.get(chosen, _ROWS[""]))
        told = f"(max-width: 480px) {phone}px, (max-width: 720px) {small}px, {other}px"
        return told if self.at_once or self.is_panorama else f"auto, {told}"

    @property
    def is_panorama(self) -> bool:
        """Whether the photo is much wider than high, or much higher than wide."""
        sides = self.photo.width, self.photo.height
        return max(sides) > PANORAMA * min(sides)


@dataclass(frozen=True)
class Day:
    """The photos of one day, newest first."""

    date: date
    tiles: list[Tile]

    @property
    def label(self) -> str:
        """The heading: Today, Yesterday, or the full date."""
        recent = {0: _("Today"), 1: _("Yesterday")}
        days = (timezone.localdate() - self.date).days
        return recent.get(days) or weekday(self.date)

    @property
    def is_sparse(self) -> bool:
        """Whether the photos take so little of a row that other days fit beside them."""
        return self.breadth <= SPARSE

    @property
    def breadth(self) -> float:
        """The sum of all aspect ratios, from which the page reserves the section's height."""
        return round(sum(shape(tile.photo) for tile in self.tiles), 2)


def rendition_widths(photo: Photo) -> dict[str, int]:
    """Return how many pixels wide both thumbnails and the preview of a photo are."""
    longest = max(photo.width, photo.height, 1)
    sides = {
        "small_width": SMALL_SIDE,
        "thumbnail_width": THUMBNAIL_SIDE,
        "preview_width": PREVIEW_SIDE,
    }
    return {
        name: max(round(photo.width * min(1, side / longest)), 1) for name, side in sides.items()
    }


def shape(photo: Photo) -> float:
    """Return width by height, limited so that the grid crops no panorama to a thin strip."""
    return min(max(photo.width / max(photo.height, 1), 0.5), 3.0)


def tiles(
    photos: Sequence[Photo],
    matches: Sequence[Match] | None = None,
    folds: Mapping[uuid.UUID, Fold] | None = None,
    of: uuid.UUID | None = None,
) -> list[Tile]:
    """Return a tile for each photo, in order; `folds` says which stand for others too.

    `of` is the photo under which all of them were folded.
    """
    states = Embedding.objects.states_of(photos)
    describe(photos)
    return [
        Tile(
            photo=photo,
            state=states[photo.pk].state,
            message=states[photo.pk].message,
            may_pass=states[photo.pk].may_pass,
            match=matches[place] if matches is not None else None,
            fold=folds.get(photo.pk) if folds else None,
            at_once=place < AT_ONCE,
            of=of,
        )
        for place, photo in enumerate(photos)
    ]


def stack_folds(photos: Iterable[Photo]) -> dict[uuid.UUID, Fold]:
    """Return the stack of each photo that is the cover of one, by the photo's id; one query."""
    covers = {photo.stack_id: photo.pk for photo in photos if photo.stack_id and not photo.folded}
    members = stacks.members(covers) if covers else {}
    return {
        ids[0]: Fold(ids, reverse("stack", args=[stack_id]), stack_id)
        for stack_id, ids in members.items()
        if len(ids) > 1
    }


def by_day(tiles: Iterable[Tile]) -> list[Day]:
    """Group tiles that follow each other by the day that the clocks on the wall showed.

    The order is that of the instants, so after a flight over the date line a day may come twice.
    """
    days = groupby(tiles, key=lambda tile: tile.photo.local_time.date())
    return [Day(day, list(group)) for day, group in days]


def years(photos: PhotoQuerySet) -> list[tuple[int, str]]:
    """Return the years that have photos, newest first, each with the cursor that jumps there.

    It takes two indexed look-ups per year instead of a scan: quick even at 100,000 photos.
    """
    cursors: list[tuple[int, str]] = []
    latest = photos.order_by("-wall_at").values_list("wall_at", flat=True)
    wall = latest.first()
    while wall is not None:
        cursors.append((wall.year, cursor_of(_last_instant(photos, wall.year), _LOWEST_ID)))
        wall = latest.filter(wall_at__lt=datetime(wall.year, 1, 1, tzinfo=UTC)).first()
    return cursors


def cursor_behind(photos: PhotoQuerySet) -> str | None:
    """Return the cursor that jumps to the last of these photos, None if there are none."""
    moment = photos.newest_first().values_list("shown_at", flat=True).first()
    return cursor_of(moment + timedelta(microseconds=1), _LOWEST_ID) if moment else None


def _last_instant(photos: PhotoQuerySet, year: int) -> datetime:
    """Return the instant after the last photo of a year, whose clocks showed many zones.

    No clock is a day from UTC, so the look-up begins a day after the end of the year. The clocks
    are compared here: SQLite would rather sort all photos of the year.
    """
    first, end = (datetime(each, 1, 1, tzinfo=UTC) for each in (year, year + 1))
    before = photos.filter(shown_at__lt=end + timedelta(1)).newest_first()
    latest = before.values_list("shown_at", "wall_at")[:_OF_NEW_YEAR]
    moment = next((shown_at for shown_at, wall_at in latest if first <= wall_at < end), None)
    if moment is None:
        of_year = before.filter(wall_at__gte=first, wall_at__lt=end)
        moment = of_year.values_list("shown_at", flat=True).first()
    return (moment or end) + timedelta(microseconds=1)
