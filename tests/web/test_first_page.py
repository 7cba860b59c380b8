"""What a browser loads for the first page before any picture: how much, and how long it lasts."""

from __future__ import annotations

import posixpath
import random
import re

import pytest
from django.core.management import call_command
from django.template import engines

from tests.external import body
from tests.galleries import fill

pytestmark = pytest.mark.django_db

BUDGET = 400_000  # bytes before thumbnails
GZIP = {"Accept-Encoding": "gzip, deflate"}


def forget_templates() -> None:
    """Compiled templates keep the addresses of icons."""
    for loader in engines["django"].engine.template_loaders:
        loader.reset()


@pytest.fixture
def collected(settings, tmp_path):
    """The static files as `make run` and the image serve them."""
    settings.STATIC_ROOT = tmp_path / "staticfiles"
    settings.WHITENOISE_USE_FINDERS = False
    storage = {"BACKEND": "gallery.static_storage.StaticStorage"}
    settings.STORAGES = settings.STORAGES | {"staticfiles": storage}
    place = settings.MIDDLEWARE.index("tests.static_files.FoundOnce")
    middleware = "whitenoise.middleware.WhiteNoiseMiddleware"
    settings.MIDDLEWARE = [
        middleware if n == place else each for n, each in enumerate(settings.MIDDLEWARE)
    ]
    # The page of the API is not the first one, and its scripts take seconds to compress.
    call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["ninja"])
    forget_templates()
    yield
    forget_templates()


def loaded(client, path: str) -> dict[str, int]:
    """Return the bytes of a page and of all that it loads but pictures, by address."""
    sizes = {path: len(body(client.get(path, headers=GZIP)))}
    page = client.get(path).text
    asked = re.findall(r'<(?:link|script|use)[^>]* (?:href|src)="(/[^"#]+)', page)
    while asked:
        address = asked.pop()
        if address in sizes:
            continue
        answer = client.get(address, headers=GZIP)
        assert answer.status_code == 200, address
        sizes[address] = len(body(answer))
        if address.endswith(".js"):
            source = body(client.get(address)).decode()
            imports = re.findall(r'^(?:import|\}|export) .*"(\.[^"]+)"', source, re.M)
            asked += [posixpath.join(posixpath.dirname(address), one) for one in imports]
            asked[:] = [posixpath.normpath(one) for one in asked]
    return sizes


@pytest.mark.slow
def test_the_first_page_is_light(ada, ada_client, collected):
    fill(ada, random.Random(5), 60)
    sizes = loaded(ada_client, "/")
    assert len(sizes) > 50
    assert sum(sizes.values()) < BUDGET, sizes


@pytest.mark.slow
def test_what_has_a_hash_in_its_name_is_compressed_and_kept_for_ever(ada_client, collected):
    for address in loaded(ada_client, "/"):
        if not address.startswith("/static/"):
            continue
        answer = ada_client.get(address, headers=GZIP)
        body(answer)
        assert re.search(r"\.[0-9a-f]{12}\.\w+$", address), address
        assert answer.headers["Cache-Control"] == "max-age=315360000, public, immutable"
        if len(body(ada_client.get(address))) > 4000 and not address.endswith(".png"):
            assert answer.headers["Content-Encoding"] == "gzip", address
            assert "Accept-Encoding" in answer.headers["Vary"]


def test_pages_are_compressed_and_nothing_else_is(ada, ada_client):
    [photo] = fill(ada, random.Random(5), 1)
    plain, page = ada_client.get("/"), ada_client.get("/", headers=GZIP)
    assert "Content-Encoding" not in plain.headers
    assert page.headers["Content-Encoding"] == "gzip"
    assert int(page.headers["Content-Length"]) == len(page.content) < len(plain.content) / 3
    assert {"Cookie", "Accept-Encoding"} <= set(page.headers["Vary"].split(", "))
    for address in ("/api/v1/photos", f"/photos/{photo.pk}/thumbnail"):
        assert "Content-Encoding" not in ada_client.get(address, headers=GZIP).headers
