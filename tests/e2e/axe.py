"""What axe-core finds on the pages that a browser shows: wide and narrow, light and dark."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

from tests.e2e.browser import Browser

ROOT = Path(__file__).resolve().parents[2]
VERSION = re.search(r"^AXE_VERSION := (\S+)", (ROOT / "Makefile").read_text("utf-8"), re.M)
assert VERSION
SOURCE = ROOT / f"build/axe-core-{VERSION[1]}/node_modules/axe-core/axe.min.js"
"""Where `make e2e` and `make a11y` put it."""

LOOKS = [(390, False), (1440, True), (1440, False), (390, True)]
"""Widths, and whether it is dark. Each page is looked at in one of them in turn, so that the build
takes two minutes; with EVERY_LOOK, as `make a11y` sets it, in all."""
EVERY_LOOK = bool(os.environ.get("EVERY_LOOK"))
RUN = """
const done = arguments[0];
const why = ({ any, all, none }) =>
  [...any, ...all, ...none].map(check => check.message).join("; ");
const where = node => `${node.target.join(" ")}\\n${node.html.slice(0, 200)}\\n${why(node)}`;
const told = ({ id, impact, help, nodes }) =>
  `${id} (${impact}): ${help}\\n${nodes.slice(0, 4).map(where).join("\\n")}`;
axe.run(document, { resultTypes: ["violations"], preload: false }).then(
  ({ violations }) => done(violations.filter(({ impact }) => impact !== "minor").map(told)),
  error => done([String(error)]));
"""

# What fades in has another contrast until it is there.
STILL = """
return document.readyState === "complete" && document.getAnimations().every(one =>
  one.playState !== "running" || one.effect.getComputedTiming().iterations === Infinity)
"""


@dataclass
class Looks:
    """A browser whose pages are looked at, and all that was found on them."""

    browser: Browser
    found: list[str] = field(default_factory=list)
    count: int = 0
    _turns: Iterator[tuple[int, bool]] = field(default_factory=lambda: cycle(LOOKS))

    def __post_init__(self) -> None:
        self.change()

    def change(self) -> None:
        """Give the browser the next width and theme."""
        width, dark = next(self._turns)
        self.browser.size(width, 844 if width < 600 else 900, dark=dark)
        self._look = f"{width} px, {'dark' if dark else 'light'}"

    def at(self, what: str) -> None:
        """Have axe look at what the browser shows, keep what it finds, and change the look."""
        for _ in LOOKS if EVERY_LOOK else LOOKS[:1]:
            self._find(what)
            self.change()

    def _find(self, what: str) -> None:
        if not self.browser.run("return 'axe' in window"):
            self.browser.run(f"{SOURCE.read_text('utf-8')}; window.axe = axe")
        self.browser.until(lambda: self.browser.run(STILL), "still")
        told = self.browser.driver.execute_async_script(RUN)
        self.found += [f"{what}, {self._look}: {each}" for each in told]
        self.count += 1
