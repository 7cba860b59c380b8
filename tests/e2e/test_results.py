"""What a person does with results, in a real browser: refine, weigh, and find a part of a photo."""

from __future__ import annotations

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser


def focus(owner: Browser, name: str) -> None:
    link = f"{owner.tile(name)} .open"
    owner.until(lambda: owner.all(link), name)
    owner.run("document.querySelector(arguments[0]).focus()", link)


def chips(owner: Browser) -> list[str]:
    return owner.texts(".asked .chip-label")


def test_a_photo_refines_the_results_by_a_key_and_the_step_is_undone(owner, uploaded):
    (name, _) = uploaded("refine", "red", "blue")
    owner.open("/search?q=refine&fold=0&weak=1")
    focus(owner, name)
    owner.press("+")
    owner.until(lambda: "photo:" in owner.path())
    owner.until(lambda: chips(owner) == ["refine", f"Similar to {name}"])
    assert name not in owner.names()
    owner.click(".toast button")
    owner.until(lambda: owner.path() == "/search?q=refine&fold=0&weak=1")
    focus(owner, name)
    owner.press("-")
    owner.until(lambda: "-photo:" in owner.path())
    owner.one(".asked .excluded.picture")
    owner.driver.back()
    owner.until(lambda: "photo:" not in owner.path())


def test_several_photos_refine_from_the_selection_bar(owner, uploaded):
    names = uploaded("several", "red", "blue")
    owner.open("/search?q=several&fold=0&weak=1")
    for name in names:
        focus(owner, name)
        owner.press("x")
    owner.click('[data-select="less"]')
    owner.until(lambda: owner.path().count("-photo:") == 2)
    owner.until(lambda: len(owner.all(".asked .excluded.picture")) == 2)


def test_a_chip_is_weighed_turned_and_removed(owner, uploaded):
    uploaded("chips", "red", "blue")
    owner.open("/search?q=red+%2Bblue")
    assert not owner.all(".chip-counts")
    owner.follow('.chip [aria-label="More of this: red"]')
    assert "q=2%3Ared" in owner.path()
    owner.reads(".chip-counts", "×2")
    owner.follow('.chip [aria-label="Less of this: blue"]')
    owner.follow('.chip [aria-label="Less of this, leave it out: blue"]')
    owner.reads(".asked .chip.excluded .chip-label", "blue")
    owner.follow(".asked .chip.excluded .chip-remove")
    owner.one(".asked .chip")
    assert not owner.all(".asked .excluded")


def test_a_part_of_a_photo_is_found_by_pointer_and_by_keys(owner, uploaded):
    (name,) = uploaded("part", "green")
    owner.open_lightbox(name)
    owner.press("p")
    area = owner.one(".part-area").rect
    drag = ActionChains(owner.driver)
    pointer = drag.w3c_actions.pointer_action
    pointer.move_to_location(int(area["x"] + area["width"] / 4), int(area["y"] + 9))
    pointer.pointer_down()
    pointer.move_to_location(int(area["x"] + area["width"] / 2), int(area["y"] + area["height"]))
    pointer.pointer_up()
    drag.perform()
    before = owner.attribute(".part-box", "aria-label")
    assert "25 from the left" in before
    owner.press(Keys.ARROW_RIGHT)
    owner.until(lambda: owner.attribute(".part-box", "aria-label") != before, "the box moved")
    owner.press(Keys.ESCAPE)
    owner.until(lambda: not owner.all(".part-layer"))
    assert owner.all(".pswp")
    owner.press("p")
    owner.one(".part-box")
    owner.press(Keys.ENTER)
    owner.until(lambda: "%400.300%2C0.300%2C0.400%2C0.400" in owner.path())
    owner.until(lambda: f"Part of {name}" in chips(owner))


def test_a_photo_with_words_is_asked_for_below_it(owner, uploaded):
    (name,) = uploaded("but", "red")
    owner.open(owner.attribute(f"{owner.tile(name)} .open", "href"))
    owner.fill(".but input[name=q]", "blue")
    owner.press(Keys.ENTER)
    owner.until(lambda: owner.path().startswith("/search?q=blue+photo"))
    assert chips(owner) == ["blue", f"Similar to {name}"]
