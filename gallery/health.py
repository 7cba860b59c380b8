"""Health checks for whatever monitors the process."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from gallery import files
from gallery.models import EmbeddingModel


@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that the process is alive; check nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """Answer whether photos can be uploaded and searched: database, disk and model by name."""
    checks = {"database": _database(), "storage": _storage(), "model": _model()}
    ready = checks["database"] and checks["storage"]
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _storage() -> bool:
    try:
        files.require_free_space()
    except (files.StorageFull, OSError):
        return False
    return True


def _model() -> bool:
    try:
        return EmbeddingModel.objects.active() is not None
    except DatabaseError:
        return False
