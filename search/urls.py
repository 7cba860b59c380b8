"""The pages of the search."""

from __future__ import annotations

from django.urls import path

from search.views import filters, results, saved_searches, settings, shared_pages, start, why

urlpatterns = [
    path("shared/<uuid:shared_id>", shared_pages.page, name="shared"),
    path("shared/<uuid:shared_id>/photos.json", shared_pages.listing, name="shared-listing"),
    path("shared/<uuid:shared_id>/photos/<uuid:photo_id>", shared_pages.photo, name="shared-photo"),
    path("s/<str:secret>", shared_pages.page, name="link"),
    path("s/<str:secret>/unlock", shared_pages.unlock, name="link-unlock"),
    path("s/<str:secret>/photos.json", shared_pages.listing, name="link-listing"),
    path("s/<str:secret>/photos/<uuid:photo_id>", shared_pages.photo, name="link-photo"),
    path("photos/<uuid:photo_id>/similar", results.similar, name="similar"),
    path("photos/<uuid:photo_id>/why", why.why, name="why"),
    path("search", results.search, name="search"),
    path("search/by-image", results.by_image, name="search-by-image"),
    path("search/pictures/<uuid:picture_id>", results.sent_picture, name="sent-picture"),
    path("search/facets", filters.facets, name="facets"),
    path("search/filters", filters.filters, name="search-filters"),
    path("search/bar", start.bar, name="search-bar"),
    path("search/suggest", start.suggest, name="suggest"),
    path("search/forget", start.forget, name="forget-searches"),
    path("searches", saved_searches.save, name="save-search"),
    path("searches/<uuid:saved_id>", saved_searches.saved_search, name="saved-search"),
    path("searches/<uuid:saved_id>/change", saved_searches.change, name="change-search"),
    path("searches/<uuid:saved_id>/share", saved_searches.share, name="share-search"),
    path("settings", settings.settings_page, name="settings"),
    path("settings/workers", settings.workers, name="workers"),
    path("settings/model", settings.choose_model, name="choose-model"),
    path("settings/model/download", settings.download_model, name="download-model"),
    path("settings/models", settings.compare_models, name="compare-models"),
    path("settings/models/switch", settings.switch_model, name="switch-model"),
]
