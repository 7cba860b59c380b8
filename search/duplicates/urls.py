"""The pages of duplicates."""

from __future__ import annotations

from django.urls import path

from search.duplicates.review import views

urlpatterns = [
    path("photos/<uuid:photo_id>/duplicates", views.of_photo, name="duplicates-of"),
    path("duplicates", views.review, name="duplicates"),
    path("duplicates/progress", views.progress, name="duplicates-progress"),
    path("duplicates/find", views.find, name="find-duplicates"),
    path("duplicates/criteria", views.criteria, name="keeper-criteria"),
    path("duplicates/resolve", views.resolve_many, name="resolve-groups"),
    path("duplicates/history", views.history, name="duplicates-history"),
    path("duplicates/history/<uuid:batch>/undo", views.undo, name="undo-resolution"),
    path("duplicates/<uuid:group_id>/resolve", views.resolve, name="resolve-group"),
]
