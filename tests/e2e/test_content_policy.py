"""A walk through every page, in which nothing breaks the content security policy."""

from __future__ import annotations

import re

import pytest

from tests.e2e.browser import PASSWORD
from tests.e2e.conftest import first_run
from tests.web.route_matrix import LINK, MATRIX, MEMBERS

# Files and JSON, of which a browser makes no page. Parts of pages are opened by themselves, too.
NO_PAGES = re.compile(
    r"/(original|download|zip|csv|video)$|companions/|\.js(on)?$|\.webmanifest$|^metrics$|^api/v1/(?!docs)"
)
LISTENER = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} at ${location.href}`));
"""
# Opens menus, folds and dialogs. Nothing of it changes anything in the gallery.
UNFOLD = """
for (const summary of document.querySelectorAll("details:not([open]) > summary")) summary.click();
for (const dialog of document.querySelectorAll("dialog:not([open])")) {
  dialog.showModal();
  dialog.close();
}
"""
SEND = """
const [path, body, done] = arguments;
const [, token] = document.cookie.match(/scry_csrf=([^;]+)/);
fetch(path, {
  method: "POST", body: JSON.stringify(body),
  headers: { "X-CSRFToken": token, "Content-Type": "application/json" },
}).then(answer => answer.json()).then(done);
"""
STATUS = "return performance.getEntriesByType('navigation')[0].responseStatus"


@pytest.fixture
def visitor(browser, new_gallery):
    """A browser that hears violations from the first byte of each page on."""
    browser.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTENER})
    browser.url = new_gallery.url
    # Some parts have nothing to say about these photos; the browser logs their 404.
    browser.allowed += ["Failed to load resource"]
    return browser


def send(browser, path: str, **body: object) -> dict:
    return browser.driver.execute_async_script(SEND, path, body)


def looked_at(browser, path: str) -> int:
    """Open an address, and what is folded on it; return its status."""
    browser.open(path)
    browser.path()
    browser.run(UNFOLD)
    browser.path()
    assert browser.run("return window.violations") == [], path
    return int(browser.run(STATUS))


def addresses(ids: dict[str, str], *kinds: str) -> list[str]:
    """Return an address for each pattern that GET answers with a page or a part of one."""
    return [
        re.sub(r"<(?:\w+:)?(\w+)>", lambda found: ids[found[1]], "/" + pattern)
        for pattern, (method, kind) in MATRIX.items()
        if method == "GET"
        and not NO_PAGES.search(pattern)
        and (kind in kinds if kinds else kind not in {LINK, MEMBERS})
    ]


def made_things(browser, names: list[str]) -> dict[str, str]:
    """Make one thing of each kind that has a page, by the API; return their ids."""
    browser.open("/")
    day = browser.attribute(".day[data-day]", "data-day")
    listed = browser.run("return fetch('/api/v1/photos').then(answer => answer.json())")
    photos = [photo["id"] for photo in listed["photos"] if photo["name"] in names]
    album = send(browser, "/api/v1/albums", name="Trip")["id"]
    send(browser, f"/api/v1/albums/{album}/photos", ids=photos)
    send(browser, "/api/v1/tags/sea/photos", ids=photos[:1])
    labels = [{"name": "red"}, {"name": "blue"}]
    kinds = send(browser, "/api/v1/label-sets", name="Colours", kind="one_of", labels=labels)
    send(browser, "/api/v1/tags/red/photos", ids=photos[:1])
    send(browser, "/api/v1/tags/blue/photos", ids=photos[1:])
    return {
        "album_id": album,
        "photo_id": photos[0],
        "saved_id": send(browser, "/api/v1/searches", name="Reds", query="red")["id"],
        "stack_id": send(browser, "/api/v1/stacks", ids=photos[1:])["id"],
        "set_id": kinds["id"],
        "label_id": kinds["labels"][0]["id"],
        "run_id": evaluated(browser, kinds["id"]),
        "name": "sea",
        "level": "0",
        "day": day,
        # Of these nothing is made here; their pages say so.
        **dict.fromkeys(("picture_id", "companion_id"), photos[0]),
    }


def evaluated(browser, set_id: str) -> str:
    """Compare the labels of a set with tags on the page; return the id of the evaluation."""
    browser.open("/evaluations")
    form = f"form:has([name=set] [value='{set_id}'])"
    browser.run("document.querySelector(arguments[0]).click()", f"{form} [value=tags]")
    browser.reloaded(lambda: browser.run("document.querySelector(arguments[0]).submit()", form))
    found = re.search(r"/evaluations/([0-9a-f-]{36})", browser.path())
    assert found, browser.path()
    return found[1]


def joined(browser, name: str) -> None:
    """Have somebody join by an invitation, and come back as the owner."""
    browser.open("/people")
    browser.follow("#invite form button.primary")
    link = browser.words("#invite .secret code")
    browser.driver.delete_all_cookies()
    assert looked_at(browser, link) == 200
    browser.fill("[name=username]", name)
    browser.fill("[name=password]", PASSWORD)
    browser.follow("form button")
    browser.one(".topbar")
    as_person(browser, "ada")


def as_person(browser, name: str) -> None:
    browser.driver.delete_all_cookies()
    browser.account = name
    browser.sign_in()


def test_every_page_of_owner_member_and_link_keeps_to_the_policy(visitor, new_gallery, pictures):
    assert looked_at(visitor, new_gallery.welcome) == 200
    first_run(visitor, new_gallery)
    paths = pictures("walk")
    visitor.upload(*paths)
    for path in paths:
        visitor.until(lambda path=path: "searchable after" in visitor.outcome(path.name), path.name)
    joined(visitor, "eve")
    ids = made_things(visitor, [path.name for path in paths])
    walked = {path: looked_at(visitor, path) for path in addresses(ids)}
    assert sum(status == 200 for status in walked.values()) > 45, walked
    assert looked_at(visitor, "/search?q=red") == 200
    assert looked_at(visitor, "/duplicates?tab=all") in {200, 404}
    opened_by_hand(visitor)

    shared = send(
        visitor, "/api/v1/shares/members", album=ids["album_id"], name="eve", role="viewer"
    )
    link = send(visitor, "/api/v1/shares/links", album=ids["album_id"], places=True)["url"]
    assert looked_at(visitor, f"/albums/{ids['album_id']}/share") == 200
    assert shared["name"] == "eve"
    as_person(visitor, "eve")
    ids |= {"shared_id": shared_id(visitor), "secret": link.rsplit("/", 1)[1]}
    visitor.until(lambda: photos_shown(visitor, f"/shared/{ids['shared_id']}"), "looked through")
    assert {looked_at(visitor, path) for path in addresses(ids, MEMBERS)} == {200}
    visitor.driver.delete_all_cookies()
    assert {looked_at(visitor, path) for path in addresses(ids, LINK)} == {200}
    for path in ("/sign-in", "/forgot", "/join", "/reset", "/no-such-page"):
        looked_at(visitor, path)


def shared_id(browser) -> str:
    browser.open("/shared")
    browser.path()
    found = re.search(r"/shared/([0-9a-f-]{36})", browser.driver.page_source)
    assert found
    return found[1]


def photos_shown(browser, path: str) -> bool:
    """Tell whether the worker has looked through the photos of a shared album."""
    browser.open(path)
    return len(browser.all("[data-shared-grid] .tile img")) == 3


def opened_by_hand(browser) -> None:
    """Open the lightbox with its drawer, the filters and the list of keys as a person does."""
    browser.open("/")
    browser.open_lightbox(browser.names()[0])
    browser.press("i")
    browser.one(".drawer")
    browser.press("\ue00c")
    browser.open("/")
    browser.press("?")
    browser.until(lambda: browser.run("return document.getElementById('help').open"), "help")
    browser.open("/")
    browser.run("document.querySelector('.to-filters').click()")
    browser.until(lambda: browser.run("return document.getElementById('filters').open"), "filters")
    assert browser.run("return window.violations") == []
