"""`/metrics`: the figures as Prometheus reads them, for whoever has METRICS_TOKEN."""

from __future__ import annotations

import os

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gallery.api.errors import error
from gallery.metrics.gallery_state import GalleryState
from gallery.metrics.stages import WEB
from gallery.metrics.web_processes import FOLDER


@csrf_exempt  # Without a token the address is the same 404 to any request.
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer all figures in the text format of Prometheus; without METRICS_TOKEN, 404."""
    if not settings.METRICS_TOKEN:
        raise Http404
    scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
    known = constant_time_compare(token, settings.METRICS_TOKEN)
    if not known or scheme.lower() != "bearer":
        answer = error(401)
        answer["WWW-Authenticate"] = "Bearer"
        return answer
    if request.method not in {"GET", "HEAD"}:
        return error(405)
    state = CollectorRegistry()
    state.register(GalleryState())
    figures = generate_latest(state) + generate_latest(_of_web_processes())
    return HttpResponse(figures, content_type=CONTENT_TYPE_LATEST)


def _of_web_processes() -> CollectorRegistry:
    """Return what this process counted, or what all processes of its server did."""
    if FOLDER not in os.environ:
        return WEB
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return together
