"""An administrator brings a model to a gallery that reaches no hub: as a folder, and by upload."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from selenium.webdriver.support.ui import WebDriverWait

from tests.e2e.browser import PATIENCE, Browser
from tests.e2e.conftest import Gallery, first_run, start_migrated, stop
from tests.web.test_api_photos import picture
from tests.weight_files import CLIP, SIGLIP, header_only, model_folder

PICTURES = os.environ.get("SCRY_SCREENSHOTS", "")


@pytest.fixture
def automatic(tmp_path) -> Iterator[Gallery]:
    """A gallery that chooses its model itself, without a hub."""
    process, gallery = start_migrated(tmp_path / "gallery", "settings_e2e_auto")
    yield gallery
    stop(process)


@pytest.fixture
def admin(browser, automatic) -> Browser:
    browser.url = automatic.url
    first_run(browser, automatic)
    browser.until(lambda: "starter" in model_in_use(browser), "the starter model")
    return browser


def model_in_use(browser: Browser) -> str:
    browser.open("/settings")
    return browser.run("return document.querySelector('.model-name')?.textContent") or ""


def next_model(browser: Browser) -> str:
    """Return what the page says of the next model, once that is being built."""

    def said() -> str:
        browser.open("/settings")
        return next((line for line in browser.texts(".next-model") if "takes over" in line), "")

    return browser.until(said, "the next model")


def wait_for_a_sweep(browser: Browser, what: Callable[[], bool]) -> None:
    """Wait for what the sweep does. Each look loads a page, so it is not looked all the time."""
    WebDriverWait(browser.driver, PATIENCE, 1).until(lambda _: what())


def own_folder(gallery: Gallery) -> list[str]:
    folder = Path(gallery.environment["DATA_DIR"]) / "models"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def choose(browser: Browser, folder: Path) -> None:
    browser.fill("[name=folder]", str(folder))
    browser.follow("form:has([name=folder]) button")


def upload(browser: Browser, folder: Path) -> None:
    browser.slow_down(latency=400)  # So that what is said meanwhile can be read.
    paths = "\n".join(str(path) for path in folder.iterdir())
    browser.driver.find_element("css selector", "#model-upload [name=files]").send_keys(paths)
    browser.click("#model-upload .primary")


def photograph(browser: Browser, name: str) -> None:
    """Take pictures of the page in both sizes where somebody wants to look at them."""
    for width, height in ((1440, 900), (390, 844)) if PICTURES else ():
        browser.size(width, height)
        browser.run("document.querySelector('#choose-model').scrollIntoView()")
        assert browser.run("return document.documentElement.scrollWidth") <= width
        browser.driver.save_screenshot(f"{PICTURES}/{name}-{width}.png")
    browser.size(1440, 900)


def test_a_folder_is_refused_with_a_reason_or_used(admin, automatic, tmp_path):
    photo = tmp_path / "red.png"
    photo.write_bytes(picture((220, 30, 30), (400, 300), "PNG"))
    admin.open("/")
    admin.upload(photo)
    admin.until(lambda: "searchable after" in admin.outcome(photo.name), "searchable")
    admin.open("/settings")
    admin.allowed.append("the server responded with a status of 400")
    choose(admin, tmp_path / "nowhere")
    admin.says("[role=alert]", "The server has no folder")
    photograph(admin, "refused")
    # Otherwise the one photo may be embedded before anybody looks.
    admin.open("/jobs")
    admin.follow("#pause-all")
    admin.open("/settings")
    choose(admin, model_folder(tmp_path / "clip", CLIP))
    assert "takes over when" in next_model(admin)
    admin.open("/jobs")
    admin.follow("#resume-all")
    admin.open("/search?q=red")
    admin.until(lambda: admin.names() == ["red.png"], "found with the former model")
    wait_for_a_sweep(admin, lambda: CLIP.key in model_in_use(admin))
    admin.click(".model-in-use summary")
    admin.says(".model-in-use", "was chosen on the settings page")
    photograph(admin, "chosen")
    admin.open("/search?q=red")
    admin.until(lambda: admin.names() == ["red.png"], "found with the chosen model")
    admin.open("/settings")
    admin.follow("[name=automatic]")
    wait_for_a_sweep(admin, lambda: "starter" in model_in_use(admin))


def test_an_upload_is_used_and_its_progress_shown(admin, automatic, tmp_path):
    upload(admin, model_folder(tmp_path / "clip", CLIP))
    admin.says("#model-upload [role=status]", "MB uploaded")
    photograph(admin, "uploading")
    admin.slow_down()
    admin.until(lambda: own_folder(automatic) == [CLIP.architecture, "choice.json"], "in place")
    admin.until(lambda: CLIP.key in model_in_use(admin), "the uploaded model")


def test_an_upload_that_is_refused_or_cancelled_leaves_nothing(admin, automatic, tmp_path):
    header_only(tmp_path / "other" / "model.safetensors", {"some.tensor": (30_000_000,)})
    admin.allowed.append("the server responded with a status of 400")
    upload(admin, tmp_path / "other")
    status = "#model-upload [role=status]"
    admin.says(status, "no recommended model")
    assert own_folder(automatic) == []
    photograph(admin, "not-recognised")
    admin.slow_down()
    admin.open("/settings")
    upload(admin, model_folder(tmp_path / "siglip", SIGLIP))
    admin.says(status, "MB uploaded")
    admin.click('[data-model-upload="cancel"]')
    admin.until(lambda: own_folder(automatic) == [], "nothing is left")
    admin.says(status, "cancelled")
