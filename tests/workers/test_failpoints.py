"""kill -9 at every named crash point, and the invariants of the gallery afterwards."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from gallery import trash
from gallery.backup.targets import open_target
from gallery.backup.verify import verify
from gallery.failpoints import NAMES, VARIABLE, failpoint
from gallery.folders import external
from gallery.models import EmbeddingModel, ExternalFile, Photo, Tombstone
from gallery.work import index_checks
from search.vectors.index import close_all
from tests.companion_files import xmp
from tests.images import jpeg
from tests.workers.conftest import (
    add_photo,
    delete_for_ever,
    drain,
    expire_leases,
    forget_pauses,
    picture,
)
from tests.workers.test_models import settle
from workers import housekeeping, jobs
from workers.check_gallery import check
from workers.fsck_report import INVARIANTS, Check, Options

ROOT = Path(__file__).resolve().parents[2]

Deed = tuple[str, ...]


def do(settings, deed: Deed, **failpoints: str) -> int:
    """Do a deed in another process over this test's data, and return its exit status."""
    close_all()
    environment = {
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "tests.settings_services",
        "SECRET_KEY": settings.SECRET_KEY,
        "DATA_DIR": str(settings.DATA_DIR),
        "DATABASE_URL": f"sqlite:///{connection.settings_dict['NAME']}",
        "EMBEDDING_MODEL": "colours",
        "MIN_FREE_MB": "1",
        "DECODER_CHILDREN": "1",
        "PART_SEARCH": str(settings.PART_SEARCH),
        VARIABLE: ",".join(f"{name}={action}" for name, action in failpoints.items()),
    }
    command = [sys.executable, "-m", "tests.workers.deeds", *deed]
    return subprocess.run(command, env=environment, cwd=ROOT, timeout=60, check=False).returncode


class Scene:
    """A gallery of searchable photos, and what leads to each of the failpoints."""

    def __init__(self, ada, settings, tmp_path: Path) -> None:
        self.ada, self.settings, self.folder = ada, settings, tmp_path
        settle(settings, "colours")
        self.photos = [add_photo(ada, colour=colour) for colour in ("red", "green", "blue")]
        drain()

    def upload(self) -> Deed:
        path = self.folder / "new.png"
        path.write_bytes(picture("yellow"))
        return "upload", "ada", str(path)

    def send_pieces(self) -> Deed:
        return "send_pieces", *self.upload()[1:]

    def keep_sidecar(self) -> Deed:
        path = self.folder / f"{self.photos[0].name}.xmp"
        path.write_bytes(xmp(xmp__Rating="4"))
        return "upload", "ada", str(path)

    def scan(self) -> Deed:
        folder = self.folder / "photos"
        folder.mkdir()
        for number, colour in enumerate(("red", "green")):
            (folder / f"{number}.jpg").write_bytes(jpeg(colour))
        external.add_folder(self.ada, folder)
        return ("scan",)

    def index(self) -> Deed:
        for _ in range(3):
            add_photo(self.ada)
        return ("work",)

    def embed_parts(self) -> Deed:
        self.settings.PART_SEARCH = 1000
        return self.index()

    def trash(self) -> Deed:
        return "trash", str(self.photos[0].pk)

    def restore(self) -> Deed:
        trash.trash(Photo.objects.filter(pk=self.photos[0].pk))
        return "restore", str(self.photos[0].pk)

    def withdraw(self) -> Deed:
        trash.trash(Photo.objects.filter(pk=self.photos[0].pk))
        return ("work",)

    def delete(self) -> Deed:
        trash.trash(Photo.objects.filter(pk=self.photos[0].pk))
        return "delete", str(self.photos[0].pk)

    def purge(self) -> Deed:
        delete_for_ever(self.photos[0])
        return ("work",)

    def promote(self) -> Deed:
        settle(self.settings, "other")
        drain()
        return ("promote",)

    def remove_former(self) -> Deed:
        self.promote()
        housekeeping.model_choice.promote()
        EmbeddingModel.objects.filter(key="colours").update(
            retired_at=timezone.now() - timedelta(days=30)
        )
        return ("remove_former",)

    def check_index(self) -> Deed:
        index_checks.ask(repair=True)
        return ("check_index",)

    def back_up(self) -> Deed:
        return "back_up", str(self.folder / "backup")


LEADS_TO: dict[str, Callable[[Scene], Deed]] = {
    "piece_stored": Scene.send_pieces,
    "upload_taken_in": Scene.send_pieces,
    "upload_checked": Scene.upload,
    "original_stored": Scene.upload,
    "rows_written": Scene.upload,
    "companion_stored": Scene.keep_sidecar,
    "companion_recorded": Scene.keep_sidecar,
    "external_taken": Scene.scan,
    "claimed": Scene.index,
    "decoded": Scene.index,
    "embedded": Scene.index,
    "saved": Scene.index,
    "photos_upserted": Scene.index,
    "photos_flushed": Scene.index,
    "photos_marked": Scene.index,
    "parts_begun": Scene.embed_parts,
    "parts_saved": Scene.embed_parts,
    "parts_upserted": Scene.embed_parts,
    "parts_flushed": Scene.embed_parts,
    "parts_marked": Scene.embed_parts,
    "comparing": Scene.index,
    "compared": Scene.index,
    "trashed": Scene.trash,
    "rows_withdrawn": Scene.withdraw,
    "points_withdrawn": Scene.withdraw,
    "restored": Scene.restore,
    "tombstones_written": Scene.delete,
    "points_removed": Scene.purge,
    "files_removed": Scene.purge,
    "rows_removed": Scene.purge,
    "model_ready": Scene.promote,
    "model_promoted": Scene.promote,
    "former_rows_removed": Scene.remove_former,
    "former_index_removed": Scene.remove_former,
    "index_check_begun": Scene.check_index,
    "backup_rows_written": Scene.back_up,
    "backup_files_copied": Scene.back_up,
    "backup_checked": Scene.back_up,
    "backup_written": Scene.back_up,
}


@pytest.fixture
def scene(ada, settings, tmp_path):
    settings.PART_SEARCH = 0
    return Scene(ada, settings, tmp_path)


def recover() -> None:
    """Let as much time pass as a gallery needs after a crash."""
    jobs.allow()
    for _ in range(2):
        expire_leases()
        forget_pauses()
        housekeeping.sweep()
        for job in jobs.JOBS:
            job.run()


def assert_sound() -> None:
    """Assert all invariants of a gallery that had the time to settle."""
    report = check(Options(deep=True, settled=True))
    assert report.broken() == [], dict(report.examples)
    assert not report.found, dict(report.examples)
    assert not report.refused + report.skipped


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", NAMES)
def test_a_kill_at_any_crash_point_breaks_nothing(scene, settings, name):
    deed = LEADS_TO[name](scene)
    before = set(Photo.objects.not_deleted().values_list("pk", flat=True))
    tombstones = set(Tombstone.objects.values_list("photo_id", flat=True))
    assert do(settings, deed, **{name: "kill"}) == -signal.SIGKILL, "the point is not on the way"
    recover()
    assert_sound()
    # Only what was asked for is gone.
    left = set(Photo.objects.not_deleted().values_list("pk", flat=True))
    asked_for = {scene.photos[0].pk} if deed[0] == "delete" else set()
    assert before - left <= asked_for | tombstones
    # Whoever got no answer asks again.
    assert do(settings, deed) == 0
    recover()
    assert_sound()
    if deed[0] == "back_up":
        assert verify(open_target(deed[1])).sentences == []
    if deed[0] == "scan":
        assert ExternalFile.objects.exclude(photo=None).count() == 2
    if deed[0] in {"upload", "send_pieces"}:
        assert len(left | set(Photo.objects.values_list("pk", flat=True))) <= len(before) + 1


def failpoints_in(path: Path) -> set[str]:
    """Return the names in a module, those with a placeholder for each source."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id != "failpoint":
                continue
            match node.args[0]:
                case ast.Constant(str(name)):
                    found.add(name)
                case ast.JoinedStr([_, ast.Constant(str(end))]):
                    found |= {f"{source}{end}" for source in ("photos", "parts")}
    return found


@pytest.mark.slow
def test_the_list_of_crash_points_is_complete():
    modules = [
        path for name in ("gallery", "search", "workers") for path in (ROOT / name).rglob("*.py")
    ]
    found = set().union(*map(failpoints_in, modules))
    assert found == NAMES.keys() == LEADS_TO.keys()


def test_a_crash_point_that_does_not_exist_cannot_be_armed(monkeypatch):
    monkeypatch.setenv(VARIABLE, "no_such_place=kill")
    with pytest.raises(ValueError, match="no_such_place"):
        failpoint("claimed")


def test_every_check_belongs_to_an_invariant():
    checks = [check for _, some in INVARIANTS.values() for check in some]
    assert sorted(checks) == sorted(Check)
    assert list(INVARIANTS) == [f"I{number}" for number in range(1, 10)]
