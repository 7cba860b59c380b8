"""Pages about codes of authenticator apps: asking for one, switching that on and off."""

from __future__ import annotations

from base64 import b32encode
from typing import Any, cast

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from gallery import audit, second_step
from gallery.confirmation import asking_for_proof
from gallery.models import Deed
from gallery.passkeys.relying_party import relying_party
from gallery.sign_in_limits import client_address
from gallery.views import PageRequest

_CODE_CHARACTERS = 40


@sensitive_post_parameters("code")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_for_code(request: HttpRequest) -> HttpResponse:
    """Ask for the code after the password; whoever has not given that starts over."""
    waiting = second_step.pending(request)
    if waiting is None:
        return redirect("sign-in")
    user, target = waiting
    failed = request.method == "POST"
    if failed and second_step.is_right(user, _code(request)):
        second_step.complete(request, user)
        return redirect(target)
    if failed:
        audit.note_failed_sign_in(user.get_username(), client_address(request))
    return code_page(request, user, status=401 if failed else 200, failed=failed)


def code_page(request: HttpRequest, user: Any, *, status: int, **more: Any) -> HttpResponse:
    """Show the page of the second step; `problem` is why a passkey did not work."""
    context = {
        "has_app": second_step.has_app(user),
        "has_passkeys": bool(relying_party(request)) and user.passkeys.exists(),
    }
    return render(request, "gallery/sign_in_code.html", {**context, **more}, status=status)


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@asking_for_proof()
def begin(request: PageRequest, *, doubt: str) -> HttpResponse:
    """Show a new key to somebody who knows the password."""
    user = cast(User, request.user)
    if doubt:
        return _refused(request, doubt)
    return _show_key(request, second_step.begin(user))


@sensitive_post_parameters("code")
@never_cache
@require_POST
@login_required
def confirm(request: PageRequest) -> HttpResponse:
    """Switch the code on with the first one of the app; show the recovery codes, once."""
    user = cast(User, request.user)
    codes = second_step.confirm(user, _code(request))
    if not codes:
        device = second_step.begun(user)
        return _show_key(request, device, failed=True) if device else redirect("account")
    audit.note(Deed.CODE_ON, user, address=client_address(request))
    return render(request, "gallery/recovery_codes.html", {"codes": codes})


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@asking_for_proof()
def switch_off(request: PageRequest, *, doubt: str) -> HttpResponse:
    """Ask for no code of an app any more, if the password is right."""
    user = cast(User, request.user)
    if doubt:
        return _refused(request, doubt)
    second_step.switch_off_app(user)
    audit.note(Deed.CODE_OFF, user, address=client_address(request))
    if second_step.is_on(user):
        messages.success(request, _("A passkey is asked for after the password now."))
    else:
        messages.success(request, _("Only the password is asked for now."))
    return redirect("account")


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@asking_for_proof()
def make_recovery_codes(request: PageRequest, *, doubt: str) -> HttpResponse:
    """Show new recovery codes, once, and forget those from before."""
    user = cast(User, request.user)
    if not second_step.is_on(user):
        return redirect("account")
    if doubt:
        return _refused(request, doubt)
    codes = second_step.new_recovery_codes(user)
    audit.note(Deed.RECOVERY_CODES_MADE, user, address=client_address(request))
    return render(request, "gallery/recovery_codes.html", {"codes": codes})


def _show_key(request: PageRequest, device: Any, *, failed: bool = False) -> HttpResponse:
    picture = segno.make(device.config_url, micro=False)
    context = {
        # Squares, made here of the key alone.
        "picture": mark_safe(picture.svg_inline(scale=5, light="#fff")),  # noqa: S308
        "key": b32encode(device.bin_key).decode(),
        "failed": failed,
    }
    status = 400 if failed else 200
    return render(request, "gallery/code_key.html", context, status=status)


def _refused(request: PageRequest, doubt: str) -> HttpResponse:
    messages.error(request, doubt)
    return redirect("account")


def _code(request: HttpRequest) -> str:
    return request.POST.get("code", "")[:_CODE_CHARACTERS]
