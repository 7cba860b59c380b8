"""The map in a real browser: points, thumbnails, keys, the lasso and what follows from it."""

from __future__ import annotations

import time
from collections.abc import Callable

from selenium.webdriver import ActionChains

from tests.e2e.browser import Browser
from tests.e2e.conftest import COLOURS

PARTS = "abcdefg"  # a picture of each colour for each; a map needs 30
PATIENCE_SECONDS = 200  # a map is drawn once nothing more urgent is left


def drawn(owner: Browser, pictures) -> None:
    """Upload enough photos for a map, and wait until it is drawn."""
    # Without a graphics card, Chromium says that it draws in software.
    owner.allowed.append("WebGL")
    paths = [path for part in PARTS for path in pictures(part, *COLOURS)]
    owner.open("/")
    owner.upload(*paths)
    wait(lambda: all("searchable after" in owner.outcome(path.name) for path in paths))

    # A map that was drawn before the last photos came gets them a little later.
    wait(lambda: owner.run(PLACED) == len(paths))
    owner.open("/map")
    owner.until(lambda: owner.run("return document.getElementById('map')?.dataset.ready"), "map")


PLACED = """
return fetch("/api/v1/themes").then((answer) => answer.json()).then(({ levels }) =>
  (levels[0]?.themes ?? []).reduce((sum, theme) => sum + theme.photos, 0))
"""


def wait(ready: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not ready():
        assert time.monotonic() < ends_at
        time.sleep(1)


def drag(owner: Browser, *places: tuple[int, int], shift: bool = False) -> None:
    """Drag the mouse over the map along places that count from its middle."""
    view = owner.one(".map-view")
    actions = ActionChains(owner.driver)
    if shift:
        actions.key_down("\ue008")
    actions.move_to_element_with_offset(view, *places[0]).click_and_hold()
    for place in places[1:]:
        actions.move_to_element_with_offset(view, *place)
    actions.release()
    if shift:
        actions.key_up("\ue008")
    actions.perform()


def test_the_map_shows_photos_and_an_area_is_selected_and_tagged(owner, pictures):
    drawn(owner, pictures)
    many = len(PARTS) * len(COLOURS)
    # So few photos are shown at once.
    owner.until(lambda: len(owner.all(".map-photos a")) == many, "thumbnails")
    view = owner.one(".map-view")
    half, high = view.size["width"] // 2 - 4, view.size["height"] // 2 - 4
    around = [(-half, -high), (half, -high), (half, high), (-half, high)]
    drag(owner, *around, shift=True)
    owner.reads(".map-bar .selection-count", f"{many} selected")
    owner.click('[data-map="tag"]')
    owner.fill("#map-tag [name=name]", "colours")
    owner.click('#map-tag button[value="ok"]')
    owner.says(".toasts", f"{many} photos tagged colours")
    owner.click(".toast button")
    owner.says(".toasts", "Undone")
    owner.click('[data-map="clear"]')
    owner.gone(".map-bar")
    # By keys alone.
    owner.run("document.querySelector('.map-view').focus()")
    owner.press("a")
    owner.one(".map-bar")
    owner.press("+", "+", "+", "+", "+", "+", "+")
    owner.until(lambda: len(owner.all(".map-photos a")) < many, "fewer in view")
    owner.press("0")
    owner.until(lambda: len(owner.all(".map-photos a")) == many, "all again")
    drag(owner, (0, 0), (120, 60))
    owner.follow('[data-map="near"]')
    assert owner.path().endswith("/similar")
    rename_a_theme(owner)


def rename_a_theme(owner: Browser) -> None:
    owner.size(390, 844)
    owner.open("/themes")
    assert owner.run("return document.documentElement.scrollWidth <= innerWidth")
    owner.click(".themes .pop summary")
    owner.fill(".themes details[open] [name=name]", "Warm")
    owner.follow(".themes details[open] button.primary")
    owner.says(".themes", "Warm")
    warm = (
        "[...document.querySelectorAll('.themes .album')].find(a => a.innerText.includes('Warm'))"
    )
    owner.reloaded(lambda: owner.run(f"{warm}.click()"))
    owner.reads("h1", "Warm")
    assert owner.all("[data-grid] .tile")
