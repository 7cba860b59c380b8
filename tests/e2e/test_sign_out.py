"""What a browser keeps: Back shows a page as it was, until its owner signs out."""

from __future__ import annotations


def note_restoring(browser) -> None:
    browser.run("addEventListener('pageshow', event => { window.wasRestored = event.persisted })")


def test_back_shows_the_grid_as_it_was(owner, uploaded):
    uploaded("back", "red")
    owner.open("/")
    owner.one("main .tile")
    note_restoring(owner)
    owner.run("document.querySelector('.menu').open = true")
    owner.follow(".menu-items a[href='/albums']")
    assert owner.path() == "/albums"
    owner.driver.back()
    owner.until(lambda: owner.run("return window.wasRestored === true"), "restored")
    owner.one("main .tile")


def test_after_signing_out_back_shows_no_photos(owner, uploaded):
    owner.allowed.append("401 (Unauthorized)")  # The page asks whose it is.
    uploaded("out", "red")
    owner.open("/")
    owner.one("main .tile")
    owner.click(".menu summary")
    owner.follow("form[action='/sign-out'] button")
    assert owner.path() == "/sign-in"
    owner.driver.back()
    owner.until(lambda: owner.path().startswith("/sign-in"))
    assert owner.all("main .tile") == []
