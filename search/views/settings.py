"""The pages on search quality and on workers, and the one where two models stand side by side."""

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

from gallery import decoder_layers, model_change
from gallery.administrators import is_administrator
from gallery.models import Embedding, EmbeddingModel, Photo, User, WorkKind
from gallery.user_errors import UserError
from gallery.views import PageRequest, administrators_only, vary_on_htmx
from gallery.work import figures, worker_rows
from search import language
from search.engine import answer as engine
from search.engine.errors import SearchUnavailable
from search.language import QueryError
from search.suggest.recent_searches import recent
from search.vectors.embedders import catalog, downloads, fetch, folders
from search.vectors.index import IndexStats, index_figures
from search.views.model_cards import cards

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
    """The model in use and what it means; for administrators the ones to choose from.

    For htmx only what changes while a model is downloaded and photos are embedded.
    """
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


@require_POST
@login_required
def download_model(request: PageRequest) -> HttpResponse:
    """Download a recommended `model` and use it, or with `cancel` stop that; administrators."""
    administrators_only(request)
    try:
        folders.require_choice()
        if "cancel" in request.POST:
            downloads.cancel()
            messages.success(request, _("The download is cancelled."))
        else:
            downloads.ask_for(request.POST.get("model", ""))
    except UserError as error:
        return _page(request, problem=error.message, status=error.status)
    return redirect("settings")


def _page(request: PageRequest, problem: str = "", status: int = 200) -> HttpResponse:
    model = EmbeddingModel.objects.active()
    next_model = _next_model(model)
    context = {
        "model": model,
        "active": catalog.of_key(model.key) if model else None,
        "active_title": catalog.title_of(model.key) if model else "",
        "next": next_model,
        "other": _other(),
    }
    if is_administrator(request.user):
        context |= _for_administrators(request, model, next_model, problem)
    template = "search/_quality.html" if request.htmx else "search/settings.html"
    return vary_on_htmx(render(request, template, context, status=status))


def _for_administrators(
    request: PageRequest,
    model: EmbeddingModel | None,
    next_model: dict[str, Any] | None,
    problem: str,
) -> dict[str, Any]:
    download = downloads.current()
    photos = Photo.objects.live().count()
    return {
        "recommended": catalog.MODELS,
        "refusal": folders.refusal(),
        "choice": _choice(request, problem),
        "download": download,
        "cards": cards(model, next_model["key"] if next_model else "", download, photos),
        "library": photos,
        "offline": fetch.is_offline(),
        "going_on": bool(next_model or (download and not download.problem)),
    }


@require_safe
@login_required
def workers(request: PageRequest) -> HttpResponse:
    """The processes that work, their devices, and the index that they fill; administrators."""
    administrators_only(request)
    context = {
        "workers": worker_rows.rows(),
        # It counts the photos of all people.
        "index": _index(EmbeddingModel.objects.active()),
        "layers": decoder_layers.known(),
    }
    return render(request, "search/workers.html", context)


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
        key = change.model.key
        rate = figures.rate_of(WorkKind.EMBED)
        return {
            "key": key,
            "title": catalog.title_of(key),
            "done": change.done,
            "photos": change.photos,
            "change": change,
            "seconds_left": round((change.photos - change.done) / rate) if rate else None,
        }
    name, held = folders.chosen(), EmbeddingModel.objects.filter(held=True)
    is_loading = name and (active is None or active.name != name)
    if not is_loading or any(model.name == name for model in held):
        return None
    return {"key": name, "title": catalog.title_of(name)}


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
