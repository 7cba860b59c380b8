"""The first run, which creates the owner's account, and signing in and out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import login, logout
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from gallery import first_run, second_step, sign_in_limits
from gallery.account_backend import BACKEND
from gallery.passkeys.relying_party import relying_party


class OwnerForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """The name and the password of a new account."""

    password = forms.CharField(strip=False, max_length=1000)

    class Meta:
        model = User
        fields = ["username"]

    def clean_password(self) -> str:
        """Check the password against the validators, which look at the name too."""
        password: str = self.cleaned_data["password"]
        validate_password(password, User(username=self.cleaned_data.get("username", "")))
        return password


@sensitive_post_parameters("password", "token")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def welcome(request: HttpRequest) -> HttpResponse:
    """Create the owner's account, once, for the person with the token that the start-up printed.

    The token is behind the `#` of that address, which browsers send to no server: it would stand in
    logs of proxies. A script of the page puts it into the form.
    """
    if not first_run.is_first_run():
        return redirect("grid")
    token = request.POST.get("token", "")
    if not token or not first_run.is_token(token):
        status = 403 if token else 200
        return render(request, "gallery/welcome_token.html", {"asked": bool(token)}, status=status)
    form = OwnerForm(request.POST if "username" in request.POST else None)
    if not form.is_valid():
        context = {"form": form, "token": token}
        status = 400 if form.is_bound else 200
        return render(request, "gallery/welcome.html", context, status=status)
    owner = _create_owner(form.cleaned_data["username"], form.cleaned_data["password"])
    if owner is not None:
        login(request, owner, backend=BACKEND)
    return redirect("grid")


def _create_owner(name: str, password: str) -> User | None:
    """Create the first account, or return None if somebody else just did.

    The row lock makes two simultaneous first runs take turns. On SQLite, immediate transactions do
    the same without it.
    """
    with transaction.atomic():
        list(ContentType.objects.select_for_update().filter(app_label="auth", model="user"))
        if not first_run.is_first_run():
            return None
        owner = User.objects.create_superuser(name, password=password)
    first_run.remove_token()
    return owner


@sensitive_post_parameters("password")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@sign_in_limits.limited
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for name and password; whoever is wrong too often must wait."""
    if first_run.is_first_run():
        return redirect("welcome")
    target = safe_target(request)
    if request.user.is_authenticated:
        return redirect(target)
    form = AuthenticationForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid():
        return second_step.sign_in(request, form.get_user(), target)
    failed, username = form.is_bound, form["username"].value() or ""
    status = 401 if failed else 200
    return sign_in_page(request, target, status=status, failed=failed, username=username)


def sign_in_page(request: HttpRequest, target: str, *, status: int, **more: Any) -> HttpResponse:
    """Show the page with all ways to sign in; `problem` is why another way did not work."""
    name = settings.OIDC_NAME if settings.SIGNS_IN_BY_OPENID else ""
    context = {
        "next": target,
        "openid_name": name,
        "has_passkeys": relying_party(request) is not None,
        **more,
    }
    return render(request, "gallery/sign_in.html", context, status=status)


def safe_target(request: HttpRequest) -> str:
    """Return where to go after signing in: `next` if it is an address of this gallery."""
    target = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if target and safe else resolve_url("grid")


@never_cache
@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session, and have the browser forget the pictures and pages that it kept.

    The header clears service workers and their caches too. Cookies are left: it would take those
    of every other host of the domain.
    """
    logout(request)
    response = redirect("sign-in")
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response
