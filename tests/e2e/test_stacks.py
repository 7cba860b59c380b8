"""Stacks and folded look-alikes in the browser, and what the upload card says of duplicates."""

from __future__ import annotations

import io
import re

from PIL import Image
from selenium.webdriver.common.keys import Keys

from tests.web.test_api_photos import picture

FOLD = "main [data-grid] .tile .fold"


def select(owner, *names: str) -> None:
    for name in names:
        box = f"{owner.tile(name)} .check input"
        owner.run("document.querySelector(arguments[0]).click()", box)


def stack(owner, names: list[str]) -> None:
    """Stack photos in the grid; the newest, which is the first selected, becomes the cover."""
    shown = [name for name in owner.names() if name in names]
    select(owner, *shown)
    owner.click('[data-select="stack"]')
    owner.says(".toast", f"{len(names)} photos stacked")


def test_a_stack_is_made_opened_selected_and_taken_apart(owner, uploaded):
    names = uploaded("pile")
    stack(owner, names)
    owner.until(lambda: len(set(owner.names()) & set(names)) == 1)
    fold = owner.one(FOLD)
    assert fold.accessible_name == "Stack of 3 photos, open"
    fold.send_keys(Keys.ENTER)
    owner.until(lambda: set(names) <= set(owner.names()))
    owner.becomes(lambda: owner.one(FOLD).accessible_name, "Stack of 3 photos, close")
    owner.one(FOLD).send_keys(Keys.ENTER)
    owner.until(lambda: len(set(owner.names()) & set(names)) == 1)
    [cover] = set(owner.names()) & set(names)
    select(owner, cover)
    owner.reads(".selection-count", "3 selected (1 stack)")
    owner.click('[data-select="unstack"]')
    owner.says(".toasts", "Unstacked")
    owner.open("/")
    assert set(names) <= set(owner.names())


def test_photos_of_a_stack_are_walked_through_in_the_lightbox(owner, uploaded):
    names = uploaded("walk")
    stack(owner, names)
    [cover] = owner.until(lambda: set(owner.names()) & set(names))
    owner.open_lightbox(cover)
    owner.press("o")
    seen = [owner.until(lambda: other(owner, cover))]
    owner.press(Keys.ARROW_RIGHT)
    seen.append(owner.until(lambda: other(owner, cover, *seen)))
    assert {cover, *seen} == set(names)
    owner.press(Keys.ESCAPE)
    owner.until(lambda: not owner.all(".pswp"))
    assert set(names) <= set(owner.names())
    owner.click(f"{owner.tile(cover)} .fold")
    owner.becomes(lambda: set(owner.names()) & set(names), {cover}, "the closed stack")
    select(owner, cover)
    owner.click('[data-select="unstack"]')
    owner.until(lambda: set(names) <= set(owner.names()))


def other(owner, *seen: str) -> str | None:
    """Return the name of the photo in the lightbox once it is another one."""
    name = owner.run("return document.title").split(" ·")[0]
    return name if name not in seen else None


def test_a_stack_is_one_result_that_opens_in_place(owner, uploaded):
    names = uploaded("fold", "purple", "cyan")
    stack(owner, names)
    # Their names say it, so that both match whatever else there is in the gallery.
    owner.open("/search?q=fold")
    owner.until(lambda: len(set(owner.names()) & set(names)) == 1)
    [best] = set(owner.names()) & set(names)
    owner.one(f"{owner.tile(best)} .fold").send_keys(Keys.ENTER)
    owner.until(lambda: set(names) <= set(owner.names()))
    owner.click(".view > summary")
    owner.follow('.switch a[href*="fold=0"]')
    assert "fold=0" in owner.path()
    assert set(names) <= set(owner.names())
    assert not owner.all(FOLD)
    owner.open("/")
    select(owner, *(set(owner.names()) & set(names)))
    owner.click('[data-select="unstack"]')
    owner.until(lambda: set(names) <= set(owner.names()))


def test_the_upload_card_says_of_what_a_file_is_a_copy(owner, tmp_path):
    path = tmp_path / "scene.png"
    path.write_bytes(scene())
    owner.upload(path)
    owner.until(lambda: "searchable after" in owner.outcome("scene.png"))
    again = tmp_path / "scene-again.png"
    again.write_bytes(path.read_bytes())
    smaller = tmp_path / "scene-smaller.jpg"
    with Image.open(path) as image:
        image.convert("RGB").resize((320, 240)).save(smaller, quality=80)
    owner.upload(again, smaller)
    owner.until(lambda: owner.outcome("scene-again.png") == "already here → open")
    # The card asks for the last time after half a minute, should comparing take so long.
    owner.until(lambda: "scene.png → compare" in owner.outcome("scene-smaller.jpg"), patience=60)
    owner.says(".uploads-counts", "1 duplicate")
    owner.says(".uploads-counts", "with look-alikes")
    link = owner.attribute(".uploads .alike", "href")
    assert re.search(r"/duplicates\?group=[-\w]+|/photos/[-\w]+/duplicates", link)
    owner.reads(".skipped-count", "1 file skipped")
    assert saved_list(owner).splitlines()[1].startswith('"scene-again.png","already here","http')


def saved_list(owner) -> str:
    """Return the text of the list that the card saves."""
    return owner.run(
        "const make = URL.createObjectURL;"
        "return new Promise((done) => {"
        "  URL.createObjectURL = (file) => { file.text().then(done); return make(file); };"
        "  document.querySelector('[data-uploads=\"skipped\"]').click();"
        "})"
    )


def scene() -> bytes:
    """Return a picture with something in it, which a smaller copy can be told to be."""
    image = Image.open(io.BytesIO(picture("white", (640, 480), "PNG")))
    for n in range(24):
        x, y = 53 * n % 560, 97 * n % 400
        image.paste((31 * n % 256, 211 * n % 256, 90), (x, y, x + 40 + 3 * n, y + 30 + 2 * n))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
