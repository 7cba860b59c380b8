"""The place in a long grid: up and down from a year, after Back, after a reload, and by keys."""

from __future__ import annotations

import subprocess
import sys

import pytest
from selenium.webdriver.common.keys import Keys

from tests.e2e.conftest import ROOT

MANY = 600
ADD = f"""
import os
from datetime import UTC, datetime, timedelta
from django.contrib.auth.models import User
from gallery.models import Photo
owner = User.objects.get(username=os.environ["NAME"])
start = datetime(2024, 6, 1, 12, tzinfo=UTC)
moments = [start - number * timedelta(hours=31) for number in range({MANY})]
Photo.objects.bulk_create(
    Photo(
        owner=owner, sha256=f"{{owner.pk:032x}}{{number:032x}}", size=1, format="JPEG",
        extension="jpg", name=f"{{number:03}}.jpg", width=400 + 200 * (number % 3), height=400,
        shown_at=moment, taken_at=moment, wall_at=moment,
    )
    for number, moment in enumerate(moments)
)
"""


@pytest.fixture
def long_grid(owner, gallery, account):
    """The owner's browser on a grid of photos that are named by their order."""
    command = [sys.executable, "manage.py", "shell", "--verbosity=0", "--command", ADD]
    subprocess.run(command, cwd=ROOT, env=gallery.environment | {"NAME": account}, check=True)
    owner.allowed += ["/thumbnail", "/preview"]  # There are no files.
    owner.open("/")
    return owner


def first_seen(browser) -> tuple[str, int]:
    """Return the name of the first photo below the bars, and where it is."""
    name, top = browser.run(
        "const tile = [...document.querySelectorAll('#photos .tile')]"
        ".find(tile => tile.getBoundingClientRect().bottom > 120);"
        "return [tile.querySelector('.open').dataset.name, tile.getBoundingClientRect().top]"
    )
    return name, round(top)


def top_of(browser, name: str) -> int:
    script = (
        "return document.querySelector(`#photos .open[data-name='${arguments[0]}']`)"
        ".closest('.tile').getBoundingClientRect().top"
    )
    return round(browser.run(script, name))


def is_at(browser, place: tuple[str, int]) -> None:
    def near(seen: tuple[str, int]) -> bool:
        return seen[0] == place[0] and abs(seen[1] - place[1]) <= 4

    browser.settles(lambda: first_seen(browser), near, f"the place is {place}")


def scroll_down(browser, photos: int) -> tuple[str, int]:
    """Scroll until so many photos are loaded, and a bit back; return what is seen then."""

    def loaded() -> bool:
        browser.run("scrollTo({top: document.body.scrollHeight, behavior: 'instant'})")
        return len(browser.names()) >= photos

    browser.until(loaded, f"{photos} photos")
    browser.run("scrollBy({top: -900, behavior: 'instant'})")
    browser.until(lambda: browser.run(NOTED), "the place was noted")
    return first_seen(browser)


NOTED = """
const place = history.state?.place;
const tile = place && document.querySelector(`#photos .tile[data-id='${place.id}']`);
return Boolean(tile) && Math.abs(tile.getBoundingClientRect().top - place.top) < 1;
"""


def refuse_to_be_kept(browser) -> None:
    """Have Back load this page anew, as browsers do when memory is short."""
    browser.run("addEventListener('unload', () => {})")


def test_a_year_can_be_left_upwards_and_downwards(long_grid):
    long_grid.follow('.years [data-year="2023"]')
    name, top = first_seen(long_grid)
    assert name > "000.jpg"
    # The page above comes by itself, and what is seen stays where it is.
    long_grid.until(lambda: long_grid.names()[0] < name, "newer photos")
    # There is room for some of them above it.
    near = f"{name} is at {top}"
    long_grid.settles(lambda: top_of(long_grid, name), lambda seen: abs(seen - top) <= 4, near)
    long_grid.until(lambda: up(long_grid), "the newest")
    assert long_grid.names() == sorted(long_grid.names())
    assert not long_grid.all(".newer")
    at_end = len(long_grid.names())
    scroll_down(long_grid, at_end + 60)
    assert long_grid.names() == sorted(long_grid.names())


def up(browser) -> bool:
    browser.run("scrollTo({top: 0, behavior: 'instant'})")
    return browser.names()[0] == "000.jpg"


def test_back_leads_to_the_exact_place_also_when_the_page_is_loaded_anew(long_grid):
    place = scroll_down(long_grid, 300)
    refuse_to_be_kept(long_grid)
    long_grid.reloaded(lambda: long_grid.run("location.href = '/albums'"))
    long_grid.reloaded(long_grid.driver.back)
    is_at(long_grid, place)
    # Far less was loaded than lies above.
    assert len(long_grid.names()) <= 240
    long_grid.reloaded(long_grid.driver.refresh)
    is_at(long_grid, place)


def test_the_viewer_has_one_address_through_reload_back_and_forward(long_grid):
    name, _top = scroll_down(long_grid, 200)
    # When the viewer closes, its photo gets the focus, which brings all of it into view.
    focus = "document.querySelector(`#photos [data-name='${arguments[0]}']`).focus()"
    long_grid.run(focus, name)
    place = first_seen(long_grid)
    long_grid.open_lightbox(name)
    address = long_grid.path()
    assert address.startswith("/#photo/")
    long_grid.reloaded(long_grid.driver.refresh)
    long_grid.says(".pswp__foot", place[0])
    assert long_grid.path() == address
    long_grid.driver.back()
    long_grid.gone(".pswp")
    long_grid.becomes(long_grid.path, "/", "the address")
    is_at(long_grid, place)
    long_grid.driver.forward()
    long_grid.lightbox_is_open()
    long_grid.says(".pswp__foot", place[0])
    assert long_grid.path() == address
    # After another photo, a reload shows that one.
    long_grid.press(Keys.ARROW_RIGHT)
    long_grid.until(lambda: long_grid.path() != address, "the next photo")
    after = long_grid.path()
    long_grid.reloaded(long_grid.driver.refresh)
    long_grid.lightbox_is_open()
    long_grid.says(".pswp__foot", f"{int(place[0][:3]) + 1:03}.jpg")
    assert long_grid.path() == after
    long_grid.press(Keys.ESCAPE)
    long_grid.gone(".pswp")
    long_grid.becomes(long_grid.path, "/", "the address")


def test_a_copied_address_of_the_viewer_opens_it_over_the_list(long_grid):
    first, last = long_grid.run(
        "const ids = [...document.querySelectorAll('#photos .tile')].map(tile => tile.dataset.id);"
        "return [ids[0], ids.at(-1)]"
    )
    before = long_grid.run("return history.length")
    long_grid.open("/albums")
    long_grid.open(f"/#photo/{first}")
    long_grid.lightbox_is_open()
    long_grid.says(".pswp__foot", "000.jpg")
    long_grid.press(Keys.ESCAPE)
    long_grid.gone(".pswp")
    assert long_grid.path() == "/"
    assert long_grid.run("return history.length") == before + 2
    # A photo that is not in this list has its page.
    long_grid.open(f"/favourites#photo/{last}")
    long_grid.until(lambda: long_grid.path() == f"/photos/{last}", "its page")
    long_grid.until(lambda: long_grid.all(".photo-page"), "its page")


def test_the_viewer_goes_on_to_newer_photos(long_grid):
    long_grid.follow('.years [data-year="2023"]')
    name, _top = first_seen(long_grid)
    long_grid.until(lambda: long_grid.names()[0] < name, "newer photos")
    first = long_grid.names()[0]
    long_grid.open_lightbox(first)
    long_grid.until(lambda: long_grid.names()[0] < first, "still newer ones")
    long_grid.press(Keys.ARROW_LEFT)
    before = f"{int(first[:3]) - 1:03}.jpg"
    long_grid.says(".pswp__foot", before)
    long_grid.press(Keys.ARROW_RIGHT)
    long_grid.says(".pswp__foot", first)


def focused(browser) -> tuple[str, float, float]:
    """Return the name of the photo with the focus, and where its middle is."""
    return tuple(
        browser.run(
            "const box = document.activeElement.getBoundingClientRect();"
            "return [document.activeElement.dataset.name, box.x + box.width / 2, box.y]"
        )
    )


def test_arrows_move_as_the_eye_expects(long_grid):
    long_grid.press(Keys.ARROW_RIGHT)
    long_grid.press(Keys.ARROW_RIGHT)
    name, middle, top = focused(long_grid)
    assert name == "001.jpg"
    long_grid.press(Keys.ARROW_DOWN)
    below, its_middle, its_top = focused(long_grid)
    assert its_top > top
    assert abs(its_middle - middle) < 200
    outlined = "return getComputedStyle(document.activeElement).outlineStyle"
    assert long_grid.run(outlined) == "solid"
    long_grid.press(Keys.ARROW_UP)
    assert focused(long_grid)[0] == name
    long_grid.press(Keys.END)
    long_grid.until(lambda: focused(long_grid)[0] > below, "the last of those that are loaded")
    long_grid.press(Keys.HOME)
    long_grid.becomes(lambda: focused(long_grid)[0], "000.jpg")
