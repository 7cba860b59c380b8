"""The settings: one list of pages, the look of this browser, and a better model by one button."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests import fake_hub
from tests.e2e.browser import Browser
from tests.e2e.conftest import Gallery, first_run, start_migrated, stop
from tests.e2e.test_model_choice import wait_for_a_sweep
from tests.fake_hub import HubServer
from tests.web.test_api_photos import picture
from tests.weight_files import CLIP

PICTURES = os.environ.get("SCRY_SCREENSHOTS", "")
PAGES = {
    "quality": "/settings",
    "storage": "/settings/storage",
    "jobs": "/jobs",
    "problems": "/problems",
    "account": "/account",
    "appearance": "/account/appearance",
    "people": "/people",
    "folders": "/settings/folders",
    "workers": "/settings/workers",
    "backups": "/settings/backups",
}


@pytest.fixture
def hub(tmp_path) -> Iterator[HubServer]:
    with fake_hub.serving(CLIP, tmp_path / "hub") as server:
        yield server


@pytest.fixture
def with_hub(tmp_path, hub) -> Iterator[Gallery]:
    """A gallery that reaches a hub."""
    process, gallery = start_migrated(
        tmp_path / "gallery",
        "settings_e2e_hub",
        HF_ENDPOINT=hub.address,
        HF_HOME=str(tmp_path / "cache"),
        NO_PROXY="127.0.0.1",
    )
    yield gallery
    stop(process)


@pytest.fixture
def admin(browser, with_hub) -> Browser:
    browser.url = with_hub.url
    first_run(browser, with_hub)
    return browser


def photograph(browser: Browser, name: str) -> None:
    """Take pictures of the page in both sizes where somebody wants to look at them."""
    for width, height in ((1440, 900), (390, 844)) if PICTURES else ():
        browser.size(width, height)
        assert browser.run("return document.documentElement.scrollWidth") <= width, name
        browser.driver.save_screenshot(f"{PICTURES}/{name}-{width}.png")
    browser.size(1440, 900)


def test_a_better_model_is_one_button(admin, hub, tmp_path):
    photograph(admin, "new")
    photo = tmp_path / "red.png"
    photo.write_bytes(picture((220, 30, 30), (400, 300), "PNG"))
    admin.upload(photo)
    admin.until(lambda: "searchable after" in admin.outcome(photo.name), "searchable")
    photograph(admin, "grid")
    for name, path in PAGES.items():
        admin.open(path)
        photograph(admin, name)
    admin.open("/settings")
    admin.says(".model-in-use", "Basic")
    hub.rests = 1.0
    admin.follow(f"button[value='{CLIP.key}']")
    admin.says(".model-card [role=status]", "downloaded")
    photograph(admin, "downloading")
    hub.rests = 0.0

    def level() -> str:
        admin.open("/settings")
        return admin.text(".model-in-use .big")

    wait_for_a_sweep(admin, lambda: level() == CLIP.level)
    photograph(admin, "downloaded")


def test_a_download_is_cancelled_and_tried_again(admin, hub):
    hub.breaks_at = 3000
    admin.open("/settings")
    admin.follow(f"button[value='{CLIP.key}']")
    admin.says(".model-card [role=alert]", "could not be fetched completely")
    photograph(admin, "failed")
    admin.follow(".model-card [name=cancel]")
    admin.says(f"button[value='{CLIP.key}']", "Download and use")


def test_the_look_of_a_browser_is_changed(admin):
    admin.open("/account/appearance")
    admin.run("document.querySelector('[name=theme]').value = 'dark'")
    admin.follow(".appearance button")
    assert admin.run("return document.documentElement.dataset.theme") == "dark"


def test_the_list_of_settings_opens_on_a_phone(admin):
    admin.size(390, 844)
    admin.open("/settings")
    assert not admin.one(".settings-open").get_attribute("hidden")
    admin.click(".settings-open")
    admin.one(".settings-list:popover-open a")
    if PICTURES:
        admin.driver.save_screenshot(f"{PICTURES}/list-390.png")
    admin.follow(".settings-list a[href='/settings/storage']")
    admin.says("h1", "Storage")
