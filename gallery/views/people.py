"""The page of all accounts, for owners: invite, change a role, deactivate. No photos of others."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _, gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from gallery import audit, invitations, roles
from gallery.models import Deed, Invitation, Role
from gallery.sign_in_limits import client_address
from gallery.user_errors import UserError
from gallery.views import PageRequest, administrators_only

_NAMES = (
    (Role.OWNER, gettext_lazy("Owner")),
    (Role.MEMBER, gettext_lazy("Member")),
    (Role.VIEWER, gettext_lazy("Viewer")),
)
INVITED = (Role.MEMBER, Role.VIEWER)
"""Nobody becomes an owner by a link that may get into other hands."""


@never_cache
@require_safe
@login_required
def people(request: PageRequest) -> HttpResponse:
    """List the accounts and the open invitations."""
    administrators_only(request)
    return _page(request)


def _page(request: PageRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    accounts = [(user, roles.role_of(user)) for user in _with_figures()]
    context = {
        "accounts": accounts,
        "invitations": invitations.open_ones().select_related("made_by"),
        "days": invitations.KEPT.days,
        "invited": INVITED,
        "roles": _NAMES,
    }
    return render(request, "gallery/people.html", {**context, **more}, status=status)


def _with_figures() -> QuerySet[User]:
    """Return the accounts with how many photos each has, and their bytes on Scry's disk."""
    kept = Q(photos__deleted_at=None)
    own = kept & Q(photos__external=False)
    figures = {
        "number": Count("photos", filter=kept),
        "bytes": Sum("photos__size", filter=own, default=0),
    }
    return User.objects.annotate(**figures).order_by("-is_active", "username")


@never_cache
@require_POST
@login_required
def invite(request: PageRequest) -> HttpResponse:
    """Make an invitation, and show its link in the answer to this request alone."""
    administrators_only(request)
    role = request.POST.get("role", "")
    if role not in INVITED:
        return _page(request, status=400)
    secret = invitations.invite(request.user, Role(role))
    _note(request, Deed.INVITED, request.user, role)
    home = settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}"
    return _page(request, link=f"{home}/join#{secret}")


@require_POST
@login_required
def withdraw(request: PageRequest, invitation_id: uuid.UUID) -> HttpResponse:
    """Withdraw an invitation, whoever made it."""
    administrators_only(request)
    get_object_or_404(Invitation, pk=invitation_id).delete()
    _note(request, Deed.INVITATION_WITHDRAWN, request.user)
    messages.success(request, _("The invitation is withdrawn."))
    return redirect("people")


@require_POST
@login_required
def change(request: PageRequest, user_id: int) -> HttpResponse:
    """Give an account a role (`role`), close it (`deactivate`) or open it again (`activate`)."""
    administrators_only(request)
    user = get_object_or_404(User, pk=user_id)
    try:
        done = _change(request, user)
    except UserError as error:
        return _page(request, status=error.status, problem=error.message)
    if done:
        _note(request, Deed.ACCOUNT_CHANGED, user, done)
    return redirect("people")


def _change(request: PageRequest, user: User) -> str:
    """Do what a form asks for, and return what is written down of it; "" if it asks for nothing."""
    role = request.POST.get("role", "")
    if "deactivate" in request.POST:
        roles.deactivate(user)
        return "deactivated"
    if "activate" in request.POST:
        roles.activate(user)
        return "activated"
    if role in Role.values and role != roles.role_of(user):
        roles.give_role(user, Role(role))
        return role
    return ""


def _note(request: PageRequest, deed: Deed, owner: Any, detail: str = "") -> None:
    address = client_address(request)
    audit.note(deed, owner, by=request.user, address=address, detail=detail)
