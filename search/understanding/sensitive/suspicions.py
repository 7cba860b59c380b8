"""What the active model suspects by texts: made for a whole library at once, and made again.

A person's word is never touched: it is in other rows, and what it speaks of is not in the queue.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from gallery import sensitive
from gallery.models import Embedding, EmbeddingModel, Photo, User
from gallery.models.sensitive import Kind
from gallery.slices import slices
from search.relevance.background import MIN_PHOTOS, Background, Vectors
from search.relevance.library import background_of
from search.understanding.directions import directions
from search.understanding.library_vectors import LibraryVectors, library_vectors
from search.understanding.models import Engine, PromptScan, Suspicion
from search.understanding.sensitive import paper_likeness
from search.understanding.sensitive.margins import Scores, Texts, margins, texts_of
from search.understanding.sensitive.paper_likeness import Papers, likeness, papers_of

MOST = 2000
"""Photos of a kind that are kept, the most suspected ones; nobody looks through more."""


def due(model: EmbeddingModel) -> list[Any]:
    """Return the people whose photos have to be looked at again: new photos, texts or model.

    Whoever had no turn for longest comes first.
    """
    searchable = Embedding.objects.live().filter(model=model, state=Embedding.State.INDEXED)
    counted = searchable.order_by().values_list("photo__owner").annotate(number=Count("pk"))
    numbers = dict(counted)
    made = {scan.owner_id: scan for scan in PromptScan.objects.filter(owner__in=numbers)}
    owners = get_user_model().objects.filter(pk__in=numbers)
    stale = [one for one in owners if _is_stale(one, model, made.get(one.pk), numbers[one.pk])]
    return sorted(stale, key=lambda one: made[one.pk].made_at.timestamp() if one.pk in made else 0)


def _is_stale(user: User, model: EmbeddingModel, scan: PromptScan | None, photos: int) -> bool:
    return scan is None or scan.photos != photos or scan.digest != digest_of(user, model)


def digest_of(user: User, model: EmbeddingModel) -> str:
    """Return what changes with the model, the texts of a person's kinds, and known papers."""
    texts = {each.kind: vars(texts_of(each)) for each in sensitive.treatments(user)}
    papers = paper_likeness.digest_of(model.key)
    return hashlib.sha256(json.dumps([model.key, texts, papers]).encode()).hexdigest()


def scan(user: User, model: EmbeddingModel) -> bool:
    """Look at all photos of a person; return False while the library cannot be measured yet.

    Raises `ModelUnavailable` and OSError.
    """
    photos = _searchable(user, model)
    digest = digest_of(user, model)
    background = background_of(user, model)
    if background is None and photos >= MIN_PHOTOS:
        return False
    found: dict[str, dict[UUID, float]] = {}
    if background is not None:
        found = suspected(library_vectors(user, model, fresh=True), model.key, user, background)
    with transaction.atomic():
        _replace(user, found)
        made = {"digest": digest, "photos": photos, "made_at": timezone.now()}
        PromptScan.objects.update_or_create(owner_id=user.pk, defaults=made)
    return True


def _searchable(user: User, model: EmbeddingModel) -> int:
    rows = Embedding.objects.live().filter(model=model, photo__owner_id=user.pk)
    return rows.filter(state=Embedding.State.INDEXED).count()


def suspected(
    library: LibraryVectors, key: str, user: User, background: Background
) -> dict[str, dict[UUID, float]]:
    """Return for each kind of a person the suspected photos with their scores, 1 at the cut."""
    found: dict[str, dict[UUID, float]] = {}
    for each in sensitive.treatments(user):
        texts = texts_of(each)
        if not texts.unsafe:
            continue
        both = directions(key, [[text] for text in (*texts.unsafe, *texts.harmless)])
        papers = papers_of(key) if each.kind == Kind.DOCUMENTS else None
        blocks = [
            scores_of(block, texts, both, background, papers) for _start, block in library.blocks()
        ]
        scores = np.concatenate(blocks) if blocks else np.empty(0, np.float32)
        places = np.flatnonzero(scores >= Suspicion.CUT)
        places = places[np.argsort(-scores[places], kind="stable")][:MOST]
        ids = library.photo_ids(places)
        found[each.kind] = dict(zip(ids, scores[places].tolist(), strict=True))
    return found


def scores_of(
    vectors: Vectors, texts: Texts, both: Vectors, background: Background, papers: Papers | None
) -> Scores:
    """Return how surely photos (n, dim) are of a kind, 1 at the cut, by texts and by papers, (n,).

    `both` are the texts as unit vectors, as for `margins`.
    """
    scores = margins(vectors, texts, both, background) / texts.cut
    if papers is not None:
        scores = np.maximum(scores, likeness(vectors, papers, background))
    return scores


def _replace(user: User, found: Mapping[str, Mapping[UUID, float]]) -> None:
    own = Photo.objects.filter(owner_id=user.pk)
    Suspicion.objects.filter(engine=Engine.PROMPTS, photo__in=own.values("pk")).delete()
    rows = [(kind, pk, score) for kind, photos in found.items() for pk, score in photos.items()]
    for some in slices(rows, 500):
        _insert(own, some)


def _insert(own: Any, rows: Sequence[tuple[str, UUID, float]]) -> None:
    """Insert rows of photos that are still there."""
    left = set(own.filter(pk__in=[pk for _kind, pk, _score in rows]).values_list("pk", flat=True))
    Suspicion.objects.bulk_create(
        Suspicion(photo_id=pk, kind=kind, engine=Engine.PROMPTS, score=score)
        for kind, pk, score in rows
        if pk in left
    )
