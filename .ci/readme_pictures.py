"""Make the pictures of the README in docs/images: gallery.webp and the animated tour.webp.

    python .ci/readme_pictures.py FOLDER

FOLDER has photos whose licence allows showing them; docs/images/CREDITS.md names them.
A gallery with the starter model is made of them and of smaller copies of some, and Chromium is led
through it.
"""

from __future__ import annotations

import io
import math
import os
import sys
import tempfile
import time
from pathlib import Path

import django
from PIL import Image
from selenium.webdriver.common.keys import Keys

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from tests.e2e.browser import Browser, chromium  # noqa: E402 - the path above comes first
from tests.e2e.conftest import first_run, start_migrated, stop  # noqa: E402

IMAGES = ROOT / "docs" / "images"
SIZE = (1280, 800)
FRAMES_OF = (960, 600)
COPIED = 3  # photos that get a smaller copy, for the page of duplicates
WORDS = "a rocket on the launch pad"


class Tour:
    """Frames of the browser, each with the milliseconds that it is shown."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.frames: list[Image.Image] = []
        self.durations: list[int] = []

    def show(self, milliseconds: int) -> None:
        self.frames.append(_picture(self.browser).resize(FRAMES_OF, Image.Resampling.LANCZOS))
        self.durations.append(milliseconds)

    def write(self, path: Path) -> None:
        first, *others = self.frames
        first.save(
            path, save_all=True, append_images=others, duration=self.durations, loop=0, quality=70,
            method=6,
        )  # fmt: skip


def main(folder: Path) -> None:
    """Make a gallery, and both pictures."""
    with tempfile.TemporaryDirectory() as made:
        place = Path(made)
        process, gallery = start_migrated(place / "gallery", "settings_e2e_starter")
        driver = chromium(place / "profile")
        try:
            browser = Browser(driver, url=gallery.url)
            browser.size(*SIZE)
            first_run(browser, gallery)
            _fill(browser, [*sorted(folder.iterdir()), *_copies(folder, place)])
            _lead_through(browser)
        finally:
            driver.quit()
            stop(process)


def _copies(folder: Path, place: Path) -> list[Path]:
    made, paths = [], sorted(folder.iterdir())
    for path in paths[:: math.ceil(len(paths) / COPIED)]:
        with Image.open(path) as image:
            image.thumbnail((480, 480))
            made.append(place / f"{path.stem}-sent.jpg")
            image.convert("RGB").save(made[-1], quality=70)
    return made


def _fill(browser: Browser, paths: list[Path]) -> None:
    browser.upload(*paths)
    browser.says(".uploads-title", "Done")
    browser.click('[data-uploads="close"]')
    browser.until(lambda: browser.open("/duplicates") or browser.all("[data-group]"), "the copies")


def _lead_through(browser: Browser) -> None:
    tour = Tour(browser)
    browser.open("/")
    _settle(browser)
    tour.show(1500)
    browser.one("#q").click()
    for letter in WORDS:
        browser.press(letter)
        tour.show(90)
    browser.reloaded(lambda: browser.press(Keys.ENTER))
    _settle(browser)
    tour.show(2000)
    browser.click(".divider a")
    _settle(browser)
    tour.show(1500)
    _picture(browser).save(IMAGES / "gallery.webp", quality=85, method=6)
    browser.open_lightbox(browser.names()[0])
    browser.press("i")
    _settle(browser)
    tour.show(2000)
    browser.open("/duplicates")
    _settle(browser)
    tour.show(2500)
    tour.write(IMAGES / "tour.webp")


def _settle(browser: Browser) -> None:
    """Wait until the pictures are there and nothing moves."""
    loaded = "return [...document.images].every(image => image.complete)"
    browser.until(lambda: browser.run(loaded) and not browser.all(".htmx-request"))
    time.sleep(1)


def _picture(browser: Browser) -> Image.Image:
    return Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
