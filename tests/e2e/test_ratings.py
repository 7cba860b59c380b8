"""Stars given by buttons and keys, in a real browser."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser


def stars(browser: Browser) -> int:
    """Return how many stars are lit in the marks on the page."""
    return len(browser.all(".marks .star.on"))


def test_stars_by_buttons_and_keys_are_the_same_stars(owner, uploaded):
    uploaded("stars", "red")
    owner.open_lightbox("stars-red.png")
    owner.press("4")
    owner.until(lambda: "4 stars" in owner.run("return document.body.textContent"))
    owner.press("i")
    owner.until(lambda: stars(owner) == 4)
    owner.press("2")
    owner.until(lambda: stars(owner) == 2)
    owner.click(".drawer .star[data-star='5']")
    owner.until(lambda: stars(owner) == 5)
    # The drawn-anew button keeps the focus, and pressed again it takes the stars away.
    owner.until(lambda: owner.run("return document.activeElement.dataset.star") == "5")
    owner.press(Keys.SPACE)
    owner.until(lambda: stars(owner) == 0)
    owner.press("3")
    owner.until(lambda: stars(owner) == 3)
    # Digits of a caption are no stars.
    owner.one(".drawer [name=caption]").click()
    owner.press("5 of us")
    saved = "return document.querySelector('.drawer [name=caption]').defaultValue"
    owner.becomes(lambda: owner.run(saved), "5 of us")
    assert stars(owner) == 3
    owner.reloaded(lambda: owner.run("location.reload()"))
    owner.lightbox_is_open()
    owner.press("i")
    owner.until(lambda: stars(owner) == 3)
