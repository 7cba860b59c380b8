"""Inviting somebody, and the page of one's own account, in a browser."""

from __future__ import annotations

import os

from tests.e2e.browser import PASSWORD
from tests.e2e.conftest import first_run

WIDER = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"


def looks_right(browser, name: str) -> None:
    """Check that nothing is wider than a phone; keep a picture if somebody wants to see it."""
    for width, height in ((1440, 1100), (390, 844)):
        browser.size(width, height)
        assert browser.run(WIDER) <= 0, f"{name} at {width}"
        if folder := os.environ.get("SCRY_PICTURES"):
            browser.driver.save_screenshot(f"{folder}/{name}-{width}.png")


def test_somebody_is_invited_and_looks_after_the_own_account(browser, new_gallery):
    browser.url = new_gallery.url
    first_run(browser, new_gallery)
    browser.open("/people")
    browser.follow("#invite form button.primary")
    link = browser.words("#invite .secret code")
    looks_right(browser, "people")
    browser.open("/account")
    browser.fill("#tokens [name=name]", "phone")
    browser.fill("#tokens [name=password]", PASSWORD)
    browser.follow("#tokens form.account-form button")
    assert len(browser.words("#tokens .secret code")) == 43
    looks_right(browser, "account")

    browser.open("/")
    browser.click(".menu summary")
    browser.follow("form[action='/sign-out'] button")
    assert browser.path() == "/sign-in"
    browser.open(link)
    browser.fill("[name=username]", "eve")
    assert browser.path() == "/join", "the secret left the address"
    looks_right(browser, "join")
    browser.fill("[name=password]", PASSWORD)
    browser.follow("form button")
    browser.one(".topbar")
    browser.open("/account")
    browser.fill("#code [name=password]", PASSWORD)
    browser.follow("#code form button.primary")
    browser.one(".code-picture svg")
    looks_right(browser, "code")
    browser.open("/account/activity")
    browser.says("main", "Account made")
    looks_right(browser, "activity")
