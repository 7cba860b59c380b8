"""Scry as an app: the manifest, the service worker, and photos that others share."""

from __future__ import annotations

import io
import re

from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image


def test_the_manifest_names_icons_of_the_sizes_that_it_says(client):
    answer = client.get("/manifest.webmanifest")
    assert answer.headers["Content-Type"] == "application/manifest+json"
    manifest = answer.json()
    purposes = []
    for icon in manifest["icons"]:
        path = finders.find(icon["src"].removeprefix("/static/"))
        assert path, icon
        with Image.open(path) as picture:
            assert "x".join(map(str, picture.size)) == icon["sizes"]
            assert picture.format == "PNG"
        purposes.append(icon["purpose"])
    assert set(purposes) == {"any", "maskable"}
    assert manifest["display"] == "standalone"


def test_the_pages_of_the_manifest_exist(ada_client):
    manifest = ada_client.get("/manifest.webmanifest").json()
    for path in (manifest["start_url"], *(each["url"] for each in manifest["shortcuts"])):
        assert ada_client.get(path).status_code == 200, path
    assert 'rel="manifest" href="/manifest.webmanifest"' in ada_client.get("/").text


def test_the_service_worker_is_always_asked_for_anew(client):
    answer = client.get("/service-worker.js")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "no-cache" in answer.headers["Cache-Control"]


def test_the_offline_page_needs_nobody_and_says_nothing_of_anybody(client, ada, ada_client):
    page = client.get("/offline").text
    assert "Your photos are safe" in page
    assert "ada" not in ada_client.get("/offline").text
    sheets = re.findall(r'<link rel="(?:stylesheet|icon)" href="([^"]+)"', page)
    assert len(sheets) > 2  # What the service worker keeps with it.


def test_a_share_that_no_service_worker_took_is_told(ada):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)
    photo = io.BytesIO()
    Image.new("RGB", (8, 8)).save(photo, "PNG")
    shared = SimpleUploadedFile("a.png", photo.getvalue(), "image/png")
    answer = browser.post("/share", {"photos": shared}, follow=True)
    assert answer.redirect_chain[-1][0] == "/upload"
    assert "did not arrive" in answer.text
