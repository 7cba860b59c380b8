"""What the search bar offers while somebody types, and the queries asked lately."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.views.decorators.http import require_POST, require_safe

from gallery.views import PageRequest


@require_safe
@login_required
def suggest(request: PageRequest) -> HttpResponse:
    """Suggestions for what stands at the cursor: recent and saved searches, filters, values."""
    raise Http404


@require_POST
@login_required
def forget(request: PageRequest) -> HttpResponse:
    """Forget the queries asked lately, one or all."""
    raise Http404
