"""The pages of themes and of the map."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery.models import Photo
from gallery.models.photo_library import NAME_LIMIT
from gallery.signals import photos_changed
from gallery.user_errors import UserError
from gallery.views import PageRequest, vary_on_htmx
from gallery.views.tiles import tiles
from search.understanding.models import MapRun
from search.understanding.themes.runs import MIN_PHOTOS
from search.understanding.themes.themes import LibraryMap, Theme, library_map, run_of

PAGE = 200
"""Photos of a theme on one page."""
_MIDDLE = 1
"""The level that the page of themes opens with."""


@require_safe
@login_required
def themes(request: PageRequest) -> HttpResponse:
    """The themes of one level as cards; for htmx, how far a drawing is."""
    if request.htmx:
        return vary_on_htmx(render(request, "understanding/_drawing.html", _state(request)))
    drawn = library_map(request.user)
    levels = drawn.levels if drawn else 0
    level = _number(request.GET.get("level"), min(_MIDDLE, levels - 1))
    context = _state(request) | {
        "level": level,
        "levels": [(number, len(drawn.themes(number))) for number in range(levels)]
        if drawn
        else [],
        "themes": drawn.themes(level) if drawn and 0 <= level < levels else [],
        "name_limit": NAME_LIMIT,
    }
    return vary_on_htmx(render(request, "understanding/themes.html", context))


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 4 else otherwise


def _state(request: PageRequest) -> dict[str, Any]:
    run = run_of(request.user)
    return {
        "run": run,
        "drawing": run is not None and run.state == MapRun.State.DRAWING,
        "too_few": run is None
        and len(Photo.objects.visible_to(request.user)[:MIN_PHOTOS]) < MIN_PHOTOS,
        "fewest": MIN_PHOTOS,
        "percent": round(100 * run.progress) if run else 0,
    }


@require_safe
@login_required
def theme(request: PageRequest, level: int, photo_id: uuid.UUID) -> HttpResponseBase:
    """The photos of the theme of a level that a photo is in, newest first."""
    drawn, found = _theme(request, level, photo_id)
    return _theme_page(request, drawn, found)


def _theme_page(
    request: PageRequest, drawn: LibraryMap, found: Theme, problem: str = "", status: int = 200
) -> HttpResponse:
    ids = drawn.members(found)
    page = max(_number(request.GET.get("page"), 1), 1)
    photos = Photo.objects.visible_to(request.user).newest_first()
    chosen = _newest(photos, ids, (page - 1) * PAGE)
    context = {
        "theme": found,
        "tiles": tiles(chosen),
        "next": page + 1 if page * PAGE < len(ids) else None,
        "previous": page - 1 if page > 1 else None,
        "name_limit": NAME_LIMIT,
        "problem": problem,
        "typed": request.POST.get("name", found.title),
        "search": _search_for(found),
    }
    return render(request, "understanding/theme.html", context, status=status)


def _newest(photos: Any, ids: list[uuid.UUID], start: int) -> list[Photo]:
    """Return a page of photos, newest first, whose ids may be too many for one query."""
    dated = []
    for at in range(0, len(ids), 5000):
        some = photos.filter(pk__in=ids[at : at + 5000]).order_by()
        dated += some.values_list("shown_at", "pk")
    page = [photo_id for _, photo_id in sorted(dated, reverse=True)[start : start + PAGE]]
    return list(photos.filter(pk__in=page))


def _search_for(found: Theme) -> str:
    return f"{reverse('search')}?q={found.title.split(' · ')[0]}" if found.title else ""


def _theme(request: PageRequest, level: int, photo_id: uuid.UUID) -> tuple[LibraryMap, Theme]:
    drawn = library_map(request.user)
    found = drawn.theme_of(level, photo_id) if drawn else None
    if drawn is None or found is None:
        raise Http404
    return drawn, found


@require_POST
@login_required
def rename(request: PageRequest, level: int, photo_id: uuid.UUID) -> HttpResponse:
    """Name the theme that a photo is in (`name`); an empty name takes the former one away."""
    drawn, found = _theme(request, level, photo_id)
    try:
        drawn.rename(found, request.POST.get("name", ""))
    except UserError as error:
        return _theme_page(request, drawn, found, error.message, error.status)
    if request.POST.get("back") == "theme":
        return redirect("theme", level, photo_id)
    return redirect(f"{reverse('themes')}?level={level}#theme-{found.number}")


@require_safe
@login_required
def map_page(request: PageRequest) -> HttpResponse:
    """The map; what lies on it comes from the API."""
    return render(request, "understanding/map.html", _state(request) | {"teaches": _teaches()})


def _teaches() -> bool:
    """Tell whether this gallery can be taught tags."""
    try:
        resolve("/api/v1/tags/name/examples")
    except Resolver404:
        return False
    return True


@require_POST
@login_required
def draw(request: PageRequest) -> HttpResponse:
    """Have the map drawn anew."""
    run = run_of(request.user)
    if run is not None:
        MapRun.objects.visible_to(request.user).filter(pk=run.pk).update(asked=True)
        photos_changed.send(sender=Photo)
        messages.success(request, _("The map will be drawn anew, turned as it is now."))
    return redirect("map" if request.POST.get("back") == "map" else "themes")
