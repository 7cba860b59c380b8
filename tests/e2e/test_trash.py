"""The trash in a real browser: thrown away without a question, brought back, gone for ever."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser, chromium


def toast(owner: Browser, text: str) -> None:
    owner.until(lambda: any(text in line for line in owner.texts(".toast")), text)


def select(owner: Browser, *names: str) -> None:
    for name in names:
        owner.run(
            "document.querySelector(arguments[0]).click()", f"{owner.tile(name)} .check input"
        )


def in_trash(owner: Browser) -> list[str]:
    return owner.texts(".trash-name")


def choose(owner: Browser, name: str) -> None:
    owner.run(
        "[...document.querySelectorAll('.trash-tile')]"
        ".find(tile => tile.querySelector('.trash-name').textContent === arguments[0])"
        ".querySelector('input').click()",
        name,
    )


def test_a_deletion_is_undone_where_it_was_made(owner, uploaded):
    names = uploaded("undo", "red", "green", "blue")
    before = owner.names()
    select(owner, *names[:2])
    owner.press(Keys.DELETE)
    toast(owner, "2 photos moved to the trash")
    owner.becomes(lambda: set(owner.names()) & set(names), {names[2]}, "what is left")
    owner.click(".toast button")
    toast(owner, "2 photos restored")
    owner.becomes(owner.names, before, "the grid")
    owner.until(lambda: owner.run("return document.getElementById('selection').hidden"))
    owner.open("/")
    assert owner.names() == before


def test_the_keyboard_alone_deletes_and_undoes(owner, uploaded):
    names = uploaded("keys", "red", "green")
    owner.run("document.querySelector(arguments[0]).focus()", f"{owner.tile(names[0])} .open")
    owner.press(Keys.DELETE)
    toast(owner, "1 photo moved to the trash")
    owner.until(lambda: owner.run("return document.activeElement.matches('.tile .open')"))
    owner.press("z", held=Keys.CONTROL)
    toast(owner, "1 photo restored")
    owner.until(lambda: names[0] in owner.names(), "it is back")


def test_the_offer_comes_along_from_the_photo_page(owner, uploaded):
    (name,) = uploaded("page", "red")
    owner.open(owner.attribute(f"{owner.tile(name)} .open", "href"))
    # A photo in the trash has neither.
    owner.until(lambda: not owner.all(".strip-load, .photo-labels[hx-get]"))
    owner.reloaded(lambda: owner.press(Keys.DELETE))
    assert owner.path() == "/"
    toast(owner, "moved to the trash")
    owner.click(".toast button")
    owner.until(lambda: name in owner.names())


def test_the_lightbox_throws_away_without_a_question(owner, uploaded):
    (name,) = uploaded("bin", "blue")
    owner.open_lightbox(name)
    owner.press(Keys.DELETE)
    toast(owner, "1 photo moved to the trash")
    owner.until(lambda: not owner.all(".pswp"))
    owner.until(lambda: name not in owner.names())
    owner.open("/search?q=blue")
    assert name not in owner.names()


def test_photos_are_restored_and_deleted_for_ever_on_the_trash_page(owner, uploaded):
    names = uploaded("bag", "red", "green", "blue")
    select(owner, *names)
    owner.click('[data-select="delete"]')
    toast(owner, "3 photos moved to the trash")
    owner.open("/trash")
    assert set(names) <= set(in_trash(owner))
    owner.says(".trash-left", "30 days left")
    owner.one("[data-needs-some]:disabled")
    choose(owner, names[0])
    owner.says(".trash-count", "1 photo chosen")
    owner.click(".trash-bar [data-needs-some]:not(.danger)")
    toast(owner, "1 photo is back in the gallery")
    owner.becomes(lambda: set(in_trash(owner)), set(names[1:]), "the trash")
    choose(owner, names[1])
    owner.click(".trash-bar .danger")
    owner.says("#confirm", "This cannot be undone")
    owner.press(Keys.ESCAPE)
    assert names[1] in in_trash(owner)
    owner.press(Keys.DELETE)
    owner.click("#confirm button[value=yes]")
    toast(owner, "1 photo was deleted for ever")
    owner.becomes(lambda: in_trash(owner), [names[2]], "the trash")
    owner.click(".trash-head .danger")
    owner.click("#confirm button[value=yes]")
    owner.says(".empty", "The trash is empty")
    owner.open("/")
    assert names[0] in owner.names()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_the_trash_fits_a_phone(owner, uploaded, dark):
    names = uploaded("phone-bag", "red", "green")
    select(owner, *names)
    owner.press(Keys.DELETE)
    toast(owner, "moved to the trash")
    owner.size(360, 780, dark=dark)
    owner.open("/trash")
    assert owner.run("return document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_trash_works_without_scripts(owner, uploaded, gallery, account, tmp_path):
    names = uploaded("plain-bag", "red", "green")
    driver = chromium(tmp_path / "plain", scripts=False)
    plain = Browser(driver, gallery.url, account)
    try:
        plain.sign_in()
        for name in names:
            plain.open("/")
            plain.follow(f'.tile a[data-name="{name}"]')
            plain.follow('form[action$="/delete"] button')
            plain.says(".toast", name)
        plain.follow(".toast button")
        plain.reads(".details .name", names[1])
        plain.open("/trash")
        plain.click(".trash-tile:has(input) label:has([value]) input")
        plain.follow(".trash-bar .danger")
        plain.says(".empty", "This cannot be undone")
        plain.follow(".empty .danger")
        plain.says(".toast", "deleted for ever")
    finally:
        driver.quit()


def test_another_photo_stands_for_a_stack_whose_cover_was_thrown_away(owner, uploaded):
    cover, other = uploaded("half", "red", "blue")
    select(owner, cover, other)
    owner.click('[data-select="stack"]')
    owner.until(lambda: len({cover, other} & set(owner.names())) == 1)
    (shown,) = {cover, other} & set(owner.names())
    owner.open_lightbox(shown)
    # The grid is loaded anew, since only the gallery knows who is the next cover.
    owner.reloaded(lambda: owner.press(Keys.DELETE))
    owner.until(lambda: ({cover, other} - {shown}) <= set(owner.names()))
    owner.until(lambda: owner.path() == "/")
    toast(owner, "1 photo moved to the trash")
    owner.click(".toast button")
    owner.until(lambda: owner.all(".tile[data-stack]"))
