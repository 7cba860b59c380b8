"""A real headless Chromium, and the gestures by which no test races with a page that changes.

A click or a key that loads a page goes through `follow` or `reloaded`, since whatever is looked
at next could be of the page before. What a page replaces in parts is read with `says`, `reads`,
`has` or `becomes`, which wait. That something is not shown tells something only after a wait for
a sign that the new state is there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    NoSuchWindowException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
PASSWORD = "correct horse battery"
PATIENCE = 60  # seconds that anything may take on a busy machine
# Leaving a page aborts its requests, which htmx reports. Any other failed request has a line of
# the browser's own, "Failed to load resource".
ABORTED = ('"htmx:afterRequest,', '"htmx:sendError,', '"htmx:sendAbort,')
# htmx gives a new field the focus before the browser itself would.
FOCUSED = "Autofocus processing was blocked because a document already has a focused element"

EXPECTED = ("Clear-Site-Data header on", FOCUSED, *ABORTED)


@dataclass
class Browser:
    """A Chromium with the few gestures that the tests need."""

    driver: webdriver.Chrome
    url: str = ""
    account: str = ""
    allowed: list[str] = field(default_factory=lambda: [*EXPECTED])

    def open(self, path: str) -> None:
        self.driver.get(path if path.startswith("http") else self.url + path)

    def all(self, css: str) -> list:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css: str):
        return self.until(lambda: next((e for e in self.all(css) if e.is_displayed()), None), css)

    def click(self, css: str) -> None:
        """Click what leaves the page where it is; `follow` is for what loads another one."""

        def clicked() -> bool:
            # What still moves, or lies under what goes away just now, cannot be clicked yet.
            with suppress(ElementClickInterceptedException, ElementNotInteractableException):
                self.one(css).click()
                return True
            return False

        self.until(clicked, css)

    def follow(self, css: str) -> None:
        """Click what loads a page, and wait until that is there.

        Without the wait, what is looked at next could still be of the page that goes.
        """
        self.reloaded(lambda: self.click(css))

    def text(self, css: str) -> str:
        """Return what the first element that is shown says now: nothing if there is none."""

        def shown() -> list[str]:
            return [each.text for each in self.all(css) if each.is_displayed()][:1] or [""]

        return self.until(shown, css)[0]

    def words(self, css: str) -> str:
        """Return what the first element that is shown says, once it says something."""
        return self.until(lambda: self.text(css), css)

    def texts(self, css: str) -> list[str]:
        """Return what all elements say, read at once."""
        script = "return [...document.querySelectorAll(arguments[0])].map(one => one.innerText)"
        return [text.strip() for text in self.run(script, css)]

    def attribute(self, css: str, name: str) -> str:
        """Return an attribute of the first element that is shown, once it has a value."""
        return self.until(lambda: self.one(css).get_attribute(name), f"{name} of {css}")

    def says(self, css: str, part: str) -> None:
        """Wait until the first element that is shown has a text in it."""
        self.settles(lambda: self.text(css), lambda said: part in said, f"{css} has {part!r}")

    def reads(self, css: str, text: str) -> None:
        """Wait until the first element that is shown has exactly this text."""
        self.becomes(lambda: self.text(css), text, css)

    def has(self, css: str, attribute: str, value: str) -> None:
        """Wait until an attribute of the first element that is shown has a value."""
        self.becomes(lambda: self.one(css).get_attribute(attribute), value, f"{attribute} of {css}")

    def gone(self, css: str) -> None:
        """Wait until nothing of what was shown is: only after it was seen, lest it is to come."""
        self.becomes(lambda: [each for each in self.all(css) if each.is_displayed()], [], css)

    def becomes(self, read: Callable[[], object], value: object, what: str = "") -> None:
        """Wait until something that the page may just be changing is equal to a value."""
        self.settles(read, lambda seen: seen == value, f"{what or read} is {value!r}")

    def settles(self, read: Callable[[], Any], fits: Callable[[Any], bool], wanted: str) -> None:
        """Wait until what is read fits; otherwise say what was there instead."""
        seen: list[object] = []

        def fitted() -> bool:
            seen[:] = [read()]
            return fits(*seen)

        self.until(fitted, lambda: f"{wanted}, instead: {seen}")

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
        self.lightbox_is_open()

    def lightbox_is_open(self) -> None:
        """Wait until the lightbox takes keys: it has the focus once its animation has ended."""
        self.until(lambda: self.run("return Boolean(document.activeElement.closest('.pswp'))"))

    def until(self, what: Callable, why: str | Callable[[], str] = "", patience: float = PATIENCE):
        # The page may replace an element between its being found and being read.
        ignored = [StaleElementReferenceException]
        waiting = WebDriverWait(self.driver, patience, 0.05, ignored_exceptions=ignored)
        try:
            return waiting.until(lambda _: what())
        except TimeoutException as error:
            said = why() if callable(why) else why or what
            page = self.run("return document.body.innerText.slice(0, 2000)")
            raise AssertionError(f"{said}: {self.driver.current_url} shows\n{page}") from error

    def run(self, script: str, *values):
        return self.driver.execute_script(script, *values)

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def slow_down(self, *, latency: int = 0, upload: int = -1) -> None:
        """Let requests take so many milliseconds more, and uploads so many bytes a second."""
        slow = {"offline": False, "latency": latency, "downloadThroughput": -1}
        slow["uploadThroughput"] = upload
        self.driver.execute_cdp_cmd("Network.enable", {})
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)

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
        """Return what the upload card says of a file: nothing if it does not have it."""
        return self.run(
            "return [...document.querySelectorAll('.uploads li')]"
            ".filter(row => row.querySelector('.name').textContent === arguments[0])"
            ".map(row => row.querySelector('.outcome').textContent).at(-1) ?? ''",
            name,
        )

    def complaints(self) -> list[str]:
        """Return what the console has to say, such as violations of the content policy."""
        logged = [entry["message"] for entry in self.driver.get_log("browser")]
        return [line for line in logged if not any(part in line for part in self.allowed)]

    def start_afresh(self) -> None:
        """Close all tabs but a new one, which has no emulated screen, network or keys."""
        old = self.driver.window_handles
        self.driver.switch_to.new_window("tab")
        new = self.driver.current_window_handle
        for handle in old:
            # The tab of a download closes by itself.
            with suppress(NoSuchWindowException):
                self.driver.switch_to.window(handle)
                self.driver.close()
        self.driver.switch_to.window(new)
        self.driver.get_log("browser")

    def forget_everything(self) -> None:
        """Leave the pages, and forget what they kept: cookies, files, caches, service workers."""
        origins = {self.url, self.run("return location.origin")}
        self.start_afresh()
        for origin in origins - {"", "null"}:
            what = {"origin": origin, "storageTypes": "all"}
            self.driver.execute_cdp_cmd("Storage.clearDataForOrigin", what)
        self.driver.execute_cdp_cmd("Network.clearBrowserCookies", {})

    def enter(self, session: str) -> None:
        """Open the grid with the session of an account, as somebody who signed in before."""
        cookie = {"name": "scry_session", "value": session, "url": self.url, "httpOnly": True}
        self.driver.execute_cdp_cmd("Network.setCookie", cookie)
        self.open("/")

    def sign_in(self) -> None:
        self.open("/sign-in")
        if self.path().startswith("/sign-in"):
            self.fill("[name=username]", self.account)
            self.fill("[name=password]", PASSWORD)
            self.follow("form button")
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
    driver = webdriver.Chrome(options, Service(DRIVER))
    driver.set_script_timeout(PATIENCE)
    return driver
