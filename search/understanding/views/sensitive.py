"""The page of sensitive pictures: what waits for a word, what was said, and the policies."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _, gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from gallery import sensitive
from gallery.alternative_texts import describe
from gallery.models import Photo
from gallery.models.sensitive import Policy, State
from gallery.paging import BadCursor
from gallery.user_errors import UserError
from gallery.views import PageRequest, uuids
from search.understanding.models import PromptScan
from search.understanding.sensitive import nudity, review

_TABS = {
    review.SUSPECTED: gettext_lazy("To review"),
    State.CONFIRMED.value: gettext_lazy("Confirmed"),
    State.CLEARED.value: gettext_lazy("Harmless"),
}


@require_safe
@login_required
def page(request: PageRequest) -> HttpResponse:
    """Fifty photos of a state and a kind, with the policies below."""
    state = request.GET.get("state") or review.SUSPECTED
    kind, cursor = request.GET.get("kind", ""), request.GET.get("cursor", "")
    try:
        items, following = review.page(request.user, state, kind=kind, cursor=cursor)
    except (BadCursor, UserError):
        return redirect("sensitive")
    describe([item.photo for item in items])
    context = {"items": items, "next": following, "state": state, "kind": kind}
    return _page(
        request, {**context, "did": "".join(map(str, uuids([request.GET.get("did", "")])))}
    )


def _page(request: PageRequest, context: dict[str, Any], status: int = 200) -> HttpResponse:
    counts = review.counts(request.user)
    state, kind = context["state"], context["kind"]
    treatments = sensitive.treatments(request.user)
    context |= {
        "tabs": [
            (name, title, sum(each[name] for each in counts.values()))
            for name, title in _TABS.items()
        ],
        "kinds": [(each, counts[each.kind][state]) for each in treatments],
        "title": next((each.title for each in treatments if each.kind == kind), ""),
        "policies": Policy.choices,
        "extra": nudity.is_installed(),
        "unmeasured": nudity.unmeasured(request.user).count() if nudity.is_installed() else 0,
        "scan": PromptScan.objects.filter(owner_id=request.user.pk).first(),
    }
    return render(request, "understanding/sensitive.html", context, status=status)


@require_POST
@login_required
def decide(request: PageRequest) -> HttpResponse:
    """Confirm or clear photos (`photo` fields; `confirm` or `clear`), and go back to the list."""
    state = State.CLEARED if "clear" in request.POST else State.CONFIRMED
    ids = uuids(request.POST.getlist("photo")[: sensitive.MOST_PHOTOS])
    photos = Photo.objects.visible_to(request.user, hidden=True).filter(pk__in=ids)
    try:
        decision = sensitive.decide(request.user, photos, request.POST.get("kind", ""), state)
    except UserError as error:
        return _refused(request, error)
    return _back(request, _said(state, decision.photos), undo=decision.batch)


def _said(state: str, photos: int) -> str:
    if state == State.CLEARED:
        text = ngettext("%(n)d photo is harmless.", "%(n)d photos are harmless.", photos)
    else:
        text = ngettext("%(n)d photo is confirmed.", "%(n)d photos are confirmed.", photos)
    return text % {"n": photos}


@require_POST
@login_required
def undo(request: PageRequest) -> HttpResponse:
    """Take back words that were given together (`batch`)."""
    with suppress(ValueError):
        sensitive.undo(request.user, uuid.UUID(request.POST.get("batch", "")))
    return _back(request, _("Taken back."))


@require_POST
@login_required
def change_kind(request: PageRequest) -> HttpResponse:
    """Set the policy of a kind, add an own one (`name`), or `remove` it."""
    form = request.POST
    try:
        if "name" in form:
            lines = (form.get(name, "").splitlines() for name in ("prompts", "harmless"))
            sensitive.add_kind(request.user, form["name"], *lines)
            said = _("The kind was added. Photos are looked at in the background.")
        elif "remove" in form:
            sensitive.remove_kind(request.user, form["remove"])
            said = _("The kind was removed.")
        else:
            sensitive.set_policy(
                request.user,
                form.get("kind", ""),
                form.get("policy", ""),
                blur_suspected="blur_suspected" in form,
            )
            said = _("Saved. It holds from now on.")
    except UserError as error:
        return _refused(request, error)
    return _back(request, said)


def _refused(request: PageRequest, error: UserError) -> HttpResponse:
    items, following = review.page(request.user, review.SUSPECTED)
    context = {"items": items, "next": following, "state": review.SUSPECTED, "kind": ""}
    return _page(request, {**context, "problem": error.message}, error.status)


def _back(request: PageRequest, text: str, undo: uuid.UUID | None = None) -> HttpResponse:
    """Go back to the list that the form came from, with a line that says what was done."""
    messages.success(request, text)
    state = request.POST.get("back", "")
    query = {"state": state if state in _TABS else review.SUSPECTED}
    if undo is not None:
        query["did"] = str(undo)
    return redirect(f"{reverse('sensitive')}?{urlencode(query)}")
