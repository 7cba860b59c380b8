"""A person's answers about a tag: giving them, taking them back, and switching the tag to live."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.locks import lock_owner
from gallery.models import Photo, Tag, Tagged, User
from gallery.names import TAGS_PER_PHOTO, clean_name, clean_tag
from gallery.slices import slices
from gallery.user_errors import UserError
from search.understanding.lessons.vectors import checked_box
from search.understanding.models import Example, Lesson
from search.understanding.models.lessons import WORDS_LIMIT

LIVE_YES, LIVE_NO = 5, 3
"""Answers that a tag needs before it may put itself on photos."""


class Contradiction(UserError):
    """A photo is called both an example and a counter-example."""

    code = "bad_parameter"


class UnknownPhotos(UserError):
    """A photo is unknown, another person's or in the trash, so nothing was stored."""

    code = "not_found"
    status = 404


class TooFewAnswers(UserError):
    """A tag was taught too little to act on its own."""

    code = "too_few_examples"
    status = 409


def find_lesson(user: User, name: str) -> Lesson:
    """Return the lesson of a tag, one that is not stored yet if it was never taught.

    Raises `Tag.DoesNotExist`, or `BadName` for what is no tag.
    """
    tag = Tag.objects.select_related("owner").get(owner_id=user.pk, name=clean_tag(name))
    stored = Lesson.objects.select_related("tag", "owner").filter(tag=tag).first()
    return stored or Lesson(tag=tag, owner=tag.owner)


def begin(user: User, name: str) -> Lesson:
    """Return the lesson of a tag, which is made if there is none; raise `BadName`."""
    tag, _made = Tag.objects.get_or_create(owner_id=user.pk, name=clean_tag(name))
    return _lesson(tag)


def keep(lesson: Lesson) -> None:
    """Store a lesson that is not stored yet."""
    Lesson.objects.get_or_create(tag_id=lesson.tag_id, defaults={"owner_id": lesson.owner_id})


def _lesson(tag: Tag) -> Lesson:
    lesson, _made = Lesson.objects.select_related("tag", "owner").get_or_create(
        tag=tag, defaults={"owner_id": tag.owner_id}
    )
    return lesson


def teach(
    user: User,
    name: str,
    yes: Sequence[UUID],
    no: Sequence[UUID],
    boxes: Mapping[UUID, Sequence[float]] | None = None,
) -> Lesson:
    """Store answers about photos, all or none; later ones replace earlier ones.

    A yes puts the tag on the photo and a no takes it off. Raises `BadName`, `Contradiction`,
    `UnknownPhotos`, `BadBox`.
    """
    if both := set(yes) & set(no):
        raise Contradiction(
            _("The photo %(id)s is both an example and a counter-example.") % {"id": min(both)}
        )
    placed = {pk: checked_box(box) for pk, box in (boxes or {}).items()}
    if placed.keys() - set(yes):
        raise Contradiction(_("Only photos that show it can have a box."))
    clean_tag(name)
    with transaction.atomic():
        lock_owner(user.pk or 0)
        wanted = {*yes, *no}
        _check_known(user, wanted)
        lesson = begin(user, name)
        _answer(lesson, list(dict.fromkeys(yes)), placed, yes=True)
        _answer(lesson, list(dict.fromkeys(no)), {}, yes=False)
    return lesson


def _check_known(user: User, wanted: Collection[UUID]) -> None:
    known = set()
    for some in slices(wanted):
        visible = Photo.objects.visible_to(user).filter(pk__in=some)
        known |= set(visible.values_list("pk", flat=True))
    if missing := set(wanted) - known:
        raise UnknownPhotos(
            _("There is no photo %(id)s, or it is in the trash. Nothing was stored.")
            % {"id": min(missing)}
        )


def _answer(
    lesson: Lesson, photo_ids: list[UUID], boxes: Mapping[UUID, list[float]], *, yes: bool
) -> None:
    for some in slices(photo_ids):
        moved = put_on(lesson, some) if yes else take_off(lesson, some)
        Example.objects.filter(lesson=lesson, photo__in=some).delete()
        now = timezone.now()
        Example.objects.bulk_create(
            Example(
                lesson=lesson, photo_id=pk, yes=yes, box=boxes.get(pk), moved=pk in moved,
                given_at=now,
            )
            for pk in some
        )  # fmt: skip


def put_on(lesson: Lesson, photo_ids: Collection[UUID]) -> set[UUID]:
    """Put the tag on photos; return which did not have it before."""
    having = _having(lesson, photo_ids)
    full = _full(photo_ids)
    new = [pk for pk in photo_ids if pk not in having and pk not in full]
    rows = [Tagged(tag_id=lesson.pk, photo_id=pk) for pk in new]
    Tagged.objects.bulk_create(rows, ignore_conflicts=True)
    return set(new)


def take_off(lesson: Lesson, photo_ids: Collection[UUID]) -> set[UUID]:
    """Take the tag off photos; return which had it."""
    having = _having(lesson, photo_ids)
    Tagged.objects.filter(tag_id=lesson.pk, photo__in=having).delete()
    return having


def _having(lesson: Lesson, photo_ids: Collection[UUID]) -> set[UUID]:
    rows = Tagged.objects.filter(tag_id=lesson.pk, photo__in=photo_ids)
    return set(rows.values_list("photo_id", flat=True))


def _full(photo_ids: Collection[UUID]) -> set[UUID]:
    """Return which photos have as many tags as a photo can have."""
    counts = Tagged.objects.filter(photo__in=photo_ids).values("photo_id")
    full = counts.annotate(number=Count("pk")).filter(number__gte=TAGS_PER_PHOTO)
    return set(full.values_list("photo_id", flat=True))


def forget(lesson: Lesson, photo_ids: Sequence[UUID]) -> int:
    """Take answers back, with what they did to the tag; return how many there were."""
    with transaction.atomic():
        lock_owner(lesson.owner_id)
        examples = list(Example.objects.filter(lesson=lesson, photo__in=photo_ids))
        moved = [example for example in examples if example.moved]
        take_off(lesson, [example.photo_id for example in moved if example.yes])
        put_on(lesson, [example.photo_id for example in moved if not example.yes])
        Example.objects.filter(pk__in=[example.pk for example in examples]).delete()
    return len(examples)


def describe(lesson: Lesson, words: str) -> None:
    """Say in other words what a tag means; none leave its name. Raises `BadName`."""
    lesson.words = clean_name(words, limit=WORDS_LIMIT) if words.strip() else ""
    keep(lesson)
    Lesson.objects.filter(pk=lesson.pk).update(words=lesson.words)


def set_live(lesson: Lesson, *, live: bool, yes: int, no: int) -> None:
    """Let a tag put itself on new photos, or stop it; raise `TooFewAnswers`.

    `yes` and `no` are how many photos it was taught by.
    """
    if live and (yes < LIVE_YES or no < LIVE_NO):
        raise TooFewAnswers(
            _("A live tag needs at least %(yes)d photos that show it and %(no)d that do not.")
            % {"yes": LIVE_YES, "no": LIVE_NO}
        )
    if live != lesson.live:
        lesson.live, lesson.live_since = live, timezone.now() if live else None
        keep(lesson)
        Lesson.objects.filter(pk=lesson.pk).update(live=live, live_since=lesson.live_since)
