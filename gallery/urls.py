"""Every address of Scry: pages, pictures, API and health."""

from __future__ import annotations

from django.urls import path

from gallery import api_albums, api_stacks, api_trash
from gallery.api import make_api
from gallery.health import healthz, readyz
from gallery.views import accounts, albums, media, pages, stacks, trash
from search import api as search_api
from search.duplicates import views as duplicates
from search.views import facets, filters, pictures, results, saved, settings, suggestions, why

api = make_api()
for part in (api_albums, api_stacks, api_trash):
    api.add_router("", part.router)
search_api.attach(api)

urlpatterns = [
    path("", pages.grid, name="grid"),
    path("photos/<uuid:photo_id>", pages.photo, name="photo"),
    path("photos/<uuid:photo_id>/thumbnail", media.thumbnail, name="thumbnail"),
    path("photos/<uuid:photo_id>/preview", media.preview, name="preview"),
    path("photos/<uuid:photo_id>/original", media.original, name="original"),
    path("photos/<uuid:photo_id>/similar", results.similar, name="similar"),
    path("photos/<uuid:photo_id>/delete", pages.delete_photo, name="delete-photo"),
    path("photos/<uuid:photo_id>/retry", pages.retry_photo, name="retry-photo"),
    path("photos/<uuid:photo_id>/mark", albums.mark_photo, name="mark-photo"),
    path("photos/<uuid:photo_id>/duplicates", duplicates.of_photo, name="duplicates-of"),
    path("albums", albums.albums, name="albums"),
    path("albums/<uuid:album_id>", albums.album, name="album"),
    path("albums/<uuid:album_id>/change", albums.change_album, name="change-album"),
    path("favourites", albums.favourites, name="favourites"),
    path("tags/<str:name>", albums.tag, name="tag"),
    path("stacks", stacks.make, name="make-stack"),
    path("stacks/<uuid:stack_id>", stacks.photos, name="stack"),
    path("stacks/<uuid:stack_id>/unstack", stacks.unstack, name="unstack"),
    path("trash", trash.page, name="trash"),
    path("trash/restore", trash.restore, name="restore"),
    path("trash/empty", trash.empty, name="empty-trash"),
    path("trash/<uuid:photo_id>/thumbnail", trash.thumbnail, name="trash-thumbnail"),
    path("trash/<uuid:photo_id>/preview", trash.preview, name="trash-preview"),
    path("duplicates", duplicates.review, name="duplicates"),
    path("duplicates/progress", duplicates.progress, name="duplicates-progress"),
    path("duplicates/find", duplicates.find, name="find-duplicates"),
    path("duplicates/criteria", duplicates.criteria, name="keeper-criteria"),
    path("duplicates/resolve", duplicates.resolve_many, name="resolve-groups"),
    path("duplicates/history", duplicates.history, name="duplicates-history"),
    path("duplicates/history/<uuid:batch>/undo", duplicates.undo, name="undo-resolution"),
    path("duplicates/<uuid:group_id>/resolve", duplicates.resolve, name="resolve-group"),
    path("upload", pages.upload, name="upload"),
    path("problems", pages.problems, name="problems"),
    path("status-strip", pages.status_strip, name="status-strip"),
    path("photos/<uuid:photo_id>/why", why.why, name="why"),
    path("search", results.search, name="search"),
    path("search/by-image", results.by_image, name="search-by-image"),
    path("search/pictures/<uuid:picture_id>", pictures.thumbnail, name="sent-picture"),
    path("search/facets", facets.facets, name="facets"),
    path("search/filters", filters.filters, name="search-filters"),
    path("search/suggest", suggestions.suggest, name="suggest"),
    path("search/forget", suggestions.forget, name="forget-searches"),
    path("searches", saved.save, name="save-search"),
    path("searches/<uuid:saved_id>", saved.saved_search, name="saved-search"),
    path("searches/<uuid:saved_id>/change", saved.change, name="change-search"),
    path("settings", settings.settings_page, name="settings"),
    path("welcome", accounts.welcome, name="welcome"),
    path("sign-in", accounts.sign_in, name="sign-in"),
    path("sign-out", accounts.sign_out, name="sign-out"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("api/v1/", api.urls),
]

handler404 = "gallery.views.errors.not_found"
handler500 = "gallery.views.errors.failed"
