"""Label sets in a real browser: made from a list, cut by a slider, answered on tiles and photos."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser

FOUND = ".label-tree-part:not(:has(.banner))"
SHOWN = ".part:not(.asked-part, .label-cut)"
"""The part of a label's page whose photos have the label."""


def make(browser: Browser, name: str, *labels: str) -> None:
    browser.open("/labels")
    browser.fill("[name=name]", name)
    browser.run(
        "document.querySelector('textarea[name=labels]').value = arguments[0]", "\n".join(labels)
    )
    browser.follow(".label-form .button.primary")


def open_label(browser: Browser, name: str) -> None:
    link = "[...document.querySelectorAll('.label-tree a')].find(a => a.innerText.includes('{}'))"
    browser.reloaded(lambda: browser.run(f"{link.format(name)}.click()"))


def test_a_list_becomes_labels_whose_cut_and_answers_are_a_persons(owner, uploaded):
    uploaded("labels", "red", "blue", "green")
    make(owner, "Hues", "red", "blue")
    owner.until(lambda: owner.all(FOUND), "labels are found")
    open_label(owner, "red")
    owner.one(".cut-slider")

    # The slider moves by keys and says how many photos lie above the cut, before anything is kept.
    owner.run("document.querySelector('.cut-slider').focus()")
    owner.press(Keys.HOME)
    owner.reads(".cut-form output", "0 photos")
    owner.one(".cut-form .button.primary")
    owner.run("document.querySelector('.cut-slider').focus()")
    owner.press(Keys.ARROW_RIGHT)
    owner.reads(".cut-form output", "1 photo")
    owner.until(lambda: len(owner.all(".cut-sides > :first-child li")) == 1, "one above")
    owner.follow(".cut-form .button")
    assert len(owner.all(f"{SHOWN} .labelled > li")) == 1

    # An answer is pressed, and pressed again it is taken back; the page stays where it is.
    yes = f"{SHOWN} .answer button:first-of-type"
    for pressed in ("true", "false"):
        owner.click(yes)
        owner.has(yes, "aria-pressed", pressed)
    assert owner.complaints() == []


def test_a_photo_shows_its_labels_with_yes_and_no(owner, uploaded):
    uploaded("chips", "red", "blue", "green")
    make(owner, "Shades", "red", "blue", "green")
    owner.until(lambda: owner.all(FOUND), "labels are found")
    open_label(owner, "red")
    owner.follow(f"{SHOWN} .labelled a")
    owner.until(lambda: owner.all(".label-chip"))
    owner.click(".label-chip .answer button:last-of-type")
    owner.has(".label-chip .answer button:last-of-type", "aria-pressed", "true")
    assert owner.complaints() == []
