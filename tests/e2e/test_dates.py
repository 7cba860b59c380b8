"""Correcting dates in a real browser: many photos in the grid, one in the viewer, and undo."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests import images
from tests.e2e.browser import Browser

TAKEN = {"red": "2024:05:31 18:30:15", "green": "2024:06:02 09:05:00"}


@pytest.fixture
def taken(owner, tmp_path) -> Callable[[str], list[Path]]:
    """Upload two photos that a camera dated."""

    def send(prefix: str) -> list[Path]:
        paths = []
        for colour, when in TAKEN.items():
            block = images.exif({}, {0x9003: when})
            data = images.encode(images.solid(colour, (400, 300)), exif=block)
            paths.append(images.write(tmp_path, f"{prefix}-{colour}.jpg", data + os.urandom(8)))
        owner.upload(*paths)
        for path in paths:
            owner.until(lambda path=path: "searchable after" in owner.outcome(path.name), path.name)
        owner.open("/")
        return paths

    return send


def days(browser: Browser) -> list[str]:
    return browser.run("return [...document.querySelectorAll('.day')].map(day => day.dataset.day)")


def choose(browser: Browser, way: str) -> None:
    """Press the arrow keys until a radio button of the dialog is chosen, as without a mouse."""
    browser.until(lambda: browser.run("return document.activeElement.name") == "what")
    for _ in range(5):
        if browser.run("return document.activeElement.value") == way:
            return
        browser.press(Keys.ARROW_RIGHT)
    raise AssertionError(way)


def test_many_photos_are_shifted_and_come_back(owner, taken):
    taken("shift")
    assert days(owner) == ["2024-06-02", "2024-05-31"]
    for tile in owner.all("main .tile .check"):
        tile.click()
    owner.click("[data-select=date]")
    owner.reads("#dates h2", "Correct the dates of 2 photos")
    choose(owner, "shift")
    owner.one("#dates [name=direction]").send_keys("later")
    owner.allowed.append("/api/v1/photos/dates/preview")  # 400 for what is refused
    owner.fill("#dates [name=years]", "999")
    owner.says("#dates .field-error", "would be from before 1826")
    owner.run("document.querySelector('#dates [name=years]').value = ''")
    owner.one("#dates [name=direction]").send_keys("earlier")
    owner.fill("#dates [name=years]", "1")
    owner.says("#dates .date-preview", "31 May 2023")
    owner.follow("#dates .primary")
    owner.says(".toast", "2 dates corrected")
    assert days(owner) == ["2023-06-02", "2023-05-31"]
    owner.run("document.querySelector('.toast').style.animationPlayState = 'paused'")
    owner.reloaded(lambda: owner.press("z", held=Keys.CONTROL))
    assert days(owner) == ["2024-06-02", "2024-05-31"]
    owner.says(".toast", "The former dates are back")


def test_the_date_of_the_open_photo_is_set_and_the_grid_follows(owner, taken):
    taken("open")
    owner.open_lightbox("open-red.jpg")
    owner.press("i")
    owner.click(".drawer .date-pencil")
    owner.has("#dates [name=day]", "value", "2024-05-31")
    owner.has("#dates [name=clock]", "value", "18:30:15")
    owner.press(Keys.ESCAPE)
    # Escape closed the dialog and neither the details nor the viewer.
    owner.until(lambda: not owner.all("#dates[open]"))
    owner.click(".drawer .date-pencil")
    owner.run(
        "const form = document.querySelector('#dates form');"
        "form.elements.day.value = '2020-02-29';"
        "form.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    preview = "1 photo moves from 31 May 2024, 18:30 to 29 February 2020, 18:30."
    owner.reads("#dates .date-preview", preview)
    owner.click("#dates .primary")
    owner.says(".drawer .facts", "29 February 2020, 18:30")
    owner.says(".toast", "1 date corrected")
    owner.press("i")
    owner.reloaded(lambda: owner.press(Keys.ESCAPE))
    assert days(owner) == ["2024-06-02", "2020-02-29"]


@pytest.mark.parametrize("dark", [False, True])
def test_the_dialog_fits_a_phone(owner, taken, dark):
    taken("phone")
    owner.size(360, 640, dark=dark)
    owner.open("/")
    owner.run("for (const box of document.querySelectorAll('.tile .check input')) box.click()")
    right = "return arguments[0].getBoundingClientRect().right"
    assert owner.run(right, owner.one("[data-select=delete]")) <= 360
    owner.click("[data-select=date]")
    for way in ("set", "shift", "zone", "unknown", "reset"):
        choose(owner, way)
        box = owner.one("#dates").rect
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        for part in owner.all("#dates :is(input, select, button)"):
            if part.is_displayed():
                assert owner.run(right, part) <= box["x"] + box["width"]
        owner.one("#dates .primary")


def test_without_scripts_the_pencil_leads_to_a_page(owner, taken):
    taken("plain")
    owner.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    owner.follow(owner.tile("plain-red.jpg") + " .open")
    owner.follow(".date-pencil")
    owner.click("label:has([value=unknown])")
    owner.follow(".date-form .primary")
    owner.says(".toast", "1 date corrected.")
    owner.says(".facts", "Added")
    owner.follow(".toast button")
    owner.says(".facts", "Friday, 31 May 2024, 18:30")
