"""A session that ends while files are uploaded: the page stays, asks to sign in, and goes on."""

from __future__ import annotations

import os

import pytest

from tests.e2e.conftest import PASSWORD

SIGN_IN = "#uploads-session"


@pytest.fixture
def uploader(owner):
    """A browser on the grid; refused requests are expected in its console."""
    owner.allowed += [
        "/api/v1/photos?owner=",
        "/api/v1/photos/",
        "/api/v1/session",
        "/status-strip",
    ]
    owner.open("/")
    owner.run("window.isOld = true")
    yield owner
    assert owner.run("return window.isOld"), "the page was never loaded anew"


def sign_out_elsewhere(browser) -> None:
    browser.driver.delete_cookie("sessionid")


def sign_in_as(browser, session: str) -> None:
    cookie = {"name": "sessionid", "value": session, "url": browser.url, "httpOnly": True}
    browser.driver.execute_cdp_cmd("Network.setCookie", cookie)


def all_searchable(browser, paths) -> bool:
    return all("searchable after" in (browser.outcome(path.name) or "") for path in paths)


def photos(browser) -> int:
    answer = "return fetch('/api/v1/photos').then(answer => answer.json())"
    return len(browser.run(answer)["photos"])


@pytest.mark.parametrize("width", [1440, 390])
def test_it_goes_on_after_signing_in_again(uploader, pictures, width):
    uploader.size(width, 844)
    first, *others = pictures(f"session-{width}", "red", "green", "blue", "purple", "cyan")
    uploader.upload(first)
    uploader.until(lambda: uploader.outcome(first.name) not in {"Waiting", "Uploading"})
    sign_out_elsewhere(uploader)
    uploader.upload(*others)
    banner = uploader.one(SIGN_IN)
    assert "Sign in, and the upload goes on here." in banner.text
    assert uploader.run("return document.documentElement.scrollWidth <= innerWidth")
    if folder := os.environ.get("SCRY_SCREENSHOTS"):
        uploader.driver.save_screenshot(f"{folder}/session-{width}.png")

    page = uploader.driver.current_window_handle
    uploader.click(f"{SIGN_IN} a")
    uploader.until(lambda: len(uploader.driver.window_handles) == 2)
    tab = next(handle for handle in uploader.driver.window_handles if handle != page)
    uploader.driver.switch_to.window(tab)
    uploader.fill("[name=username]", uploader.account)
    uploader.fill("[name=password]", PASSWORD)
    uploader.click("form button")
    uploader.one(".topbar")
    uploader.driver.close()
    uploader.driver.switch_to.window(page)

    uploader.until(lambda: all_searchable(uploader, [first, *others]))
    assert not uploader.driver.find_element("css selector", SIGN_IN).is_displayed()
    assert photos(uploader) == 5


def test_another_account_does_not_get_the_files(uploader, pictures, sessions, accounts):
    other = next(accounts)
    paths = pictures("theirs")
    sign_in_as(uploader, sessions[other])
    uploader.upload(*paths)
    assert f"{other} is signed in now." in uploader.one(SIGN_IN).text
    assert photos(uploader) == 0
    sign_in_as(uploader, sessions[uploader.account])
    uploader.until(lambda: all_searchable(uploader, paths))
    assert photos(uploader) == 3


def test_a_new_token_is_fetched_without_a_word(uploader, pictures):
    paths = pictures("token")
    uploader.driver.delete_cookie("csrftoken")
    uploader.upload(*paths)
    uploader.until(lambda: all_searchable(uploader, paths))
    assert not uploader.driver.find_element("css selector", SIGN_IN).is_displayed()
    assert photos(uploader) == 3


def test_without_files_that_wait_a_page_leads_to_the_sign_in(owner):
    owner.open("/")
    sign_out_elsewhere(owner)
    owner.reloaded(lambda: owner.run("htmx.trigger(document.body, 'scry:changed')"))
    assert owner.path().startswith("/sign-in")
