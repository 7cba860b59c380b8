"""A session that ends while files are uploaded: the page stays, asks to sign in, and goes on."""

from __future__ import annotations

import os

import pytest

from tests.e2e.browser import PASSWORD

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
    browser.driver.delete_cookie("scry_session")


def sign_in_as(browser, session: str) -> None:
    cookie = {"name": "scry_session", "value": session, "url": browser.url, "httpOnly": True}
    browser.driver.execute_cdp_cmd("Network.setCookie", cookie)


def all_searchable(browser, paths) -> bool:
    return all("searchable after" in browser.outcome(path.name) for path in paths)


def all_arrived(browser, paths) -> bool:
    """Tell whether all are in the gallery, also those that another page had sent before."""
    said = [browser.outcome(path.name) for path in paths]
    return all("searchable after" in one or "already here" in one for one in said)


def photos(browser) -> int:
    answer = "return fetch('/api/v1/photos').then(answer => answer.json())"
    return len(browser.run(answer)["photos"])


@pytest.mark.parametrize("width", [1440, 390])
def test_it_goes_on_after_signing_in_again(uploader, pictures, width):
    uploader.size(width, 844)
    first, *others = pictures(f"session-{width}", "red", "green", "blue", "purple", "cyan")
    uploader.upload(first)
    uploader.until(lambda: uploader.outcome(first.name) not in {"", "Waiting", "Uploading"})
    # The grid is loaded anew for it, which a signed-out page would notice too early.
    uploader.until(lambda: first.name in uploader.names(), "in the grid")
    sign_out_elsewhere(uploader)
    uploader.upload(*others)
    uploader.says(SIGN_IN, "Sign in, and the upload goes on here.")
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
    uploader.follow("form button")
    uploader.one(".topbar")
    uploader.driver.close()
    uploader.driver.switch_to.window(page)

    # The page with the form sends, too, while it is open.
    uploader.until(lambda: all_arrived(uploader, [first, *others]))
    assert not uploader.driver.find_element("css selector", SIGN_IN).is_displayed()
    assert photos(uploader) == 5


def test_another_account_does_not_get_the_files(uploader, pictures, sessions, accounts):
    other = next(accounts)
    paths = pictures("theirs")
    sign_in_as(uploader, sessions[other])
    uploader.upload(*paths)
    uploader.says(SIGN_IN, f"{other} is signed in now.")
    assert photos(uploader) == 0
    sign_in_as(uploader, sessions[uploader.account])
    uploader.until(lambda: all_searchable(uploader, paths))
    assert photos(uploader) == 3


def test_a_new_token_is_fetched_without_a_word(uploader, pictures):
    paths = pictures("token")
    uploader.driver.delete_cookie("scry_csrf")
    uploader.upload(*paths)
    uploader.until(lambda: all_searchable(uploader, paths))
    assert not uploader.driver.find_element("css selector", SIGN_IN).is_displayed()
    assert photos(uploader) == 3


def test_without_files_that_wait_a_page_leads_to_the_sign_in(owner):
    owner.open("/")
    sign_out_elsewhere(owner)
    owner.reloaded(lambda: owner.run("htmx.trigger(document.body, 'scry:changed')"))
    assert owner.path().startswith("/sign-in")


def test_uploads_pause_go_on_and_are_cancelled(owner, pictures):
    paths = pictures("halt", "red", "green", "blue", "purple", "cyan")
    owner.open("/")
    owner.driver.execute_cdp_cmd("Network.enable", {})
    # Long enough for the button to be pressed before the first are through.
    slow = {"offline": False, "latency": 5000, "downloadThroughput": -1, "uploadThroughput": -1}
    owner.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    owner.upload(*paths)
    owner.click('[data-uploads="pause"]')
    owner.until(lambda: "Paused" in owner.text(".uploads-title"))
    waiting = [path.name for path in paths if owner.outcome(path.name) == "Waiting"]
    assert waiting, "at most three are sent at a time"
    owner.run(
        "[...document.querySelectorAll('.uploads li')].find(row => "
        "row.querySelector('.name').textContent === arguments[0]).querySelector('.cancel').click()",
        waiting[-1],
    )
    owner.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow | {"latency": 0})
    owner.click('[data-uploads="pause"]')
    for path in paths:
        if path.name != waiting[-1]:
            owner.until(lambda path=path: "searchable after" in owner.outcome(path.name))
    assert owner.outcome(waiting[-1]) == ""
    owner.open("/")
    assert waiting[-1] not in owner.names()


def test_what_the_browser_could_not_keep_is_asked_for_again(owner, pictures):
    path, other = pictures("unsent", "red", "green")
    owner.open("/")
    quota = {"origin": owner.url, "quotaSize": 1}
    owner.driver.execute_cdp_cmd("Storage.overrideQuotaForOrigin", quota)
    owner.driver.execute_cdp_cmd("Network.enable", {})
    owner.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/api/v1/photos*"]})
    owner.allowed += ["net::ERR_BLOCKED_BY_CLIENT", "never had a user gesture"]
    owner.upload(path, other)
    owner.until(lambda: "No connection" in owner.outcome(path.name))
    # The driver answers the page's question whether to leave.
    owner.reloaded(lambda: owner.run("location.reload()"))
    told = f"2 files were not sent, because the page was left: {path.name}, {other.name}"
    owner.says("#uploads-unsent", told)
    owner.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
    owner.upload(path)
    owner.says("#uploads-unsent", f"1 file was not sent, because the page was left: {other.name}")
    owner.upload(other)
    owner.gone("#uploads-unsent")
    for each in (path, other):
        owner.until(lambda each=each: "searchable after" in owner.outcome(each.name), each.name)
    owner.reloaded(lambda: owner.run("location.reload()"))
    owner.gone("#uploads-unsent")
