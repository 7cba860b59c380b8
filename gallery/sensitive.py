"""What people say about sensitive pictures, how each kind is treated, and undoing it.

Whether a photo is listed is decided in one place, `PhotoQuerySet.visible_to`. Whether it is covered
where it is listed is decided here. A covered photo is not sent to the browser before it is asked
for, so nobody sees it over a shoulder while a page loads, and no script has to hide it.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery import stacks
from gallery.models import Photo, PhotoQuerySet, Sensitive, SensitiveKind, User, hidden_photos
from gallery.models.sensitive import KIND_LIMIT, Kind, Policy, State
from gallery.names import BadName, clean_name
from gallery.slices import slices
from gallery.user_errors import Conflict, UserError

MOST_PHOTOS = 10_000
"""Photos that one request may confirm or clear."""
MOST_KINDS = 20
"""Own kinds of one person."""
MOST_PROMPTS = 20
PROMPT_LIMIT = 300
"""Texts that describe an own kind, and the characters of each."""

suspected_of: list[Callable[[User, Sequence[str]], Iterable[uuid.UUID]]] = []
"""What tells which photos of a person machines suspect, of these kinds; filled by the app above."""


@dataclass(frozen=True)
class Treatment:
    """A kind as its owner treats it: its name for addresses, its title, and what to do.

    `prompts` and `harmless` are those of an own kind, else empty.
    """

    kind: str
    title: str
    policy: str = Policy.BLUR
    blur_suspected: bool = False
    own: bool = False
    prompts: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """Words given together: their `batch`, by which they are undone, and of how many photos."""

    batch: uuid.UUID
    photos: int


# --- kinds and what is done with them -------------------------------------------------------------


def treatments(user: User) -> list[Treatment]:
    """Return all kinds of a person, those of everybody first."""
    rows = {row.kind: row for row in SensitiveKind.objects.filter(owner_id=user.pk)}
    common = [_treatment(kind, str(Kind(kind).label), rows.pop(kind, None)) for kind in Kind.values]
    own = [_treatment(row.kind, row.kind, row, own=True) for row in rows.values()]
    return common + sorted(own, key=lambda each: each.title.casefold())


def _treatment(kind: str, title: str, row: SensitiveKind | None, *, own: bool = False) -> Treatment:
    if row is None:
        return Treatment(kind, title)
    texts = (tuple(row.prompts), tuple(row.harmless))
    return Treatment(kind, title, row.policy, row.blur_suspected, own, *texts)


def treatment_of(user: User, kind: str) -> Treatment:
    """Return one kind of a person; raise `UserError` (404) for one that there is not."""
    found = next((each for each in treatments(user) if each.kind == kind), None)
    if found is None:
        raise UserError(_("There is no such kind."), code="not_found", status=404)
    return found


def set_policy(
    user: User, kind: str, policy: str, *, blur_suspected: bool | None = None
) -> Treatment:
    """Change what is done with a kind, at once; raise `UserError` for what there is not."""
    treatment_of(user, kind)
    if policy not in Policy.values:
        message = _("The policy must be nothing, blur or hidden.")
        raise UserError(message, code="bad_parameter")
    changes: dict[str, str | bool] = {"policy": policy}
    if blur_suspected is not None:
        changes["blur_suspected"] = blur_suspected
    with transaction.atomic():
        SensitiveKind.objects.update_or_create(owner_id=user.pk, kind=kind, defaults=changes)
        _uncover_stacks(user)
    return treatment_of(user, kind)


def add_kind(
    user: User, name: str, prompts: Iterable[str], harmless: Iterable[str] = ()
) -> Treatment:
    """Add an own kind, or change its texts; raise `UserError` for bad names and texts."""
    kind = clean_name(name, limit=KIND_LIMIT)
    texts = {"prompts": _texts(prompts), "harmless": _texts(harmless)}
    if kind.casefold() in Kind.values:
        raise BadName(_("Everybody has a kind of this name already."))
    own = SensitiveKind.objects.filter(owner_id=user.pk).exclude(kind__in=Kind.values)
    if own.exclude(kind=kind).count() >= MOST_KINDS:
        message = _("There can be %(limit)d own kinds at most.") % {"limit": MOST_KINDS}
        raise UserError(message, code="too_many_kinds", status=409)
    SensitiveKind.objects.update_or_create(owner_id=user.pk, kind=kind, defaults=texts)
    return treatment_of(user, kind)


def _texts(lines: Iterable[str]) -> list[str]:
    texts = list(dict.fromkeys(" ".join(line.split()) for line in lines if line.strip()))
    if len(texts) > MOST_PROMPTS or any(len(text) > PROMPT_LIMIT for text in texts):
        message = _("At most %(lines)d lines of %(limit)d characters can describe a kind.")
        told = message % {"lines": MOST_PROMPTS, "limit": PROMPT_LIMIT}
        raise UserError(told, code="bad_parameter")
    return texts


def remove_kind(user: User, kind: str) -> None:
    """Remove an own kind with what was said of it; raise `UserError` for those of everybody."""
    if not treatment_of(user, kind).own:
        raise Conflict(_("Only own kinds can be removed."))
    with transaction.atomic():
        SensitiveKind.objects.filter(owner_id=user.pk, kind=kind).delete()
        Sensitive.objects.filter(owner_id=user.pk, kind=kind).delete()


# --- words ----------------------------------------------------------------------------------------


def decide(user: User, photos: PhotoQuerySet, kind: str, state: str) -> Decision:
    """Confirm or clear photos of a person as of a kind; raise `UserError` for what there is not.

    What was said before is kept until the next word, so that the batch can be undone.
    """
    treatment_of(user, kind)
    if state not in State.values:
        raise UserError(_("The state must be confirmed or cleared."), code="bad_parameter")
    batch, now, owner = uuid.uuid4(), timezone.now(), cast("int", user.pk)
    ids = list(photos.live().filter(owner_id=user.pk).order_by().values_list("pk", flat=True))
    with transaction.atomic():
        for some in slices(ids, 500):
            said = Sensitive.objects.filter(photo__in=some, kind=kind)
            before = dict(said.values_list("photo_id", "state"))
            rows = [
                Sensitive(
                    photo_id=pk, owner_id=owner, kind=kind, state=state, decided_at=now,
                    batch=batch, before=before.get(pk, ""),
                )
                for pk in some
            ]  # fmt: skip
            Sensitive.objects.bulk_create(
                rows,
                update_conflicts=True,
                unique_fields=["photo", "kind"],
                update_fields=["state", "decided_at", "batch", "before"],
            )
        _uncover_stacks(user)
    return Decision(batch, len(ids))


def undo(user: User, batch: uuid.UUID) -> int:
    """Take back words that were given together; return of how many photos. Twice does nothing."""
    rows = Sensitive.objects.filter(owner_id=user.pk, batch=batch)
    with transaction.atomic():
        fresh = rows.filter(before="").delete()[0]
        changed = 0
        for state in State.values:
            undone = {"state": state, "before": "", "batch": uuid.uuid4()}
            changed += rows.filter(before=state).update(**undone)
    return fresh + changed


def forget(user: User, photo: Photo, kind: str) -> None:
    """Take back what was said of one photo."""
    Sensitive.objects.filter(owner_id=user.pk, photo=photo, kind=kind).delete()


def _uncover_stacks(user: User) -> None:
    """Let no hidden photo be the cover of a stack, under which the others would be lost."""
    covers = Photo.objects.visible_to(user, hidden=True).filter(
        pk__in=hidden_photos(user), stack__isnull=False, folded=False
    )
    for cover in covers.select_related("stack"):
        others = Photo.objects.visible_to(user).filter(stack=cover.stack_id)
        following = others.cover_first().first()
        if following is not None and cover.stack is not None:
            stacks.set_cover(cover.stack, following)


def confirmed_kinds(photos: Iterable[Photo]) -> dict[uuid.UUID, list[str]]:
    """Return the kinds that each of the photos was confirmed to be of, in order."""
    ids = [photo.pk for photo in photos]
    found: dict[uuid.UUID, list[str]] = {pk: [] for pk in ids}
    rows = Sensitive.objects.confirmed().filter(photo__in=ids).order_by("kind")
    for photo_id, kind in rows.values_list("photo_id", "kind"):
        found[photo_id].append(kind)
    return found


def counts(user: User, state: str) -> Counter[str]:
    """Return how many photos of each kind a person confirmed or cleared."""
    photos = Photo.objects.visible_to(user, hidden=True)
    rows = Sensitive.objects.filter(owner_id=user.pk, state=state, photo__in=photos.values("pk"))
    return Counter(dict(rows.order_by().values_list("kind").annotate(number=Count("pk"))))


# --- covering -------------------------------------------------------------------------------------


def veiled_photos(user: User) -> frozenset[uuid.UUID]:
    """Return the ids of a person's photos that are covered until touched."""
    rows = Sensitive.objects.veiling().filter(owner_id=user.pk)
    found = set(rows.values_list("photo_id", flat=True))
    cautious = SensitiveKind.objects.filter(owner_id=user.pk, blur_suspected=True)
    if kinds := list(cautious.values_list("kind", flat=True)):
        for suspected in suspected_of:
            found.update(suspected(user, kinds))
    return frozenset(found)
