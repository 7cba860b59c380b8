"""Pictures in the search bar, in a real browser: chips that keys reach and remove."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.browser import Browser, chromium
from tests.e2e.test_search_bar import query, typed


@pytest.fixture
def photo(owner, uploaded) -> tuple[str, str]:
    """The id and the name of a photo."""
    (name,) = uploaded("chip", "green")
    return owner.attribute(f"{owner.tile(name)} .open", "href").rpartition("/")[2], name


def chips(owner: Browser) -> list[str]:
    return owner.run(
        "return [...document.querySelectorAll('.token-remove')].map(one => one.ariaLabel)"
    )


def focused(owner: Browser) -> str:
    return owner.run("return document.activeElement.ariaLabel ?? ''")


def test_a_photo_is_a_chip_beside_the_text(owner, photo):
    pk, name = photo
    owner.open(f"/search?q=night+-photo:{pk}+photo:{pk}@0.1,0.1,0.5,0.5")
    assert chips(owner) == [f"unlike {name}, remove", f"like a part of {name}, remove"]
    assert typed(owner) == "night"
    owner.fill("#q", "day")
    owner.reloaded(lambda: owner.press(Keys.ENTER))
    assert query(owner) == f"day -photo:{pk} photo:{pk}@0.1,0.1,0.5,0.5"
    owner.reloaded(lambda: owner.run("location.reload()"))
    assert (typed(owner), len(chips(owner))) == ("day", 2)


def test_backspace_marks_a_chip_and_then_removes_it(owner, photo):
    pk, name = photo
    owner.open(f"/search?q=night+-photo:{pk}+photo:{pk}")
    owner.click("#q")
    owner.press(Keys.HOME, Keys.BACKSPACE)
    assert focused(owner) == f"like {name}, remove"
    assert len(chips(owner)) == 2
    owner.press(Keys.BACKSPACE)
    assert chips(owner) == [f"unlike {name}, remove"]
    assert owner.run("return document.activeElement.id") == "q"
    owner.reloaded(lambda: owner.press(Keys.ENTER))
    assert query(owner) == f"night -photo:{pk}"


def test_arrows_reach_the_chips_and_typing_leaves_them(owner, photo):
    pk, name = photo
    owner.open(f"/search?q=night+-photo:{pk}+photo:{pk}")
    owner.click("#q")
    owner.press(Keys.HOME, Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert focused(owner) == f"unlike {name}, remove"
    owner.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert owner.run("return document.activeElement.id") == "q"
    owner.press(Keys.ARROW_LEFT, "a", " ")
    assert typed(owner) == "a night"
    assert len(chips(owner)) == 2


def test_a_pasted_query_becomes_chips(owner, photo):
    pk, name = photo
    owner.open("/")
    owner.click("#q")
    owner.run(f"document.execCommand('insertText', false, 'dog photo:{pk} -snow')")
    owner.becomes(lambda: chips(owner), [f"like {name}, remove"])
    assert typed(owner) == "dog -snow"
    owner.click(".search-form .clear")
    owner.becomes(lambda: (chips(owner), typed(owner)), ([], ""))


def test_chips_work_without_scripts(gallery, account, owner, photo, tmp_path):
    pk, _name = photo
    driver = chromium(tmp_path / "plain", scripts=False)
    plain = Browser(driver, gallery.url, account)
    try:
        plain.sign_in()
        plain.open(f"/search?q=night+-photo:{pk}+photo:{pk}")
        plain.fill("#q", "day")
        plain.follow(".search-form .send")
        assert query(plain) == f"day -photo:{pk} photo:{pk}"
        plain.follow(".token:first-child .token-remove")
        assert query(plain) == f"day photo:{pk}"
    finally:
        driver.quit()
