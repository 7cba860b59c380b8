"""The page where two models stand side by side, and an administrator switches or goes back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery import model_change
from gallery.administrators import is_administrator
from gallery.models import Embedding, EmbeddingModel, Photo, User
from gallery.user_errors import UserError
from gallery.views import PageRequest
from search import language
from search.engine import answer as engine
from search.engine.errors import SearchUnavailable
from search.language import QueryError
from search.suggest.recent_searches import recent
from search.vectors.embedders import catalog

QUERIES = 5
"""Recent searches that are shown side by side; each costs two searches."""

_SHOWN = 6
_FAILED = 24


@dataclass(frozen=True)
class Side:
    """What one model finds for a query, best first, or the sentence that says why it does not."""

    model: EmbeddingModel
    photos: Sequence[Photo] = ()
    message: str = ""

    @property
    def title(self) -> str:
        """The short title of the model."""
        return catalog.title_of(self.model.key)


@dataclass(frozen=True)
class Pair:
    """A query and what the older and the newer model find for it."""

    query: str
    sides: tuple[Side, ...]


@require_safe
@login_required
def compare_models(request: PageRequest) -> HttpResponse:
    """The active model and another one, and what both find for one's own last queries."""
    _require_administrator(request)
    return render(request, "search/compare_models.html", _context(request))


@require_POST
@login_required
def switch_model(request: PageRequest) -> HttpResponse:
    """Let another model answer from now on, or try again the photos that it failed on."""
    _require_administrator(request)
    key = request.POST.get("model", "")
    pk = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else 0
    try:
        messages.success(request, _done(pk, again="retry" in request.POST))
    except UserError as error:
        context = _context(request) | {"problem": error.message}
        return render(request, "search/compare_models.html", context, status=error.status)
    return redirect("compare-models")


def _done(pk: int, *, again: bool) -> str:
    """Do what the form asks for; return the sentence that says so."""
    if again:
        model_change.retry_lost(pk)
        return _("Scry tries these photos again.")
    model = model_change.switch_to(pk)
    title = {"model": catalog.title_of(model.key)}
    if model.state == EmbeddingModel.State.BUILDING:
        return _("%(model)s is built again and takes over when it is complete.") % title
    return _("%(model)s answers searches now.") % title


def _require_administrator(request: PageRequest) -> None:
    if not is_administrator(request.user):
        raise PermissionDenied


def _context(request: PageRequest) -> dict[str, Any]:
    active, other = EmbeddingModel.objects.active(), model_change.other()
    if active is None or other is None:
        return {"active": active, "other": None}
    models = sorted((active, other), key=lambda model: model.created_at)
    is_building = other.state == EmbeddingModel.State.BUILDING
    return {
        "active": active,
        "other": other,
        "other_title": catalog.title_of(other.key),
        "active_title": catalog.title_of(active.key),
        "change": model_change.change_to(other) if is_building else None,
        "failed": _failed(request.user, other) if is_building else [],
        "kept_until": model_change.kept_until(other),
        "asked": request.GET.get("q", ""),
        "pairs": [] if other.is_emptied else _pairs(request, models),
    }


def _failed(user: User, model: EmbeddingModel) -> list[Embedding]:
    """Return the failed rows of one's own photos that the active model finds."""
    own = Photo.objects.visible_to(user)
    rows = model_change.lost(model).filter(photo__in=own).select_related("photo")
    return list(rows.order_by("-photo__created_at")[:_FAILED])


def _pairs(request: PageRequest, models: Sequence[EmbeddingModel]) -> list[Pair]:
    asked = request.GET.get("q", "").strip()
    queries = [asked] if asked else [row.query for row in recent(request.user, QUERIES)]
    return [
        Pair(query, tuple(_side(request.user, query, model) for model in models))
        for query in queries
    ]


def _side(user: User, text: str, model: EmbeddingModel) -> Side:
    try:
        query = language.parse(text)
        found = engine.search(
            user, engine.SearchRequest(query, limit=_SHOWN, pins=False, model=model)
        )
    except (QueryError, SearchUnavailable) as error:
        return Side(model, message=error.message)
    return Side(model, [result.photo for result in found.photos])
