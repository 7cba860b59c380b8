"""Draws the map of a library and groups its photos into themes, in steps that a worker takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import numpy as np
from django.contrib.auth import get_user_model
from django.db.models import Count, Max
from django.utils import timezone

from gallery.models import LIVE_PHOTO, Embedding, EmbeddingModel, Photo, Tagged, User
from gallery.slices import slices
from search.relevance.library import stored_texts
from search.understanding.library_vectors import LibraryVectors, Vectors, library_vectors
from search.understanding.models import LabelHit, MapRun
from search.understanding.themes import clusters as grouping, layout as laying, names
from search.understanding.themes.clusters import Places
from search.understanding.themes.components import Components, components
from search.understanding.themes.neighbours import NEIGHBOURS, neighbours
from search.understanding.themes.points import Points, packed, unpacked
from search.understanding.themes.steps import Steps, part

MIN_PHOTOS = 30
"""Fewer photos have no map: they are seen at a glance."""
GROWTH = 1.2
"""A map is drawn anew when there are so many times as many photos as were drawn."""
MEDOIDS = 12
"""Photos in the middle of a theme that may stand for it; some go to the trash."""

_LOOKED_AT = ("counted", "newest", "share_placed")
_PLACED_AT_ONCE = 256  # newcomers compared with the library at a time


@dataclass(frozen=True)
class Due:
    """A map to draw or to complete: of whom, with how many photos, up to which embedding."""

    owner_id: int
    photos: int
    newest: int
    draw: bool


def due(model: EmbeddingModel) -> Iterator[Due]:
    """Yield the maps that are missing or out of date, drawings first."""
    runs = {run.owner_id: run for run in MapRun.objects.filter(model=model).defer("points")}
    found = [
        Due(owner, photos, newest, _is_to_draw(run, photos))
        for owner, photos, newest in _libraries(model)
        if photos >= MIN_PHOTOS and _is_due(run := runs.get(owner), photos, newest, model)
    ]
    yield from sorted(found, key=lambda each: not each.draw)


def _libraries(model: EmbeddingModel) -> Iterator[tuple[int, int, int]]:
    """Yield each owner with the number of live photos that have vectors, and the newest embedding.

    The rows are counted in an index, less those of photos that are not live; the newest may be one
    of these.
    """
    rows = Embedding.objects.with_vector().filter(model=model).order_by()
    gone = Photo.objects.trashed().values("pk"), Photo.objects.exclude(deleted_at=None).values("pk")
    less = Counter[int]()
    for some in gone:
        of_owner = rows.filter(photo__in=some).values_list("owner_id")
        less.update(dict(of_owner.annotate(n=Count("pk"))))
    every = rows.values_list("owner_id").annotate(n=Count("pk"), newest=Max("pk"))
    for owner, number, newest in every:
        yield owner, number - less[owner], newest


def _is_due(run: MapRun | None, photos: int, newest: int, model: EmbeddingModel) -> bool:
    if run is None or _is_to_draw(run, photos):
        return True
    if (run.counted, run.newest) != (photos, newest):
        return True
    return not run.named and stored_texts(model.key) is not None


def _is_to_draw(run: MapRun | None, photos: int) -> bool:
    return (
        run is None
        or run.asked
        or run.state != MapRun.State.MADE
        or photos >= GROWTH * max(run.drawn, 1)
    )


# --- a new drawing --------------------------------------------------------------------------------


def drawing(model: EmbeddingModel, due: Due) -> Steps[int]:
    """Draw the map of a person anew and name its themes; returns how many photos it has.

    The former map stays until the last step. Raises OSError where vectors cannot be read.
    """
    user = get_user_model().objects.get(pk=due.owner_id)
    run, _ = MapRun.objects.get_or_create(owner_id=due.owner_id, model=model)
    former = _former(run)
    MapRun.objects.filter(pk=run.pk).update(state=MapRun.State.DRAWING, progress=0, asked=False)
    library = library_vectors(user, model, fresh=True)
    if len(library) < MIN_PHOTOS:
        _seen(run, due)
        return 0
    base = yield from part(components(library), 0.0, 0.1)
    levels: list[tuple[Places, Vectors]] = []
    for count in grouping.levels_of(len(library)):
        begun = 0.1 + 0.05 * len(levels)
        work = grouping.clusters(base.rows, count, _former_groups(library, former, len(levels)))
        levels.append((yield from part(work, begun, begun + 0.05)))
    near = yield from part(neighbours(library, *levels[-1]), 0.25, 0.5)
    start, known, before = _start(library, base, former)
    at = yield from part(laying.layout(*near, start), 0.5, 0.97)
    at = laying.framed(laying.aligned(at, at[known], before))
    ids = [each.decode() for each in library.ids.tolist()]
    themes = np.stack([groups for groups, _ in levels], axis=1).astype(np.uint16)
    described = [_described(user, model, library, base, groups) for groups, _ in levels]
    yield 0.99
    run.points, run.themes = packed(Points(ids, at, themes)), described
    run.drawn, run.named = len(ids), stored_texts(model.key) is not None
    run.state, run.progress, run.made_at = MapRun.State.MADE, 1.0, timezone.now()
    _seen(run, due, placed=len(ids))
    return len(ids)


def _seen(run: MapRun, due: Due, placed: int = 0) -> None:
    """Save the run, and which photos it was made for."""
    run.counted, run.newest = due.photos, due.newest
    run.share_placed = min(placed / max(due.photos, 1), 1.0)
    columns = ("state", "progress", "points", "themes", "drawn", "named", "made_at")
    kept = {column: getattr(run, column) for column in (*columns, *_LOOKED_AT)}
    # No row comes back that went with its owner or model meanwhile.
    MapRun.objects.filter(pk=run.pk).update(**kept)


def _former(run: MapRun) -> Points | None:
    """Return the last map of this person, if need be that of another model."""
    if run.points:
        return unpacked(run.points, len(run.themes))
    others = MapRun.objects.filter(owner_id=run.owner_id, state=MapRun.State.MADE)
    other = others.exclude(pk=run.pk).order_by("-made_at").first()
    return unpacked(other.points, len(other.themes)) if other else None


def _former_groups(library: LibraryVectors, former: Points | None, level: int) -> Places | None:
    """Return the theme of a level that each photo was in, -1 for others, (n,)."""
    if former is None or level >= former.themes.shape[1]:
        return None
    groups = np.full(len(library), -1, np.intp)
    places = library.places
    for pk, theme in zip(former.ids, former.themes[:, level].tolist(), strict=True):
        if pk in places:
            groups[places[pk]] = theme
    return groups


def _start(
    library: LibraryVectors, base: Components, former: Points | None
) -> tuple[laying.Positions, Places, laying.Positions]:
    """Return where photos start, which of them lay on the former map, and where."""
    start = laying.spread(base.rows)
    if former is None:
        return start, np.empty(0, np.intp), np.empty((0, 2), np.float32)
    places = library.places
    pairs = [(places[pk], row) for row, pk in enumerate(former.ids) if pk in places]
    known, rows = np.array(pairs, np.intp).reshape(-1, 2).T
    before = former.at[rows]
    if len(known) >= MIN_PHOTOS:
        scaled = laying.START * (before - before.mean(axis=0)) / max(float(before.std()), 1e-6)
        start = laying.aligned(start, start[known], scaled)
        start[known] = scaled
    return start, known, before


# --- what is known of a theme ---------------------------------------------------------------------


def _described(
    user: User, model: EmbeddingModel, library: LibraryVectors, base: Components, groups: Places
) -> list[dict[str, Any]]:
    """Return for each theme its title, medoids (ids as hex) and dates."""
    count = int(groups.max()) + 1
    titles = _titles(user, model, library, base, groups)
    times = _times(library)
    found = []
    for theme in range(count):
        members = np.flatnonzero(groups == theme)
        dated = [times[pk] for place in members if (pk := library.photo_id(int(place))) in times]
        found.append(
            {
                "title": titles[theme],
                "medoids": _medoids(library, base.rows, members),
                "first": min(dated).date().isoformat() if dated else "",
                "last": max(dated).date().isoformat() if dated else "",
            }
        )
    return found


def _medoids(library: LibraryVectors, rows: Vectors, members: Places) -> list[str]:
    if not len(members):
        return []
    own = rows[members]
    closest = np.argsort(((own - own.mean(axis=0)) ** 2).sum(axis=1), kind="stable")[:MEDOIDS]
    return [library.ids[place].decode() for place in members[closest].tolist()]


def _times(library: LibraryVectors) -> dict[UUID, datetime]:
    """Return when each photo was taken, of those whose date is known."""
    times: dict[UUID, datetime] = {}
    for some in slices(library.photo_ids(np.arange(len(library)))):
        dated = Photo.objects.filter(pk__in=some).exclude(taken_at=None)
        times.update(dated.values_list("pk", "wall_at"))
    return times


def _titles(
    user: User, model: EmbeddingModel, library: LibraryVectors, base: Components, groups: Places
) -> list[str]:
    """Return a title for each theme, "" where nothing is known; no two are the same."""
    sizes = np.bincount(groups)
    own = names.from_own(groups, _own_names(user, model, library), len(sizes))
    texts = stored_texts(model.key)
    if texts is None:
        return [own.get(theme, "") for theme in range(len(sizes))]
    means = np.zeros((len(sizes), library.dim), np.float32)
    for start, block in library.blocks():
        np.add.at(means, groups[start : start + len(block)], block)
    means /= np.maximum(sizes, 1)[:, None]
    titles, out = names.from_words(texts, means, base.mean.astype(np.float32), base.covariance)
    return names.told_apart([own.get(t, title) for t, title in enumerate(titles)], out, sizes)


def _own_names(
    user: User, model: EmbeddingModel, library: LibraryVectors
) -> Iterator[tuple[str, int]]:
    """Yield the tags of photos, and the labels that they have, with the photo's position."""
    places = library.places
    tagged = Tagged.objects.filter(LIVE_PHOTO, photo__owner_id=user.pk)
    hits = LabelHit.objects.filter(projection__model=model, projection__label__set__owner=user.pk)
    for rows, column in ((tagged, "tag__name"), (hits, "projection__label__name")):
        for name, photo_id in rows.values_list(column, "photo_id").iterator(chunk_size=5000):
            if (place := places.get(photo_id.hex)) is not None:
                yield name, place


# --- newcomers ------------------------------------------------------------------------------------


def placing(model: EmbeddingModel, due: Due) -> Steps[int]:
    """Place new photos among their neighbours on a map that stays; returns how many.

    A photo lies at the mean of its closest neighbours, and in the themes that most of them are in.
    """
    user = get_user_model().objects.get(pk=due.owner_id)
    run = MapRun.objects.get(owner_id=due.owner_id, model=model)
    points = unpacked(run.points, len(run.themes))
    library = library_vectors(user, model, fresh=True)
    places, known = library.places, set(points.ids)
    there = [(places[pk], row) for row, pk in enumerate(points.ids) if pk in places]
    new = np.array([place for pk, place in places.items() if pk not in known], np.intp)
    if len(new) and len(there) >= MIN_PHOTOS // 2:
        at, rows = np.array(there, np.intp).T
        added = yield from _among(library, new, at, points, rows)
        points = points.with_others(added)
    if not run.named and stored_texts(model.key) is not None:
        yield from _name(user, model, run, library, points)
    run.points = packed(points)
    _seen(run, due, placed=len(there) + len(new))
    return len(new)


def _among(
    library: LibraryVectors, new: Places, at: Places, points: Points, rows: Places
) -> Steps[Points]:
    """Return new photos (positions in the library) as points; `at` are the known ones there."""
    many = min(NEIGHBOURS, len(at))
    ids = [library.ids[place].decode() for place in new.tolist()]
    found: list[Places] = []
    for start in range(0, len(new), _PLACED_AT_ONCE):
        some = new[start : start + _PLACED_AT_ONCE]
        scores = library.scores(library.vectors(some))[at].T
        found.append(rows[np.argpartition(-scores, many - 1, axis=1)[:, :many]])
        yield start / len(new)
    near = np.concatenate(found)
    themes = np.array(
        [[np.bincount(column).argmax() for column in points.themes[row].T] for row in near]
    )
    where = points.at[near].mean(axis=1).astype(np.float32)
    return Points(ids, where, themes.astype(np.uint16).reshape(len(new), -1))


def _name(
    user: User, model: EmbeddingModel, run: MapRun, library: LibraryVectors, points: Points
) -> Steps[None]:
    """Name the themes of a map that was drawn before the words were embedded."""
    base = yield from components(library)
    rows = {pk: row for row, pk in enumerate(points.ids)}
    order = np.array([rows.get(each.decode(), -1) for each in library.ids.tolist()], np.intp)
    if (order < 0).any():
        return
    for level, themes in enumerate(run.themes):
        titles = _titles(user, model, library, base, points.themes[order, level].astype(np.intp))
        for theme, title in zip(themes, titles, strict=False):
            theme["title"] = title
    run.named = True
