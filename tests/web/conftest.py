"""Groups of duplicates, photos with known bands, and an administrator, for web tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client

from gallery.models import Photo
from search.duplicates.models import DuplicateEdge, DuplicateGroup, Kind
from search.engine import rank
from search.relevance import Bands
from search.understanding.sensitive import nudity
from tests.alike import group, photo
from tests.external import add
from tests.images import jpeg, png
from tests.openid_provider import CLIENT, SECRET, openid_provider
from tests.shared import World, make_world
from tests.software_authenticator import Authenticator
from tests.web import passkey_steps
from tests.web.openid_steps import HOME
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain

SHADES = [(220 - 12 * n, 30 + 6 * n, 30) for n in range(8)]
WORDS = "nothing"  # file names that no query of these tests has words of


@pytest.fixture
def pair(ada) -> tuple[DuplicateGroup, Photo, Photo]:
    """A group of a large photo and a small copy of it."""
    large = photo(ada, width=4032, height=3024, size=6_400_000, name="IMG_1.jpg")
    small = photo(ada, width=800, height=600, size=200_000, name="IMG_1 (1).jpg")
    return group(large, small), large, small


@pytest.fixture
def shots(ada) -> tuple[DuplicateGroup, list[Photo]]:
    """A group of three similar shots."""
    taken = [photo(ada, width=400 + 10 * place, name=f"shot-{place}.jpg") for place in range(3)]
    return group(*taken, kind=Kind.SIMILAR_SHOTS), taken


@pytest.fixture
def automatic(settings, monkeypatch):
    """A gallery that may choose its model, on a machine whose cache holds no tokenizer."""
    settings.EMBEDDING_MODEL = "auto"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(settings.DATA_DIR / "hub"))


@pytest.fixture
def reds(ada_client, model) -> list[tuple[str, float]]:
    """Ids and scores of eight photos from red to less red, by how well "red" finds them."""
    for n, shade in enumerate(SHADES):
        upload(ada_client, picture(shade, (80, 60), "PNG"), f"{WORDS}{n}.png")
    drain()
    # What the worker found alike would be folded.
    DuplicateEdge.objects.all().delete()
    DuplicateGroup.objects.all().delete()
    hits = ada_client.get("/api/v1/search", {"q": "red", "limit": 20}).json()["hits"]
    return [(hit["id"], hit["score"]) for hit in hits]


@pytest.fixture
def bars(monkeypatch, reds):
    """Set where the bands begin, by how many photos are Strong and how many Likely."""

    def at(place: int) -> float:
        return (reds[place - 1][1] + reds[place][1]) / 2 if place else reds[0][1] + 1

    def put(strong: int, likely: int, *, standing: float = 1.0, absent: bool = False) -> None:
        # The API rounds, so the best is put a little below what it says.
        typical, best = reds[-1][1] - 0.01, reds[0][1] - 0.0003
        cut = Bands(at(strong), at(strong + likely), typical, best, standing, absent)
        monkeypatch.setattr(rank, "bands_of", lambda *_: cut)

    return put


@pytest.fixture
def world(ada, ada_client, model, monkeypatch) -> World:
    """A shared album, in a gallery without the network for nudity, which takes seconds to load."""
    monkeypatch.setattr(nudity, "is_installed", lambda: False)
    return make_world(ada, ada_client)


@pytest.fixture
def stranger() -> Client:
    """A browser in which nobody is signed in."""
    return Client()


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with three photos, one of them below it."""
    root = tmp_path / "photos"
    (root / "2024").mkdir(parents=True)
    (root / "a.jpg").write_bytes(jpeg("red"))
    (root / "b.jpg").write_bytes(jpeg("green"))
    (root / "2024" / "c.png").write_bytes(png("blue"))
    return root


@pytest.fixture
def library(ada, model, folder) -> Path:
    assert add(folder) == "3 added"
    return folder


@pytest.fixture(scope="module")
def running():
    """A provider in a thread."""
    with openid_provider() as provider:
        yield provider


@pytest.fixture
def provider(running, settings):
    """A provider that the settings name, and that does everything right."""
    fresh = dict(vars(running))
    settings.PUBLIC_URL = HOME
    settings.OIDC_ISSUER, settings.OIDC_NAME = running.issuer, "Keys"
    settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = CLIENT, SECRET
    settings.OIDC_CREATE_ACCOUNTS, settings.SIGNS_IN_BY_OPENID = False, True
    yield running
    vars(running).clear()
    vars(running).update(fresh, claims={}, header={}, description={}, answer={}, codes={}, asked=[])
    running.person = {"sub": "u-1", "preferred_username": "eve"}


@pytest.fixture
def named_host(settings) -> None:
    """A gallery at an address with HTTPS and a name, where browsers have passkeys."""
    settings.PUBLIC_URL = passkey_steps.ORIGIN
    settings.ALLOWED_HOSTS = settings.KNOWN_HOSTS = ["*", passkey_steps.HOST]


@pytest.fixture
def phone(ada, named_host) -> Authenticator:
    """A device with a passkey of ada."""
    made = passkey_steps.device()
    answer = passkey_steps.add(passkey_steps.after_password(), made)
    assert answer.status_code == 200
    return made
