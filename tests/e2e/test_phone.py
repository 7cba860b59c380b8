"""A phone in the hand: the bar under the thumb, long presses, and Scry as an app."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import COLOURS, first_run, start_migrated, stop
from tests.e2e.test_sensitive import kept_addresses

WIDE, NARROW = (1440, 900), (390, 844)


@pytest.fixture
def phone(owner):
    """The owner's browser with a touch screen of 390 pixels."""
    owner.size(*NARROW)
    owner.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    return owner


def touch(browser, kind: str, *points: tuple[float, float]) -> None:
    at = [{"x": x, "y": y} for x, y in points]
    browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})


def middle(browser, name: str) -> tuple[float, float]:
    box = browser.run(
        "const box = document.querySelector(arguments[0]).getBoundingClientRect();"
        "return [box.x + box.width / 2, box.y + box.height / 2]",
        browser.tile(name),
    )
    return box[0], box[1]


def selected(browser) -> list[str]:
    return browser.run(
        "return [...document.querySelectorAll('[data-grid] .tile:has(:checked) .open')]"
        ".map(link => link.dataset.name)"
    )


def test_a_long_press_selects_and_dragging_extends(phone, uploaded):
    uploaded("press", *COLOURS)
    names = phone.names()
    touch(phone, "touchStart", middle(phone, names[1]))
    phone.until(lambda: selected(phone) == [names[1]])
    touch(phone, "touchMove", middle(phone, names[3]))
    phone.until(lambda: selected(phone) == names[1:4])
    touch(phone, "touchMove", middle(phone, names[2]))
    phone.until(lambda: selected(phone) == names[1:3])
    touch(phone, "touchEnd")
    assert phone.path() == "/"
    # While photos are selected, a tap selects one more, and a check circle shows on each.
    opacity = (
        "return [...document.querySelectorAll('[data-grid] .check')]"
        ".map((box) => getComputedStyle(box).opacity)"
    )
    phone.becomes(lambda: set(phone.run(opacity)), {"1"}, "check circles")


def test_a_finger_that_moves_scrolls_and_selects_nothing(phone, uploaded):
    uploaded("scroll", *COLOURS)
    x, y = middle(phone, phone.names()[0])
    # In one command, as two could be as far apart as a long press takes.
    gesture = {"x": x, "y": y, "yDistance": -60, "gestureSourceType": "touch"}
    phone.driver.execute_cdp_cmd("Input.synthesizeScrollGesture", gesture)
    phone.run("return new Promise(resolve => setTimeout(resolve, 700))")
    assert selected(phone) == []


@pytest.mark.parametrize(("size", "places"), [
    (NARROW, ["Photos", "Search", "Albums", "Upload"]),
    (WIDE, ["Photos", "Favourites", "Albums", "Places", "Searches", "Duplicates", "Trash",
            "Settings"]),
])  # fmt: skip
def test_what_matters_is_in_sight(owner, size, places):
    owner.size(*size)
    owner.open("/albums")
    links = [link for link in owner.all(".rail a") if link.is_displayed()]
    assert [link.text for link in links] == places
    here = [link.text for link in links if link.get_attribute("aria-current") == "page"]
    assert here == ["Albums"]
    overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert owner.run(overflow) == 0


def test_the_bar_hides_nothing_at_the_end_of_a_page(phone, uploaded):
    uploaded("end", *COLOURS)
    phone.size(390, 320)
    assert phone.run("return document.documentElement.scrollHeight") > 320, "the page scrolls"
    phone.run("scrollTo(0, document.body.scrollHeight)")
    tab = phone.run("return document.querySelector('.rail').getBoundingClientRect().top")
    tile = phone.run(
        "const tile = [...document.querySelectorAll('main [data-grid] .tile')].at(-1);"
        "return tile.getBoundingClientRect().bottom"
    )
    assert 0 < tile <= tab


def test_targets_are_large_enough_for_a_finger(phone):
    phone.open("/albums")
    small = phone.run(
        "return [...document.querySelectorAll('.rail a, .topbar button, .topbar a, main .button')]"
        ".filter(each => each.checkVisibility() && each.getBoundingClientRect().height < 44)"
        ".map(each => each.outerHTML.slice(0, 120))"
    )
    assert small == []


def test_without_a_connection_a_page_says_so(browser, tmp_path):
    data = tmp_path / "gallery"
    process, gallery = start_migrated(data)
    try:
        browser.url = gallery.url
        first_run(browser, gallery)
        browser.run("return navigator.serviceWorker.ready.then(() => true)")
    finally:
        stop(process)
    browser.allowed += ["net::ERR_CONNECTION_REFUSED", "net::ERR_FAILED"]
    browser.open("/albums")
    browser.says("h1", "No connection")
    assert (
        browser.run("return getComputedStyle(document.querySelector('.card-page')).display")
        == "grid"
    )


def test_kept_thumbnails_are_shown_without_a_connection(browser, tmp_path, pictures):
    process, gallery = start_migrated(tmp_path / "gallery")
    try:
        browser.url = gallery.url
        first_run(browser, gallery)
        browser.run("return navigator.serviceWorker.ready.then(() => true)")
        browser.upload(*pictures("kept"))
        browser.until(lambda: len(browser.names()) == 3)
        assert kept_thumbnails(browser) == 0, "nothing is kept unasked"
        browser.open("/account/appearance")
        browser.click("[data-recent-switch] input")
        browser.until(lambda: browser.run("return caches.has('scry-recent-1')"))
        browser.open("/")
        browser.until(lambda: kept_thumbnails(browser) == 3)
    finally:
        stop(process)
    browser.allowed += ["net::ERR_CONNECTION_REFUSED", "net::ERR_FAILED"]
    browser.open("/albums")
    browser.until(lambda: len(browser.all("[data-recent] img")) == 3)
    size = "return document.querySelector('[data-recent] img').naturalWidth"
    browser.until(lambda: browser.run(size) > 0, "the picture")


def test_kept_thumbnails_go_when_somebody_signs_out(owner, uploaded):
    owner.open("/account/appearance")
    owner.click("[data-recent-switch] input")
    uploaded("seen")
    owner.until(lambda: kept_thumbnails(owner) == 3)
    owner.click(".menu summary")
    owner.follow("form[action='/sign-out'] button")
    assert kept_thumbnails(owner) == 0


def kept_thumbnails(browser) -> int:
    return len(kept_addresses(browser))


def test_what_another_app_shares_is_uploaded(owner, pictures):
    """The browser's share sheet is simulated: a form sends the same request to the same address."""
    owner.open("/")
    owner.run("return navigator.serviceWorker.ready.then(() => true)")
    owner.reloaded(lambda: owner.run("location.reload()"))  # Now the worker serves the page.
    owner.run(
        "const form = document.createElement('form');"
        "form.method = 'post'; form.action = '/share'; form.enctype = 'multipart/form-data';"
        "form.innerHTML = '<input type=file name=photos multiple id=shared>';"
        "document.querySelector('main').append(form)"
    )
    path = pictures("shared", "red")[0]
    owner.driver.find_element("css selector", "#shared").send_keys(str(path))
    owner.reloaded(lambda: owner.run("document.querySelector('#shared').form.submit()"))
    owner.says("#shared-files", "1 photo was shared with Scry.")
    assert owner.outcome(path.name) == "", "nothing is uploaded unasked"
    owner.click("[data-shared=upload]")
    owner.until(lambda: "searchable after" in owner.outcome(path.name), path.name)
    assert (
        owner.run("return caches.open('scry-shared').then(c => c.keys()).then(k => k.length)") == 0
    )
