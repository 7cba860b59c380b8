"""The search app: the vector space and the pages that show it. It has no tables of its own."""

from __future__ import annotations

from django.apps import AppConfig


class SearchConfig(AppConfig):
    name = "search"
