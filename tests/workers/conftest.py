"""Photos in the gallery, a worker to run over them, and ways to make it fail."""

from __future__ import annotations

import hashlib
import io
import uuid

import numpy as np
import pytest
from django.db import transaction
from django.utils import timezone
from PIL import Image

from gallery import failpoints, files, trash
from gallery.models import Companion, Embedding, EmbeddingModel, Photo
from search.vectors import embedders
from search.vectors.index import open_index
from tests.embedders import PALETTE
from workers import jobs, look_ahead, model_choice


@pytest.fixture(autouse=True)
def _fresh_workers(monkeypatch):
    """Forget what an earlier test left in this process."""
    monkeypatch.delenv(failpoints.VARIABLE, raising=False)
    monkeypatch.setattr(model_choice, "_refused", {})
    jobs.allow()
    embedders.unload_all()
    yield
    embedders.unload_all()


@pytest.fixture(scope="session", autouse=True)
def _stop_children():
    yield
    look_ahead.close()


@pytest.fixture
def arm(monkeypatch):
    """Arm failpoints for the rest of the test; no arguments disarm them."""

    def arm(**points: str) -> None:
        value = ",".join(f"{name}={action}" for name, action in points.items())
        monkeypatch.setenv(failpoints.VARIABLE, value)

    return arm


def picture(colour: str = "red", size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a PNG of one colour whose bytes are like no other's."""
    image = Image.new("RGB", size, PALETTE[colour])
    for place, pixel in enumerate(np.random.default_rng().integers(0, 256, (2, 3)).tolist()):
        image.putpixel((place, 0), tuple(pixel))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def add_photo(owner, data: bytes | None = None, colour: str = "red") -> Photo:
    """Write an original and its rows as an upload does, without the decoder's probe."""
    data = picture(colour) if data is None else data
    photo = Photo(
        owner=owner,
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        format="PNG",
        extension="png",
        name=f"{colour}.png",
        width=64,
        height=48,
    )
    path = files.original(photo)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    with transaction.atomic():
        photo.save(force_insert=True)
        for model in EmbeddingModel.objects.wanted():
            Embedding.objects.create(photo=photo, model=model)
    return photo


def keep_a_video(photo: Photo) -> Companion:
    """Keep a file with a photo, as the video of a Live Photo is kept."""
    data = photo.pk.bytes
    digest = hashlib.sha256(data).hexdigest()
    kept = Companion(
        photo=photo, kind="video", name="a.mov", extension="mov", sha256=digest, size=len(data)
    )
    path = files.companion(kept)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    kept.save()
    return kept


@pytest.fixture
def looked_at(monkeypatch):
    """All photos were looked at for everything else that workers look for."""
    for job in (jobs.QUALITY, jobs.SUSPECT):
        monkeypatch.setattr(job, "has_work", lambda: False)


def drain() -> int:
    """Index what is due and compare it; return how many photos became searchable."""
    arrived = jobs.PROJECT.run() + jobs.EMBED.run()
    jobs.COMPARE.run()
    jobs.LABELS.run()
    return arrived


@pytest.fixture
def photos(ada, model) -> list[Photo]:
    """Three photos that can be found."""
    photos = [add_photo(ada) for _ in range(3)]
    drain()
    return photos


def delete_for_ever(photo: Photo) -> None:
    """Move the photo to the trash and delete it there, as a person does."""
    same = Photo.objects.filter(pk=photo.pk)
    trash.trash(same)
    assert trash.empty(same) == 1


def row_of(photo: Photo) -> Embedding:
    return Embedding.objects.get(photo=photo)


def points(model: EmbeddingModel) -> set[uuid.UUID]:
    return {point.id for point in open_index(model.collection, model.dim).scroll()}


def assert_settled(model: EmbeddingModel) -> None:
    """Assert that every live photo is searchable or failed for a reason, and nothing else is."""
    rows = Embedding.objects.live().filter(model=model)
    assert rows.count() == Photo.objects.live().count()
    assert set(rows.values_list("state", flat=True)) <= {"indexed", "failed"}
    assert not rows.filter(state="failed", reason="").exists()
    indexed = set(rows.filter(state="indexed").values_list("photo_id", flat=True))
    assert points(model) == indexed


def expire_leases() -> None:
    """Let time pass until every lease has run out."""
    Embedding.objects.filter(state="leased").update(lease_until=timezone.now())


def forget_pauses() -> None:
    """Let time pass until every row that waits is due."""
    Embedding.objects.exclude(not_before=None).update(not_before=None)
    jobs.PROJECT.resume()
