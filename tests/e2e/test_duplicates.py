"""Duplicates decided in a real browser: by pointer, by key, by comparing, without scripts."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from search.duplicates.groups.criteria import Criterion
from tests.e2e.browser import Browser, chromium
from tests.scenes import scene

REVIEW = "/duplicates?kind=same_picture"
SHOWS = "return document.getElementById('compare').classList.contains('show-b') ? 'b' : 'a'"

PLACES = """
return [...document.querySelectorAll('#compare .pane img')].map(image => {
  const box = image.getBoundingClientRect();
  return [box.x, box.y, box.width, box.height].join();
});
"""


def card(name: str) -> str:
    """Return the selector of the open group that has a photo of this name."""
    return f'.group[data-group]:has([data-name="{name}"])'


def is_open(browser: Browser, name: str) -> bool:
    return bool(browser.all(card(name)))


def said(browser: Browser) -> str:
    return browser.run("return document.getElementById('announce').textContent")


def bring_up(browser: Browser, css: str) -> None:
    """Scroll to what may lie behind the bar at the foot of the page."""
    browser.run("document.querySelector(arguments[0]).scrollIntoView({block: 'center'})", css)


def press(browser: Browser, css: str) -> None:
    bring_up(browser, css)
    browser.click(css)


def text(browser: Browser, css: str) -> str:
    """Return the words of what htmx may be replacing just now."""
    return browser.run("return document.querySelector(arguments[0])?.textContent ?? ''", css)


def bring(browser: Browser, css: str) -> None:
    browser.run("document.querySelector(arguments[0]).focus()", css)


@pytest.fixture
def twins(owner, tmp_path) -> Callable[..., None]:
    """Upload a picture and a smaller copy for each seed, and open the page when they are found."""

    def send(prefix: str, *seeds: int) -> None:
        paths: list[Path] = []
        for seed in seeds:
            image = scene(seed)
            paths += [tmp_path / f"{prefix}-{seed}.png", tmp_path / f"{prefix}-{seed}-small.jpg"]
            image.save(paths[-2])
            image.resize((320, 240)).save(paths[-1], quality=70)
        owner.open("/")
        owner.upload(*paths)
        for path in paths:
            owner.until(lambda path=path: "searchable after" in owner.outcome(path.name), path.name)
        for seed in seeds:
            owner.until(
                lambda seed=seed: owner.open(REVIEW) or is_open(owner, f"{prefix}-{seed}.png")
            )

    return send


def test_a_copy_is_found_after_its_upload_and_decided_by_key_and_undone(owner, twins):
    twins("key", 11)
    name = "key-11.png"
    bring(owner, card(name))
    owner.press(Keys.ARROW_RIGHT)
    assert owner.run("return document.activeElement.ariaLabel") == f"Keep {name}"
    owner.press(Keys.ENTER)
    owner.until(lambda: not is_open(owner, name))
    owner.until(lambda: "1 photo to the trash" in said(owner))
    owner.press("u")
    owner.until(lambda: is_open(owner, name))
    owner.until(lambda: said(owner) == "Restored 1 photo")
    owner.press("n")
    owner.until(lambda: "not the same" in said(owner))
    owner.open(REVIEW)
    owner.one("#review")
    assert not is_open(owner, name)


def test_the_last_keeper_stays_and_buttons_say_what_will_happen(owner, twins):
    twins("mark", 21)
    name = "mark-21.png"
    press(owner, f"{card(name)} .best .pick")
    owner.says(f"{card(name)} .refusal", "always kept")
    assert owner.run(
        "return document.querySelector(arguments[0]).checked", f"{card(name)} .best .pick input"
    )
    press(owner, f"{card(name)} .member:not(.best) .pick")
    owner.says(f"{card(name)} [data-keep]", "Keep all")
    press(owner, f"{card(name)} .best .pick")
    owner.says(f"{card(name)} [data-keep]", "Keep this")
    press(owner, f"{card(name)} [data-keep]")
    owner.until(lambda: "1 photo to the trash" in said(owner))
    owner.open("/")
    assert name not in owner.names()
    assert "mark-21-small.jpg" in owner.names()


def test_ticked_groups_are_decided_after_a_question_as_they_were_marked(owner, twins):
    twins("bulk", 31, 32)
    for seed in (31, 32):
        press(owner, f"{card(f'bulk-{seed}.png')} .tick")
    for member in (".member:not(.best)", ".best"):
        press(owner, f"{card('bulk-31.png')} {member} .pick")
    owner.says(".bulk .primary", "Keep best in 2 groups")
    owner.click(".bulk .primary")
    owner.says("#ask", "2 photos")
    owner.click("#ask .primary")
    owner.says("#review > .note", "Best kept in 2 groups: 2 photos to the trash")
    owner.open("/")
    assert {"bulk-31-small.jpg", "bulk-32.png"} <= set(owner.names())
    assert not {"bulk-31.png", "bulk-32-small.jpg"} & set(owner.names())
    owner.open("/duplicates/history")
    owner.click(".decision form button")
    owner.says(".decision .note, .decisions > .note", "Restored 2 photos")


def test_two_photos_flicker_at_one_place_and_one_is_kept(owner, twins):
    twins("flick", 41)
    name = "flick-41.png"
    bring(owner, card(name))
    owner.press("c")
    owner.one("#compare")
    assert owner.run(SHOWS) == "a"
    ActionChains(owner.driver).key_down(Keys.SPACE).perform()
    owner.until(lambda: owner.run(SHOWS) == "b")
    ActionChains(owner.driver).key_up(Keys.SPACE).perform()
    owner.until(lambda: owner.run(SHOWS) == "a")
    owner.until(lambda: owner.run(
        "return [...document.querySelectorAll('#compare img')].every(i => i.naturalWidth > 0)"
    ))  # fmt: skip
    owner.press("+", "+")
    first, second = owner.run(PLACES)
    assert first == second
    for key, mode in (("2", "split"), ("3", "side"), ("4", "difference")):
        owner.press(key)
        owner.has("#compare", "data-mode", mode)
    owner.says("#compare tbody", "Size")
    owner.press("b")
    owner.until(lambda: "1 photo to the trash" in said(owner))
    owner.open("/")
    assert name not in owner.names()


def test_a_turned_copy_is_laid_over_the_picture(owner, tmp_path):
    image = scene(45)
    paths = [tmp_path / "turn-45.png", tmp_path / "turn-45-left.png"]
    image.save(paths[0])
    image.rotate(90, expand=True).save(paths[1])
    owner.size(700, 900)
    owner.open("/")
    owner.upload(*paths)
    for path in paths:
        owner.until(lambda path=path: "searchable after" in owner.outcome(path.name), path.name)
    owner.until(lambda: owner.open(REVIEW) or is_open(owner, "turn-45.png"))
    press(owner, f"{card('turn-45.png')} .member:not(.best) .look")
    owner.until(lambda: text(owner, ".pose:not([hidden])") == "B is turned to match A")
    owner.press("4")
    owner.has("#compare", "data-mode", "difference")

    # What is equal is black in the difference, so nearly all of it is when the two lie well.
    def brightness() -> float:
        stage = io.BytesIO(owner.one(".compare-stage").screenshot_as_png)
        return float(np.median(np.asarray(Image.open(stage).convert("L"))))

    owner.settles(brightness, lambda seen: seen < 16, "the difference is dark")
    owner.press(Keys.ESCAPE)


def test_the_criteria_choose_anew_and_the_panel_stays(owner, twins):
    twins("rule", 51)
    owner.click(".criteria summary")
    owner.fill(".criteria [name=pattern]", "*-small*")
    owner.press(Keys.ENTER)
    given = "return document.querySelector('.criteria [name=pattern]')?.defaultValue"
    owner.until(lambda: owner.run(given) == "*-small*")
    for _ in range(len(Criterion) - 1):
        before = text(owner, ".order")
        owner.click("#up-name")
        owner.until(lambda before=before: text(owner, ".order") not in {"", before})
    best = f"{card('rule-51.png')} .best .name"
    owner.until(lambda: text(owner, best) == "rule-51-small.jpg")
    assert "name fits your pattern" in text(owner, card("rule-51.png"))
    assert owner.run("return document.querySelector('.criteria').open")
    owner.fill(".criteria [name=pattern]", "")
    owner.press(Keys.ENTER)
    owner.until(lambda: text(owner, best) == "rule-51.png")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_is_wider_than_a_phone(owner, twins, dark):
    twins("thin", 61 + dark)
    photo = owner.attribute(".member .look", "href")
    owner.size(360, 780, dark=dark)
    kinds = [f"/duplicates?kind={kind}" for kind in ("same_file", "same_picture", "similar_shots")]
    for address in (*kinds, "/duplicates/history", f"{photo}/duplicates"):
        owner.open(address)
        assert owner.run("return document.documentElement.scrollWidth - innerWidth") <= 0, address


def test_a_tap_on_a_phone_flickers(owner, twins):
    twins("tap", 71)
    owner.size(360, 780)
    owner.open(REVIEW)
    owner.run("document.querySelector(arguments[0]).click()", f"{card('tap-71.png')} .look")
    owner.click("#compare .compare-stage")
    owner.until(lambda: owner.run(SHOWS) == "b")
    owner.click("#compare .compare-stage")
    owner.until(lambda: owner.run(SHOWS) == "a")
    owner.press(Keys.ESCAPE)


def test_deciding_works_without_scripts(owner, twins, gallery, account, tmp_path):
    twins("plain", 81, 82)
    driver = chromium(tmp_path / "no-scripts", scripts=False)
    plain = Browser(driver, gallery.url, account)
    try:
        plain.sign_in()
        plain.open(REVIEW)
        decide = f"{card('plain-81.png')} [data-default]"
        bring_up(plain, decide)
        plain.follow(decide)
        plain.says(".note", "1 photo to the trash")
        assert not is_open(plain, "plain-81.png")
        plain.follow(".note button")
        assert is_open(plain, "plain-81.png")
        for seed in (81, 82):
            press(plain, f"{card(f'plain-{seed}.png')} .tick")
        plain.click('.bulk label:has([value="ticked"])')
        plain.follow(".bulk .primary")
        assert plain.path() == "/duplicates/resolve"
        plain.says(".ask", "2 photos")
        plain.follow(".ask .primary")
        assert "did=" in plain.path()
        plain.says(".note", "Best kept in 2 groups")
    finally:
        driver.quit()
