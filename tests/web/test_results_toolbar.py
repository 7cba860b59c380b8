"""The toolbar of the results: what it counts is what is listed, as the facets do."""

from __future__ import annotations

import re

import pytest

from tests.web.result_pages import link, text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_what_is_listed_is_what_is_counted(ada_client, reds, bars):
    """Facets and the total follow the weaker matches and the closest photos."""
    bars(2, 3)

    def counts(**listed: str) -> tuple[int, int]:
        asked = {"q": "red", "fold": "0", **listed}
        page, facets = ada_client.get("/search", asked), ada_client.get("/search/facets", asked)
        (total,) = re.findall(r'id="counted"[^>]*data-total="(\d+)"', text(page))
        (png,) = re.findall(
            r">PNG</span>\s*<span class=\"facet-count\">\s*<span[^>]*>(\d+)", text(facets)
        )
        return int(total), int(png)

    assert counts() == (5, 5)
    assert counts(weak="1") == counts(least="0") == (8, 8)
    assert counts(sort="newest") == (5, 5)
    assert counts(least="1") == (1, 1)
    bars(0, 0)
    assert counts() == (8, 8)  # The closest, for nothing matches well.


def test_all_that_pass_a_filter_are_counted(ada_client, reds, monkeypatch):
    monkeypatch.setattr("search.views.results.PAGE", 3)
    page = ada_client.get("/search", {"q": "orientation:landscape"})
    assert 'data-total="8"' in text(page)
    assert ada_client.get(link(page, "More")).status_code == 200


def test_time_and_model_are_in_a_menu_of_their_own(ada_client, reds):
    page = text(ada_client.get("/search", {"q": "red"}))
    (part,) = re.findall(r'<div class="menu-items" id="answered".*?</dl>', page, re.DOTALL)
    assert re.search(r"<dd>\d+ ms</dd>", part)
    assert "ms" not in re.findall(r'<p class="counted".*?</p>', page, re.DOTALL)[0]
