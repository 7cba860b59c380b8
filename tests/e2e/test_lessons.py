"""Teaching a tag with keys, in a real browser."""

from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains

from tests.e2e.browser import Browser


def open_lesson(browser: Browser, name: str) -> None:
    browser.open("/teach")
    browser.one("[name=name]").send_keys(name)
    browser.follow(".name-form button.primary")
    browser.until(lambda: len(browser.all(".ask-card")) > 2)


def figures(browser: Browser) -> str:
    return browser.text("#lesson-figures")


def done(browser: Browser) -> list[str]:
    return browser.run(
        "return [...document.querySelectorAll('.ask-card[data-done]')].map((c) => c.dataset.done)"
    )


def test_the_strip_is_answered_with_keys(owner, uploaded):
    uploaded("taught", "red", "green", "blue")
    open_lesson(owner, "Bello")
    owner.press("y")
    owner.until(lambda: "Learnt from 1 that show it and 0" in figures(owner))
    owner.press("n")
    owner.until(lambda: "1 that show it and 1 that do not" in figures(owner))
    assert done(owner) == ["yes", "no"]
    owner.press("s")
    owner.says("#strip", "no other photos")
    # Undoing brings the photos back, also those of the strip before.
    owner.press("u")
    owner.until(lambda: len(owner.all(".ask-card")) == 1)
    owner.press("u")
    owner.until(lambda: "1 that show it and 0 that do not" in figures(owner))


def test_a_box_says_which_part_shows_it(owner, uploaded):
    uploaded("boxed", "red", "green", "blue")
    open_lesson(owner, "our car")
    picture = owner.one(".ask-picture img")
    half = picture.size["width"] // 2
    drag = ActionChains(owner.driver)
    drag.move_to_element_with_offset(picture, 2 - half, 0).click_and_hold()
    drag.move_by_offset(half, half // 2).release().perform()
    owner.one(".ask-box")
    owner.press("y")
    owner.until(lambda: "Learnt from 1 that show it" in figures(owner))
    owner.reloaded(lambda: owner.run("location.reload()"))
    owner.says(".examples", "a part")
