"""What people say of photos and labels: yes, no, or nothing any more; and cuts drawn by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from gallery.models import Photo, User
from gallery.slices import slices
from gallery.user_errors import Conflict, UserError
from search.understanding.models import Kind, Label, Verdict

MOST = 1000
"""Answers in one request."""


def answer(user: User, label: Label, said: Mapping[UUID, bool | None]) -> dict[UUID, bool | None]:
    """Keep answers by photo, None taking one back; return what was said of each before.

    Answering with what this returned undoes it. A yes in a one-of set takes the yes of the same
    photo from its other labels. Raises `UserError` for too many answers or unknown photos.
    """
    if len(said) > MOST:
        message = _("At most %(limit)d answers fit in one request.")
        raise UserError(message % {"limit": MOST}, code="bad_parameter")
    _require_visible(user, said)
    with transaction.atomic():
        own = Verdict.objects.filter(label=label, photo__in=list(said))
        before = dict(own.values_list("photo_id", "yes"))
        own.delete()
        if label.set.kind == Kind.ONE_OF:
            yes = [photo_id for photo_id, answer in said.items() if answer]
            rivals = Verdict.objects.filter(label__set=label.set_id, photo__in=yes, yes=True)
            rivals.delete()
        now = timezone.now()
        Verdict.objects.bulk_create(
            Verdict(label=label, photo_id=photo_id, yes=yes, given_at=now)
            for photo_id, yes in said.items()
            if yes is not None
        )
    return {photo_id: before.get(photo_id) for photo_id in said}


def _require_visible(user: User, ids: Iterable[UUID]) -> None:
    wanted = set(ids)
    known = {
        pk
        for some in slices(wanted)
        for pk in Photo.objects.visible_to(user).filter(pk__in=some).values_list("pk", flat=True)
    }
    if unknown := sorted(map(str, wanted - known)):
        message = _("There is no photo %(photo)s.") % {"photo": unknown[0]}
        raise UserError(message, code="not_found", status=404)


def set_cut(label: Label, share: float | None) -> None:
    """Put the cut of a label of an any-of set where this share of the library lies above it.

    None leaves it to the answers again. Raises `UserError` for a share below 0 or above 1, and
    for a one-of set, whose labels have no cuts.
    """
    if label.set.kind == Kind.ONE_OF:
        message = _("Labels of a one-of set have no cut: a photo has the label that fits best.")
        raise Conflict(message)
    if share is not None and not 0 <= share <= 1:
        message = _("The share of photos above the cut must be between 0 and 1.")
        raise UserError(message, code="bad_parameter")
    label.cut_share = share
    label.save(update_fields=["cut_share"])
