"""The photos of a person that pass all filters, in SQL and for the index.

Where only SQL knows which photos pass, the index gets their ids. They are fetched, combined and
passed on as text, because making 50,000 id objects takes longer than everything else together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_

from django.core.cache import cache
from django.db.models import Q
from django.utils.translation import gettext as _

from gallery.models import Audience, Photo, PhotoQuerySet, Sensitive, User
from gallery.models.dialects import ids_as_text
from search.filters.conditions import Condition, condition_of
from search.filters.library import Library
from search.language.query_errors import ErrorCode, QueryError
from search.language.terms import Filter
from search.vectors.index import And, Filter as IndexFilter, HasIds, In, Not, owned_by

FEW = 5000
"""So many ids go to the index without a search for a smaller set; that takes some 10 ms."""
COUNT_SECONDS = 60
"""How long the number of a person's photos is cached."""

Ids = frozenset[str]
"""Ids of photos as text of 32 hexadecimal digits."""


@dataclass(frozen=True)
class FilteredPhotos:
    """The photos of a person that pass the filters of a query.

    `visible` are all photos that the person may see. `notes` are sentences about values that
    match nothing, such as the name of an album that does not exist. `is_shared` says that an
    audience asks, which sees some photos of perhaps several owners.
    """

    owner: str
    visible: PhotoQuerySet
    conditions: tuple[Condition, ...] = ()
    notes: tuple[str, ...] = ()
    is_shared: bool = False

    @cached_property
    def photos(self) -> PhotoQuerySet:
        """The photos that pass, in SQL."""
        return self.visible.filter(*(condition.q for condition in self.conditions))

    @cached_property
    def listed(self) -> IndexFilter:
        """All photos that the person may see, for the index, which knows of no hidden ones."""
        if self.is_shared:
            return self._shared
        hidden = ids_as_text(Sensitive.objects.hidden_of(self.owner), "photo_id")
        own = owned_by(self.owner)
        return And((own, Not(HasIds(hidden)))) if hidden else own

    @property
    def _shared(self) -> IndexFilter:
        """What an audience may see: the photos by their ids, and their owners beside."""
        ids = ids_as_text(self.visible.order_by(), "pk")
        owners = self.visible.order_by().values_list("owner_id", flat=True).distinct()
        return And((In("owner", tuple(map(str, owners))), HasIds(ids))) if ids else HasIds(ids)

    @cached_property
    def index_filter(self) -> IndexFilter:
        """The same photos for the index. Fetches ids from SQL where the payload does not tell."""
        parts = [self.listed]
        parts += [each.index_filter for each in self.conditions if each.index_filter is not None]
        if in_sql := [each for each in self.conditions if each.index_filter is None]:
            in_payload = (each.q for each in self.conditions if each.index_filter is not None)
            candidates = self.visible.filter(*in_payload)
            parts.append(_filter_by_ids(self.owner, candidates, in_sql))
        return And(tuple(parts)) if len(parts) > 1 else parts[0]


def apply_filters(user: User, filters: Sequence[Filter]) -> FilteredPhotos:
    """Return the photos of a person that pass all filters; raise `QueryError` for bad values.

    An audience cannot ask for what is not shared with it, such as tags and places.
    """
    is_shared = isinstance(user, Audience)
    if isinstance(user, Audience):
        _refuse_private(user, filters)
    library = Library(user)
    conditions = tuple(condition_of(flt, library) for flt in filters)
    notes = tuple(dict.fromkeys(library.notes))
    return FilteredPhotos(
        str(user.pk), Photo.objects.visible_to(user), conditions, notes, is_shared=is_shared
    )


def _refuse_private(audience: Audience, filters: Sequence[Filter]) -> None:
    for flt in filters:
        if not audience.may_filter_by(flt.name):
            message = _("There is no filter %(filter)s here.") % {"filter": f"{flt.name[:40]}:"}
            raise QueryError(ErrorCode.UNKNOWN_FILTER, message)


def _filter_by_ids(
    owner: str, candidates: PhotoQuerySet, conditions: Sequence[Condition]
) -> IndexFilter:
    """Return the index filter, by ids, for conditions that the payload of points does not cover.

    `candidates` are the photos that pass all other conditions. Only their ids are fetched for
    conditions on columns of photos.
    """
    included: list[Ids] = []
    excluded: list[Ids] = []
    for condition in conditions:
        if condition.ids is not None:
            ids = ids_as_text(condition.ids, "photo_id")
            (excluded if condition.negated else included).append(ids)
    on_columns = [condition for condition in conditions if condition.ids is None]
    if required := [condition.q for condition in on_columns if not condition.negated]:
        included.append(ids_as_text(candidates.filter(*required).order_by(), "pk"))
    if forbidden := [~condition.q for condition in on_columns if condition.negated]:
        excluded.append(ids_as_text(candidates.filter(reduce(or_, forbidden)).order_by(), "pk"))
    return _smaller_filter(owner, candidates, _intersection(included), Ids().union(*excluded))


def _intersection(included: Iterable[Ids]) -> Ids | None:
    sets = sorted(included, key=len)
    return sets[0].intersection(*sets[1:]) if sets else None


def _smaller_filter(
    owner: str, candidates: PhotoQuerySet, included: Ids | None, excluded: Ids
) -> IndexFilter:
    """Return the filter for included but not excluded ids.

    Of included ones the index checks its hits if they are many. Where most are excluded, few of
    its hits would pass, and it gets the others.
    """
    if included is not None:
        return HasIds(included - excluded)
    if len(excluded) > FEW and 2 * len(excluded) > _approximate_count(owner):
        return HasIds(ids_as_text(candidates.order_by(), "pk") - excluded)
    return Not(HasIds(excluded))


def _approximate_count(owner: str) -> int:
    """Return roughly how many photos a person has; only the choice of the set depends on it."""
    photos = Photo.objects.live().filter(Q(owner_id=owner))
    return cache.get_or_set(f"photos-of-{owner}", photos.count, COUNT_SECONDS) or 0
