"""Weaker matches, counts and the viewer over results, in a real browser."""

from __future__ import annotations

import os
import time

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser
from tests.e2e.conftest import Gallery
from tests.e2e.test_sharing import in_shell
from tests.web.test_api_photos import picture

MANY = """
from django.contrib.auth.models import User
from tests.alike import photo
for number in range({count}):
    photo(User.objects.get(username="{name}"), sha256=f"{{number:032x}}" + "{salt}")
"""


@pytest.fixture
def kept(owner, tmp_path) -> Browser:
    """Two photos that are called what is searched for, among others: enough to compare with."""
    paths = []
    for number in range(12):
        path = tmp_path / f"{'keep' if number < 2 else 'other'}-{number}.png"
        path.write_bytes(picture((20 * number, 255 - 20 * number, 9 * number), (400, 300), "PNG"))
        paths.append(path)
    owner.upload(*paths)
    for path in paths:
        owner.until(lambda path=path: "searchable after" in owner.outcome(path.name), path.name)
    return owner


def facet(owner: Browser) -> str:
    """Return how many photos of the format the facets count."""
    script = "return document.querySelector('[data-facet=type] .facet-count span')?.textContent"
    return owner.run(script)


def banded(owner: Browser, address: str) -> bool:
    """Open results and tell whether they have bands: the texts to compare with take a while."""
    owner.open(address)
    return bool(owner.all("#photos .divider a[hx-get]")) or bool(time.sleep(1))


def test_back_returns_from_the_weaker_matches(kept):
    address = "/search?q=keep&fold=0"
    kept.until(lambda: banded(kept, address))
    kept.size(1440, 500)
    strong = kept.names()
    few = kept.text(".counted")
    kept.until(lambda: facet(kept) == str(len(strong)))
    kept.run("scrollTo(0, document.body.scrollHeight)")
    place = kept.run("return scrollY")
    kept.click("#photos .divider a[hx-get]")
    kept.until(lambda: len(kept.names()) == 12)
    assert kept.names()[: len(strong)] == strong
    assert "weak=1" in kept.path()
    assert "weaker" in kept.text(".counted")
    kept.until(lambda: facet(kept) == "12")
    kept.run("scrollTo(0, document.body.scrollHeight)")
    kept.driver.back()
    kept.becomes(kept.names, strong)
    assert kept.path() == address
    kept.reads(".counted", few)
    kept.becomes(lambda: kept.run("return scrollY"), place)
    kept.until(lambda: facet(kept) == str(len(strong)))
    kept.driver.forward()
    kept.until(lambda: len(kept.names()) == 12)
    # The address alone says the same, and a page of its own goes back too.
    kept.reloaded(lambda: kept.run("location.reload()"))
    kept.until(lambda: len(kept.names()) == 12)
    kept.driver.back()
    kept.becomes(kept.names, strong)
    assert kept.path() == address


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_the_toolbar_is_one_line_with_a_menu(kept, width):
    kept.size(width, 800)
    for address in ("/search?q=keep&fold=0", "/search?q=type:png"):
        kept.open(address)
        assert kept.one(".toolbar").rect["height"] == 44
        assert kept.run("return document.documentElement.scrollWidth - innerWidth") <= 0
    kept.open("/search?q=keep&fold=0")
    kept.click(".view > summary")
    box = kept.one(".view > .menu-items").rect
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    kept.press(Keys.ESCAPE)
    kept.gone(".view > .menu-items")
    kept.click(".answered > summary")
    kept.says("#answered", " ms")
    box = kept.one("#answered").rect
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_the_viewer_counts_all_results_and_walks_on(owner, gallery: Gallery):
    owner.allowed += ["/photos/"]  # There are rows and no files.
    in_shell(gallery, MANY.format(count=64, name=owner.account, salt=os.urandom(16).hex()))
    owner.open("/search?q=orientation:landscape")
    owner.until(lambda: len(owner.names()) == 60)
    owner.run("document.querySelectorAll('#photos .open')[57].click()")
    owner.reads(".pswp__count", "58 of 64")
    owner.until(lambda: owner.run("return Boolean(document.activeElement.closest('.pswp'))"))
    owner.until(lambda: len(owner.names()) == 64)
    for place in range(59, 65):
        owner.press(Keys.ARROW_RIGHT)
        owner.reads(".pswp__count", f"{place} of 64")
