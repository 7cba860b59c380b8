"""An administrator compares two models, switches to the new one, and goes back."""

from __future__ import annotations

from tests.e2e.conftest import Browser
from tests.e2e.test_model_choice import PICTURES, admin, automatic, choose
from tests.web.test_api_photos import picture
from tests.weight_files import CLIP, model_folder

__all__ = ["admin", "automatic"]

COLOURS = {"red": (220, 30, 30), "green": (30, 160, 40), "blue": (30, 60, 220)}


def photograph(browser: Browser, name: str) -> None:
    """Check that the page fits both sizes; take pictures where somebody wants them."""
    for width, height in ((1440, 900), (390, 844)):
        browser.size(width, height)
        assert browser.run("return document.documentElement.scrollWidth") <= width
        if PICTURES:
            browser.driver.save_screenshot(f"{PICTURES}/{name}-{width}.png")
    browser.size(1440, 900)


def upload_colours(browser: Browser, tmp_path) -> None:
    browser.open("/")
    for name, colour in COLOURS.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(picture(colour, (400, 300), "PNG"))
        browser.upload(path)
        browser.until(lambda path=path: "searchable after" in browser.outcome(path.name), path.name)


def can_compare(browser: Browser) -> bool:
    browser.open("/settings")
    return any("Compare the two" in link.text for link in browser.all(".panel a"))


def found_by_both(browser: Browser) -> list[int]:
    browser.open("/settings/models")
    return [len(side.find_elements("css selector", "img")) for side in browser.all(".side")]


def test_two_models_side_by_side(admin, tmp_path):
    upload_colours(admin, tmp_path)
    admin.open("/search?q=red")
    admin.until(lambda: "red.png" in admin.names(), "found")
    admin.open("/settings")
    choose(admin, model_folder(tmp_path / "clip", CLIP))
    admin.until(lambda: can_compare(admin), "the other model")
    photograph(admin, "settings")

    admin.open("/settings/models")
    assert admin.one("h3").text == "red"
    titles = [title.text for title in admin.all(".side-title b")]
    assert titles == ["Starter", "CLIP B/32 DataComp"]
    admin.until(lambda: found_by_both(admin) == [3, 3], "photos of both models")
    photograph(admin, "side-by-side")
    # The sweep, which comes once a minute, may have been faster than this test.
    if "Switch to CLIP" in admin.one(".switch-model button").text:
        admin.click(".switch-model button")
        admin.until(lambda: "answers searches now" in admin.one("body").text, "the switch")
    assert "Go back to Starter" in admin.one(".switch-model button").text
    photograph(admin, "former-model")
    admin.click(".switch-model button")
    admin.until(lambda: "Starter answers searches now" in admin.one("body").text, "the way back")
    admin.open("/settings")
    assert "Somebody went back from CLIP B/32 DataComp" in admin.one(".panel").text
