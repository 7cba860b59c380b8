"""The page of the best photos of an album, a day or all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models.functions import Lower
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from gallery.models import Album, Photo
from gallery.views import PageRequest
from gallery.views.tiles import Tile, tiles
from search.understanding.quality.best import Best, best_of
from search.understanding.quality.personal import MIN_LIKES
from search.understanding.quality.scope import BadScope, Scope, scope_of

SHOWN = 24
"""Photos on the page: what a person looks through before the end of an evening."""


@dataclass(frozen=True)
class Shown:
    """A tile, and what speaks for its photo."""

    tile: Tile
    reasons: str


@require_safe
@login_required
def best(request: PageRequest) -> HttpResponse:
    """The best of an album, a day, a burst or all photos, one of each burst."""
    asked = {name: request.GET.get(name, "").strip() for name in ("album", "day", "of")}
    problem, status = "", 200
    try:
        scope = scope_of(request.user, **asked)
    except BadScope as error:
        problem, status = error.message, error.status
        scope = Scope(Photo.objects.none(), "")
    found = best_of(request.user, scope.photos, SHOWN)
    albums = Album.objects.visible_to(request.user).order_by(Lower("name"), "name")
    context: dict[str, Any] = {
        "title": scope.title,
        "shown": _shown(request, found),
        "best": found,
        "agreement": round(100 * found.taste.agreement) if found.taste.agreement else None,
        "min_likes": MIN_LIKES,
        "albums": list(albums),
        "problem": problem,
        **asked,
    }
    return render(request, "understanding/best.html", context, status=status)


def _shown(request: PageRequest, found: Best) -> list[Shown]:
    rows = Photo.objects.visible_to(request.user).in_bulk([one.id for one in found.photos])
    there = [one for one in found.photos if one.id in rows]
    drawn = tiles([rows[one.id] for one in there])
    return [Shown(tile, ", ".join(one.reasons)) for tile, one in zip(drawn, there, strict=True)]
