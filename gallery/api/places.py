"""The places part of the API: clusters of photos on the map, and the names of towns."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import reverse
from ninja import Query, Router, Schema
from pydantic import Field

from gallery import gazetteer, sensitive
from gallery.api.errors import ErrorOut
from gallery.areas import Area
from gallery.clusters import MAX_ZOOM, Cluster, clusters
from gallery.models import Photo
from gallery.recent import recent

router = Router(tags=["places"])

TOWNS = 60
"""Names of towns in an answer."""
FAR_ZOOM = 4
"""Up to here, most photos are in view and counting them takes longest."""
_ERRORS = frozenset({400, 401})

_Latitude = Annotated[float, Field(ge=-90, le=90)]
_Longitude = Annotated[float, Field(ge=-180, le=180)]


class MapAreaIn(Schema):
    """A part of the map, in degrees, and how close it is looked at.

    It reaches from `west` eastwards to `east`, perhaps over the date line. At zoom z the world is
    256 * 2**z pixels wide; clusters are about a hundred pixels apart.
    """

    south: _Latitude = -90
    west: _Longitude = -180
    north: _Latitude = 90
    east: _Longitude = 180
    zoom: Annotated[int, Field(ge=0, le=MAX_ZOOM)] = 2


class ClusterOut(Schema):
    """Photos that lie together: `count`, and the `area` that they lie in, as in a query.

    `photo` stands for them; `latitude` and `longitude` are where it was taken, and `place` is its
    town. `thumbnail` is null while there is none, and where the photo is covered as sensitive.
    """

    count: int
    area: str
    photo: UUID
    name: str
    place: str
    latitude: float
    longitude: float
    url: str
    thumbnail: str | None


class TownOut(Schema):
    """A town for orientation, whether or not there are photos of it."""

    name: str
    latitude: float
    longitude: float


class PlacesOut(Schema):
    """What is in a part of the map: the number of photos, their clusters, the largest towns."""

    photos: int
    clusters: list[ClusterOut]
    towns: list[TownOut]


@router.get("/places", response={200: PlacesOut, _ERRORS: ErrorOut})
def list_places(request: HttpRequest, params: Query[MapAreaIn]) -> Any:
    """Return the photos in a part of the map as clusters, the largest first.

    Each photo is in one cluster. There are at most about a thousand, and the closer the zoom, the
    smaller they are. In a large library an answer for a far zoom may be a minute old.
    """
    area = Area(params.south, params.west, params.north, params.east)
    find = partial(clusters, Photo.objects.visible_to(request.user), area, params.zoom)
    is_far = params.zoom <= FAR_ZOOM
    found = recent(request.user, f"places-{area}-{params.zoom}", find) if is_far else find()
    veiled = sensitive.veiled_photos(request.user)
    return {
        "photos": sum(cluster.count for cluster in found),
        "clusters": [_cluster_out(each, veiled=each.cover.pk in veiled) for each in found],
        "towns": gazetteer.largest_towns(area, TOWNS),
    }


def _cluster_out(cluster: Cluster, *, veiled: bool) -> dict[str, Any]:
    cover = cluster.cover
    is_shown = cover.decoded_at is not None and not veiled
    return {
        "count": cluster.count,
        "area": str(cluster.area),
        "photo": cover.pk,
        "name": cover.name,
        "place": cover.place,
        "latitude": cover.latitude,
        "longitude": cover.longitude,
        "url": cover.get_absolute_url(),
        "thumbnail": reverse("thumbnail", args=[cover.pk]) if is_shown else None,
    }
