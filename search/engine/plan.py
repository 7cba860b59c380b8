"""From a query to a plan: which photos pass its filters, and what the index is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from gallery.metrics.stages import stage
from gallery.models import Audience, EmbeddingModel, PhotoQuerySet, User
from gallery.models.dialects import one_of
from search import fulltext
from search.engine import names, sent_pictures
from search.engine.errors import still_loading
from search.engine.target import Target, target_of
from search.filters.places import Places, places_of
from search.filters.selection import apply_filters
from search.fulltext import TextHit, TextQuery
from search.fulltext.captions import captioned, search_captions
from search.language.terms import Query
from search.parts.scale import Scale, scale_of
from search.relevance import Background
from search.relevance.library import background_of
from search.vectors import embedders
from search.vectors.embedders import languages
from search.vectors.embedders.base import Tower
from search.vectors.index import And, Filter, HasIds, Not

PATIENCE = 8.0
"""Seconds that a request waits for a model that is loading."""
TEXT_LIMIT = 200
"""Text matches at most."""


@dataclass(frozen=True, eq=False)
class VectorQuery:
    """What the index is asked, and what its answers are compared with, all for one model.

    `condition` limits the hits to photos that pass the filters and are not named by the query,
    `library` only to those that are not named; `is_filtered` says that the two differ. `text_hits`
    are the photos that have the words. `towns` are those that the words name, by GeoNames number:
    a photo from there that looks like the query is certain too. `unread` is the sentence that the
    model cannot read the words, empty where it can. `background` is None while too little is known
    of the library, `scale` where parts of photos do not count.
    """

    model: EmbeddingModel
    target: Target
    condition: Filter
    library: Filter
    is_filtered: bool
    text_hits: tuple[TextHit, ...]
    towns: frozenset[int]
    background: Background | None
    scale: Scale | None
    unread: str = ""


@dataclass(frozen=True, eq=False)
class Plan:
    """A query taken apart: the photos that pass its filters, and the vector query of its terms.

    `notes` are sentences about filters that nothing can pass. `vector` is None for filters alone.
    `model` is None before the first model is ready. `example` is the photo that all others are
    compared with, where the query is nothing else. `excluded` are photos whose words say what is
    excluded; they are not among `photos`.
    """

    query: Query
    model: EmbeddingModel | None
    photos: PhotoQuerySet
    notes: tuple[str, ...] = ()
    vector: VectorQuery | None = None
    example: UUID | None = None
    excluded: frozenset[UUID] = frozenset()

    @property
    def asked(self) -> VectorQuery:
        """The vector query of a query with terms; raise `LookupError` for filters alone."""
        if self.vector is None:
            raise LookupError
        return self.vector


def plan(user: User, query: Query, model: EmbeddingModel | None = None) -> Plan:
    """Return the plan of a query for a model, by default the active one.

    The active model is read once, here: whatever is switched meanwhile, an answer is of one model.

    Raises `QueryError` for bad values and unknown photos, `SearchUnavailable` while the model is
    loading, `ModelUnavailable`, `VectorIndexError` and `PoolBusy`.
    """
    filtered = apply_filters(user, query.filters)
    photos, notes = filtered.photos, filtered.notes
    model = model or _answering(user, query)
    if not query.terms:
        return Plan(query, model, photos, notes)
    if model is None:
        raise still_loading()
    conditions, library = [filtered.index_filter], [filtered.listed]
    for tower in _towers(user, model, query):
        if not embedders.wait_until_loaded(model.key, tower, PATIENCE):
            raise still_loading()
    background = background_of(user, model)
    with stage("encode"):
        target = target_of(user, model, query, background)
    places = places_of(user)
    # Words of photos are kept by owner; to an audience they would tell tags and other photos.
    owner_id = user.pk if user.is_authenticated else None
    text = TextQuery.from_query(owner_id, query, places.mentions)
    if excluded := _with_words(user, photos, text):
        photos = photos.exclude(pk__in=one_of(excluded))
        conditions.append(Not(HasIds.of(excluded)))
    if target.photos:
        conditions.append(Not(HasIds.of(target.photos)))
        library.append(Not(HasIds.of(target.photos)))
    named = names.photos_with_name(user, photos, query)
    text_hits = _text_hits(named, _found_by_words(user, photos, text))
    vector = VectorQuery(
        model=model,
        target=target,
        condition=_all_of(conditions),
        library=_all_of(library),
        is_filtered=bool(query.filters or excluded),
        text_hits=text_hits,
        towns=_towns(places, query) if text.wanted else frozenset(),
        background=background,
        scale=scale_of(user, model),
        unread="" if text_hits else _unread(model, query),
    )
    return Plan(query, model, photos, notes, vector, _example(query), excluded)


def _answering(user: User, query: Query) -> EmbeddingModel | None:
    """Return the active model; the former one while that is loaded here and the active one is not.

    After a switch, a process needs seconds to load the new model. Meanwhile it goes on with the
    one that it has.
    """
    active = EmbeddingModel.objects.active()
    if active is None:
        return None
    towers = _towers(user, active, query)
    if all(embedders.is_loaded(active.key, tower) for tower in towers):
        return active
    former = EmbeddingModel.objects.retired().exclude(retired_at=None).first()
    if former is None or not all(embedders.is_loaded(former.key, tower) for tower in towers):
        return active
    for tower in towers:
        embedders.wait_until_loaded(active.key, tower, 0)
    return former


def _found_by_words(user: User, photos: PhotoQuerySet, text: TextQuery) -> Sequence[TextHit]:
    if not isinstance(user, Audience):
        return fulltext.search(photos, text, limit=TEXT_LIMIT)
    return search_captions(photos, text.wanted, limit=TEXT_LIMIT) if user.shows_captions else ()


def _with_words(user: User, photos: PhotoQuerySet, text: TextQuery) -> frozenset[UUID]:
    """Return photos whose words say what is excluded."""
    if not isinstance(user, Audience):
        return fulltext.photos_with_text(text.owner_id, text.avoided)
    return captioned(photos, text.avoided) if user.shows_captions else frozenset()


def _text_hits(named: Sequence[TextHit], found: Sequence[TextHit]) -> tuple[TextHit, ...]:
    """Return all text hits once, those of whole names first."""
    by_photo = {hit.photo_id: hit for hit in [*found, *named]}
    return tuple(by_photo[pk] for pk in dict.fromkeys(hit.photo_id for hit in [*named, *found]))


def _all_of(conditions: Sequence[Filter]) -> Filter:
    return And(tuple(conditions)) if len(conditions) > 1 else conditions[0]


def _towns(places: Places, query: Query) -> frozenset[int]:
    """Return the towns that the wanted texts name: those in all places of a text, if there are any.

    "Lisbon, Portugal" means Lisbon, "Lisbon and Porto" both.
    """
    found: set[int] = set()
    for term in (term for term in query.wanted if term.kind == "text"):
        named = [mention.towns for mention in places.mentions(term.value)]
        if named:
            found |= frozenset.intersection(*named) or frozenset.union(*named)
    return frozenset(found)


def _unread(model: EmbeddingModel, query: Query) -> str:
    """Return the sentence that the model cannot read the wanted texts; empty where it can."""
    texts = (term.value for term in query.wanted if term.kind == "text")
    return languages.cannot_read(model.key, " ".join(texts))


def _towers(user: User, model: EmbeddingModel, query: Query) -> set[Tower]:
    """Return the towers that embed the terms; stored vectors need none."""
    kinds = {term.kind for term in query.terms}
    towers: set[Tower] = {"text"} if "text" in kinds else set()
    tokens = [term.value for term in query.terms if term.kind == "picture"]
    new = any(sent_pictures.needs_model(user, model, token) for token in tokens)
    return towers | ({"image"} if new or "part" in kinds else set())


def _example(query: Query) -> UUID | None:
    ids = [term.photo_id for term in query.terms if term.kind == "photo"]
    return UUID(ids[0]) if len(ids) == len(query.terms) == 1 else None
