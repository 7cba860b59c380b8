"""The page of the best photos, with a keyboard and on a phone, in a real browser."""

from __future__ import annotations

from tests.e2e.browser import Browser


def test_the_best_of_all_photos_are_shown_and_open(owner: Browser, uploaded) -> None:
    uploaded("best", "red", "blue", "green")
    owner.open("/best")
    owner.says("h1", "Best of all photos")
    assert owner.all(".best-rows .tile")
    owner.run("document.querySelector('.best-rows .open').focus()")
    assert owner.run("return document.activeElement.getAttribute('href')").startswith("/photos/")
    width = owner.run("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert width[0] <= width[1]


def test_a_day_without_photos_says_so(owner: Browser, uploaded) -> None:
    uploaded("best day", "red")
    owner.open("/best?day=1987-05-31")
    owner.says("h1", "31 May 1987")
    owner.says(".empty", "No photos here")
