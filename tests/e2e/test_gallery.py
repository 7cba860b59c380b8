"""What a person does with the gallery, in a real browser against the real program."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import PASSWORD, Browser, chromium
from tests.e2e.conftest import Gallery, first_run, start, stop
from tests.web.test_api_photos import picture


@pytest.fixture
def first_start(tmp_path) -> Iterator[Gallery]:
    """A gallery that makes everything itself, the database too."""
    process, gallery = start(tmp_path / "gallery")
    yield gallery
    stop(process)


def test_from_the_first_address_to_the_first_found_photo(first_start, browser, pictures):
    browser.url = first_start.url
    browser.open("/")
    assert browser.path() == "/welcome"
    first_run(browser, first_start)
    browser.says(".welcome-drop", "Drop photos here")
    browser.upload(*pictures("first"))
    browser.until(lambda: "searchable after" in browser.outcome("first-red.png"))
    # The photos appear in the grid without a reload.
    everything = {f"first-{colour}.png" for colour in ("red", "green", "blue")}
    browser.until(lambda: set(browser.names()) == everything)
    browser.says("#status", "3 photos, all searchable")
    browser.fill("#q", "red")
    browser.reloaded(lambda: browser.press(Keys.ENTER))
    assert browser.path().startswith("/search?q=red")
    assert browser.names()[0] == "first-red.png"


def test_somebody_signs_in_with_name_and_password_and_out_again(browser, gallery, account):
    browser.url = gallery.url
    browser.allowed.append("status of 401 (Unauthorized)")
    browser.open("/albums")
    for password, path in (("wrong", "/sign-in?next=/albums"), (PASSWORD, "/albums")):
        assert browser.path() == "/sign-in?next=/albums"
        browser.fill("[name=username]", account)
        browser.fill("[name=password]", password)
        browser.follow("form button")
        assert browser.path() == path
    browser.click(".menu summary")
    browser.says(".menu-head", account)
    browser.follow(".menu form button")
    browser.open("/albums")
    assert browser.path() == "/sign-in?next=/albums"


def test_the_same_file_again_leads_to_the_photo(owner, uploaded, tmp_path):
    uploaded("again", "red")
    owner.upload(tmp_path / "again-red.png")
    owner.until(lambda: "already here" in owner.outcome("again-red.png"))
    owner.follow(".uploads .duplicate a")
    assert owner.path().startswith("/photos/")
    owner.reads(".details .name", "again-red.png")


def test_what_is_not_a_picture_stays_with_its_reason_and_no_retry(owner, tmp_path):
    owner.allowed.append("/api/v1/photos")
    bad = tmp_path / "notes.jpg"
    bad.write_text("These are only words. " * 10)
    owner.upload(bad)
    owner.until(lambda: "cannot read this file" in owner.outcome("notes.jpg"))
    (retry,) = owner.all(".uploads .error .retry")
    assert not retry.is_displayed()


def test_the_whole_window_takes_dropped_files(owner):
    data = base64.b64encode(picture((30, 160, 40), (123, 77), "PNG")).decode()
    owner.run(DROP, data, "dropped.png", "main")
    owner.until(lambda: "searchable after" in owner.outcome("dropped.png"))


DROP = """
const bytes = Uint8Array.from(atob(arguments[0]), c => c.charCodeAt(0));
const carrier = new DataTransfer();
carrier.items.add(new File([bytes], arguments[1], {type: "image/png"}));
const target = document.querySelector(arguments[2]);
for (const name of ["dragenter", "dragover", "drop"]) {
  const event = {dataTransfer: carrier, bubbles: true, cancelable: true};
  target.dispatchEvent(new DragEvent(name, event));
}
"""


def test_a_picture_dropped_on_the_search_bar_is_searched_by(owner, uploaded):
    uploaded("like")
    data = base64.b64encode(picture((20, 150, 50), (90, 90), "PNG")).decode()
    owner.run(DROP, data, "leaf.png", ".search-form")
    owner.until(lambda: owner.path().startswith("/search?q=picture"))
    assert owner.names()[0] == "like-green.png"
    owner.says(".chip", "leaf.png")


def test_the_lightbox_has_an_address_for_each_photo_and_back_closes_it(owner, uploaded):
    names = uploaded("box")
    start = owner.path()
    first = owner.names()[0]
    owner.open_lightbox(first)
    owner.until(lambda: owner.path().startswith("/#photo/"))
    opened = owner.path()
    owner.press(Keys.ARROW_RIGHT)
    owner.until(lambda: owner.path() not in {opened, start})
    owner.press("i")
    owner.reads(".drawer .name", owner.names()[1])
    owner.driver.back()
    owner.until(lambda: not owner.all(".pswp"))
    owner.becomes(owner.path, start, "the address")
    assert set(names) <= set(owner.names())


def test_closing_the_lightbox_restores_the_address_too(owner, uploaded):
    uploaded("close", "blue")
    owner.open_lightbox("close-blue.png")
    owner.until(lambda: owner.path().startswith("/#photo/"))
    owner.press(Keys.ESCAPE)
    owner.until(lambda: not owner.all(".pswp"))
    owner.becomes(owner.path, "/", "the address")


def test_the_picture_on_the_photo_page_opens_the_lightbox(owner, uploaded):
    uploaded("page", "red")
    owner.open(owner.attribute(f"{owner.tile('page-red.png')} .open", "href"))
    address = owner.path()
    owner.click(".photo-page .picture")
    wide = "return document.querySelector('img.pswp__img')?.width ?? 0"
    owner.until(lambda: owner.run(wide) > 100)
    assert owner.path() == address
    owner.until(lambda: owner.run("return Boolean(document.activeElement.closest('.pswp'))"))
    owner.press("i")
    owner.reads(".drawer .name", "page-red.png")
    owner.press(Keys.ESCAPE, Keys.ESCAPE)
    owner.until(lambda: not owner.all(".pswp"))
    owner.becomes(owner.path, address, "the address")


def test_the_photo_page_shows_similar_photos_below(owner, uploaded):
    uploaded("strip")
    address = owner.attribute(f"{owner.tile('strip-red.png')} .open", "href")
    owner.open(address)
    owner.one(".strip .tile")
    assert "strip-red.png" not in owner.names()
    width = "return document.querySelector('.stage img').naturalWidth"
    owner.until(lambda: owner.run(width) > 0, "the picture")


def test_photos_are_selected_and_deleted_by_keyboard(owner, uploaded):
    uploaded("gone", "red", "blue")
    for name in ("gone-red.png", "gone-blue.png"):
        owner.run("document.querySelector(arguments[0]).focus()", f"{owner.tile(name)} .open")
        owner.press("x")
    owner.reads(".selection-count", "2 selected")
    owner.press(Keys.DELETE)
    owner.says(".toast", "2 photos moved to the trash")
    owner.until(lambda: not {"gone-red.png", "gone-blue.png"} & set(owner.names()))
    owner.open("/")
    owner.one(".welcome-drop")
    assert not {"gone-red.png", "gone-blue.png"} & set(owner.names())


def test_shift_and_a_click_select_a_range_also_in_results(owner, uploaded):
    uploaded("range")
    for address in ("/", "/search?q=red&fold=0"):
        owner.open(address)
        owner.one(".tile")
        circles = owner.all("main .tile .check input")
        owner.run("arguments[0].click()", circles[0])
        shift_click = ActionChains(owner.driver).key_down(Keys.SHIFT)
        shift_click.click(owner.all("main .tile .open")[2]).key_up(Keys.SHIFT).perform()
        owner.reads(".selection-count", "3 selected")
        owner.press(Keys.ESCAPE)
        owner.until(lambda: owner.run("return document.getElementById('selection').hidden"))


def test_keys_reach_search_and_help(owner):
    owner.press("/")
    owner.until(lambda: owner.driver.switch_to.active_element.get_attribute("id") == "q")
    owner.press(Keys.ESCAPE)  # closes the suggestions
    owner.press(Keys.ESCAPE)
    owner.until(lambda: owner.driver.switch_to.active_element.get_attribute("id") != "q")
    owner.press("?")
    owner.says("#help", "Keyboard shortcuts")
    owner.press(Keys.ESCAPE)
    owner.press("k", held=Keys.CONTROL)
    owner.until(lambda: owner.driver.switch_to.active_element.get_attribute("id") == "q")


def test_the_last_searches_are_offered(owner):
    owner.fill("#q", "blue sea")
    owner.press(Keys.ENTER)
    owner.until(lambda: owner.path().startswith("/search?q=blue"))
    owner.open("/")
    owner.press("/")
    owner.reads("#suggestions .option", "blue sea")
    owner.press(Keys.ARROW_DOWN, Keys.ENTER)
    owner.until(lambda: owner.path().startswith("/search?q=blue"))


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_wider_than_a_phone(owner, uploaded, dark):
    uploaded("phone")
    photo = owner.attribute(".tile .open", "href")
    owner.size(360, 780, dark=dark)
    for address in ("/", "/search?q=red", "/search", photo, "/settings", "/problems", "/upload"):
        owner.open(address)
        wide = owner.run("return document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, address


def test_nothing_moves_while_pictures_arrive(owner, uploaded):
    uploaded("calm")
    owner.open("/")
    # Those further down are not asked for before they come near.
    below = "i.getBoundingClientRect().top > innerHeight"
    arrived = f"return [...document.images].every(i => i.complete || {below})"
    owner.until(lambda: owner.run(arrived))
    shifts = owner.driver.execute_async_script(
        """
        const done = arguments[0];
        const shifts = [];
        const nameOf = ({node}) => node?.outerHTML?.slice(0, 80) ?? "";
        new PerformanceObserver(list => {
          for (const entry of list.getEntries()) {
            // Without a node it is the space behind the last tile, which nobody sees.
            const seen = entry.sources.some(({node}) => node);
            if (!seen || entry.hadRecentInput) continue;
            shifts.push([entry.value, entry.sources.map(nameOf)]);
          }
        }).observe({type: "layout-shift", buffered: true});
        setTimeout(() => done(shifts), 500);
        """
    )
    assert sum(size for size, _ in shifts) < 0.01, shifts


def test_everything_but_comfort_works_without_scripts(gallery, account, tmp_path, pictures):
    driver = chromium(tmp_path / "plain", scripts=False)
    plain = Browser(driver, gallery.url, account)
    try:
        plain.sign_in()
        plain.open("/upload")
        path = pictures("plain", "red")[0]
        plain.all("main input[type=file]")[0].send_keys(str(path))
        plain.follow("main form .primary")
        plain.says(".outcomes", "plain-red.png")
        plain.follow(".outcomes a")
        plain.reads(".details .name", "plain-red.png")
        plain.fill("#q", "red")
        plain.reloaded(lambda: plain.press(Keys.ENTER))
        assert "q=red" in plain.path()
        plain.open("/")
        plain.follow('.tile a[data-name="plain-red.png"]')
        plain.follow('form[action$="/delete"] button')
        assert plain.path() == "/"
        plain.says(".toast", "plain-red.png")
        assert not plain.all('.tile a[data-name="plain-red.png"]')
    finally:
        driver.quit()
