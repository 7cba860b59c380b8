"""The first run, which creates the owner's account, and signing in and out."""

from __future__ import annotations

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

from gallery import first_run


class OwnerForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for the type checker only
    """The owner's name and password."""

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
    """Create the owner's account, once, for the person with the token that the start-up printed."""
    if not first_run.is_first_run():
        return redirect("grid")
    token = request.POST.get("token") or request.GET.get("token", "")
    if not token or not first_run.is_token(token):
        status = 403 if token else 200
        return render(request, "gallery/welcome_token.html", {"asked": bool(token)}, status=status)
    form = OwnerForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = {"form": form, "token": token}
        status = 400 if form.is_bound else 200
        return render(request, "gallery/welcome.html", context, status=status)
    owner = _create_owner(form.cleaned_data["username"], form.cleaned_data["password"])
    if owner is not None:
        login(request, owner, backend="django.contrib.auth.backends.ModelBackend")
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
def sign_in(request: HttpRequest) -> HttpResponse:
    """Ask for name and password; too many wrong ones lock the account for a while."""
    if first_run.is_first_run():
        return redirect("welcome")
    target = _safe_target(request)
    if request.user.is_authenticated:
        return redirect(target)
    form = AuthenticationForm(request, request.POST if request.method == "POST" else None)
    if form.is_valid():
        login(request, form.get_user())
        return redirect(target)
    context = {"failed": form.is_bound, "username": form["username"].value() or "", "next": target}
    status = 401 if form.is_bound else 200
    return render(request, "gallery/sign_in.html", context, status=status)


def client_address(request: HttpRequest) -> str:
    """Return the address that failed sign-ins are counted by.

    Each proxy appends the address that its request came from, so with PROXY_COUNT of them the
    client is that many entries from the end. The client may have invented the entries before it.
    """
    direct = str(request.META.get("REMOTE_ADDR", ""))
    forwarded = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if settings.PROXY_COUNT and len(forwarded) >= settings.PROXY_COUNT and forwarded[0]:
        return str(forwarded[-settings.PROXY_COUNT])
    return direct


def _safe_target(request: HttpRequest) -> str:
    """Return where to go after signing in: `next` if it is an address of this gallery."""
    target = request.POST.get("next") or request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        target, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return target if target and safe else resolve_url("grid")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """End the session."""
    logout(request)
    return redirect("sign-in")
