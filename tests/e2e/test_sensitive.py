"""Sensitive photos in a real browser: covers that load nothing, and a review by keys."""

from __future__ import annotations

from tests.e2e.browser import Browser

LOADED = "return performance.getEntriesByType('resource').map((entry) => entry.name)"


def loaded(browser: Browser, photo_id: str) -> bool:
    """Tell whether the page asked for a picture of a photo."""
    names: list[str] = browser.run(LOADED)
    return any(f"/photos/{photo_id}/{kind}" in each for each in names
               for kind in ("thumbnail", "preview", "original"))  # fmt: skip


def mark(browser: Browser, name: str) -> None:
    browser.run(f"document.querySelector('{browser.tile(name)} .check input').click()")
    browser.click("[data-select=sensitive]")
    browser.click("#to-sensitive [value=confirmed]")
    browser.until(lambda: "marked as sensitive" in browser.run("return document.body.textContent"))


def test_a_covered_photo_is_loaded_when_its_cover_is_touched(owner, uploaded):
    uploaded("veil", "red", "blue")
    photo_id = owner.attribute(owner.tile("veil-red.png"), "data-id")
    mark(owner, "veil-red.png")
    owner.open("/")
    owner.until(lambda: owner.all(".tile.veiled"))
    owner.open_lightbox("veil-blue.png")
    owner.until(lambda: owner.all(".pswp__img"))
    owner.press("ArrowRight")
    owner.until(lambda: owner.all(".pswp .covered .button"))
    assert not loaded(owner, photo_id)

    def uncovered() -> bool:
        # A click while the slide still moves is not one for PhotoSwipe.
        owner.run("document.querySelector('.pswp .covered .button')?.click()")
        return loaded(owner, photo_id)

    owner.until(uncovered, "the photo behind the cover")
    owner.open("/")
    owner.until(lambda: owner.all(".tile.veiled [data-veil]"))
    assert not loaded(owner, photo_id)
    owner.run("document.querySelector('.tile.veiled [data-veil]').click()")
    owner.until(lambda: loaded(owner, photo_id))
    assert not owner.all(".tile.veiled")


def test_an_uncovered_photo_is_not_kept_on_the_device(owner, uploaded):
    owner.open("/account/appearance")
    owner.click("[data-recent-switch] input")
    uploaded("device", "red", "blue")
    photo_id = owner.attribute(owner.tile("device-red.png"), "data-id")
    owner.until(lambda: len(kept_addresses(owner)) == 2)
    mark(owner, "device-red.png")
    owner.open("/")
    owner.until(lambda: len(kept_addresses(owner)) == 1)
    owner.run("document.querySelector('.tile.veiled [data-veil]').click()")
    owner.until(lambda: loaded(owner, photo_id))
    # Photos are kept in turn, so what is kept after one that comes later says enough.
    uploaded("later", "green")
    owner.until(lambda: len(kept_addresses(owner)) == 2)
    assert not any(photo_id in address for address in kept_addresses(owner))


def kept_addresses(browser: Browser) -> list[str]:
    """Return the addresses of the thumbnails that the browser keeps for later."""
    found: list[str] = browser.run(
        "return caches.keys()"
        ".then(names => names.find(name => name.startsWith('scry-recent-')))"
        ".then(async name => name ? (await (await caches.open(name)).keys()) : [])"
        ".then(requests => requests.map(request => request.url))"
    )
    return found


def test_the_review_is_done_by_keys(owner, uploaded):
    uploaded("review", "red", "blue")
    for name in ("review-red.png", "review-blue.png"):
        mark(owner, name)
        owner.open("/")
    owner.open("/sensitive?state=confirmed")
    owner.until(lambda: len(owner.all(".suspect")) == 2)
    first = owner.attribute(".suspect", "data-id")
    owner.press("n")
    owner.until(lambda: len(owner.all(".suspect")) == 1)
    owner.press("u")
    owner.until(lambda: len(owner.all(".suspect")) == 2)
    owner.has(".suspect", "data-id", first)
    owner.press("n")
    owner.until(lambda: len(owner.all(".suspect")) == 1)
    owner.open("/sensitive?state=cleared")
    owner.until(lambda: len(owner.all(".suspect")) == 1)
