"""The search bar in a real browser: what it offers, the filters beside it, and without scripts."""

from __future__ import annotations

import base64
from urllib.parse import parse_qs, urlparse

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser, chromium
from tests.e2e.test_gallery import DROP
from tests.web.test_api_photos import picture


def query(browser: Browser) -> str:
    """Return the query in the address."""
    return parse_qs(urlparse(browser.driver.current_url).query).get("q", [""])[0]


def typed(browser: Browser) -> str:
    return browser.run("return document.getElementById('q').value")


def options(browser: Browser) -> list[str]:
    return browser.run(
        "return [...document.querySelectorAll('#suggestions:not([hidden]) .option .text')]"
        ".map(one => one.textContent)"
    )


def test_filters_and_their_values_are_completed_by_keys(owner):
    owner.fill("#q", "red orie")
    owner.until(lambda: options(owner) == ["orientation:"])
    owner.has("#q", "aria-expanded", "true")
    owner.press(Keys.ARROW_DOWN)
    marked = owner.attribute("#q", "aria-activedescendant")
    assert owner.driver.find_element(By.ID, marked).get_attribute("aria-selected") == "true"
    owner.press(Keys.ENTER)
    owner.until(lambda: "landscape" in options(owner))
    assert typed(owner) == "red orientation:"
    owner.press("sq")
    owner.until(lambda: options(owner) == ["square"])
    owner.press(Keys.TAB)
    owner.until(lambda: typed(owner) == "red orientation:square ")
    owner.press(Keys.ENTER)
    owner.until(lambda: query(owner) == "red orientation:square")


def test_tab_completes_what_is_offered_and_then_moves_on(owner):
    owner.fill("#q", "orie")
    owner.until(lambda: options(owner))
    owner.press(Keys.TAB)
    owner.until(lambda: typed(owner) == "orientation:")
    owner.until(lambda: "landscape" in options(owner))
    owner.press(Keys.ESCAPE)
    owner.until(lambda: not options(owner))
    owner.press(Keys.TAB)
    assert typed(owner) == "orientation:"
    owner.until(lambda: owner.run("return document.activeElement.id !== 'q'"))


def test_tab_takes_no_search_where_nothing_was_typed(owner):
    owner.open("/search?q=grey+rain")
    owner.open("/")
    owner.press("/")
    owner.until(lambda: options(owner))
    owner.press(Keys.TAB)
    assert typed(owner) == ""
    owner.until(lambda: owner.run("return document.activeElement.id !== 'q'"))


def test_escape_closes_the_suggestions_and_keeps_the_text(owner):
    owner.fill("#q", "orie")
    owner.until(lambda: options(owner))
    owner.press(Keys.ESCAPE)
    owner.until(lambda: not options(owner))
    assert typed(owner) == "orie"


def test_typing_in_the_middle_completes_there(owner):
    # Drivers of the browser cannot type such a character.
    owner.fill("#q", "x orie sea")
    owner.run("q.value = '💡 orie sea'; q.setSelectionRange(7, 7)")
    owner.press(Keys.ARROW_LEFT, Keys.ARROW_RIGHT)
    owner.until(lambda: options(owner) == ["orientation:"])
    owner.click("#suggestions .option")
    owner.until(lambda: typed(owner) == "💡 orientation: sea")


def test_recent_searches_are_asked_again_and_forgotten(owner):
    for text in ("grey rain", "grey snow", "grey stone"):
        owner.open(f"/search?q={text}")
    owner.open("/")
    owner.press("/")
    owner.until(lambda: options(owner)[:3] == ["grey stone", "grey snow", "grey rain"])
    owner.press(Keys.ARROW_DOWN, Keys.DELETE)
    owner.until(lambda: options(owner)[:2] == ["grey snow", "grey rain"])
    owner.run("document.querySelector('#suggestions .forget').click()")
    owner.until(lambda: options(owner)[:1] == ["grey rain"])
    owner.press(Keys.ARROW_DOWN, Keys.ENTER)
    owner.until(lambda: query(owner) == "grey rain")
    owner.open("/")
    owner.press("/")
    owner.until(lambda: options(owner))
    owner.click("[data-forget-all]")
    owner.until(lambda: not options(owner))
    owner.says(".suggest-hint", "Describe what you want")


def test_facets_narrow_the_results(owner, uploaded):
    uploaded("facet", "red", "green")
    owner.open("/search?q=orientation:landscape")
    owner.follow('#facets [data-facet="colour"] a:has(.swatch)')
    assert "colour:" in query(owner)
    assert owner.one('#facets [data-facet="colour"] [aria-current="true"]')
    owner.size(390, 800)
    owner.open("/search?q=orientation:landscape")
    owner.one(".facets-open")
    assert not owner.all('#facets [data-facet="colour"]')
    owner.click(".facets-open")
    owner.one('.facets-sheet [data-facet="colour"]')
    owner.press(Keys.ESCAPE)
    owner.until(lambda: not owner.run("return document.querySelector('.facets-sheet').open"))


def test_the_bar_works_when_suggestions_do_not_come(owner):
    owner.allowed.append("/search/suggest")
    owner.run("document.querySelector('.search-form').dataset.suggest = '/nothing/suggest'")
    owner.allowed.append("/nothing/suggest")
    owner.fill("#q", "green")
    owner.press(Keys.ENTER)
    owner.until(lambda: query(owner) == "green")


def test_filters_are_chosen_in_a_dialog_and_shown_as_chips(owner, uploaded):
    uploaded("filter", "red", "blue")
    owner.open("/search?q=red")
    owner.click(".to-filters")
    owner.one("#filters .filter-form")
    owner.click("#filters .shape li:first-child label")
    without = "#filters .colour li:nth-child(6) label.without"
    owner.click(without)
    owner.until(lambda: "photo" in owner.text("#filters .filter-count").lower())
    owner.follow("#filters .primary")
    assert query(owner) == "red -colour:blue orientation:landscape"
    owner.reads(".to-filters .badge", "2")
    # The dialog says again what was chosen; a choice cannot be wanted and left out at once.
    owner.click(".to-filters")
    owner.click("#filters .colour li:nth-child(6) label:not(.without)")
    owner.follow("#filters .primary")
    assert query(owner) == "red colour:blue orientation:landscape"


def test_names_are_found_by_typing_when_there_are_many(owner, uploaded):
    uploaded("many", "red")
    link = owner.attribute(f"{owner.tile('many-red.png')} .open", "href")
    photo = link.rpartition("/")[2]
    owner.driver.execute_async_script(
        """
        const [id, done] = arguments;
        const token = document.querySelector("meta[name=csrf-token]").content;
        const tags = [...Array(20).keys()].map(number => `many ${number}`);
        fetch(`/api/v1/photos/${id}`, {
          method: "PATCH", body: JSON.stringify({tags}),
          headers: {"Content-Type": "application/json", "X-CSRFToken": token},
        }).then(done);
        """,
        photo,
    )
    owner.open("/search?q=red")
    # What is offered may be some seconds old.
    owner.until(lambda: opened_with(owner, "#filters .filter-group.tag .filter-more input"))
    for name in ("many 8", "many 9"):
        owner.fill("#filters .tag .filter-more input", name)
        owner.press(Keys.TAB)
    owner.follow("#filters .primary")
    assert query(owner) == 'red tag:"many 8","many 9"'


def opened_with(browser: Browser, css: str) -> bool:
    """Open the filters anew and tell whether they have an element."""
    browser.run("filters.close(); filters.replaceChildren()")
    browser.click(".to-filters")
    browser.one("#filters .filter-form")
    return bool(browser.all(css))


def test_a_dialog_can_be_left_and_cleared(owner):
    owner.open("/search?q=red+is:favourite")
    owner.click(".to-filters")
    owner.one("#filters .filter-form")
    owner.press(Keys.ESCAPE)
    owner.until(lambda: not owner.run("return document.getElementById('filters').open"))
    owner.click(".to-filters")
    owner.click('#filters [data-filters="clear"]')
    owner.follow("#filters .primary")
    assert query(owner) == "red"


def test_a_dropped_picture_joins_what_is_typed(owner, uploaded):
    uploaded("join", "green")
    data = base64.b64encode(picture((20, 150, 50), (90, 90), "PNG")).decode()
    owner.fill("#q", "orientation:landscape")
    owner.run(DROP, data, "leaf.png", ".search-form")
    owner.until(lambda: "picture:" in query(owner))
    assert "orientation:landscape" in query(owner)


def test_a_photo_of_the_gallery_is_dragged_into_the_bar(owner, uploaded):
    uploaded("drag", "green")
    address = owner.attribute(f"{owner.tile('drag-green.png')} .open", "href")
    owner.fill("#q", "night")
    owner.run(
        """
        const data = new DataTransfer();
        data.setData("text/uri-list", arguments[0]);
        const event = {dataTransfer: data, bubbles: true, cancelable: true};
        document.querySelector(".search-form").dispatchEvent(new DragEvent("drop", event));
        """,
        address,
    )
    owner.until(lambda: query(owner) == f"night photo:{address.rpartition('/')[2]}")


@pytest.mark.parametrize("width", [360, 1440])
def test_nothing_is_wider_than_the_screen(owner, width):
    owner.size(width, 780)
    for address in ("/search", "/search/filters?q=red+camera:x", "/search?q=red"):
        owner.open(address)
        assert owner.run("return document.documentElement.scrollWidth - innerWidth") <= 0, address
    owner.click("#q")
    owner.until(lambda: not owner.run("return document.getElementById('suggestions').hidden"))
    owner.run("document.querySelector('.to-filters').click()")
    owner.one("#filters .filter-form")
    box = owner.one("#filters").rect
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert owner.run("return document.querySelector('.filter-groups').scrollWidth") <= width


def test_filters_and_searching_work_without_scripts(gallery, account, tmp_path):
    driver = chromium(tmp_path / "plain", scripts=False)
    plain = Browser(driver, gallery.url, account)
    try:
        plain.sign_in()
        plain.open("/search?q=red")
        plain.follow(".to-filters")
        assert plain.path().startswith("/search/filters")
        plain.click(".shape li:first-child label")
        plain.click(".colour li:nth-child(6) label.without")
        plain.follow(".filter-form .primary")
        assert query(plain) == "red -colour:blue orientation:landscape"
        plain.reads(".to-filters .badge", "2")
    finally:
        driver.quit()
