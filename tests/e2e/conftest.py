"""A real gallery in a process of its own, and browsers that are signed in to it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from selenium import webdriver

from tests import migrated
from tests.e2e.browser import CHROMIUM, DRIVER, PASSWORD, Browser, chromium
from tests.server.processes import eventually, free_port
from tests.web.test_api_photos import picture

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = 300  # more than there are tests
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 40),
    "blue": (30, 60, 220),
    "purple": (130, 30, 160),
    "cyan": (40, 210, 220),
}
THREE = ("red", "green", "blue")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)
            if not (CHROMIUM and DRIVER):
                item.add_marker(pytest.mark.skip(reason="chromium and chromedriver are missing"))


@dataclass
class Gallery:
    """A running gallery: its address, the first-run address, and the environment it runs in."""

    url: str
    welcome: str
    environment: dict[str, str]


def start(
    data: Path, settings: str = "settings_e2e", **more: str
) -> tuple[subprocess.Popen, Gallery]:
    """Start a gallery. `more` goes into its environment, with its port for `{port}`."""
    port = free_port()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": f"tests.{settings}",
        "DATA_DIR": str(data),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MIN_FREE_MB": "1",
        "PUBLIC_URL": "",
        "PYTHONUNBUFFERED": "1",
        **{name: value.format(port=port) for name, value in more.items()},
    }
    data.mkdir(parents=True, exist_ok=True)
    log = data / "serve.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"(http\S+)/welcome#\S+", log.read_text())
        if found:
            return process, Gallery(found.group(1), found.group(0), environment)
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"The gallery did not start:\n{log.read_text()}")


def start_migrated(
    data: Path, settings: str = "settings_e2e", **more: str
) -> tuple[subprocess.Popen, Gallery]:
    """Start a gallery whose database is there, which saves the seconds of its making."""
    migrated.data_folder(data)
    return start(data, settings, **more)


def stop(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.fixture
def new_gallery(tmp_path) -> Iterator[Gallery]:
    """A gallery that nobody has an account of yet."""
    process, gallery = start_migrated(tmp_path / "gallery")
    yield gallery
    stop(process)


@pytest.fixture(scope="session")
def gallery(tmp_path_factory) -> Iterator[Gallery]:
    """A gallery that the tests of this process share."""
    process, gallery = start_migrated(tmp_path_factory.mktemp("e2e") / "gallery")
    yield gallery
    stop(process)


@pytest.fixture(scope="session")
def chrome(tmp_path_factory) -> Iterator[webdriver.Chrome]:
    """One Chromium for all tests of this process: to start one takes longer than most tests."""
    driver = chromium(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()


@pytest.fixture
def browser(chrome) -> Iterator[Browser]:
    """A new tab in which nothing is left of the tests before."""
    browser = Browser(chrome)
    browser.start_afresh()
    yield browser
    complaints = browser.complaints()
    browser.forget_everything()
    assert complaints == []


@pytest.fixture
def owner(browser, gallery, account, sessions) -> Browser:
    """A browser that is signed in, on the grid."""
    browser.url, browser.account = gallery.url, account
    browser.enter(sessions[account])
    return browser


@pytest.fixture
def account(accounts) -> str:
    """The name of an account of this test alone: it never sees the photos of another test."""
    return next(accounts)


@pytest.fixture(scope="session")
def accounts(sessions) -> Iterator[str]:
    return iter(sessions)


@pytest.fixture(scope="session")
def sessions(gallery) -> dict[str, str]:
    """The session keys of all accounts: to sign in with the form takes seconds for each test."""
    names = [f"person-{number}" for number in range(ACCOUNTS)]
    command = [sys.executable, "manage.py", "shell", "--verbosity=0", "--command", MAKE_ACCOUNTS]
    made = subprocess.run(
        command,
        cwd=ROOT,
        env=gallery.environment | {"NAMES": " ".join(names), "PASSWORD": PASSWORD},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    # A search before the gallery has its model is refused.
    eventually("the model is loaded", lambda: has_model(gallery))
    return dict(line.split() for line in made.stdout.splitlines())


def has_model(gallery: Gallery) -> bool:
    with suppress(httpx.TransportError):
        return bool(httpx.get(f"{gallery.url}/readyz").json()["checks"]["model"])
    return False


MAKE_ACCOUNTS = """
import os
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from gallery.sessions import SessionStore
password = make_password(os.environ["PASSWORD"])
users = [User(username=name, password=password) for name in os.environ["NAMES"].split()]
for user in User.objects.bulk_create(users):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "gallery.account_backend.AccountBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print(user.username, session.session_key)
"""


def first_run(browser: Browser, gallery: Gallery) -> None:
    browser.open(gallery.welcome)
    browser.fill("[name=username]", "ada")
    browser.fill("[name=password]", PASSWORD)
    browser.follow("form button")
    browser.one(".topbar")


@pytest.fixture
def pictures(tmp_path) -> Callable[..., list[Path]]:
    """Write one picture for each colour, named after the test and unlike any before."""

    def write(prefix: str, *colours: str) -> list[Path]:
        paths = []
        for colour in colours or THREE:
            path = tmp_path / f"{prefix}-{colour}.png"
            # What follows a picture's end is not looked at, but makes the file a new one.
            path.write_bytes(picture(COLOURS[colour], (400, 300), "PNG") + os.urandom(8))
            paths.append(path)
        return paths

    return write


@pytest.fixture
def uploaded(owner, pictures) -> Callable[..., list[str]]:
    """Upload a picture for each colour, wait until they can be found, and return their names."""

    def send(prefix: str, *colours: str) -> list[str]:
        paths = pictures(prefix, *colours)
        owner.open("/")
        owner.upload(*paths)
        for path in paths:
            owner.until(lambda path=path: "searchable after" in owner.outcome(path.name), path.name)
        owner.open("/")
        return [path.name for path in paths]

    return send
