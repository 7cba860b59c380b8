"""What becomes of files: copied once, checked, and told if something is wrong with them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from gallery import files
from gallery.backup import file_list, manifest, verify as verifying
from gallery.backup.back_up import Options, back_up
from gallery.backup.file_list import Outcome, address
from gallery.backup.refused import Damaged
from gallery.backup.verify import verify
from gallery.models import Photo
from tests.workers.conftest import add_photo

pytestmark = pytest.mark.django_db(transaction=True)


def outcomes(target, generation) -> dict[str, str]:
    return {one.photo: one.outcome for one in file_list.read(target, generation)}


def test_the_same_content_is_stored_once(ada, bob, model, target):
    first = add_photo(ada)
    add_photo(bob, files.original(first).read_bytes())
    result = back_up(target)
    assert result.manifest.files == {"kept": 2}
    assert [path.name for path in target.root.glob("files/*/*")] == [first.sha256]


def test_a_second_backup_copies_only_what_is_new(ada, photos, target):
    back_up(target)
    before = {path: path.stat().st_mtime_ns for path in target.root.glob("files/*/*")}
    add_photo(ada)
    back_up(target)
    after = {path: path.stat().st_mtime_ns for path in target.root.glob("files/*/*")}
    assert before.items() <= after.items()
    assert len(after) == len(before) + 1
    assert len(manifest.generations(target)) == 2


def test_an_original_that_is_missing_is_told(photos, target):
    files.own_copy(photos[0]).unlink()
    result = back_up(target)
    assert result.manifest.files == {"kept": 3, "missing": 1}
    assert str(photos[0].pk) in result.faults[0]
    with pytest.raises(SystemExit) as ended:
        call_command("backup", str(target.root))
    assert ended.value.code == 2


def test_an_original_that_rotted_never_replaces_the_good_one(photos, target):
    back_up(target)
    good = target.root / address(photos[0].sha256)
    files.own_copy(photos[0]).write_bytes(b"rotten")
    assert back_up(target).manifest.files == {"kept": 4}
    assert good.read_bytes() != b"rotten"


def test_an_original_that_rotted_before_the_first_backup_is_kept_as_it_is(photos, target):
    files.own_copy(photos[0]).write_bytes(b"rotten")
    result = back_up(target)
    assert result.manifest.files == {"changed": 1, "kept": 3}
    assert not (target.root / address(photos[0].sha256)).exists()
    (entry,) = [
        one for one in file_list.read(target, result.generation) if one.outcome == Outcome.CHANGED
    ]
    assert (target.root / address(entry.content)).read_bytes() == b"rotten"
    assert verify(target).sentences == []


def test_a_photo_deleted_while_the_backup_runs_is_no_fault(photos, target, monkeypatch):
    def then_delete(path, entries, write=file_list.entries):
        write_list(path, entries)
        files.remove_files(photos[0])
        Photo.objects.filter(pk=photos[0].pk).delete()

    from gallery.backup import back_up as module

    write_list = module._write_list
    monkeypatch.setattr(module, "_write_list", then_delete)
    result = back_up(target)
    assert not result.has_faults
    assert outcomes(target, result.generation)[str(photos[0].pk)] == Outcome.DELETED


def test_photos_that_are_being_deleted_need_no_files(photos, target):
    from django.utils import timezone

    Photo.objects.filter(pk=photos[0].pk).update(deleted_at=timezone.now())
    assert back_up(target).manifest.photos == 2


# --- faults of the target -------------------------------------------------------------------------


def every_file(target) -> list[Path]:
    return sorted(path for path in target.root.rglob("*") if path.is_file())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize("harm", [flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_verify_finds_harm_to_any_file(photos, target, harm, tmp_path):
    """Each file of the target is harmed in turn, and put back."""
    back_up(target)
    assert verify(target).sentences == []
    harmed = [path for path in every_file(target) if path.name != "scry-backup.json"]
    assert len(harmed) > 20
    for path in harmed:
        before = path.read_bytes()
        harm(path)
        findings = verify(target)
        # Without its manifest, a generation does not count as one.
        is_unfinished = path.name == "manifest.json" and not path.exists()
        assert findings.faults == (0 if is_unfinished else 1), path
        assert is_unfinished or path.name in findings.sentences[0]
        path.write_bytes(before)


def test_the_command_says_what_is_damaged(photos, target, capsys):
    back_up(target)
    call_command("verify_backup", str(target.root))
    assert "All is whole" in capsys.readouterr().out
    flip(target.root / address(photos[0].sha256))
    with pytest.raises(SystemExit) as ended:
        call_command("verify_backup", str(target.root))
    assert ended.value.code == 2
    assert photos[0].sha256 in capsys.readouterr().out


def test_damage_in_the_store_is_mended_from_the_gallery(photos, target):
    back_up(target)
    flip(target.root / address(photos[0].sha256))
    (target.root / address(photos[1].sha256)).write_bytes(b"short")
    back_up(target)
    assert verify(target).faults == 1  # The size tells of the second.
    back_up(target, Options(reread=True))
    assert verify(target).sentences == []


def test_a_generation_that_cannot_be_opened_never_appears(photos, target, monkeypatch):
    def lies(*args):
        raise Damaged("The disk lies.")

    monkeypatch.setattr(verifying.parts, "check", lies)
    with pytest.raises(Damaged):
        back_up(target)
    assert manifest.generations(target) == []


def test_a_damaged_generation_does_not_keep_new_ones_from_being_made(photos, target):
    first = back_up(target).generation
    flip(target.root / manifest.folder_of(first) / manifest.MANIFEST)
    back_up(target)
    assert len(manifest.generations(target)) == 2


def test_what_may_be_secret_is_for_its_owner_only(photos, target):
    result = back_up(target)
    folder = target.root / manifest.folder_of(result.generation)
    parts = [path for path in folder.rglob("*.gz") if sys.platform != "win32"]
    assert len(parts) > 20
    assert {path.stat().st_mode & 0o077 for path in parts} == {0}
