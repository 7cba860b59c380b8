"""Pages and calls for passkeys: signing in with one, adding one, taking one away.

The calls named `begin` answer what a script hands to the browser; what the browser then signs comes
with a form, so that the answer to it is a page.
"""

from __future__ import annotations

import uuid
from typing import Any, cast

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from gallery import audit, second_step
from gallery.confirmation import asking_for_proof
from gallery.models import Deed, Passkey
from gallery.passkeys import assertion, registration
from gallery.sign_in_limits import client_address, few_begun
from gallery.user_agents import name_of
from gallery.user_errors import UserError
from gallery.views import PageRequest
from gallery.views.accounts import safe_target, sign_in_page
from gallery.views.code_pages import code_page

_MEANS = "passkey"
_NAME_CHARACTERS = 60


@never_cache
@require_POST
@few_begun
def begin_sign_in(request: HttpRequest) -> HttpResponse:
    """Answer what a passkey has to sign: of anybody, or of who has given the password."""
    waiting = _waiting(request)
    try:
        return JsonResponse(assertion.begin(request, waiting[0] if waiting else None))
    except UserError as error:
        return _no(error)


@sensitive_post_parameters("credential")
@never_cache
@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign somebody in whose passkey signed."""
    waiting = _waiting(request)
    user, target = waiting or (None, safe_target(request))
    try:
        owner = assertion.finish(request, request.POST.get("credential", ""), user)
    except UserError as error:
        if user:
            return code_page(request, user, status=error.status, problem=error.message)
        return sign_in_page(request, target, status=error.status, problem=error.message)
    second_step.complete(request, owner, "" if user else _MEANS)
    return redirect(target)


def _waiting(request: HttpRequest) -> tuple[Any, str] | None:
    """Return who has given the password in this browser, if the form is that of the second step."""
    return second_step.pending(request) if "second" in request.POST else None


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@asking_for_proof()
def begin(request: PageRequest, *, doubt: str) -> HttpResponse:
    """Answer what a new passkey has to be like, to somebody who has just proved who they are."""
    user = cast(User, request.user)
    try:
        if doubt:
            raise UserError(doubt)
        return JsonResponse(registration.begin(request, user))
    except UserError as error:
        return _no(error)


@sensitive_post_parameters("password", "credential")
@never_cache
@require_POST
@login_required
def add(request: PageRequest) -> HttpResponse:
    """Keep a new passkey; show recovery codes with the first thing that takes the second step."""
    user = cast(User, request.user)
    was_on = second_step.is_on(user)
    name = _name(request)
    try:
        registration.finish(request, user, request.POST.get("credential", ""), name)
    except UserError as error:
        messages.error(request, error.message)
        return redirect("account")
    audit.note(Deed.PASSKEY_ADDED, user, address=client_address(request), detail=name)
    if was_on:
        messages.success(request, _("The passkey is added."))
        return redirect("account")
    codes = second_step.new_recovery_codes(user)
    return render(request, "gallery/recovery_codes.html", {"codes": codes})


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@asking_for_proof()
def remove(request: PageRequest, passkey_id: uuid.UUID, *, doubt: str) -> HttpResponse:
    """Forget a passkey, if the password is right. It opens nothing from now on."""
    user = cast(User, request.user)
    passkey = get_object_or_404(Passkey, pk=passkey_id, owner=user)
    if doubt:
        messages.error(request, doubt)
        return redirect("account")
    second_step.remove_passkey(user, passkey)
    audit.note(Deed.PASSKEY_REMOVED, user, address=client_address(request), detail=passkey.name)
    messages.success(request, _("The passkey is removed. Remove it on its device, too."))
    return redirect("account")


def _name(request: HttpRequest) -> str:
    """Return what a passkey is called: as its owner says, or as the browser."""
    said = " ".join(request.POST.get("name", "").replace("\0", "").split())
    name = said or str(name_of(request.META.get("HTTP_USER_AGENT", ""))) or _("Passkey")
    return name[:_NAME_CHARACTERS]


def _no(error: UserError) -> JsonResponse:
    return JsonResponse({"message": error.message}, status=error.status)
