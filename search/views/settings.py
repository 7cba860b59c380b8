"""The settings page."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from gallery import trash
from gallery.models import EmbeddingModel, Photo
from gallery.views import PageRequest
from search.vectors.embedders.catalog import MODELS
from search.vectors.index import index_figures


@require_safe
@login_required
def settings_page(request: PageRequest) -> HttpResponse:
    """The model and device in use and why, and the recommended models."""
    model = EmbeddingModel.objects.active()
    context = {
        "model": model,
        "recommended": MODELS,
        "index": index_figures(model) if model else _("No model is active yet."),
        "bytes": Photo.objects.visible_to(request.user).total_bytes(),
        "trash": trash.contents(request.user),
    }
    return render(request, "search/settings.html", context)
