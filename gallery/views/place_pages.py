"""The map of the places where photos were taken, and the photos of a part of it."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode, urlsplit

from csp.decorators import csp_update
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.exceptions import BadRequest
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from gallery.areas import Area
from gallery.models import Photo, PhotoQuerySet
from gallery.places import photographed_towns
from gallery.recent import recent
from gallery.views import PageRequest, vary_on_htmx
from gallery.views.tiles import by_day, tiles

SHOWN = 60
"""Photos of an area beside the map."""
TOWNS = 500
"""Towns of the list."""
_FEW = 5000
_LOCATED = Q(latitude__isnull=False)


@require_safe
@login_required
def places(request: PageRequest) -> HttpResponse:
    """Show the map, and the towns as a list, those with the most photos first."""
    photos = Photo.objects.visible_to(request.user)
    towns = recent(request.user, "photographed-towns", partial(photographed_towns, photos))
    context = {
        "towns": towns[:TOWNS],
        "more_towns": max(len(towns) - TOWNS, 0),
        "is_empty": not towns and not photos.filter(_LOCATED).exists(),
        "tiles": {"url": settings.MAP_TILES_URL, "attribution": settings.MAP_TILES_ATTRIBUTION},
    }
    draw: Any = render
    if hosts := tile_hosts():
        # This page alone asks another host for pictures.
        draw = csp_update({"img-src": hosts})(draw)
    answer: HttpResponse = draw(request, "gallery/places.html", context)
    return answer


def tile_hosts() -> list[str]:
    """Return the host that tiles come from, unless it is the gallery's own; none without tiles."""
    address = urlsplit(settings.MAP_TILES_URL)
    return [f"{address.scheme}://{address.netloc}"] if address.netloc else []


@require_safe
@login_required
def photos(request: PageRequest) -> HttpResponse:
    """Return the newest photos of an area, for the panel of the map; else lead to the search."""
    area = Area.parse(request.GET.get("area", ""))
    if area is None:
        raise BadRequest
    address = f"{reverse('search')}?{urlencode({'q': f'area:{area}'})}"
    if not request.htmx:
        return vary_on_htmx(redirect(address))
    inside = Photo.objects.visible_to(request.user).filter(area.q())
    context = {
        "days": by_day(tiles(newest(inside))),
        "number": inside.count(),
        "address": address,
    }
    return vary_on_htmx(render(request, "gallery/_place_photos.html", context))


def newest(photos: PhotoQuerySet) -> list[Photo]:
    """Return the newest photos of an area.

    Few are found by where they are and then sorted. Many are found soonest from the newest on.
    """
    ids = list(photos.order_by().values_list("pk", flat=True)[: _FEW + 1])
    found = photos if len(ids) > _FEW else photos.filter(pk__in=ids)
    return list(found.newest_first()[:SHOWN])
