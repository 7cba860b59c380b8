"""The settings page."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from gallery import model_change, trash
from gallery.administrators import is_administrator
from gallery.models import EmbeddingModel, Photo
from gallery.user_errors import UserError
from gallery.views import PageRequest
from search.vectors.embedders import catalog, folders
from search.vectors.index import index_figures


@require_safe
@login_required
def settings_page(request: PageRequest) -> HttpResponse:
    """The model and device in use and why, and the recommended models."""
    return _page(request)


@require_POST
@login_required
def choose_model(request: PageRequest) -> HttpResponse:
    """Choose the model in a folder of the server, or leave the choice to Scry; administrators."""
    if not is_administrator(request.user):
        raise PermissionDenied
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
    context = {
        "model": model,
        "active_title": catalog.title_of(model.key) if model else "",
        "next": _next_model(model),
        "recommended": catalog.MODELS,
        "index": index_figures(model) if model else _("No model is active yet."),
        "bytes": Photo.objects.visible_to(request.user).total_bytes(),
        "trash": trash.contents(request.user),
        "other": _other(),
        "refusal": folders.refusal(),
        "choice": _choice(request, problem) if is_administrator(request.user) else None,
    }
    return render(request, "search/settings.html", context, status=status)


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
