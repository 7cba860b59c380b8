"""Favourites, captions, tags and albums as a person uses them, in a real browser."""

from __future__ import annotations

from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser


def words(browser: Browser, css: str) -> str:
    """Return the text of an element that may be replaced at any moment."""
    return browser.run("return document.querySelector(arguments[0])?.textContent ?? ''", css)


def pressed(browser: Browser, css: str) -> bool:
    element = "document.querySelector(arguments[0])"
    return browser.run(f"return {element}?.getAttribute('aria-pressed') === 'true'", css)


def select(browser: Browser, *names: str) -> None:
    for name in names:
        box = f"{browser.tile(name)} .check input"
        browser.run("document.querySelector(arguments[0]).click()", box)


def details(browser: Browser, name: str) -> None:
    browser.open(browser.attribute(f"{browser.tile(name)} .open", "href"))
    browser.one(".marks")


def test_a_heart_by_key_button_and_viewer_is_the_same_heart(owner, uploaded):
    uploaded("heart", "red")
    heart = f"{owner.tile('heart-red.png')} .loved"
    owner.run(
        "document.querySelector(arguments[0]).focus()", owner.tile("heart-red.png") + " .open"
    )
    owner.press("f")
    owner.until(lambda: owner.all(heart))
    owner.open_lightbox("heart-red.png")
    owner.until(lambda: pressed(owner, ".pswp__button--love"))
    owner.press("i")
    owner.click(".drawer .favourite button")
    owner.until(lambda: not pressed(owner, ".pswp__button--love"))
    owner.until(lambda: not owner.all(heart))
    owner.press("f")
    owner.until(lambda: pressed(owner, ".drawer .favourite button"))
    owner.open("/favourites")
    assert "heart-red.png" in owner.names()


def test_captions_tags_and_albums_are_written_in_place(owner, uploaded):
    uploaded("notes", "blue")
    details(owner, "notes-blue.png")
    owner.fill("[name=tag]", "sea")
    owner.press(Keys.ENTER)
    owner.until(lambda: "sea" in words(owner, ".marks .chips"))
    # The field keeps the focus, so that the next tag can be typed at once.
    owner.until(lambda: owner.run("return document.activeElement.name") == "tag")
    owner.press("a/b", Keys.ENTER)
    owner.until(lambda: "cannot contain a slash" in words(owner, ".marks"))
    owner.fill("[name=album]", "Notes of the sea")
    owner.press(Keys.ENTER)
    owner.until(lambda: "Notes of the sea" in words(owner, ".marks"))
    owner.fill("[data-mark=caption]", "The first morning")
    owner.press(Keys.TAB)
    owner.until(lambda: words(owner, ".saved") == "Saved")
    owner.reloaded(lambda: owner.run("location.reload()"))
    caption = "return document.querySelector('[data-mark=caption]')?.value"
    owner.until(lambda: owner.run(caption) == "The first morning")
    link = "document.querySelector('.marks a[href=\"/tags/sea\"]')"
    owner.reloaded(lambda: owner.run(f"{link}.click()"))
    assert owner.path() == "/tags/sea"
    assert owner.names() == ["notes-blue.png"]


def test_a_caption_is_saved_by_enter_and_never_lost(owner, uploaded):
    uploaded("caption", "blue")
    details(owner, "caption-blue.png")
    owner.fill("[data-mark=caption]", "One line")
    owner.press(Keys.ENTER)
    owner.becomes(lambda: stored_caption(owner), "One line")
    owner.run("document.querySelector('[data-mark=caption]').focus()")
    owner.press(Keys.END)
    owner.press(Keys.ENTER, held=Keys.SHIFT)
    owner.press("and another", Keys.ENTER)
    caption = "return document.querySelector('[data-mark=caption]')?.value"
    assert owner.run(caption) == "One line\nand another"
    owner.becomes(lambda: stored_caption(owner), "One line\nand another")
    owner.run("document.querySelector('[data-mark=caption]').select()")
    owner.press(Keys.BACKSPACE)
    # Longer than what is typed waits before it is saved.
    owner.run("return new Promise(resolve => setTimeout(resolve, 2200))")
    assert stored_caption(owner) == "One line\nand another"
    owner.press(Keys.TAB)
    owner.says(".toast", "The caption was removed")
    assert stored_caption(owner) == ""
    owner.click(".toast button")
    owner.becomes(lambda: stored_caption(owner), "One line\nand another")
    owner.becomes(lambda: owner.run(caption), "One line\nand another")


def stored_caption(owner) -> str:
    """Return the caption that the gallery has of the photo of this page."""
    return owner.run(
        "return fetch(`/api/v1${location.pathname}`).then(answer => answer.json())"
        ".then(photo => photo.caption)"
    )


def test_keys_typed_into_the_drawer_stay_there(owner, uploaded):
    uploaded("typing", "green")
    owner.open_lightbox("typing-green.png")
    address = owner.path()
    owner.press("i")
    owner.one(".drawer [data-mark=caption]").click()
    owner.press("fix this", Keys.ARROW_LEFT, Keys.ESCAPE)
    assert owner.path() == address
    assert owner.all(".drawer")
    owner.until(lambda: words(owner, ".drawer .saved") == "Saved")
    owner.press(Keys.ESCAPE)
    owner.until(lambda: not owner.all(".drawer"))
    assert owner.all(".pswp")


def test_a_selection_goes_into_a_new_album_and_out_again(owner, uploaded):
    uploaded("trip", "red", "green", "blue")
    names = {"trip-red.png", "trip-green.png"}
    select(owner, *names)
    owner.click("[data-select=album]")
    owner.one("#to-album [name=name]").send_keys("Trip", Keys.ENTER)
    owner.until(lambda: "2 photos added to Trip" in words(owner, ".toasts"))
    owner.open("/albums")
    trip = "[...document.querySelectorAll('.album')].find(a => a.textContent.includes('Trip'))"
    owner.reloaded(lambda: owner.run(f"{trip}.click()"))
    assert "Trip" in words(owner, "h1")
    assert set(owner.names()) == names
    select(owner, "trip-red.png")
    owner.click("[data-select=take-out]")
    owner.until(lambda: owner.names() == ["trip-green.png"])
    owner.reads("#album-count", "1 photo")
    owner.click(".toast button")
    owner.until(lambda: set(owner.names()) == names)
