"""The settings page, and the one where two models stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery import decoder_layers, model_change, quotas, trash
from gallery.administrators import is_administrator
from gallery.models import Embedding, EmbeddingModel, Photo, User
from gallery.user_errors import UserError
from gallery.views import PageRequest, administrators_only
from search import language
from search.engine import answer as engine
from search.engine.errors import SearchUnavailable
from search.language import QueryError
from search.suggest.recent_searches import recent
from search.vectors.embedders import catalog, folders
from search.vectors.index import IndexStats, index_figures

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
def settings_page(request: PageRequest) -> HttpResponse:
    """The model and device in use and why, and the recommended models."""
    return _page(request)


@require_POST
@login_required
def choose_model(request: PageRequest) -> HttpResponse:
    """Choose the model in a folder of the server, or leave the choice to Scry; administrators."""
    administrators_only(request)
    try:
        folders.require_choice()
        said = _chosen(request.POST.get("folder", ""), automatic="automatic" in request.POST)
    except UserError as error:
        return _page(request, problem=error.message, status=error.status)
    messages.success(request, said)
    return redirect("settings")


def _chosen(folder: str, *, automatic: bool) -> str:
    """Do what the form asks for; return the sentence that says so."""
    if automatic:
        model_change.release_holds()
        folders.choose_automatically()
        return _("Scry chooses the model again.")
    model, home = folders.inspect(folder)
    model_change.release_holds()
    folders.choose(model, home)
    return _("%(model)s is chosen and is being loaded.") % {"model": model.title}


def _page(request: PageRequest, problem: str = "", status: int = 200) -> HttpResponse:
    model = EmbeddingModel.objects.active()
    administers = is_administrator(request.user)
    owner_id = int(request.user.pk)
    context = {
        "model": model,
        "active_title": catalog.title_of(model.key) if model else "",
        "next": _next_model(model),
        "recommended": catalog.MODELS,
        "index": _index(model) if administers else None,  # It counts the photos of all people.
        "layers": decoder_layers.known() if administers else None,
        "bytes": Photo.objects.visible_to(request.user).total_bytes(),
        "limits": (limits := quotas.quota_of(owner_id)),
        "used": quotas.used_by(owner_id) if limits != quotas.Quota() else None,
        "trash": trash.contents(request.user),
        "other": _other(),
        "refusal": folders.refusal(),
        "choice": _choice(request, problem) if administers else None,
    }
    return render(request, "search/settings.html", context, status=status)


def _index(model: EmbeddingModel | None) -> IndexStats | str:
    """Return what the index holds, or the sentence that says why it is not known."""
    return index_figures(model) if model else _("No model is active yet.")


def _other() -> dict[str, Any] | None:
    """Return the title of the model that can be compared with the active one, and its state."""
    model = model_change.other()
    if model is None:
        return None
    until = model_change.kept_until(model)
    return {"title": catalog.title_of(model.key), "held": model.held, "kept_until": until}


def _next_model(active: EmbeddingModel | None) -> dict[str, Any] | None:
    """Return the model that is to take over, and how far it is; None if there is none."""
    change = model_change.under_way()
    if change is not None:
        title = catalog.title_of(change.model.key)
        return {"title": title, "done": change.done, "photos": change.photos, "change": change}
    name, held = folders.chosen(), EmbeddingModel.objects.filter(held=True)
    is_loading = name and (active is None or active.name != name)
    if not is_loading or any(model.name == name for model in held):
        return None
    return {"title": catalog.title_of(name)}


def _choice(request: PageRequest, problem: str) -> dict[str, Any]:
    """Return what the part for choosing a model shows to an administrator."""
    return {
        "fixed": "" if catalog.is_automatic(settings.EMBEDDING_MODEL) else settings.EMBEDDING_MODEL,
        "chosen": catalog.title_of(folders.chosen()),
        "folder": request.POST.get("folder", ""),
        "problem": problem,
        "own": folders.own(),
    }


# --- two models side by side ----------------------------------------------------------------------


@require_safe
@login_required
def compare_models(request: PageRequest) -> HttpResponse:
    """The active model and another one, and what both find for one's own last queries."""
    administrators_only(request)
    return render(request, "search/compare_models.html", _compared(request))


@require_POST
@login_required
def switch_model(request: PageRequest) -> HttpResponse:
    """Let another model answer from now on, or try again the photos that it failed on."""
    administrators_only(request)
    key = request.POST.get("model", "")
    pk = int(key) if key.isascii() and key.isdigit() and len(key) < 19 else 0
    try:
        messages.success(request, _done(pk, again="retry" in request.POST))
    except UserError as error:
        context = _compared(request) | {"problem": error.message}
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


def _compared(request: PageRequest) -> dict[str, Any]:
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
