"""What is known of a tag: the photos that surely have it, and those that surely have not.

The tag itself is the last word. A photo that has it is a yes, unless it got it in bulk and nobody
looked at it. A photo that had it, by an answer or in bulk, and has it no more is a no: a person
took it off. So nothing must be told of what people do on other pages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db import models

from gallery.models import Photo, Tagged
from search.understanding.models import Example, Lesson, TaggedInBulk

MOST = 1000
"""Answers of each kind that a lesson learns from, the latest; more would only slow it down."""


@dataclass(frozen=True)
class Answers:
    """What is known: `yes` and `no` by photo, the oldest first; `tagged` are all with the tag.

    `boxed` are the examples that are about a part of their photo.
    """

    yes: list[UUID]
    no: list[UUID]
    tagged: frozenset[UUID]
    boxed: dict[UUID, Example]

    @property
    def known(self) -> frozenset[UUID]:
        """The photos that need no suggestion any more."""
        return self.tagged.union(self.no)


def answers_of(lesson: Lesson) -> Answers:
    """Return what is known of a tag on photos that are neither trashed nor deleted."""
    live = Photo.objects.live().filter(owner_id=lesson.owner_id)
    tagged = list(
        Tagged.objects.filter(tag_id=lesson.pk, photo__in=live)
        .order_by("pk")
        .values_list("photo_id", flat=True)
    )
    having = frozenset(tagged)
    examples = Example.objects.filter(lesson=lesson, photo__in=live).order_by("given_at", "pk")
    given = {example.photo_id: example for example in examples}
    bulk = set(_in_bulk(lesson).filter(photo__in=live).values_list("photo_id", flat=True))
    seen = {photo_id for photo_id, example in given.items() if example.yes}
    by_hand = [pk for pk in tagged if pk not in given and pk not in bulk]
    yes = [*by_hand, *(pk for pk in given if pk in having)]
    no = [*sorted(bulk - having - given.keys(), key=str), *(pk for pk in given if pk not in having)]
    boxed = {pk: given[pk] for pk in yes if pk in seen and given[pk].box}
    return Answers(yes[-MOST:], no[-MOST:], having, boxed)


def in_bulk(lesson: Lesson, photo_ids: Iterable[UUID]) -> set[UUID]:
    """Return which of these photos ever got the tag in bulk, undone or not."""
    rows = TaggedInBulk.objects.filter(act__lesson=lesson, photo__in=list(photo_ids))
    return set(rows.values_list("photo_id", flat=True))


def _in_bulk(lesson: Lesson) -> models.QuerySet[TaggedInBulk]:
    return TaggedInBulk.objects.filter(act__lesson=lesson, act__undone_at=None)
