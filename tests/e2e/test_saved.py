"""Saving a search and coming back to it among the albums, in a real browser."""

from __future__ import annotations

import os

from tests.e2e.browser import Browser


def seen(browser: Browser, name: str) -> None:
    """Keep a picture of the page where SHOTS says so, for people to look at."""
    if folder := os.environ.get("SHOTS"):
        browser.driver.save_screenshot(f"{folder}/{name}.png")


def test_a_search_is_saved_found_among_the_albums_renamed_and_removed(owner, uploaded):
    uploaded("saved", "red", "green")
    owner.open("/search?q=saved%20red")
    owner.one(".tile")
    assert "saved-red.png" in owner.names()
    owner.click(".page-head .pop > summary")
    seen(owner, "save")
    owner.fill(".pop [name=name]", " ")
    owner.run("document.querySelector('.pop form').noValidate = true")
    owner.click(".pop form .button")
    owner.says(".pop form", "Enter a name")
    seen(owner, "save-problem")
    owner.fill(".pop [name=name]", "Red ones")
    owner.click(".pop form .button")
    owner.until(lambda: owner.path().startswith("/searches/"))
    owner.says("h1", "Red ones")
    assert "saved-red.png" in owner.names()
    seen(owner, "saved")
    owner.open("/albums")
    filled = "return document.querySelector('.smart:has(img)')?.textContent ?? ''"
    owner.until(lambda: "photo" in owner.run(filled))
    seen(owner, "albums")
    for width, height, dark in ((360, 740, False), (1440, 900, True)):
        owner.size(width, height, dark=dark)
        assert owner.run("return document.documentElement.scrollWidth <= innerWidth")
        seen(owner, f"albums-{width}-{dark}")
    owner.follow(".smart a")
    owner.one(".album-head")
    for width, height, dark in ((1440, 900, True), (360, 740, False)):
        owner.size(width, height, dark=dark)
        assert owner.run("return document.documentElement.scrollWidth <= innerWidth")
        seen(owner, f"saved-{width}-{dark}")
    owner.click(".album-head .pop:nth-of-type(2) > summary")
    seen(owner, "edit-360")
    assert owner.run("return document.documentElement.scrollWidth <= innerWidth")
    owner.click(".album-head .pop:nth-of-type(2) > summary")
    owner.click(".album-head .danger")
    owner.follow("[name=remove]")
    assert owner.path() == "/albums"
    assert not owner.all(".smart")
