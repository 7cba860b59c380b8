"""Every address of Scry: the pages of the gallery and of search, the API, and health checks."""

from __future__ import annotations

from django.urls import include, path
from django.views.decorators.cache import cache_control
from django.views.i18n import JavaScriptCatalog

from gallery.api import make_api
from gallery.health import healthz, readyz
from gallery.views import accounts, album_pages, date_pages, media, pages, trash_pages
from search import api as search_api
from search.duplicates import api as duplicates_api

javascript_catalog = cache_control(private=True, max_age=3600)(JavaScriptCatalog.as_view())
api = make_api()
search_api.attach(api)
api.add_router("", duplicates_api.router)

urlpatterns = [
    path("", pages.grid, name="grid"),
    path("photos/<uuid:photo_id>", pages.photo, name="photo"),
    path("photos/<uuid:photo_id>/thumbnail", media.thumbnail, name="thumbnail"),
    path("photos/<uuid:photo_id>/preview", media.preview, name="preview"),
    path("photos/<uuid:photo_id>/video", media.video, name="video"),
    path(
        "photos/<uuid:photo_id>/companions/<uuid:companion_id>", media.companion, name="companion"
    ),
    path("photos/<uuid:photo_id>/original", media.original, name="original"),
    path("photos/<uuid:photo_id>/delete", pages.delete_photo, name="delete-photo"),
    path("photos/<uuid:photo_id>/retry", pages.retry_photo, name="retry-photo"),
    path("photos/<uuid:photo_id>/mark", album_pages.mark_photo, name="mark-photo"),
    path("photos/<uuid:photo_id>/date", date_pages.correct_date, name="correct-date"),
    path("photos/dates/undo", date_pages.undo, name="undo-dates"),
    path("albums", album_pages.albums, name="albums"),
    path("albums/<uuid:album_id>", album_pages.album, name="album"),
    path("albums/<uuid:album_id>/change", album_pages.change_album, name="change-album"),
    path("favourites", album_pages.favourites, name="favourites"),
    path("tags/<str:name>", album_pages.tag, name="tag"),
    path("stacks", album_pages.make_stack, name="make-stack"),
    path("stacks/<uuid:stack_id>", album_pages.stack, name="stack"),
    path("stacks/<uuid:stack_id>/unstack", album_pages.unstack, name="unstack"),
    path("trash", trash_pages.page, name="trash"),
    path("trash/restore", trash_pages.restore, name="restore"),
    path("trash/empty", trash_pages.empty, name="empty-trash"),
    path("trash/<uuid:photo_id>/thumbnail", trash_pages.thumbnail, name="trash-thumbnail"),
    path("trash/<uuid:photo_id>/preview", trash_pages.preview, name="trash-preview"),
    path("upload", pages.upload, name="upload"),
    path("problems", pages.problems, name="problems"),
    path("originals", pages.originals, name="originals"),
    path("status-strip", pages.status_strip, name="status-strip"),
    path("welcome", accounts.welcome, name="welcome"),
    path("sign-in", accounts.sign_in, name="sign-in"),
    path("sign-out", accounts.sign_out, name="sign-out"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("javascript-catalog.js", javascript_catalog, name="javascript-catalog"),
    path("api/v1/", api.urls),
    path("", include("search.urls")),
    path("", include("search.duplicates.urls")),
]

handler404 = "gallery.views.error_pages.not_found"
handler500 = "gallery.views.error_pages.failed"
