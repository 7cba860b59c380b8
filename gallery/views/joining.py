"""Pages for people without a session: an invitation, a forgotten password, and a new one."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.forms import SetPasswordForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from gallery import audit, invitations, password_resets
from gallery.account_backend import BACKEND
from gallery.models import Deed
from gallery.sign_in_limits import client_address
from gallery.views.accounts import OwnerForm

_NAME_CHARACTERS = 254


@sensitive_post_parameters("password", "token")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest) -> HttpResponse:
    """Make an account for whoever has the secret of an invitation, and sign them in.

    Like that of the first run, the secret comes behind the `#` and a script of the page sends it.
    """
    secret = request.POST.get("token", "")
    if not secret or not invitations.found(secret):
        status = 403 if secret else 200
        return render(request, "gallery/join_link.html", {"asked": bool(secret)}, status=status)
    form = OwnerForm(request.POST if "username" in request.POST else None)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        name = settings.OIDC_NAME if settings.SIGNS_IN_BY_OPENID else ""
        context = {"form": form, "token": secret, "openid_name": name}
        return render(request, "gallery/join.html", context, status=status)
    user = invitations.accept(secret, form.cleaned_data["username"], form.cleaned_data["password"])
    if user is None:
        return render(request, "gallery/join_link.html", {"asked": True}, status=403)
    audit.note(Deed.ACCOUNT_MADE, user, address=client_address(request), detail="invitation")
    login(request, user, backend=BACKEND)
    return redirect("grid")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def forgot(request: HttpRequest) -> HttpResponse:
    """Mail a link to a new password; the answer is the same whether there is such an account."""
    name = request.POST.get("name", "").strip()[:_NAME_CHARACTERS].replace("\0", "")
    if settings.SENDS_MAIL and name:
        password_resets.ask(name, client_address(request))
    context = {"sends_mail": settings.SENDS_MAIL, "asked": bool(name)}
    return render(request, "gallery/forgot.html", context)


@sensitive_post_parameters("new_password1", "new_password2", "token")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def reset(request: HttpRequest) -> HttpResponse:
    """Take a new password from whoever has a link to it. They sign in with it afterwards."""
    secret = request.POST.get("token", "")
    user = password_resets.owner_of(secret)
    if user is None:
        status = 403 if secret else 200
        return render(request, "gallery/reset_link.html", {"asked": bool(secret)}, status=status)
    form = SetPasswordForm(user, request.POST if "new_password1" in request.POST else None)
    if not form.is_valid():
        status = 400 if form.is_bound else 200
        context = {"form": form, "token": secret, "name": user.get_username()}
        return render(request, "gallery/reset.html", context, status=status)
    password = form.cleaned_data["new_password1"]
    password_resets.give_password(user, password, address=client_address(request))
    return redirect("sign-in")
