"""axe-core over every page of the route matrix, for everybody who can open it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pytest
from django.template.loader import render_to_string

from tests.e2e import axe
from tests.e2e.axe import Looks
from tests.e2e.browser import PASSWORD
from tests.e2e.conftest import first_run
from tests.e2e.test_content_policy import (
    NO_PAGES,
    addresses,
    as_person,
    made_things,
    photos_shown,
    send,
    shared_id,
)
from tests.web.route_matrix import ADMIN, LINK, MATRIX, MEMBERS, OPEN, OWN, SIGN_IN

PARTS = {
    "/duplicates/progress", "/search/bar", "/search/facets", "/search/suggest", "/status-strip",
    "/photos/{photo_id}/labels", "/teach/{name}/strip",
}  # fmt: skip
"""Answers to GET that are no whole pages: they come into pages, which are looked at."""
KIND = """
if (document.contentType !== "text/html") return "file";
return document.doctype ? "page" : "part";
"""
UNFOLD = """
const folded = document.querySelectorAll("main details:not([open], .menu) > summary");
for (const summary of folded) summary.click();
"""
TEMPLATES = Path(axe.ROOT) / "templates"
MESSAGES = [
    *sorted(path.name for path in TEMPLATES.glob("*.html") if path.stem not in {"base", "bare"}),
    "gallery/unknown_host.html", "gallery/locked_out.html", "gallery/original_away.html",
    "shared/busy.html", "shared/gone.html",
]  # fmt: skip
"""Templates of what went wrong. Few of them can be had from a gallery that works."""

pytestmark = pytest.mark.skipif(not axe.SOURCE.exists(), reason="axe-core is missing: make e2e")


@pytest.fixture
def looks(browser, new_gallery):
    browser.url = new_gallery.url
    browser.allowed += ["Failed to load resource"]
    looks = Looks(browser)
    yield looks
    assert looks.found == [], "\n".join(looks.found)


def walk(looks: Looks, who: str, paths: list[str], parts: Collection[str]) -> None:
    """Look at each page, with all that can be unfolded on it."""
    for path in paths:
        looks.browser.open(path)
        looks.browser.path()
        kind = looks.browser.run(KIND)
        assert kind != "part" or path in parts, f"{path} is no whole page, and not in PARTS"
        if kind == "page":
            looks.browser.run(UNFOLD)
            looks.browser.until(lambda: not looks.browser.all(".htmx-request"), "loaded")
            looks.at(f"{path} of {who}")


def join(looks: Looks, name: str) -> None:
    """Have somebody join who may only look, and come back as the owner."""
    browser = looks.browser
    browser.open("/people")
    browser.run("document.querySelector('#invite [name=role]').value = 'viewer'")
    browser.follow("#invite form button.primary")
    looks.at("/people with an invitation")
    link = browser.words("#invite .secret code")
    browser.driver.delete_all_cookies()
    browser.open(link)
    looks.at("/join with an invitation")
    browser.fill("[name=username]", name)
    browser.fill("[name=password]", PASSWORD)
    browser.follow("form button")
    browser.one(".topbar")
    as_person(browser, "ada")


def test_every_page_can_be_used_by_everybody(looks, new_gallery, pictures):
    browser = looks.browser
    browser.open(new_gallery.welcome)
    looks.at("/welcome")
    first_run(browser, new_gallery)
    looks.at("/ without photos")
    paths = pictures("reach")
    browser.upload(*paths)
    for path in paths:
        browser.until(lambda path=path: "searchable after" in browser.outcome(path.name), path.name)
    join(looks, "eve")
    ids = made_things(browser, [path.name for path in paths])
    parts = {part.format(**ids) for part in PARTS}
    walk(looks, "an owner", addresses(ids, SIGN_IN, ADMIN, OWN), parts)

    send(browser, "/api/v1/shares/members", album=ids["album_id"], name="eve", role="viewer")
    link = send(browser, "/api/v1/shares/links", album=ids["album_id"], places=True)["url"]
    walk(looks, "an owner", [f"/albums/{ids['album_id']}/share"], parts)
    as_person(browser, "eve")
    everywhere = addresses(ids, SIGN_IN)
    walk(looks, "a viewer", everywhere if axe.EVERY_LOOK else everywhere[::4], parts)
    ids |= {"shared_id": shared_id(browser), "secret": link.rsplit("/", 1)[1]}
    browser.until(lambda: photos_shown(browser, f"/shared/{ids['shared_id']}"), "looked through")
    walk(looks, "a member", addresses(ids, MEMBERS), parts)
    browser.driver.delete_all_cookies()
    walk(looks, "somebody with a link", addresses(ids, LINK), parts)
    # The page that explains the API is Django Ninja's.
    strangers = [path for path in addresses(ids, OPEN) if path != "/api/v1/docs"]
    walk(looks, "a stranger", [*strangers, "/no-such-page"], parts)
    patterns = {path for path, (method, _kind) in MATRIX.items() if method == "GET"}
    assert (
        looks.count
        >= len([path for path in patterns if not NO_PAGES.search(path)]) - len(PARTS) - 1
    )


def test_every_message_of_what_went_wrong_can_be_read(looks):
    """403 and the like are made from their templates, in place of the page that is open."""
    browser = looks.browser
    for name in MESSAGES:
        browser.open("/offline")
        page = render_to_string(name, {"message": "The disk is full.", "name": "photos.example"})
        frame = browser.driver.execute_cdp_cmd("Page.getFrameTree", {})["frameTree"]["frame"]["id"]
        browser.driver.execute_cdp_cmd("Page.setDocumentContent", {"frameId": frame, "html": page})
        browser.path()
        browser.one("h1")
        looks.at(name)
