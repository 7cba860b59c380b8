"""An administrator compares two models, switches to the new one, and goes back."""

from __future__ import annotations

from tests.e2e.browser import Browser
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
    return any("Compare the two" in link for link in browser.texts(".panel a"))


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
    admin.reads("h3", "red")
    assert admin.texts(".side-title b") == ["Starter", "CLIP B/32 DataComp"]
    admin.until(lambda: found_by_both(admin) == [3, 3], "photos of both models")
    photograph(admin, "side-by-side")
    # The sweep, which comes once a minute, may have been faster than this test.
    if "Switch to CLIP" in admin.words(".switch-model button"):
        admin.follow(".switch-model button")
        admin.says("body", "answers searches now")
    admin.says(".switch-model button", "Go back to Starter")
    photograph(admin, "former-model")
    admin.follow(".switch-model button")
    admin.says("body", "Starter answers searches now")
    admin.open("/settings")
    admin.says(".panel", "Somebody went back from CLIP B/32 DataComp")
