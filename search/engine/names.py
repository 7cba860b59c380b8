"""Names first: a text that is the name of a file, album, tag or place here is that name.

Names hold dates, minus signs, colons and words such as "without". The grammar of the query
language would read these, so a whole text is looked up before the grammar counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from gallery.models import Album, PhotoQuerySet, Tag, User
from search import language
from search.filters.library import library_names
from search.filters.selection import apply_filters
from search.fulltext import TextHit
from search.fulltext.file_names import fold_whole_name, photos_with_file_name
from search.language import Filter, Query, QueryError, Term
from search.language.terms import FILTERS
from search.language.values import MAX_TEXT

LIMIT = 500
"""Photos with one name at most that come first, the newest of them."""

_REASONS = {
    "name": _("file name: %(text)s"),
    "album": _("album: %(text)s"),
    "tag": _("tag: %(text)s"),
    "place": _("place: %(text)s"),
}


@dataclass(frozen=True)
class Named:
    """What has a name: photos by their file name, and names of albums, tags and places by filter.

    It is false where nothing has the name.
    """

    photos: tuple[UUID, ...] = ()
    groups: tuple[Filter, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.photos or self.groups)


def read(user: User, text: str) -> Query:
    """Return the query that a person's text asks for: a name here, else what the grammar says.

    A name is a text in quotes, taken word for word. Raises what `language.parse` raises.
    """
    try:
        query, problem = language.parse(text), None
    except QueryError as error:
        query, problem = Query(), error
    if _may_be_name(query, text) and _is_here(user, text):
        return _literal(text)
    if problem:
        raise problem
    return query


def named(user: User, text: str) -> Named:
    """Return what is called exactly so, without regard to case, accents and file extension."""
    if not user.is_authenticated or len(text) > 2 * MAX_TEXT:
        return Named()
    wanted = fold_whole_name(text)
    groups = (
        Filter(kind, (name,))
        for kind, name in _group_names(user)
        if kind in FILTERS and fold_whole_name(name) == wanted
    )
    photos = photos_with_file_name(cast("int", user.pk), text)
    return Named(tuple(photos), tuple(groups))


def photos_with_name(user: User, photos: PhotoQuerySet, query: Query) -> list[TextHit]:
    """Return those of `photos` that have the one wanted text of a query as a name.

    Those of a file name come first, then those of an album, a tag and a place, each the newest
    first.
    """
    if len(query.wanted) != 1 or query.wanted[0].kind != "text":
        return []
    found = named(user, query.wanted[0].value)
    if not found:
        return []
    hits: dict[UUID, TextHit] = {}
    by_file_name = photos.filter(pk__in=found.photos[:LIMIT])
    for rows, kind, text in [(by_file_name, "name", ""), *_by_group(user, photos, found)]:
        for pk, name in rows.newest_first().values_list("pk", "name")[:LIMIT]:
            reason = str(_REASONS[kind]) % {"text": text or name}
            hits.setdefault(pk, TextHit(pk, reason, exact=True))
    return list(hits.values())[:LIMIT]


def _by_group(
    user: User, photos: PhotoQuerySet, found: Named
) -> Iterator[tuple[PhotoQuerySet, str, str]]:
    for flt in found.groups:
        with_name = apply_filters(user, [flt]).photos.values("pk")
        yield photos.filter(pk__in=with_name), flt.name, flt.values[0]


def _group_names(user: User) -> Iterator[tuple[str, str]]:
    """Yield the names of albums, tags and places with the filter that finds them."""
    for album in Album.objects.visible_to(user).values_list("name", flat=True):
        yield "album", album
    for tag in Tag.objects.filter(owner_id=user.pk).values_list("name", flat=True):
        yield "tag", tag
    for place in library_names(user).get("place", ()):
        yield "place", place


def _may_be_name(query: Query, text: str) -> bool:
    """Tell whether the grammar reads more than words in a text, none of it a picture."""
    if not text.strip() or any(term.kind != "text" for term in query.terms):
        return False
    if len(query.terms) != 1 or query.filters:
        return True
    term = query.terms[0]
    return term.weight != 1 or (fold_whole_name(term.value) != fold_whole_name(text))


def _is_here(user: User, text: str) -> bool:
    found = named(user, text)
    if found.groups or not found.photos:
        return bool(found.groups)
    return apply_filters(user, ()).photos.filter(pk__in=found.photos).exists()


def _literal(text: str) -> Query:
    """Return the query for a name: its words in quotes.

    A name that no model can read, of one very long word or without any word, is a filter.
    """
    words = " ".join(text.split())
    try:
        return language.parse(language.to_text(Query((Term("text", words, quoted=True),))))
    except QueryError:
        return Query((), (Filter("name", (words[:MAX_TEXT],)),))
