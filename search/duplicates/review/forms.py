"""The forms of the review page: one group decided, or many, and what those come to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Count, Sum
from django.http import QueryDict

from gallery.models import Photo
from search.duplicates.models import DuplicateGroup, DuplicateGroupQuerySet, Kind, Resolution
from search.duplicates.review import decisions

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

ACTIONS = {Kind.SAME_PICTURE: "keep", Kind.SIMILAR_SHOTS: "stack"}
"""What many groups of a kind can be decided to be at once: the default action of the kind."""

MOST = 10_000
"""Ids in one field, as in one request to the API: far more than a page unrolled to its end."""


class BadForm(Exception):
    """A form holds what no page of the gallery put there."""


@dataclass(frozen=True)
class Choice:
    """A group in which the person marked other photos than those proposed."""

    group: UUID
    keep: frozenset[UUID]
    trash: frozenset[UUID]


@dataclass(frozen=True)
class Wish:
    """The groups to decide at once: `groups`, or all of the kind for None.

    `choices` are those of them in which the person marked photos: decided as marked, but left
    alone by a wish to stack.
    """

    kind: str
    action: str
    groups: list[UUID] | None
    choices: list[Choice] = field(default_factory=list)


@dataclass(frozen=True)
class Figures:
    """What a wish comes to: groups, photos to the trash or to be stacked, and bytes freed.

    `left` groups are not touched, because photos of them were marked and stacking trashes none.
    """

    groups: int
    photos: int
    bytes: int
    left: int


def ids(values: Iterable[str]) -> list[UUID]:
    """Return the ids that form fields hold, parted by commas where a field holds several.

    Raises `BadForm` for what is none, and for more than `MOST`.
    """
    try:
        found = [UUID(one) for value in values for one in value.split(",") if one]
    except ValueError:
        raise BadForm from None
    if len(found) > MOST:
        raise BadForm
    return found


def decision(form: QueryDict) -> tuple[str, list[UUID], list[UUID]]:
    """Return what the form of one group asks for: the action, the photos seen, those to keep.

    "best" is to keep the one photo that was proposed, whatever is marked. Raises `BadForm`.
    """
    action, seen = form.get("action", ""), ids(form.getlist("seen"))
    if action == "best":
        return "keep", seen, ids(form.getlist("best"))
    if action not in Resolution.Action.values:
        raise BadForm
    return action, seen, ids(form.getlist("keep")) if action == "keep" else []


def read(user: AbstractBaseUser, form: QueryDict) -> Wish:
    """Return what the bulk form of the review page asks for; raise `BadForm` for nonsense."""
    kind, scope = form.get("kind", ""), form.get("scope", "")
    if kind not in ACTIONS or scope not in {"all", "page", "ticked"}:
        raise BadForm
    choices = [_choice(value) for value in form.getlist("choice")]
    named = None if scope == "all" else ids(form.getlist("page" if scope == "page" else "groups"))
    if named is not None:
        choices = [choice for choice in choices if choice.group in set(named)]
    return Wish(kind, ACTIONS[Kind(kind)], named, choices)


def _choice(value: str) -> Choice:
    """Read "group photo,photo photo,photo": the group, what to keep of it, and the rest."""
    group, keep, trash = [*value.split(" "), "", ""][:3]
    found = ids([group])
    if len(found) != 1:
        raise BadForm
    return Choice(found[0], frozenset(ids([keep])), frozenset(ids([trash])))


def _by_default(user: AbstractBaseUser, wish: Wish) -> DuplicateGroupQuerySet:
    """Return the groups that get what their kind proposes."""
    groups = DuplicateGroup.objects.visible_to(user).filter(kind=wish.kind)
    if wish.groups is not None:
        groups = groups.filter(pk__in=wish.groups)
    return groups.exclude(pk__in=[choice.group for choice in wish.choices])


def figures(user: AbstractBaseUser, wish: Wish) -> Figures:
    """Return what carrying the wish out would come to now."""
    sums = _by_default(user, wish).aggregate(
        groups=Count("pk"), photos=Sum("size"), bytes=Sum("recoverable")
    )
    count, photos = sums["groups"], sums["photos"] or 0
    if wish.action == "stack":
        return Figures(count, photos, 0, len(wish.choices))
    gone = Photo.objects.visible_to(user).filter(
        pk__in={photo for choice in wish.choices for photo in choice.trash}
    )
    by_hand = gone.aggregate(photos=Count("pk"), bytes=Sum("size"))
    return Figures(
        groups=count + len(wish.choices),
        photos=photos - count + by_hand["photos"],
        bytes=(sums["bytes"] or 0) + (by_hand["bytes"] or 0),
        left=0,
    )


def carry_out(user: AbstractBaseUser, wish: Wish) -> decisions.Batch:
    """Decide the groups, in one batch; groups that changed meanwhile are counted as skipped."""
    batch = decisions.resolve_many(user, wish.kind, wish.action, groups=_meant(user, wish))
    if wish.action == "stack":
        return batch
    made, skipped = [], batch.skipped
    for choice in wish.choices:
        try:
            seen = choice.keep | choice.trash
            made.append(decisions.resolve(user, choice.group, "keep", seen=seen, keep=choice.keep))
        except (decisions.Changed, decisions.NothingKept, DuplicateGroup.DoesNotExist):
            skipped += 1
    together = _join(user, batch.id, made)
    return decisions.Batch(
        id=together,
        groups=batch.groups + len(made),
        photos=batch.photos + sum(one.trashed for one in made),
        freed=batch.freed + sum(one.freed for one in made),
        skipped=skipped,
    )


def _meant(user: AbstractBaseUser, wish: Wish) -> list[UUID] | None:
    """Return the groups to decide by default; those that are gone too, so that they are counted."""
    if wish.groups is None:
        return list(_by_default(user, wish).values_list("pk", flat=True)) if wish.choices else None
    marked = {choice.group for choice in wish.choices}
    return [group for group in wish.groups if group not in marked]


def _join(user: AbstractBaseUser, batch: UUID, made: list[Resolution]) -> UUID:
    """Put decisions into one batch with the others, since they were asked for together."""
    mine = Resolution.objects.visible_to(user)
    first = mine.filter(batch=batch).first() or next(iter(made), None)
    if first is None:
        return batch
    mine.filter(pk__in=[one.pk for one in made]).update(
        batch=first.batch, decided_at=first.decided_at
    )
    return first.batch
