"""Pausing and resuming the work in a real browser, while a photo waits for it."""

from __future__ import annotations

from tests.e2e.conftest import first_run
from tests.e2e.test_originals import WIDER


def test_a_pause_holds_a_photo_back_until_the_work_goes_on(browser, new_gallery, pictures):
    browser.url = new_gallery.url
    first_run(browser, new_gallery)
    browser.open("/jobs")
    browser.follow("#pause-all")
    browser.says("#jobs", "Everything is paused")
    (path,) = pictures("held", "red")
    browser.upload(path)
    browser.until(lambda: "being made searchable" in browser.outcome(path.name))
    browser.says("#status", "0 of 1 photos searchable")
    browser.says("#status", "Paused")
    browser.run("document.getElementById('resume-all').focus()")
    browser.says("#jobs", "0 of 1")
    assert browser.run("return document.activeElement.id") == "resume-all"
    for width in (1440, 390):
        browser.size(width, 844)
        assert browser.run(WIDER) <= 0
    browser.follow("#resume-all")
    browser.says("#status", "1 photo, all searchable")
    browser.settles(
        lambda: browser.words("#jobs"), lambda said: "Paused" not in said, "#jobs without a pause"
    )
