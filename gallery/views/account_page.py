"""The page of one's own account: password, sessions, tokens, and what happened to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from gallery import audit, roles, second_step
from gallery.confirmation import asking_for_proof
from gallery.models import ApiToken, Deed, Role, Scope, Session
from gallery.openid import identities
from gallery.passkeys.relying_party import relying_party, unavailable
from gallery.sessions import stored
from gallery.sign_in_limits import client_address
from gallery.views import PageRequest

TOKEN_DAYS = (30, 90, 365)
"""For how long a token can be made; 0 is for ever."""
MOST_TOKENS = 100
_SHOWN = 10
_PAGE = 100
_DIGITS = 19
"""More than a key has."""


class AddressForm(forms.Form):
    """Where mails go; empty for nowhere."""

    email = forms.EmailField(required=False, max_length=254)


class PasswordForm(SetPasswordForm):  # type: ignore[type-arg]  # generic for the type checker only
    """A new password of somebody who has proved who they are, and of whom there is no `doubt`."""

    old_password = forms.CharField(strip=False, max_length=1000)

    def __init__(self, user: User, data: Any, *, doubt: str) -> None:
        super().__init__(user, data)
        self._doubt = doubt
        if not user.has_usable_password():
            del self.fields["old_password"]

    def clean(self) -> dict[str, Any] | None:
        """Refuse whoever has not proved it; the old password was looked at, and counted, before."""
        cleaned: dict[str, Any] | None = super().clean()
        if self._doubt:
            field = "old_password" if "old_password" in self.fields else "new_password2"
            self.add_error(field, self._doubt)
        return cleaned


class TokenForm(forms.Form):
    """What a new token is called, what it opens, and for how many days."""

    name = forms.CharField(max_length=60)
    scope = forms.ChoiceField(choices=Scope.choices)
    days = forms.TypedChoiceField(choices=[(days, days) for days in (*TOKEN_DAYS, 0)], coerce=int)


@never_cache
@require_safe
@login_required
def account(request: PageRequest) -> HttpResponse:
    """Show the account."""
    return _page(request)


def _page(request: PageRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    user = cast(User, request.user)
    context = {
        "role": roles.role_of(user),
        "sessions": Session.objects.open().filter(owner=user).order_by("-seen_at"),
        "this_session": stored(request.session.session_key or ""),
        "tokens": user.api_tokens.order_by("-created_at"),
        "now": timezone.now(),
        "scopes": Scope.choices,
        "token_days": TOKEN_DAYS,
        "code_is_on": second_step.has_app(user),
        "passkeys": user.passkeys.order_by("created_at"),
        "no_passkeys": "" if relying_party(request) else unavailable(),
        "codes_left": second_step.recovery_codes_left(user),
        "has_password": user.has_usable_password(),
        "openid_name": settings.OIDC_NAME if settings.SIGNS_IN_BY_OPENID else "",
        "identity": identities.of(user),
        "sends_mail": settings.SENDS_MAIL,
        "entries": audit.of(user)[:_SHOWN],
    }
    return render(request, "gallery/account.html", {**context, **more}, status=status)


@sensitive_post_parameters("old_password", "new_password1", "new_password2")
@never_cache
@require_POST
@login_required
@asking_for_proof("old_password")
def change_password(request: PageRequest, *, doubt: str) -> HttpResponse:
    """Take a new password from somebody who knows the old one, and end all other sessions.

    An account that has none, since a provider vouches for it, gets one after a fresh sign-in.
    """
    user = cast(User, request.user)
    form = PasswordForm(user, request.POST, doubt=doubt)
    if not form.is_valid():
        return _page(request, status=400, password_form=form)
    form.save()
    update_session_auth_hash(request, user)
    _end(user, but=stored(request.session.session_key or ""))
    audit.note(Deed.PASSWORD_CHANGED, user, address=client_address(request))
    messages.success(request, _("The password is changed. You are signed out everywhere else."))
    return redirect("account")


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@asking_for_proof()
def change_address(request: PageRequest, *, doubt: str) -> HttpResponse:
    """Take a mail address, or none, from somebody who knows the password.

    Whoever reads the mails to it can have a new password, so a session alone is not enough.
    """
    user = cast(User, request.user)
    form = AddressForm(request.POST)
    if not form.is_valid():
        return _page(request, status=400, address_problem=_("That is no mail address."))
    if doubt:
        return _page(request, status=400, address_problem=doubt)
    user.email = form.cleaned_data["email"]
    user.save(update_fields=["email"])
    audit.note(Deed.ADDRESS_CHANGED, user, address=client_address(request))
    messages.success(request, _("The mail address is changed."))
    return redirect("account")


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@asking_for_proof()
def end_sessions(request: PageRequest, *, doubt: str) -> HttpResponse:
    """End one other session of one's own (`session`), or all others.

    Whoever stole a session could sign the others out otherwise.
    """
    if doubt:
        return _page(request, status=400, sessions_problem=doubt)
    user, this = cast(User, request.user), stored(request.session.session_key or "")
    one = request.POST.get("session", "")
    if _end(user, but=this, only=one):
        audit.note(Deed.SESSION_ENDED, user, address=client_address(request))
        messages.success(request, _("Signed out there."))
    return redirect("account")


def _end(user: User, *, but: str, only: str = "") -> int:
    """End sessions of a user except one; return how many."""
    others = Session.objects.filter(owner=user).exclude(pk=but)
    number: int = (others.filter(pk=only) if only else others).delete()[0]
    return number


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@asking_for_proof()
def make_token(request: PageRequest, *, doubt: str) -> HttpResponse:
    """Make a token, and show its secret in the answer to this request alone.

    It outlives the session, so a session alone is not enough.
    """
    user = cast(User, request.user)
    form = TokenForm(request.POST)
    if doubt:
        return _page(request, status=400, token_form=form, token_problem=doubt)
    if not form.is_valid() or user.api_tokens.count() >= MOST_TOKENS:
        return _page(request, status=400, token_form=form)
    name, scope, days = (form.cleaned_data[field] for field in ("name", "scope", "days"))
    expires_at = timezone.now() + timedelta(days=days) if days else None
    secret = ApiToken.issue(user, name=name, scope=scope, expires_at=expires_at)
    audit.note(Deed.TOKEN_MADE, user, address=client_address(request), detail=f"{name} ({scope})")
    return _page(request, secret=secret)


@require_POST
@login_required
def revoke_token(request: PageRequest, token_id: int) -> HttpResponse:
    """Revoke a token; from now on it opens nothing."""
    user = cast(User, request.user)
    token = get_object_or_404(user.api_tokens, pk=token_id)
    token.delete()
    audit.note(Deed.TOKEN_REVOKED, user, address=client_address(request), detail=token.name)
    messages.success(request, _("The token is revoked."))
    return redirect("account")


@never_cache
@require_safe
@login_required
def activity(request: PageRequest) -> HttpResponse:
    """What happened to the own account; for an owner, with `all`, to every account."""
    role = roles.role_of(request.user)
    is_whole = role == Role.OWNER and "all" in request.GET
    entries = audit.whole(request.user) if is_whole else audit.of(request.user)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdecimal() and len(before) < _DIGITS:
        entries = entries.filter(pk__lt=int(before))
    rows = list(entries[: _PAGE + 1])
    context = {"entries": rows[:_PAGE], "is_whole": is_whole, "role": role}
    context["next"] = rows[_PAGE - 1].pk if len(rows) > _PAGE else None
    return render(request, "gallery/activity.html", context)
