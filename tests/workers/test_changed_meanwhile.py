"""Files of external folders that become another file while a decoder child reads them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gallery import files
from gallery.decoding import DecoderPool
from gallery.folders import external
from gallery.folders.scan_folder import Scan
from gallery.models import Embedding, Photo
from search.parts import crops
from tests.images import jpeg
from tests.workers.conftest import drain, forget_pauses
from workers import look_ahead

pytestmark = pytest.mark.django_db

RED, OTHER = jpeg("red"), jpeg("blue", (90, 60))


@pytest.fixture
def photo(ada, model, tmp_path) -> Photo:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(RED)
    Scan(external.add_folder(ada, folder), print).run()
    return Photo.objects.get()


def overwrite(path: Path) -> Path:
    path.write_bytes(OTHER)
    return path


def replace(path: Path) -> Path:
    return overwrite(path.with_name("new.jpg")).replace(path)


def pretending(change: Callable[[Path], Path]) -> Callable[[Path], Path]:
    """Let a change leave size and time as they were."""

    def change_and_pretend(path: Path) -> Path:
        status = path.stat()
        change(path)
        os.truncate(path, status.st_size)
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
        return path

    return change_and_pretend


CHANGES = {
    "overwritten": overwrite,
    "replaced": replace,
    "gone": Path.unlink,
    "overwritten in secret": pretending(overwrite),
    "replaced in secret": pretending(replace),
}


@pytest.fixture(params=["before", "after"])
def change_while_reading(request, monkeypatch, photo):
    """Change the file just before or after the child reads it, once; it is put back if asked."""
    path, run = files.original(photo), DecoderPool.read

    def arm(change: Callable[[Path], object], *, back: bool = False) -> None:
        changes = [change]

        def run_meanwhile(pool, kind, file, *details, **asker):
            if Path(file) != path or not changes:
                return run(pool, kind, file, *details, **asker)
            former = path.rename(path.with_name("former")) if back else None
            if former:
                path.write_bytes(RED)
            try:
                if request.param == "before":
                    changes.pop()(path)
                return run(pool, kind, file, *details, **asker)
            finally:
                if changes:
                    changes.pop()(path)
                if former:
                    former.replace(path)

        monkeypatch.setattr(DecoderPool, "read", run_meanwhile)

    return arm


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_no_preview_of_another_file_is_kept(ada_client, photo, change_while_reading, change):
    files.write_atomically(files.thumbnail(photo.pk), b"webp")
    change_while_reading(change)
    answer = ada_client.get(f"/photos/{photo.pk}/preview")
    assert b"".join(answer.streaming_content) == b"webp"
    assert "immutable" not in answer.headers["Cache-Control"]
    assert not files.preview(photo.pk).exists()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_pipeline_throws_another_file_away(photo, change_while_reading, change):
    change_while_reading(change)
    assert drain() == 0
    assert not files.thumbnail(photo.pk).exists()
    photo.refresh_from_db()
    assert (photo.decoded_at, photo.phash) == (None, "")
    row = Embedding.objects.get()
    assert (row.state, row.attempts, row.vector) == ("pending", 0, None)


def test_a_file_that_is_put_back_is_read_again(photo, change_while_reading):
    change_while_reading(overwrite, back=True)
    assert drain() == 0
    assert not files.thumbnail(photo.pk).exists()
    forget_pauses()
    assert drain() == 1


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_no_part_of_another_file_is_given(photo, change_while_reading, change):
    change_while_reading(change)
    assert look_ahead.shared().detail(photo.pk) is None


def test_a_marked_part_comes_from_the_thumbnail_instead(photo, change_while_reading):
    drain()
    change_while_reading(replace)
    pixels = crops.read(photo, (0.0, 0.0, 1.0, 1.0), 64)
    assert pixels[..., 0].mean() > 200 > 100 > pixels[..., 2].mean()
