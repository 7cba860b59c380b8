"""axe-core over what opens on the pages: dialogs, menus, the viewer, and what went wrong."""

from __future__ import annotations

import os

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e import axe
from tests.e2e.axe import Looks
from tests.e2e.browser import PASSWORD, Browser
from tests.e2e.test_duplicates import REVIEW, card, press, twins  # noqa: F401 - a fixture
from tests.e2e.test_sensitive import mark
from tests.e2e.test_sharing import in_shell
from tests.e2e.test_trash import select, toast

pytestmark = pytest.mark.skipif(not axe.SOURCE.exists(), reason="axe-core is missing: make e2e")

CLOSED = "return [...document.querySelectorAll('dialog:not([open])[id]')].map(one => one.id)"


@pytest.fixture
def looks(owner):
    owner.allowed += ["Failed to load resource"]
    looks = Looks(owner)
    yield looks
    assert looks.found == [], "\n".join(looks.found)


def click(browser: Browser, css: str) -> None:
    """Click what may be in a menu at this width."""
    browser.until(lambda: browser.all(css), css)
    browser.run("document.querySelector(arguments[0]).click()", css)


def has_open(browser: Browser, css: str) -> None:
    browser.until(lambda: browser.all(f"{css}[open]"), css)


def test_what_opens_on_the_grid(looks, uploaded):
    browser = looks.browser
    names = uploaded("opens", "red", "green", "blue")
    click(browser, ".topbar .menu summary")
    looks.at("the menu")
    for action, dialog in (
        ("date", "#dates"),
        ("album", "#to-album"),
        ("sensitive", "#to-sensitive"),
    ):
        browser.open("/")
        select(browser, *names[:2])
        browser.until(lambda: not browser.run("return selection.hidden"), "the selection")
        looks.at(f"the selection, before {dialog}")
        click(browser, f"[data-select={action}]")
        has_open(browser, dialog)
        looks.at(dialog)
    browser.open("/")
    for dialog in browser.run(CLOSED):
        browser.run("document.getElementById(arguments[0]).showModal()", dialog)
        looks.at(f"#{dialog}")
        browser.run("document.getElementById(arguments[0]).close()", dialog)


def test_what_opens_over_a_photo(looks, uploaded):
    browser = looks.browser
    names = uploaded("over", "red", "green")
    browser.open_lightbox(names[0])
    looks.at("the viewer")
    browser.press("i")
    browser.one(".drawer .marks")
    looks.at("the viewer with details")
    browser.open("/")
    select(browser, *names)
    click(browser, "[data-select=stack]")
    toast(browser, "2 photos stacked")
    looks.at("a new stack and its toast")
    click(browser, "[data-grid] .fold")
    browser.until(lambda: browser.all(".tile[data-of]"), "the stack")
    looks.at("an opened stack")


def test_what_the_search_opens_and_does_not_find(looks, uploaded):
    browser = looks.browser
    uploaded("asked", "red", "green")
    browser.fill("#q", "orie")
    browser.until(lambda: browser.all("#suggestions:not([hidden]) .option"), "suggestions")
    looks.at("suggestions")
    browser.open("/")
    click(browser, ".to-filters")
    has_open(browser, "#filters")
    browser.until(lambda: browser.all("#filters form"), "filters")
    looks.at("#filters")
    for query in ("red", "name:no-such-name", "type:png sort", "red without blue", "album:nowhere"):
        browser.open(f"/search?q={query}")
        browser.until(lambda: not browser.all(".htmx-request"), query)
        looks.at(f"the results of {query!r}")
    browser.open("/search?q=red")
    for dialog in browser.all("dialog.facets-sheet"):
        browser.run("arguments[0].showModal()", dialog)
        looks.at("the facets of a phone")


def test_uploads_that_failed(looks, uploaded, tmp_path):
    browser = looks.browser
    (name,) = uploaded("failed", "red")
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture" + os.urandom(8))
    browser.upload(tmp_path / name, broken)
    for path in (name, broken.name):
        browser.until(lambda path=path: browser.outcome(path), path)
    browser.until(lambda: browser.all(".uploads li.error"), "failed")
    looks.at("the card of uploads")
    click(browser, "[data-uploads=minimise]")
    looks.at("the card of uploads, minimised")


def test_covered_photos(looks, uploaded):
    browser = looks.browser
    names = uploaded("covered", "red", "blue")
    mark(browser, names[0])
    browser.open("/")
    browser.until(lambda: browser.all(".tile.veiled"))
    looks.at("a covered photo")
    browser.open(browser.attribute(f"{browser.tile(names[0])} .open", "href"))
    looks.at("the page of a covered photo")
    browser.open("/")
    select(browser, *names)
    browser.press(Keys.DELETE)
    toast(browser, "2 photos moved to the trash")
    looks.at("a toast that can undo")
    browser.open("/trash")
    looks.at("the trash with a covered photo")


def test_duplicates(looks, twins):  # noqa: F811 - the fixture
    browser = looks.browser
    twins("alike", 51)
    name = "alike-51.png"
    looks.at(REVIEW)
    press(browser, f"{card(name)} .tick")
    looks.at("a ticked group")
    browser.click(".bulk .primary")
    browser.says("#ask", "1 photo")
    looks.at("#ask")
    browser.press(Keys.ESCAPE)
    press(browser, f"{card(name)} .member:not(.best) .look")
    browser.one("#compare")
    looks.at("#compare")


def test_signing_in_with_a_code(looks, gallery, account):
    browser = looks.browser
    in_shell(gallery, TURN_ON % account)
    browser.driver.delete_all_cookies()
    browser.open("/sign-in")
    browser.fill("[name=username]", account)
    browser.fill("[name=password]", "wrong")
    browser.follow("form button")
    looks.at("/sign-in after a wrong password")
    browser.fill("[name=username]", account)
    browser.fill("[name=password]", PASSWORD)
    browser.follow("form button")
    browser.one("[name=code]")
    looks.at("/sign-in/code")
    browser.fill("[name=code]", "000000")
    browser.follow("form button")
    looks.at("/sign-in/code after a wrong code")


TURN_ON = """
from time import time
from django.contrib.auth.models import User
from django_otp.oath import TOTP
from gallery import second_step
device = second_step.begin(User.objects.get(username="%s"))
app = TOTP(device.bin_key)
app.time = time()
second_step.confirm(device.user, f"{app.token():06}")
"""
