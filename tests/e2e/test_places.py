"""The map of places in a real browser: clusters, zoom, the panel, the search, and a phone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import images
from tests.e2e.browser import Browser
from tests.e2e.conftest import COLOURS
from tests.web.test_places import LISBON, PORTO

WELLINGTON = (-41.29, 174.78)
ESCAPE, ENTER = "\ue00c", "\ue007"


def taken_at(path: Path, colour: str, latitude: float, longitude: float) -> Path:
    """Write a photo whose file says where it was taken."""
    gps = {
        1: "N" if latitude > 0 else "S",
        2: (abs(latitude), 0.0, 0.0),
        3: "E" if longitude > 0 else "W",
        4: (abs(longitude), 0.0, 0.0),
    }
    picture = images.solid(colour, (400, 300))
    path.write_bytes(images.encode(picture, "JPEG", exif=images.exif(gps=gps)) + os.urandom(8))
    return path


@pytest.fixture
def traveller(owner, tmp_path) -> Browser:
    """Somebody with three photos of Lisbon, one of Porto and one of Wellington."""
    places = [LISBON, (38.7301, -9.1201), (38.7502, -9.1302), PORTO, WELLINGTON]
    paths = [
        taken_at(tmp_path / f"{name}.jpg", name, *place)
        for name, place in zip(COLOURS, places, strict=True)
    ]
    owner.open("/")
    owner.upload(*paths)
    for path in paths:
        owner.until(lambda path=path: "searchable after" in owner.outcome(path.name), path.name)
    return owner


def labels(browser: Browser) -> set[str]:
    marks = "return [...document.querySelectorAll('.places-cluster')].map(one => one.ariaLabel)"
    return set(browser.run(marks))


def shows(browser: Browser, *wanted: str) -> None:
    browser.becomes(lambda: labels(browser), set(wanted), "clusters")


def drawn_land(browser: Browser) -> float:
    """Return how many pixels of width the drawing of the land takes."""
    land = "document.querySelector('.places-land')?.ownerSVGElement"
    width = f"return {land}?.getBoundingClientRect().width ?? 0"
    return browser.until(lambda: browser.run(width), "the land")


def opened(browser: Browser, path: str) -> None:
    # Only the part behind "#" may differ, and then nothing would be loaded.
    browser.driver.get("about:blank")
    browser.open(path)
    browser.until(lambda: browser.run("return document.getElementById('places').dataset.ready"))


def click_on(browser: Browser, label: str) -> None:
    script = "document.querySelector(`.places-cluster[aria-label^='${arguments[0]}']`).click()"
    browser.run(script, label)


def test_clusters_split_and_open_their_photos(traveller):
    browser = traveller
    opened(browser, "/places")
    assert sorted(label.partition(",")[0] for label in labels(browser)) == ["4 photos", "cyan.jpg"]
    browser.says("#places-count", "5 photos in view")
    assert drawn_land(browser) > 100

    opened(browser, "/places#7/39.8/-8.9")
    shows(browser, "3 photos, Lisbon, Portugal", "purple.jpg, Porto, Portugal")
    assert {"Lisbon", "Porto"} <= set(browser.texts(".places-town"))
    click_on(browser, "3 photos")
    browser.reads("#places-title", "Lisbon, Portugal")
    browser.until(lambda: len(browser.all(".places-photos .tile img")) == 3, "tiles")
    browser.click("[data-places='closer']")
    browser.until(lambda: len([one for one in labels(browser) if "Lisbon" in one]) > 1, "split")
    browser.press(ESCAPE)
    browser.gone(".places-panel")

    # By keys alone.
    opened(browser, "/places#7/39.8/-8.9")
    browser.run("document.querySelector('.places-view').focus()")
    browser.press("-", "-")
    browser.until(lambda: browser.path().startswith("/places#5/"), "zoom")
    browser.press("+", "+")
    shows(browser, "3 photos, Lisbon, Portugal", "purple.jpg, Porto, Portugal")
    browser.run("document.querySelector(`.places-cluster[aria-label^='3']`).focus()")
    browser.press(ENTER)
    browser.reads("#places-title", "Lisbon, Portugal")
    browser.says(".places-all", "3 photos in the search")

    browser.follow(".places-all a")
    browser.says(".chips", "on the map near")
    assert set(browser.names()) == {"red.jpg", "green.jpg", "blue.jpg"}
    browser.follow(".chip.condition .chip-label[href]")
    browser.until(lambda: len(labels(browser)) > 1, "back on the map")


def test_the_map_fits_a_phone_and_the_panel_comes_from_below(traveller):
    browser = traveller
    browser.size(390, 844)
    opened(browser, "/places#7/39.8/-8.9")
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    click_on(browser, "3 photos")
    browser.until(lambda: len(browser.all(".places-photos .tile img")) == 3, "tiles")
    panel, view = (browser.one(f".places-{part}").rect for part in ("panel", "view"))
    assert panel["y"] + 1 > view["y"] + view["height"] > view["y"] + 100
    assert panel["width"] == view["width"] == 390
    assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
    browser.click("[data-places='close']")
    browser.gone(".places-panel")


def test_a_photo_leads_to_its_place(traveller):
    browser = traveller
    browser.open("/")
    href = browser.attribute(f"{browser.tile('cyan.jpg')} .open", "href")
    browser.open(href)
    browser.follow("a[href^='/places#']")
    shows(browser, "cyan.jpg, Wellington, New Zealand")
