"""Uploads outlive the page that began them, the browser's reload, and a server that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests import images
from tests.e2e.conftest import ROOT, Gallery, first_run, start_migrated, stop
from tests.server.processes import eventually, listening

KEPT = """
return new Promise((resolve, reject) => {
  const opening = indexedDB.open("scry-uploads");
  opening.onupgradeneeded = () => opening.result.createObjectStore("files", {keyPath: "key"});
  opening.onerror = () => reject(opening.error);
  opening.onsuccess = () => {
    const database = opening.result;
    const asked = database.transaction("files").objectStore("files").getAll();
    asked.onsuccess = () => { database.close(); resolve(asked.result.map(({name}) => name)); };
  };
});
"""
BLOCKED = ["*/api/v1/photos?owner=*", "*/api/v1/uploads*"]


def kept_names(browser) -> set[str]:
    """Return the names of the files that the browser keeps until they are sent."""
    return set(browser.run(KEPT))


def kept(browser) -> int:
    """Return how many files the browser keeps until they are sent."""
    return len(browser.run(KEPT))


def block(browser, *, on: bool = True) -> None:
    """Let no upload reach the gallery."""
    browser.allowed += ["net::ERR_BLOCKED_BY_CLIENT", "never had a user gesture"]
    browser.driver.execute_cdp_cmd("Network.enable", {})
    urls = BLOCKED if on else []
    browser.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": urls})


def names(browser) -> set[str]:
    """Return the names of all photos that the gallery has."""
    answer = browser.run("return fetch('/api/v1/photos?limit=200').then(it => it.json())")
    return {photo["name"] for photo in answer["photos"]}


def waiting(browser, paths) -> None:
    """Upload files that wait, until the browser keeps them all."""
    browser.upload(*paths)
    browser.until(lambda: kept(browser) == len(paths), "kept")


def sign_in_as(browser, session: str) -> None:
    cookie = {"name": "scry_session", "value": session, "url": browser.url, "httpOnly": True}
    browser.driver.execute_cdp_cmd("Network.setCookie", cookie)


def many(folder: Path, number: int, size: int = 60_000) -> list[Path]:
    """Write different pictures of about `size` bytes."""
    folder.mkdir()
    paths = [folder / f"many-{each:02}.png" for each in range(number)]
    for each, path in enumerate(paths):
        image = images.encode(Image.new("RGB", (90, 60), (each * 5, 90, 200 - each * 5)), "PNG")
        path.write_bytes(image + os.urandom(size))
    return paths


def test_going_anywhere_in_the_gallery_loses_no_file(owner, tmp_path):
    paths = many(tmp_path / "many", 24)
    owner.slow_down(upload=150_000)
    waiting_for = {path.name for path in paths}
    owner.open("/")
    owner.upload(*paths)
    for address in ("/albums", "/favourites", "/trash", "/settings", "/calendar", "/"):
        # The browser asks before it forgets what it does not keep yet.
        # What is sent meanwhile is seen in one of the two.
        owner.until(lambda: waiting_for <= kept_names(owner) | names(owner), "kept or sent")
        owner.open(address)
    owner.slow_down()
    owner.until(lambda: waiting_for <= names(owner), "all are here")
    owner.until(lambda: kept(owner) == 0, "nothing is kept of what was sent")


def test_a_reload_asks_nothing_and_goes_on(owner, pictures):
    paths = pictures("reload")
    owner.open("/")
    block(owner)
    waiting(owner, paths)
    owner.until(lambda: "No connection" in owner.outcome(paths[0].name))
    assert not owner.run(
        "const leaving = new Event('beforeunload', {cancelable: true});"
        "dispatchEvent(leaving); return leaving.defaultPrevented"
    )
    owner.reloaded(lambda: owner.run("location.reload()"))
    owner.says(".uploads-badge .remaining", "3")
    block(owner, on=False)
    owner.reloaded(lambda: owner.run("location.reload()"))
    owner.until(lambda: names(owner) == {path.name for path in paths})
    owner.until(lambda: kept(owner) == 0)


def test_a_pause_holds_on_other_pages(owner, pictures):
    paths = pictures("paused")
    owner.open("/")
    block(owner)
    waiting(owner, paths)
    owner.click('[data-uploads="pause"]')
    owner.open("/albums")
    block(owner, on=False)
    owner.click(".uploads-badge")
    owner.says(".uploads-title", "Paused, 3 left")
    assert names(owner) == set()
    owner.click('[data-uploads="pause"]')
    owner.until(lambda: names(owner) == {path.name for path in paths})


def test_the_page_that_is_looked_at_sends(owner, pictures):
    paths = pictures("tabs")
    owner.open("/")
    block(owner)
    waiting(owner, paths)
    first = owner.driver.current_window_handle
    owner.driver.switch_to.new_window("tab")
    owner.open("/albums")
    owner.until(lambda: names(owner) == {path.name for path in paths})
    owner.until(lambda: kept(owner) == 0)
    owner.driver.switch_to.window(first)
    for path in paths:
        owner.until(lambda path=path: "searchable after" in owner.outcome(path.name), path.name)


def test_back_leads_to_no_row_that_waits_for_ever(owner, pictures):
    paths = pictures("back")
    owner.open("/")
    block(owner)
    waiting(owner, paths)
    owner.open("/albums")
    block(owner, on=False)
    owner.until(lambda: names(owner) == {path.name for path in paths})
    owner.until(lambda: kept(owner) == 0)
    owner.driver.back()
    told = {"", "uploaded in another tab"}  # The page may have been loaded anew, without rows.
    for path in paths:
        owner.until(lambda path=path: owner.outcome(path.name) in told, path.name)
    assert len(names(owner)) == 3


def test_signing_out_empties_the_queue(owner, pictures, sessions, accounts):
    owner.allowed += ["401 (Unauthorized)"]
    owner.open("/")
    block(owner)
    waiting(owner, pictures("out"))
    owner.click(".menu summary")
    owner.follow("form[action='/sign-out'] button")
    assert owner.path().startswith("/sign-in")
    assert kept(owner) == 0
    block(owner, on=False)
    owner.enter(sessions[next(accounts)])
    owner.one(".topbar")
    assert names(owner) == set()


def test_files_wait_for_the_account_that_chose_them(owner, pictures, sessions, accounts):
    paths = pictures("wait")
    owner.open("/")
    block(owner)
    waiting(owner, paths)
    sign_in_as(owner, sessions[next(accounts)])
    block(owner, on=False)
    owner.open("/albums")
    owner.one(".topbar")
    assert kept(owner) == 3
    assert names(owner) == set()
    assert owner.run("return document.getElementById('uploads-badge').hidden")
    sign_in_as(owner, sessions[owner.account])
    owner.open("/")
    owner.until(lambda: names(owner) == {path.name for path in paths})


def test_retry_is_offered_only_where_it_can_help(owner, tmp_path):
    owner.allowed += ["415 (Unsupported Media Type)"]
    path = tmp_path / "notes.png"
    path.write_text("no picture")
    owner.open("/")
    owner.upload(path)
    owner.until(lambda: owner.outcome(path.name) not in {"Waiting", "Uploading"})
    assert owner.one(".uploads li.error")
    assert not owner.run("return document.querySelector('.uploads li .retry').checkVisibility()")
    owner.open("/albums")
    owner.click(".uploads-badge")
    owner.says(".uploads li.error .name", "notes.png")
    owner.click('[data-uploads="close"]')
    owner.until(lambda: kept(owner) == 0)


def test_a_row_shows_what_only_the_gallery_can_show(owner, tmp_path):
    path = tmp_path / "phone.heic"
    path.write_bytes(images.heic(Image.new("RGB", (320, 240), (200, 40, 40))))
    owner.open("/")
    owner.upload(path)
    owner.until(lambda: "searchable after" in owner.outcome(path.name))
    shown = "return document.querySelector('.uploads .thumb img')?.naturalWidth > 0"
    owner.until(lambda: owner.run(shown), "the thumbnail")


# --- a server that is killed ----------------------------------------------------------------------


@dataclass
class Killable:
    """A gallery of one's own that can be killed and started again."""

    process: subprocess.Popen
    gallery: Gallery
    data: Path

    def kill(self) -> None:
        """kill -9 of all its processes."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.kill()
        self.process.wait()
        for child in children:
            if child.is_running():
                child.kill()
        psutil.wait_procs(children, timeout=10)

    def start_again(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=self.gallery.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = int(self.gallery.environment["PORT"])
        eventually("it is there again", lambda: listening(port), patience=60)

    def arrived(self) -> dict[str, int]:
        """Return how much of each upload is on the disk."""
        return {path.name: path.stat().st_size for path in (self.data / "tmp").glob("*.part")}


@pytest.fixture
def killable(tmp_path) -> Iterator[Killable]:
    process, gallery = start_migrated(tmp_path / "gallery")
    killable = Killable(process, gallery, tmp_path / "gallery")
    yield killable
    stop(killable.process)


def test_a_large_file_goes_on_after_the_server_was_killed(browser, killable, tmp_path):
    browser.url = killable.gallery.url
    # Whatever asks the gallery meanwhile gets no answer.
    browser.allowed += ["net::ERR_", "(in promise)"]
    first_run(browser, killable.gallery)
    path = tmp_path / "large.bmp"
    noise = np.random.default_rng(7).integers(0, 256, (2600, 4000, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    browser.slow_down(upload=8_000_000)
    browser.upload(path)
    browser.until(lambda: max(killable.arrived().values(), default=0) > 0, "a piece arrived")
    killable.kill()
    before = killable.arrived()
    assert max(before.values()) < path.stat().st_size
    browser.until(lambda: "No connection" in browser.outcome(path.name))
    killable.start_again()
    browser.slow_down()
    browser.until(lambda: names(browser) == {path.name}, "it is here", patience=90)
    notes = [note.stem for note in (killable.data / "tmp").glob("*.part.json")]
    assert notes == list(before), "it went on, and did not begin anew"
    [stored] = (killable.data / "media" / "originals").rglob("*.bmp")
    assert stored.read_bytes() == path.read_bytes()
