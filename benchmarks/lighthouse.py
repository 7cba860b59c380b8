"""What Lighthouse says of the grid, a page of results and the page of a photo on a phone.

`python -m benchmarks.lighthouse --photos DIR [--runs 3]`

The phone is Lighthouse's own preset: a slow network and a slow processor, both reckoned from what
this machine did, so it should have nothing else to do. Each mark is the median of all runs, from 0
to 100. `make lighthouse PHOTOS=DIR` installs Lighthouse from npm and collects the static files
before; it needs Chromium.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from benchmarks.gallery_process import ROOT, Gallery, free_port, gallery, signed_in
from benchmarks.ingest_loops import wait_for_rest

TARGET = 95
CATEGORIES = ("performance", "accessibility", "best-practices")
FIGURES = {
    "first paint": "first-contentful-paint",
    "largest paint": "largest-contentful-paint",
    "blocked": "total-blocking-time",
    "shift": "cumulative-layout-shift",
    "loaded": "total-byte-weight",
}
Report = Mapping[str, Any]


def main() -> None:
    """Fill a gallery, have Lighthouse look at three pages, and print its marks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, required=True, help="photos to fill the gallery")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--query", default="animal", help="what the page of results is asked for")
    parser.add_argument("--reports", type=Path, help="a folder that keeps Lighthouse's reports")
    options = parser.parse_args()
    with gallery() as running, closing(signed_in(running)) as session, browser(session) as chromium:
        photo = fill(running, sorted(options.photos.glob("*.jpg"))[: options.count])
        pages = {"grid": "/", "results": f"/search?q={options.query}", "photo": f"/photos/{photo}"}
        base = str(session.base_url).rstrip("/")
        print(f"{'page':8}" + "".join(f"{name:>16}" for name in (*CATEGORIES, *FIGURES)))
        for name, path in pages.items():
            session.get(path)  # The first visitor of a page waits for its template.
            reports = [look(f"{base}{path}", chromium) for _ in range(options.runs)]
            print(row(name, reports), flush=True)
            if options.reports:
                keep(options.reports / f"{name}.json", reports[-1])
            tell(reports[-1])
    print(f"target: {TARGET} in each category")


def fill(running: Gallery, paths: list[Path]) -> str:
    """Upload photos and wait until they can be found; return the id of the last one."""
    photo = ""
    for path in paths:
        sent = {"file": (path.name, path.read_bytes())}
        photo = running.client.post("/api/v1/photos", files=sent).json()["id"]
    running.wait_until_ready()
    running.wait_until_settled()
    wait_for_rest(running)
    return photo


@dataclass(frozen=True)
class Chromium:
    """A Chromium in which somebody is signed in, and the port that steers it."""

    driver: webdriver.Chrome
    port: int


@contextmanager
def browser(session: httpx.Client) -> Iterator[Chromium]:
    """Start a Chromium with the cookies of a session."""
    port = free_port()
    options = Options()
    options.binary_location = shutil.which("chromium") or ""
    for argument in ("headless=new", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{argument}")
    options.add_argument(f"--remote-debugging-port={port}")
    driver = webdriver.Chrome(options, Service(shutil.which("chromedriver")))
    try:
        for each in session.cookies.jar:
            cookie = {"name": each.name, "value": each.value, "url": str(session.base_url)}
            driver.execute_cdp_cmd("Network.setCookie", cookie)
        yield Chromium(driver, port)
    finally:
        driver.quit()


def look(address: str, chromium: Chromium) -> Report:
    """Return Lighthouse's report on a page of which the browser has nothing yet.

    Raises AssertionError if it was led to another page.
    """
    # Lighthouse itself would forget the cookies, too.
    chromium.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    with tempfile.TemporaryDirectory(prefix="scry-lighthouse-") as folder:
        written = Path(folder) / "report.json"
        command = [
            "node", str(program()), address, "--quiet", f"--port={chromium.port}",
            "--disable-storage-reset", "--output=json", f"--output-path={written}",
            f"--only-categories={','.join(CATEGORIES)}",
        ]  # fmt: skip
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        report: Report = json.loads(written.read_text("utf-8"))
    assert report["finalDisplayedUrl"] == address, report["finalDisplayedUrl"]
    return report


def program() -> Path:
    """Return Lighthouse's program, of the version that the Makefile names."""
    makefile = (ROOT / "Makefile").read_text("utf-8")
    (version,) = re.findall(r"^LIGHTHOUSE_VERSION := (\S+)", makefile, re.M)
    return ROOT / f"build/lighthouse-{version}/node_modules/lighthouse/cli/index.js"


def row(name: str, reports: list[Report]) -> str:
    """Return a line of the table: the median marks and figures of a page."""
    marks = [
        statistics.median(100 * each["categories"][category]["score"] for each in reports)
        for category in CATEGORIES
    ]
    middle = sorted(reports, key=lambda each: each["categories"]["performance"]["score"])
    figures = [
        middle[len(middle) // 2]["audits"][audit].get("displayValue", "")
        for audit in FIGURES.values()
    ]
    cells = [f"{mark:.0f}" + ("" if mark >= TARGET else " missed") for mark in marks]
    shown = [*cells, *(re.sub(r"^.* of |\xa0", " ", figure).strip() for figure in figures)]
    return f"{name:8}" + "".join(f"{cell:>16}" for cell in shown)


def tell(report: Report) -> None:
    """Print what lowers a mark."""
    for category in CATEGORIES:
        for each in report["categories"][category]["auditRefs"]:
            audit = report["audits"][each["id"]]
            if each["weight"] and audit["score"] is not None and audit["score"] < 0.9:
                print(f"    {audit['title']}: {audit.get('displayValue') or audit['score']}")


def keep(path: Path, report: Report) -> None:
    """Write a report as Lighthouse's viewer reads it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report), "utf-8")


if __name__ == "__main__":
    main()
