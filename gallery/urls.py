"""Every address of Scry: pages, pictures, API and health."""

from __future__ import annotations

from django.urls import path

from gallery.api import make_api
from gallery.health import healthz, readyz
from gallery.views import accounts, media, pages
from search import api as search_api, views as search_views

api = make_api()
search_api.attach(api)

urlpatterns = [
    path("", pages.grid, name="grid"),
    path("photos/<uuid:photo_id>", pages.photo, name="photo"),
    path("photos/<uuid:photo_id>/thumbnail", media.thumbnail, name="thumbnail"),
    path("photos/<uuid:photo_id>/preview", media.preview, name="preview"),
    path("photos/<uuid:photo_id>/original", media.original, name="original"),
    path("photos/<uuid:photo_id>/similar", search_views.similar, name="similar"),
    path("photos/<uuid:photo_id>/delete", pages.delete_photo, name="delete-photo"),
    path("photos/<uuid:photo_id>/retry", pages.retry_photo, name="retry-photo"),
    path("upload", pages.upload, name="upload"),
    path("problems", pages.problems, name="problems"),
    path("status-strip", pages.status_strip, name="status-strip"),
    path("search", search_views.search, name="search"),
    path("search/by-image", search_views.by_image, name="search-by-image"),
    path("settings", search_views.settings_page, name="settings"),
    path("welcome", accounts.welcome, name="welcome"),
    path("sign-in", accounts.sign_in, name="sign-in"),
    path("sign-out", accounts.sign_out, name="sign-out"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/v1/", api.urls),
]

handler404 = "gallery.views.pages.not_found"
