"""What people do every day: look, play a slide show, select many, download, jump to a day."""

from __future__ import annotations

import re

from selenium.webdriver.common.keys import Keys


def selected(owner) -> int:
    return owner.run("return document.querySelectorAll('[data-grid] .tile :checked').length")


def test_the_viewer_says_what_it_shows_and_how_many_there_are(owner, uploaded):
    uploaded("viewer", "red", "green", "blue")
    names = owner.names()
    owner.open_lightbox(names[0])
    owner.reads(".pswp__count", "1 of 3")
    owner.says(".pswp__foot", names[0])
    owner.press(Keys.ARROW_RIGHT)
    owner.reads(".pswp__count", "2 of 3")
    owner.says(".pswp__foot", names[1])
    assert owner.attribute(".pswp__button--save", "href").endswith("/original")


def test_a_slide_show_goes_on_until_somebody_stops_it(owner, uploaded):
    uploaded("show", "red", "green", "blue")
    owner.open_lightbox(owner.names()[0])
    owner.click(".pswp__button--show")
    owner.reads(".pswp__count", "2 of 3")
    owner.click(".pswp__button--show")
    owner.has(".pswp__button--show", "aria-pressed", "false")
    stopped_at = owner.text(".pswp__count")
    owner.run("return new Promise(resolve => setTimeout(resolve, 5000))")
    assert owner.text(".pswp__count") == stopped_at


CLICK_ALL = "document.querySelectorAll(arguments[0]).forEach((one) => one.click())"


def test_a_day_or_everything_is_selected_at_once(owner, uploaded):
    uploaded("many", "red", "green", "blue")
    owner.run(CLICK_ALL, "[data-select-day]")  # Midnight may have come between the uploads.
    owner.becomes(lambda: selected(owner), 3)
    owner.run(CLICK_ALL, "[data-select-day]")
    owner.becomes(lambda: selected(owner), 0)
    owner.press("a", held=Keys.CONTROL)
    owner.becomes(lambda: selected(owner), 3)
    owner.press(Keys.ESCAPE)
    owner.becomes(lambda: selected(owner), 0)


def test_several_photos_come_as_one_file(owner, uploaded, tmp_path):
    uploaded("zip", "red", "green")
    allow = {"behavior": "allow", "downloadPath": str(tmp_path)}
    owner.driver.execute_cdp_cmd("Browser.setDownloadBehavior", allow)
    owner.press("a", held=Keys.CONTROL)
    owner.click("[data-select=download]")
    owner.until(lambda: list(tmp_path.glob("Scry *.zip")), "the archive")
    assert owner.path() == "/"


def test_the_calendar_leads_to_a_day(owner, uploaded):
    names = uploaded("day", "red")
    owner.open("/calendar")
    label = owner.attribute(".month-days a", "aria-label")
    assert re.search(r": 1 photo$", label)
    owner.follow(".month-days a")
    assert owner.names() == names
