"""The photos of a ranking as all pages list them: in order, with look-alikes folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast
from uuid import UUID

from gallery.models import User
from gallery.models.dialects import one_of
from search.engine.figures import Figures, Group, figures_of
from search.engine.lookalikes import Fold, fold_look_alikes, fold_of_example
from search.engine.plan import Plan
from search.engine.rank import RankedPhoto, Ranking
from search.parts.boxes import Box
from search.relevance import Band, Bands
from search.understanding.quality.best import best_of

_LEAD = -1


@dataclass(frozen=True)
class ListedPhoto:
    """A photo that is listed, its band, and the look-alikes that are folded under it.

    `place` is where the photo stands among those that are not folded, and -1 for the look-alikes
    of the example photo, which come first.
    """

    photo: RankedPhoto
    band: Band | None
    similar: tuple[UUID, ...] = ()
    place: int = 0


@dataclass(frozen=True)
class Listing:
    """The list of an answer, with everything that its pages say.

    `photos` stand for the first `size` photos of the ranking, of which the first `matching` match
    and the first `strong` and `likely` are of these bands. `endless` says that hits from behind the
    window follow. `bands` are those of the ranking. `notes`, `unread` and `example` are as in
    `search.engine.answer.Answer`.
    """

    model: str
    photos: tuple[ListedPhoto, ...]
    figures: Figures
    size: int
    matching: int
    strong: int
    likely: int
    endless: bool
    folds: bool
    bands: Bands | None = None
    notes: tuple[str, ...] = ()
    unread: str = ""
    example: UUID | None = None

    @property
    def has_lead(self) -> bool:
        """Whether the look-alikes of the example photo come first."""
        return bool(self.photos) and self.photos[0].place == _LEAD

    def length(self, chosen: int) -> int:
        """Return how many listed photos stand for the first `chosen` photos."""
        return sum(entry.place < chosen for entry in self.photos)

    def groups(self, chosen: int, *, endless: bool) -> Iterator[Group]:
        """Yield the bands of the list, Strong first; nothing where all photos are weak."""
        lead = int(self.has_lead)
        bands = [entry.band for entry in self.photos[lead : self.length(chosen)]]
        counts = self._counts(chosen)
        if endless:
            # The total may be an estimate, and parts and words bring photos into the window.
            counts[Band.WEAK] += max(self.figures.total - self.size, 0)
        for band in Band:
            if band in bands and set(bands) != {Band.WEAK}:
                yield Group(band, lead + bands.index(band), counts[band])

    def _counts(self, chosen: int) -> dict[Band, int]:
        strong = min(self.strong, chosen)
        likely = min(self.likely, chosen - strong)
        return {Band.STRONG: strong, Band.LIKELY: likely, Band.WEAK: chosen - strong - likely}


def list_ranking(
    user: User, steps: Plan, ranking: Ranking, *, folds: bool, least: float | None = None
) -> Listing:
    """Return the listing of a ranking, or of what has the confidence `least`."""
    photos = ranking.window if least is None else ranking.matches(least)
    lead = fold_of_example(user, ranking, steps.example) if folds and steps.example else None
    folded = fold_look_alikes(user, photos, lead.ids if lead else ()) if folds else _alone(photos)
    places = {photo.id: place for place, photo in enumerate(photos)}
    first = [ListedPhoto(lead.photo, ranking.band(lead.photo), lead.similar, _LEAD)] if lead else []
    listed = [
        ListedPhoto(fold.photo, ranking.band(fold.photo), fold.similar, places[fold.photo.id])
        for fold in folded
    ]
    bands = [ranking.band(photo) for photo in photos]
    return Listing(
        model=ranking.query.model.key,
        photos=(*first, *listed),
        figures=figures_of(ranking),
        size=len(photos),
        matching=sum(band != Band.WEAK for band in bands) if least is None else len(photos),
        strong=bands.count(Band.STRONG),
        likely=bands.count(Band.LIKELY),
        endless=least is None and ranking.is_longer,
        folds=folds,
        bands=ranking.bands,
        notes=steps.notes,
        unread=ranking.query.unread,
        example=steps.example,
    )


def list_by_date(steps: Plan, ranking: Ranking, chosen: Sequence[RankedPhoto]) -> Listing:
    """Return the listing of chosen photos of a ranking, newest first, none of them folded."""
    ids = [photo.id for photo in chosen]
    rows = steps.photos.filter(pk__in=one_of(ids)).newest_first().values_list("pk", flat=True)
    return _in_order(steps, ranking, chosen, [(pk, ()) for pk in rows])


def list_best_first(
    user: User, steps: Plan, ranking: Ranking, chosen: Sequence[RankedPhoto]
) -> Listing:
    """Return the listing of chosen photos of a ranking, the best of each burst, best first."""
    photos = steps.photos.filter(pk__in=one_of([photo.id for photo in chosen]))
    best = best_of(user, photos, len(chosen))
    return _in_order(steps, ranking, chosen, [(one.id, one.others) for one in best.photos])


def _in_order(
    steps: Plan,
    ranking: Ranking,
    chosen: Sequence[RankedPhoto],
    order: Sequence[tuple[UUID, tuple[UUID, ...]]],
) -> Listing:
    """Return the listing of chosen photos in the order of their ids, each with its look-alikes."""
    ranked = {photo.id: photo for photo in chosen}
    listed = [
        ListedPhoto(ranked[pk], ranking.band(ranked[pk]), similar, place)
        for place, (pk, similar) in enumerate(order)
    ]
    return Listing(
        model=ranking.query.model.key,
        photos=tuple(listed),
        figures=figures_of(ranking),
        size=len(listed),
        matching=len(listed),
        strong=0,
        likely=0,
        endless=False,
        folds=False,
        notes=steps.notes,
        unread=ranking.query.unread,
        example=steps.example,
    )


def _alone(photos: Sequence[RankedPhoto]) -> list[Fold]:
    return [Fold(photo) for photo in photos]


# --- as JSON --------------------------------------------------------------------------------------


def photos_to_json(photos: Sequence[ListedPhoto]) -> list[list[Any]]:
    """Return listed photos as what JSON can hold."""
    return [
        [
            entry.photo.id.hex,
            entry.photo.score,
            entry.photo.box,
            entry.photo.words,
            entry.band,
            [pk.hex for pk in entry.similar],
            entry.place,
        ]
        for entry in photos
    ]


def photos_from_json(rows: Sequence[Sequence[Any]]) -> list[ListedPhoto]:
    """Return listed photos from what `photos_to_json` made of them."""
    return [
        ListedPhoto(
            RankedPhoto(UUID(pk), score, cast("Box", tuple(box)) if box else None, words),
            Band(band) if band else None,
            tuple(UUID(other) for other in similar),
            place,
        )
        for pk, score, box, words, band, similar, place in rows
    ]


def listing_to_json(listing: Listing) -> dict[str, Any]:
    """Return a listing as what JSON can hold."""
    plain = {name: getattr(listing, name) for name in _PLAIN}
    return plain | {
        "photos": photos_to_json(listing.photos),
        "figures": asdict(listing.figures),
        "bands": asdict(listing.bands) if listing.bands else None,
        "notes": list(listing.notes),
        "example": listing.example.hex if listing.example else None,
    }


def listing_from_json(data: dict[str, Any]) -> Listing:
    """Return a listing from what `listing_to_json` made of it."""
    figures = data["figures"]
    return Listing(
        photos=tuple(photos_from_json(data["photos"])),
        figures=Figures(**figures | {"levels": tuple(figures["levels"])}),
        bands=Bands(**data["bands"]) if data["bands"] else None,
        notes=tuple(data["notes"]),
        example=UUID(data["example"]) if data["example"] else None,
        **{name: data[name] for name in _PLAIN},
    )


_PLAIN = ("model", "size", "matching", "strong", "likely", "endless", "folds", "unread")
