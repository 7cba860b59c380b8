"""A real gallery in a process of its own and a real headless Chromium."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException, TimeoutException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.web.test_api_photos import picture

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
PASSWORD = "correct horse battery"
ACCOUNTS = 150  # more than there are tests
COLOURS = {
    "red": (220, 30, 30),
    "green": (30, 160, 40),
    "blue": (30, 60, 220),
    "purple": (130, 30, 160),
    "cyan": (40, 210, 220),
}
THREE = ("red", "green", "blue")
# Leaving a page aborts its requests, which htmx reports. Any other failed request has a line of
# the browser's own, "Failed to load resource".
ABORTED = ('"htmx:afterRequest,', '"htmx:sendError,')
PATIENCE = 30  # seconds that anything may take on a busy machine


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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(data: Path, settings: str = "settings_e2e") -> tuple[subprocess.Popen, Gallery]:
    port = free_port()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": f"tests.{settings}",
        "DATA_DIR": str(data),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MIN_FREE_MB": "1",
        "PUBLIC_URL": "",
        "PYTHONUNBUFFERED": "1",
    }
    data.mkdir(parents=True)
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
        found = re.search(r"(http\S+)/welcome\?token=\S+", log.read_text())
        if found:
            return process, Gallery(found.group(1), found.group(0), environment)
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"The gallery did not start:\n{log.read_text()}")


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
    process, gallery = start(tmp_path / "gallery")
    yield gallery
    stop(process)


@pytest.fixture(scope="session")
def gallery(tmp_path_factory) -> Iterator[Gallery]:
    """A gallery that the tests of this process share."""
    process, gallery = start(tmp_path_factory.mktemp("e2e") / "gallery")
    yield gallery
    stop(process)


@dataclass
class Browser:
    """A Chromium with the few gestures that the tests need."""

    driver: webdriver.Chrome
    url: str = ""
    account: str = ""
    allowed: list[str] = field(default_factory=lambda: ["/thumbnail?try=", *ABORTED])

    def open(self, path: str) -> None:
        self.driver.get(path if path.startswith("http") else self.url + path)

    def all(self, css: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str):
        return self.until(lambda: next((e for e in self.all(css) if e.is_displayed()), None), css)

    def click(self, css: str) -> None:
        def clicked() -> bool:
            self.one(css).click()
            return True

        self.until(clicked, css)

    def fill(self, css: str, text: str) -> None:
        element = self.one(css)
        element.clear()
        element.send_keys(text)

    def press(self, *keys: str, held: str = "") -> None:
        actions = webdriver.ActionChains(self.driver)
        if held:
            actions.key_down(held)
        actions.send_keys(*keys)
        if held:
            actions.key_up(held)
        actions.perform()

    def open_lightbox(self, name: str) -> None:
        self.click(f"{self.tile(name)} .open")
        # PhotoSwipe takes the focus when its opening animation has ended.
        self.until(lambda: self.run("return Boolean(document.activeElement.closest('.pswp'))"))

    def until(self, what: Callable, why: str = ""):
        # The page may replace an element between its being found and being read.
        ignored = [StaleElementReferenceException]
        waiting = WebDriverWait(self.driver, PATIENCE, 0.05, ignored_exceptions=ignored)
        try:
            return waiting.until(lambda _: what())
        except TimeoutException as error:
            page = self.run("return document.body.innerText.slice(0, 2000)")
            raise AssertionError(
                f"{why or what}: {self.driver.current_url} shows\n{page}"
            ) from error

    def run(self, script: str, *values):
        return self.driver.execute_script(script, *values)

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def path(self) -> str:
        """Return the path of the page, once that is loaded."""
        loaded = "return document.readyState === 'complete' ? location.href : ''"
        return self.until(lambda: self.run(loaded), "loaded").removeprefix(self.url)

    def reloaded(self, action: Callable[[], object]) -> None:
        """Do something that loads the page anew, and wait until that has happened."""
        self.run("window.isOld = true")
        action()
        loaded = "return !window.isOld && document.readyState === 'complete'"
        self.until(lambda: self.run(loaded), "reloaded")

    def names(self) -> list[str]:
        """Return the names of the photos of the grid or the results, in order."""
        return self.run(
            "return [...document.querySelectorAll('main [data-grid] .open')]"
            ".map(link => link.dataset.name)"
        )

    def tile(self, name: str) -> str:
        return f'main [data-grid] .tile:has([data-name="{name}"])'

    def upload(self, *paths: Path) -> None:
        self.driver.find_element(By.ID, "pick-files").send_keys("\n".join(map(str, paths)))

    def outcome(self, name: str) -> str:
        """Return what the upload card says of a file."""
        return self.run(
            "return [...document.querySelectorAll('.uploads li')]"
            ".filter(row => row.querySelector('.name').textContent === arguments[0])"
            ".map(row => row.querySelector('.outcome').textContent).at(-1)",
            name,
        )

    def complaints(self) -> list[str]:
        """Return what the console has to say, such as violations of the content policy."""
        logged = [entry["message"] for entry in self.driver.get_log("browser")]
        return [line for line in logged if not any(part in line for part in self.allowed)]

    def enter(self, session: str) -> None:
        """Open the grid with the session of an account, as somebody who signed in before."""
        cookie = {"name": "sessionid", "value": session, "url": self.url, "httpOnly": True}
        self.driver.execute_cdp_cmd("Network.setCookie", cookie)
        self.open("/")

    def sign_in(self) -> None:
        self.open("/sign-in")
        if self.path().startswith("/sign-in"):
            self.fill("[name=username]", self.account)
            self.fill("[name=password]", PASSWORD)
            self.click("form button")
            self.one(".topbar")
        self.open("/")


def chromium(profile: Path, *, scripts: bool = True) -> webdriver.Chrome:
    options = Options()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1440,900",
        f"--user-data-dir={profile}",
    ):
        options.add_argument(argument)
    if not scripts:
        blocked = {"profile.managed_default_content_settings.javascript": 2}
        options.add_experimental_option("prefs", blocked)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options, Service(DRIVER))


@pytest.fixture
def browser(tmp_path) -> Iterator[Browser]:
    driver = chromium(tmp_path / "profile")
    browser = Browser(driver)
    yield browser
    complaints = browser.complaints()
    driver.quit()
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
    return dict(line.split() for line in made.stdout.splitlines())


MAKE_ACCOUNTS = """
import os
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
password = make_password(os.environ["PASSWORD"])
users = [User(username=name, password=password) for name in os.environ["NAMES"].split()]
for user in User.objects.bulk_create(users):
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print(user.username, session.session_key)
"""


def first_run(browser: Browser, gallery: Gallery) -> None:
    browser.open(gallery.welcome)
    browser.fill("[name=username]", "ada")
    browser.fill("[name=password]", PASSWORD)
    browser.click("form button")
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
