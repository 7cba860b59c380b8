"""A shared album and everybody who may or may not look at it, for tests."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone
from PIL import Image

from gallery import albums, files, sensitive
from gallery.models import Album, Companion, Photo, SharedSet, ShareLink, ShareRole
from gallery.models.sensitive import Policy, State
from gallery.sharing import links, shared_sets
from gallery.sharing.links import Terms
from gallery.sharing.shared_sets import Thing
from search.understanding.models import Engine, Suspicion
from tests.external import body
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain
from workers import looks

COLOURS = {"red": (250, 0, 0), "crimson": (200, 20, 20), "blue": (0, 0, 200), "lone": (230, 10, 10)}
ALL_ON = {"places": True, "serials": True, "names": True, "captions": True}
VIDEO = b"moving, and the place 47.3663"
MAKE, SERIAL = "Zenit", "SN-4711-0815"


def with_details(colour: tuple[int, int, int]) -> bytes:
    """Return a JPEG with a camera, its serial number, a place and a caption in it."""
    exif = Image.Exif()
    exif[0x010F], exif[0x010E] = MAKE, "seen by nobody"
    exif.get_ifd(0x8769)[0xA431] = SERIAL
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2], gps[3], gps[4] = "N", (47.0, 22.0, 0.0), "E", (8.0, 33.0, 0.0)
    out = io.BytesIO()
    Image.new("RGB", (80, 60), colour).save(out, "JPEG", exif=exif, quality=95)
    return out.getvalue()


@dataclass
class World:
    """Ada shares an album of three photos. A fourth of hers, "lone", is in no album."""

    album: Album
    shared: SharedSet
    photos: dict[str, Photo]

    def link(self, **terms: object) -> tuple[ShareLink, str]:
        """Return a link and its path."""
        row, secret = links.make(self.shared, Terms(**terms))  # type: ignore[arg-type]
        return row, f"/s/{secret}"

    def expired_link(self) -> str:
        row, path = self.link()
        past = timezone.now() - timedelta(seconds=1)
        ShareLink.objects.filter(pk=row.pk).update(expires_at=past)
        return path

    @property
    def room(self) -> str:
        """The path of the shared album for members."""
        return f"/shared/{self.shared.pk}"

    def photo(self, name: str) -> Photo:
        return Photo.objects.get(pk=self.photos[name].pk)


def look() -> None:
    """Make photos searchable, and look through them for sensitive pictures."""
    drain()
    looks.suspect_due(lambda: False)


def make_world(ada, ada_client: Client) -> World:
    for name, colour in COLOURS.items():
        assert upload(ada_client, with_details(colour), f"{name}.jpg").status_code == 201
    look()
    photos = {photo.name.removesuffix(".jpg"): photo for photo in Photo.objects.filter(owner=ada)}
    for name in ("red", "lone"):
        give_video(photos[name])
    Photo.objects.filter(owner=ada).update(
        caption="a secret caption", place="Zurich", place_id=2657896
    )
    album = albums.create(ada, "Trip")
    albums.add(album, Photo.objects.filter(pk__in=[photos[n].pk for n in COLOURS if n != "lone"]))
    return World(album, shared_sets.find_or_make(Thing.of_album(album)), photos)


def give_video(photo: Photo) -> Companion:
    """Make a photo one with a video beside it, and a sidecar, as phones send them."""
    for kind, extension in ((Companion.Kind.XMP, "xmp"), (Companion.Kind.VIDEO, "mov")):
        row = Companion.objects.create(
            photo=photo, kind=kind, name=f"{photo.name}.{extension}", extension=extension,
            sha256=kind * 8, size=len(VIDEO),
        )  # fmt: skip
        path = files.companion(row)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(VIDEO if kind == Companion.Kind.VIDEO else b"a secret sidecar")
    Photo.objects.filter(pk=photo.pk).update(motion=Photo.Motion.BESIDE)
    return row


def member(world: World, name: str, role: str = ShareRole.VIEWER) -> Client:
    """Return the browser of a new person who may open the album."""
    user = get_user_model().objects.create_user(name, password="battery staple")
    shared_sets.add_member(world.shared, name, role=role)
    client = Client()
    client.force_login(user)
    return client


def send(client: Client, method: str, path: str, given: object = None):
    text = json.dumps(given) if given is not None else ""
    return client.generic(method, path, text, content_type="application/json")


def media(base: str, photo: Photo) -> dict[str, str]:
    """Return the address of each medium of a shared album."""
    one = f"{base}/photos/{photo.pk}"
    return {
        "page": base,
        "search": f"{base}?q=red",
        "similar": f"{base}?like={photo.pk}",
        "json": f"{base}/photos.json",
        "photo page": one,
        "thumbnail": f"{one}/thumbnail",
        "preview": f"{one}/preview",
        "video": f"{one}/video",
        "download": f"{one}/download",
        "zip": f"{base}/zip",
    }


def names_in_zip(answer) -> list[str]:
    return zipfile.ZipFile(io.BytesIO(body(answer))).namelist()


def another(client: Client, colour=(255, 0, 0), name: str = "canary.png") -> Photo:
    """Upload the photo of another person, make it searchable, and return it."""
    made = upload(client, picture(colour, (80, 60), "PNG"), name).json()
    look()
    return Photo.objects.get(pk=made["id"])


# --- asking -------------------------------------------------------------------------------------


def text(answer) -> str:
    return body(answer).decode(errors="replace")


def status(client: Client, address: str) -> int:
    """Return the status of an answer that is read to its end."""
    answer = client.get(address)
    body(answer)
    return answer.status_code


def photos_of(client: Client, base: str) -> set[str]:
    """Return the ids that a page, the JSON and a search list; they must be the same."""
    listed = {one["id"] for one in client.get(f"{base}/photos.json").json()["photos"]}
    page = set(re.findall(r"/photos/([0-9a-f-]{36})/thumbnail", text(client.get(base))))
    assert page == listed
    return listed


def ids(world: World, *names: str) -> set[str]:
    return {str(world.photos[name].pk) for name in names}


def hide(ada, photo: Photo) -> None:
    sensitive.decide(ada, Photo.objects.filter(pk=photo.pk), "nudity", State.CONFIRMED)
    sensitive.set_policy(ada, "nudity", Policy.HIDE)


def confirm(ada, photo: Photo) -> None:
    sensitive.decide(ada, Photo.objects.filter(pk=photo.pk), "documents", State.CONFIRMED)


def suspect(_ada, photo: Photo) -> None:
    Suspicion.objects.create(photo=photo, kind="nudity", engine=Engine.PROMPTS, score=1.5)


def not_seen(_ada, photo: Photo) -> None:
    photo.embeddings.all().delete()
