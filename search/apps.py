"""The search app: the vector space, duplicates, and the pages that show them."""

from __future__ import annotations

from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "search"
