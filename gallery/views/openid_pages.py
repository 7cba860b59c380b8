"""Pages for signing in by an OpenID provider: leaving for it, coming back, linking an account."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from gallery import audit, first_run, invitations, second_step
from gallery.confirmation import asking_for_proof
from gallery.models import Deed, Role
from gallery.openid import flow, identities
from gallery.openid.id_tokens import Identity, SignInRefused
from gallery.sign_in_limits import client_address, few_begun
from gallery.user_errors import UserError
from gallery.views import PageRequest
from gallery.views.accounts import safe_target, sign_in_page

_MEANS = "OpenID Connect"

View = Callable[..., HttpResponse]


def _if_set(view: View) -> View:
    """Answer 404 where no provider is set."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        if not settings.SIGNS_IN_BY_OPENID:
            raise Http404
        return view(request)

    return answer


@never_cache
@require_POST
@_if_set
@few_begun
def begin_sign_in(request: HttpRequest) -> HttpResponse:
    """Send somebody to the provider to sign in."""
    if first_run.is_first_run():
        return redirect("welcome")
    return _leave(request, "sign-in", target=safe_target(request))


@sensitive_post_parameters("token")
@never_cache
@require_POST
@_if_set
@few_begun
def begin_join(request: HttpRequest) -> HttpResponse:
    """Send somebody with an invitation to the provider, to have an account without a password."""
    secret = request.POST.get("token", "")
    if not invitations.found(secret):
        return render(request, "gallery/join_link.html", {"asked": True}, status=403)
    return _leave(request, "join", secret=secret)


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@_if_set
@asking_for_proof()
def begin_link(request: PageRequest, *, doubt: str) -> HttpResponse:
    """Send somebody who has just proved who they are to the provider, to link the account."""
    user = cast(User, request.user)
    if doubt:
        messages.error(request, doubt)
        return redirect("account")
    return _leave(request, "link", user=str(user.pk))


def _leave(request: HttpRequest, goal: str, **values: str) -> HttpResponse:
    """Show a page that leads to the provider.

    A redirect would not do: browsers hold the answer to a form to `form-action` of the policy, and
    every host that the provider itself redirects to as well.
    """
    try:
        address = flow.begin(request, goal, **values)
    except UserError as error:
        return _told(request, error)
    context = {"address": address, "name": settings.OIDC_NAME}
    return render(request, "gallery/openid_leaving.html", context)


@sensitive_variables("held")
@never_cache
@require_safe
@_if_set
def back(request: HttpRequest) -> HttpResponse:
    """Take somebody who comes back from the provider to where they wanted to go."""
    try:
        identity, held = flow.finish(request)
        return _GOALS[held["goal"]](request, identity, held)
    except UserError as error:
        return _told(request, error)


def _sign_in(request: HttpRequest, identity: Identity, held: dict[str, Any]) -> HttpResponse:
    user = identities.owner_of(identity)
    if user is None and settings.OIDC_CREATE_ACCOUNTS:
        user = identities.create_account(identity, Role.MEMBER)
        _note(request, Deed.ACCOUNT_MADE, user)
    if user is None or not user.is_active:
        if user is not None:
            audit.note_failed_sign_in(user.get_username(), client_address(request))
        raise SignInRefused(_unknown())
    # Scry's own code is asked for unless the provider says that it asked for a second factor.
    whole = identity.has_second_factor
    return second_step.sign_in(request, user, held["target"], means=_MEANS, is_whole=whole)


def _join(request: HttpRequest, identity: Identity, held: dict[str, Any]) -> HttpResponse:
    user = invitations.accept_by(
        held["secret"], lambda role: identities.create_account(identity, role)
    )
    if user is None:
        return render(request, "gallery/join_link.html", {"asked": True}, status=403)
    _note(request, Deed.ACCOUNT_MADE, user, detail="invitation")
    return second_step.sign_in(request, user, resolve_url("grid"), means=_MEANS)


def _link(request: HttpRequest, identity: Identity, held: dict[str, Any]) -> HttpResponse:
    user = cast(User, request.user)
    if str(user.pk) != held["user"]:
        raise SignInRefused
    identities.link(user, identity)
    _note(request, Deed.IDENTITY_LINKED, user)
    messages.success(request, _("From now on you can sign in by %s.") % settings.OIDC_NAME)
    return redirect("account")


_GOALS = {"sign-in": _sign_in, "join": _join, "link": _link}


@sensitive_post_parameters("password")
@never_cache
@require_POST
@login_required
@asking_for_proof()
def unlink(request: PageRequest, *, doubt: str) -> HttpResponse:
    """Take the link to the provider back. It works where the provider was taken away, too."""
    user = cast(User, request.user)
    if doubt:
        messages.error(request, doubt)
        return redirect("account")
    try:
        if identities.unlink(user):
            _note(request, Deed.IDENTITY_UNLINKED, user)
            messages.success(request, _("The link is taken back."))
    except UserError as error:
        messages.error(request, error.message)
    return redirect("account")


def _told(request: HttpRequest, error: UserError) -> HttpResponse:
    """Say why it did not work: on the account page to whoever is signed in."""
    if request.user.is_authenticated:
        messages.error(request, error.message)
        return redirect("account")
    response = sign_in_page(
        request, resolve_url("grid"), status=error.status, problem=error.message
    )
    if error.status == 503:
        response["Retry-After"] = error.retry_seconds
    return response


def _unknown() -> str:
    sentence = _(
        "No account here belongs to that sign-in. Sign in with your password and link it on your "
        "account page, or ask for an invitation."
    )
    return sentence


def _note(request: HttpRequest, deed: Deed, user: User, *, detail: str = "") -> None:
    detail = f"{_MEANS} {detail}".strip()
    audit.note(deed, user, address=client_address(request), detail=detail)
