"""Tagging many photos at once: all sure ones on request, new ones by a live tag; and undoing it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from gallery.locks import lock_owner
from gallery.models import EmbeddingModel, Photo, User
from gallery.paging import check_limit, cursor_of, read_cursor
from gallery.slices import slices
from search.understanding.lessons import teaching
from search.understanding.lessons.answers import in_bulk
from search.understanding.lessons.ranking import Ranking, ranking_of
from search.understanding.models import Example, Lesson, TaggedInBulk, TaggingAct

AGREEMENT = 0.75
"""The share of the answers that a model must agree with for a live tag to act."""


@dataclass(frozen=True)
class Act:
    """A line of the history; `photos` got the tag."""

    id: UUID
    tag: str
    by: str
    done_at: datetime
    photos: int
    undone: bool


def accept_sure(lesson: Lesson, ranking: Ranking) -> TaggingAct | None:
    """Put the tag on all photos that surely show it; None if there are none."""
    return _tag(lesson, ranking.sure_ids(), TaggingAct.By.PERSON)


def _tag(lesson: Lesson, photo_ids: Sequence[UUID], by: TaggingAct.By) -> TaggingAct | None:
    with transaction.atomic():
        lock_owner(lesson.owner_id)
        added: list[UUID] = []
        for some in slices(photo_ids):
            live = Photo.objects.live().filter(owner_id=lesson.owner_id, pk__in=some)
            added += teaching.put_on(lesson, list(live.values_list("pk", flat=True)))
        if not added:
            return None
        teaching.keep(lesson)
        act = TaggingAct.objects.create(owner_id=lesson.owner_id, lesson=lesson, by=by)
        rows = [TaggedInBulk(act=act, photo_id=pk) for pk in added]
        TaggedInBulk.objects.bulk_create(rows, batch_size=1000)
    return act


def undo(user: User, act_id: UUID) -> int:
    """Take the tag off the photos of an act; return from how many. A second time does nothing.

    Photos that a person said yes to since keep it. Raises `TaggingAct.DoesNotExist`.
    """
    act = TaggingAct.objects.visible_to(user).select_related("lesson").get(pk=act_id)
    with transaction.atomic():
        lock_owner(act.lesson.owner_id)
        standing = TaggingAct.objects.filter(pk=act.pk, undone_at=None)
        if not standing.update(undone_at=timezone.now()):
            return 0
        confirmed = Example.objects.filter(lesson=act.lesson, yes=True).values("photo_id")
        rows = act.photos.exclude(photo__in=confirmed).values_list("photo_id", flat=True)
        return sum(len(teaching.take_off(act.lesson, some)) for some in slices(list(rows)))


def history(
    user: User, *, lesson: Lesson | None = None, cursor: str = "", limit: int = 20
) -> tuple[list[Act], str | None]:
    """Return acts, newest first, and the next cursor; raise `gallery.paging.BadCursor`."""
    check_limit(limit)
    acts = TaggingAct.objects.visible_to(user)
    if lesson is not None:
        acts = acts.filter(lesson=lesson)
    if cursor:
        at, last = read_cursor(cursor, UUID)
        acts = acts.filter(Q(done_at__lt=at) | Q(done_at=at, pk__lt=last))
    counted = acts.select_related("lesson__tag").annotate(number=Count("photos"))
    rows = list(counted.order_by("-done_at", "-pk")[: limit + 1])
    more = cursor_of(rows[limit - 1].done_at, rows[limit - 1].pk.hex) if rows[limit:] else None
    return [_act(row) for row in rows[:limit]], more


def _act(row: TaggingAct) -> Act:
    number: int = row.number  # type: ignore[attr-defined]
    name = row.lesson.tag.name
    return Act(row.pk, name, row.by, row.done_at, number, row.undone_at is not None)


# --- live tags ------------------------------------------------------------------------------------


def agrees(ranking: Ranking) -> bool:
    """Tell whether the model sees in the photos what the person sees, as far as it was asked."""
    return ranking.agreed >= AGREEMENT * ranking.asked


def tag_new_photos(model: EmbeddingModel) -> int:
    """Let every live tag put itself on photos that surely show it; return on how many.

    Only photos that came since the tag is live get it, and none twice: what people take off stays
    off.
    """
    live = Lesson.objects.filter(live=True).select_related("tag", "owner")
    return sum(_tag_new(lesson, model) for lesson in live.order_by("pk"))


def _tag_new(lesson: Lesson, model: EmbeddingModel) -> int:
    ranking = ranking_of(lesson, model, fresh=True)
    if ranking is None or not agrees(ranking):
        return 0
    new = [pk for some in slices(ranking.sure_ids()) for pk in _new(lesson, some)]
    act = _tag(lesson, new, TaggingAct.By.LIVE)
    return act.photos.count() if act else 0


def _new(lesson: Lesson, photo_ids: list[UUID]) -> list[UUID]:
    """Return which photos came since the tag is live and never got it in bulk."""
    newer = Photo.objects.filter(pk__in=photo_ids, created_at__gte=lesson.live_since)
    before = in_bulk(lesson, photo_ids)
    return [pk for pk in newer.values_list("pk", flat=True) if pk not in before]
