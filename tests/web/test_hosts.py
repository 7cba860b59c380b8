"""The gallery answers to its own names, and says to others which setting they need."""

from __future__ import annotations

import socket

import pytest
from django.test import Client

from gallery import hosts
from gallery.management.commands.serve import _addresses

OWN = socket.gethostname().lower()


@pytest.fixture
def everywhere(settings):
    settings.LISTENS_EVERYWHERE = True
    settings.KNOWN_HOSTS = ["localhost", "photos.example.org"]
    settings.ALLOWED_HOSTS = ["*"]


@pytest.mark.parametrize(
    "host",
    ["localhost:8000", "192.168.1.20:8000", "10.0.0.1", "[fd00::1]:8000", "[::1]", OWN,
     f"{OWN.split('.')[0]}.local:8000", "photos.example.org", "PHOTOS.example.org"],
)  # fmt: skip
def test_where_it_listens_everywhere_addresses_and_own_names_are_known(everywhere, host):
    assert Client(headers={"host": host}).get("/healthz").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.20.evil.example", "", "a b", "<b>"])
def test_other_names_are_refused_with_the_setting_to_set(everywhere, host):
    answer = Client(headers={"host": host}).get("/healthz")
    assert answer.status_code == 400
    assert "ALLOWED_HOSTS=" in answer.content.decode()
    assert "<b>" not in answer.content.decode()


def test_the_api_says_it_in_its_own_shape(everywhere):
    answer = Client(headers={"host": "evil.example"}).get("/api/v1/photos")
    assert answer.status_code == 400
    assert answer.json()["code"] == "unknown_host"
    assert "ALLOWED_HOSTS=evil.example" in answer.json()["message"]


@pytest.mark.parametrize("host", ["192.168.1.20", OWN, "evil.example"])
def test_where_it_listens_here_only_addresses_are_refused_too(settings, host):
    settings.ALLOWED_HOSTS = ["localhost"]
    answer = Client(headers={"host": host}).get("/sign-in")
    assert answer.status_code == 400
    assert f"ALLOWED_HOSTS={host}" in answer.content.decode()


def test_the_addresses_that_the_start_prints_are_answered(everywhere, monkeypatch):
    monkeypatch.setattr(hosts, "own_addresses", lambda: ["192.168.1.20", "fd00::1"])
    printed = _addresses("0.0.0.0", 8000)  # noqa: S104 - nothing listens
    assert printed[:3] == [
        "http://localhost:8000",
        "http://192.168.1.20:8000",
        "http://[fd00::1]:8000",
    ]
    for address in printed:
        host = address.removeprefix("http://")
        assert Client(headers={"host": host}).get("/healthz").status_code == 200


def test_an_address_of_the_command_line_counts_as_that_of_the_setting(settings):
    settings.KNOWN_HOSTS, settings.ALLOWED_HOSTS = ["localhost"], ["localhost"]
    settings.LISTENS_EVERYWHERE = False
    assert Client(headers={"host": "192.168.1.20"}).get("/healthz").status_code == 400
    hosts.serve_on("0.0.0.0")  # noqa: S104 - nothing listens
    assert Client(headers={"host": "192.168.1.20"}).get("/healthz").status_code == 200
    assert Client(headers={"host": "evil.example"}).get("/healthz").status_code == 400
    hosts.serve_on("photos.lan")
    assert Client(headers={"host": "photos.lan"}).get("/healthz").status_code == 200
    assert Client(headers={"host": "192.168.1.20"}).get("/healthz").status_code == 400
