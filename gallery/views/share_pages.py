"""What owners do: share something, see with whom, revoke it; and what members do in return."""

from __future__ import annotations

import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.files.uploadedfile import TemporaryUploadedFile
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _, ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import companions
from gallery.albums import PHOTOS_PER_REQUEST
from gallery.companion_names import Neighbours
from gallery.decoding import PoolBusy
from gallery.models import Album, Downloads, SharedSet, ShareRole
from gallery.sharing import contributions, links, shared_sets
from gallery.sharing.shared_sets import Thing
from gallery.user_errors import UserError
from gallery.views import PageRequest, share_terms, uuids


@dataclass
class Outcome:
    """What came of a form: the address of a new link, which is told once, or what was refused.

    `about` names the form that was refused: the id of the link or member that it changes, or what
    a form without one does. `typed` is what was typed into it.
    """

    address: str = ""
    problem: str = ""
    status: int = 200
    about: str = ""
    typed: dict[str, str] = field(default_factory=dict)


@never_cache
@require_safe
@login_required
def shared_things(request: PageRequest) -> HttpResponse:
    """What is shared with a person, and what they share."""
    context = {
        "with_me": shared_sets.shared_with(request.user),
        "by_me": shared_sets.shared_by(request.user),
    }
    return render(request, "shared/list.html", context)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def share_album(request: PageRequest, album_id: uuid.UUID) -> HttpResponse:
    """With whom an album is shared, and the forms that change that."""
    album = get_object_or_404(Album.objects.visible_to(request.user), pk=album_id)
    return share(request, Thing.of_album(album), album.get_absolute_url())


def share(request: PageRequest, thing: Thing, back: str) -> HttpResponse:
    """Answer with the page of sharing of a thing; `back` is the page of the thing itself."""
    outcome = Outcome()
    if request.method == "POST":
        try:
            outcome = _act(request, thing)
        except UserError as error:
            outcome = _refused(request.POST, error)
        if not (outcome.address or outcome.problem):
            return redirect(request.path)
    shared = shared_sets.find(thing)
    context = {"thing": thing, "back": back, "shared": shared, "outcome": outcome}
    context |= {"periods": share_terms.PERIODS, "keep": share_terms.KEEP}
    context |= {"downloads": Downloads.choices, "roles": ShareRole.choices}
    context |= _grants(request, shared) if shared else {}
    return render(request, "shared/share.html", context, status=outcome.status)


def _refused(form: QueryDict, error: UserError) -> Outcome:
    typed = {name: str(value) for name, value in form.items()}
    about = form.get("link") or form.get("member") or form.get("do", "")
    return Outcome("", error.message, error.status, about, typed)


def _grants(request: PageRequest, shared: SharedSet) -> dict[str, Any]:
    added = contributions.of_others(shared).count() if shared.album_id else 0
    return {
        "members": shared.members.select_related("user").order_by("user__username"),
        "links": shared.links.order_by("-created_at"),
        "withheld": shared_sets.withheld(shared, request.user),
        "added": added,
    }


def _act(request: PageRequest, thing: Thing) -> Outcome:
    form = request.POST
    match form.get("do"):
        case "member":
            shared = shared_sets.find_or_make(thing)
            row = shared_sets.add_member(shared, form.get("name", ""), role=form.get("role", ""))
            told = _("%(name)s can open it now.") % {"name": row.user.get_username()}
            messages.success(request, told)
        case "link":
            terms = share_terms.of_link(form)
            _row, secret = links.make(shared_sets.find_or_make(thing), terms)
            return Outcome(address=address_of(request, secret))
        case "change-link":
            changes = share_terms.changed_link(form)
            _one(links.change(request.user, _id(form.get("link", "")), **changes))
            messages.success(request, _("The link is changed. Its address is the same."))
        case "change-member":
            changes = share_terms.changed_member(form)
            _one(shared_sets.change_member(request.user, _id(form.get("member", "")), **changes))
            messages.success(request, _("What this person may do is changed."))
        case "revoke-link":
            _one(links.revoke(request.user, _id(form.get("link", ""))))
            messages.success(request, _("The link opens nothing any longer."))
        case "remove-member":
            _one(shared_sets.remove_member(request.user, _id(form.get("member", ""))))
            messages.success(request, _("It is no longer shared with this person."))
        case "release":
            _release(request, thing)
        case _:
            raise UserError(_("The form says nothing to do."), code="bad_parameter")
    return Outcome()


def _release(request: PageRequest, thing: Thing) -> None:
    shared = shared_sets.find(thing)
    ids = uuids(request.POST.getlist("photo")[:PHOTOS_PER_REQUEST])
    number = shared_sets.release(shared, request.user, ids) if shared else 0
    told = ngettext("%(count)d photo is shown too.", "%(count)d photos are shown too.", number)
    messages.success(request, told % {"count": number})


def address_of(request: Any, secret: str) -> str:
    """Return the whole address of a link, under PUBLIC_URL where that is set."""
    path = reverse("link", args=[secret])
    if settings.PUBLIC_URL:
        return f"{settings.PUBLIC_URL.rstrip('/')}{path}"
    return str(request.build_absolute_uri(path))


def _id(text: str) -> uuid.UUID:
    found = uuids([text])
    if not found:
        raise Http404
    return found[0]


def _one(found: object) -> None:
    if not found:
        raise Http404


# --- members --------------------------------------------------------------------------------------


@require_POST
@login_required
def leave(request: PageRequest, shared_id: uuid.UUID) -> HttpResponse:
    """Leave what another person shares, with the photos that one added."""
    _one(shared_sets.leave(request.user, shared_id))
    messages.success(request, _("It is no longer shared with you."))
    return redirect("shared-things")


@require_POST
@login_required
def add(request: PageRequest, shared_id: uuid.UUID) -> HttpResponse:
    """Add photos of a member to an album of another person: files, or `photo` ids of own ones.

    Files are taken into the member's own gallery first.
    """
    audience = shared_sets.open_as(request.user, shared_id)
    if audience is None:
        raise Http404
    if not audience.may_contribute:
        raise PermissionDenied
    ids = uuids(request.POST.getlist("photo")[:PHOTOS_PER_REQUEST])
    refused = []
    for file in request.FILES.getlist("file"):
        try:
            ids.append(_take_in(request, cast("TemporaryUploadedFile", file)))
        except (UserError, PoolBusy) as error:
            why = getattr(error, "message", _("Too many pictures at once. Try this one again."))
            refused.append(f"{file.name}: {why}")
    if (problem := getattr(request, "upload_refused", None)) is not None:
        refused.append(str(problem))
    with suppress(UserError):
        number = contributions.add(audience, request.user, ids)
        told = ngettext("%(count)d photo was added.", "%(count)d photos were added.", number)
        messages.success(request, told % {"count": number})
    for text in refused:
        messages.error(request, text)
    return redirect("shared", shared_id)


def _take_in(request: PageRequest, file: TemporaryUploadedFile) -> uuid.UUID:
    path, name = Path(file.temporary_file_path()), file.name or _("picture")
    taken = companions.take_in(request.user, path, name, beside=Neighbours())
    return taken.photo.pk


@require_POST
@login_required
def take_out(request: PageRequest, shared_id: uuid.UUID) -> HttpResponse:
    """Take photos that members added out of an album again, as their owner or as the album's."""
    audience = shared_sets.open_as(request.user, shared_id)
    if audience is None:
        raise Http404
    ids = uuids(request.POST.getlist("photo")[:PHOTOS_PER_REQUEST])
    number = contributions.take_out(audience.shared, request.user, ids)
    told = ngettext("%(count)d photo was taken out.", "%(count)d photos were taken out.", number)
    messages.success(request, told % {"count": number})
    return redirect("shared", shared_id)
