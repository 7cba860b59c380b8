"""Scry on somebody's device: how it looks in this browser, and what makes it an app there.

Cookies keep language, colours and the size of photos, so that a phone may differ from a desk, and
pages have them without a script.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import TextChoices
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, gettext, gettext_lazy as _, override
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from gallery import host_cookies
from gallery.views import PageRequest

_SCRIPT = Path(settings.BASE_DIR) / "static" / "js" / "service_worker.js"
_ICONS = (("192.png", "192x192", "any"), ("512.png", "512x512", "any"),
          ("maskable.png", "512x512", "maskable"))  # fmt: skip

_COOKIES = {"language": "scry_language", "theme": "scry_theme", "tiles": "scry_tiles"}
"""The cookies by the names of the form; Django reads that of the language."""

KEPT = timedelta(days=365)


class Theme(TextChoices):
    """The colours; the value is that of `data-theme`."""

    AS_DEVICE = "", _("Same as device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Tiles(TextChoices):
    """How large photos are; the value is that of `data-tiles`."""

    SMALL = "small", _("Small")
    MEDIUM = "", _("Medium")
    LARGE = "large", _("Large")


_CHOICES = {
    "language": frozenset(code for code, _name in settings.LANGUAGES),
    "theme": frozenset(Theme.values),
    "tiles": frozenset(Tiles.values),
}
_CHOICES_SHOWN = {
    "languages": settings.LANGUAGES,
    "themes": Theme.choices,
    "tile_sizes": Tiles.choices,
}


class AppearanceForm(forms.Form):
    """A choice for each of the three; an empty one leaves it to the browser, or to Scry."""

    language = forms.ChoiceField(required=False, choices=[("", ""), *settings.LANGUAGES])
    theme = forms.ChoiceField(required=False, choices=Theme.choices)
    tiles = forms.ChoiceField(required=False, choices=Tiles.choices)

    def keep(self, response: HttpResponse) -> None:
        """Keep a valid choice in the browser that gets the answer."""
        for field, name in _COOKIES.items():
            if value := self.cleaned_data[field]:
                host_cookies.keep(response, name, value, max_age=KEPT, path="/")
            else:
                host_cookies.forget(response, name, path="/")


def appearance_of(request: HttpRequest) -> dict[str, str]:
    """Return what a browser has chosen, by the names of the form; anything else is no choice."""
    # Asked for each page and each part of one, so without the form.
    chosen = {field: host_cookies.read(request, name) for field, name in _COOKIES.items()}
    return {field: value if value in _CHOICES[field] else "" for field, value in chosen.items()}


def page_context(request: HttpRequest) -> dict[str, object]:
    """Return what the frame of each page needs to look as it was chosen."""
    return {"appearance": appearance_of(request)}


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def change_appearance(request: PageRequest) -> HttpResponse:
    """Show language, colours and the size of photos, and keep what is chosen.

    What cannot be chosen changes nothing.
    """
    if request.method != "POST":
        return render(request, "gallery/appearance.html", _CHOICES_SHOWN)
    form = AppearanceForm(request.POST)
    response = redirect("appearance")
    if form.is_valid():
        form.keep(response)
        with override(form.cleaned_data["language"] or get_language()):
            messages.success(request, gettext("Saved for this browser."))
    else:
        messages.error(request, gettext("That cannot be chosen. Nothing was changed."))
    return response


# --- as an app ------------------------------------------------------------------------------------


@cache_control(no_cache=True, private=True)
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """What the browser needs to install Scry: its name, its icons, and that it takes photos."""
    content = {
        "id": "/",
        "name": "Scry",
        "short_name": "Scry",
        "description": gettext("Find your photos by describing them."),
        "start_url": reverse("grid"),
        "scope": "/",
        "display": "standalone",
        "background_color": "#fafaf8",
        "theme_color": "#fafaf8",
        "icons": [
            {
                "src": static(f"icons/{name}"),
                "sizes": sizes,
                "type": "image/png",
                "purpose": purpose,
            }
            for name, sizes, purpose in _ICONS
        ],
        "shortcuts": [
            {"name": gettext("Search"), "url": reverse("search")},
            {"name": gettext("Upload"), "url": reverse("upload")},
        ],
        "share_target": {
            "action": reverse("share-target"),
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {"files": [{"name": "photos", "accept": ["image/*", ".heic", ".heif"]}]},
        },
    }
    return JsonResponse(content, content_type="application/manifest+json")


@cache_control(no_cache=True)
@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """The script of the service worker: it must have an address at the root to serve all pages."""
    return HttpResponse(_SCRIPT.read_bytes(), content_type="text/javascript; charset=utf-8")


@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """The page that the service worker shows where the gallery cannot be reached."""
    return render(request, "offline.html")


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def share_target(request: PageRequest) -> HttpResponse:
    """Where photos go that another app shares: the service worker takes them before they get here.

    What gets here changes nothing, so it needs no token. What the service worker takes is uploaded
    when the person says so.
    """
    text = gettext("What you shared did not arrive. Open Scry once, then share it again.")
    if request.method == "POST":
        messages.error(request, text)
    return redirect("upload")
