"""Pages of the settings: space and quotas, import folders, backups."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.core.cache import cache
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from gallery import files, quotas, space, trash
from gallery.administrators import is_administrator
from gallery.backup import history, schedule
from gallery.backup.refused import Refused
from gallery.folders import roots
from gallery.models import ExternalFile, ExternalFolder, Photo
from gallery.paths import shown
from gallery.recent import recent
from gallery.user_errors import UserError
from gallery.views import PageRequest, administrators_only

_COUNTS_SECONDS = 60
_MOST_DIGITS = 9


@dataclass(frozen=True)
class Account:
    """What one account stores, as last measured, and what it may store.

    `own_limit` tells that the limit is its own, and not that of all.
    """

    pk: int
    name: str
    photos: int
    bytes: int
    limit: int
    own_limit: bool

    @property
    def limit_mb(self) -> int:
        """The limit as the form has it."""
        return self.limit // (1024 * 1024)


@dataclass(frozen=True)
class Folder:
    """An external folder and what is in it: photos, missing ones, and refused files."""

    row: ExternalFolder
    photos: int
    missing: int
    refused: int


# --- space and quotas -----------------------------------------------------------------------------


@require_safe
@login_required
def storage(request: PageRequest) -> HttpResponse:
    """One's own photos and quota; for administrators the disk and all accounts too."""
    return _storage(request)


def _storage(request: PageRequest, problem: str = "", status: int = 200) -> HttpResponse:
    owner_id = int(request.user.pk)
    limits = quotas.quota_of(owner_id)
    context: dict[str, Any] = {
        "bytes": recent(request.user, "bytes", Photo.objects.visible_to(request.user).total_bytes),
        "limits": limits,
        "used": quotas.used_by(owner_id) if limits != quotas.Quota() else None,
        "held": trash.contents(request.user),
        "kept_days": trash.KEPT_DAYS,
        "problem": problem,
    }
    if is_administrator(request.user):
        measured = space.last_measured()
        context |= {
            "disk": files.disk(),
            "measured": measured,
            "accounts": _accounts(measured) if measured else [],
            "default_mb": settings.QUOTA_BYTES // (1024 * 1024),
            "backed_up": _history(),
        }
    return render(request, "gallery/storage.html", context, status=status)


def _accounts(measured: space.Space) -> list[Account]:
    accounts = get_user_model().objects.order_by("username")
    limits = quotas.byte_limits()
    rows = []
    for pk, name in accounts.values_list("pk", "username"):
        size, number = measured.of(pk)
        rows.append(
            Account(pk, name, number, size, limits.get(pk, settings.QUOTA_BYTES), pk in limits)
        )
    return sorted(rows, key=lambda account: -account.bytes)


@require_POST
@login_required
def change_quota(request: PageRequest, user_id: int) -> HttpResponse:
    """Limit the bytes of one account, to `mb` MiB; empty for the limit of all; administrators."""
    administrators_only(request)
    owner = get_object_or_404(get_user_model(), pk=user_id)
    text = request.POST.get("mb", "").strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS):
        problem = _("Give a whole number of megabytes, 0 for no limit, or nothing.")
        return _storage(request, problem, 400)
    quotas.limit_bytes(owner.pk, int(text) * 1024 * 1024 if text else None)
    messages.success(request, _("The quota of %(name)s is changed.") % {"name": owner})
    return redirect("storage")


# --- import folders -------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def import_folders(request: PageRequest) -> HttpResponse:
    """List external and watched folders, and add one below IMPORT_ROOTS; administrators."""
    administrators_only(request)
    problem, status = "", 200
    if request.method == "POST":
        try:
            folder = roots.add_below_root(request.user, request.POST.get("path", ""))
        except UserError as error:
            problem, status = error.message, error.status
        else:
            text = _("%(folder)s is added and is being scanned.")
            messages.success(request, text % {"folder": folder})
            return redirect("import-folders")
    rows = ExternalFolder.objects.select_related("owner").order_by("path", "owner")
    context = {
        "folders": list(_folders(rows)),
        "watched": [(owner, shown(folder)) for owner, folder in settings.WATCH_FOLDERS],
        "roots": [shown(root) for root in roots.roots()],
        "rescan_minutes": settings.RESCAN_MINUTES,
        "path": request.POST.get("path", ""),
        "problem": problem,
    }
    return render(request, "gallery/import_folders.html", context, status=status)


def _folders(rows: Iterable[ExternalFolder]) -> Iterable[Folder]:
    counts = cache.get_or_set("external-folders", _counts, _COUNTS_SECONDS) or {}
    for row in rows:
        yield Folder(row, *counts.get(row.pk, (0, 0, 0)))


def _counts() -> dict[int, tuple[int, int, int]]:
    """Return photos, missing and refused files by folder. It walks over all rows."""
    found = Q(photo__isnull=False)
    counted = (
        ExternalFile.objects.order_by()
        .values_list("folder_id")
        .annotate(
            photos=Count("pk", filter=found),
            missing=Count("pk", filter=found & Q(missing_since__isnull=False)),
            refused=Count("pk", filter=~Q(reason__in=["", ExternalFile.KEPT])),
        )
    )
    return {folder: (photos, missing, refused) for folder, photos, missing, refused in counted}


# --- backups --------------------------------------------------------------------------------------


@require_safe
@login_required
def backups(request: PageRequest) -> HttpResponse:
    """When the last backup was made, when the next one comes, and what is wrong; administrators."""
    administrators_only(request)
    kept = _history()
    since = kept.last_made or kept.scheduled_at if kept else None
    context = {
        "kept": kept,
        "trouble": schedule.trouble(),
        "next_at": _next(since, kept.every_hours) if kept and since and kept.every_hours else None,
    }
    return render(request, "gallery/backups.html", context)


def _next(since: Any, hours: int) -> Any:
    return max(since + timedelta(hours=hours), timezone.now())


def _history() -> history.History | None:
    try:
        return history.read()
    except Refused:
        return None
