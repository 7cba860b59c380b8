"""Editing many photos at once from the bar of the selection, and taking it back."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys


def marks(owner) -> list[list]:
    """Return tags, stars and caption of all photos, as programs are told."""
    return owner.run(
        "return fetch('/api/v1/photos').then(answer => answer.json()).then(said =>"
        " said.photos.map(one => [one.tags.join(' '), one.rating, one.caption]))"
    )


def test_tags_stars_and_caption_of_many_change_at_once(owner, uploaded):
    uploaded("edit", "red", "green")
    owner.press("a", held=Keys.CONTROL)
    owner.click("[data-select=edit]")
    owner.fill("#edit-marks [name=add]", "sea, sun")
    owner.run("document.querySelector('#edit-marks [name=rating]').value = '4'")
    owner.click("#edit-marks [name=with_caption]")
    owner.fill("#edit-marks textarea", "At the lake")
    owner.click("#edit-marks .primary")
    owner.says(".toast", "2 photos changed")
    assert marks(owner) == [["sea sun", 4, "At the lake"]] * 2
    owner.click(".toast button")
    owner.says(".toasts", "Undone")
    assert marks(owner) == [["", 0, ""]] * 2


def test_the_field_completes_the_last_tag(owner, uploaded):
    uploaded("complete", "red")
    owner.press("a", held=Keys.CONTROL)
    owner.click("[data-select=edit]")
    owner.fill("#edit-marks [name=add]", "holiday")
    owner.click("#edit-marks .primary")
    owner.says(".toast", "1 photo tagged")
    owner.press("a", held=Keys.CONTROL)
    owner.click("[data-select=edit]")
    offered = "return [...document.querySelector('#tags-to-add').options].map(one => one.value)"
    owner.fill("#edit-marks [name=add]", "sea, h")
    owner.becomes(lambda: owner.run(offered), ["sea, holiday"])


def test_hearts_of_many_are_taken_back_on_the_page_too(owner, uploaded):
    uploaded("hearts", "red", "green")
    owner.press("a", held=Keys.CONTROL)
    owner.press("f")
    owner.says(".toast", "2 photos added to favourites")
    owner.becomes(lambda: len(owner.all(".loved")), 2)
    owner.click(".toast button")
    owner.becomes(lambda: len(owner.all(".loved")), 0)
