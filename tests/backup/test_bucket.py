"""Backups in a bucket: the same as in a folder, over moto's S3."""

from __future__ import annotations

import pytest

from gallery.backup import manifest
from gallery.backup.back_up import back_up
from gallery.backup.file_list import address
from gallery.backup.refused import Refused
from gallery.backup.restore import restore
from gallery.backup.targets import open_target
from gallery.backup.verify import verify
from gallery.models import Photo

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
moto = pytest.importorskip("moto", reason="moto is not installed")

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(params=["s3://photos/scry", "s3://photos"])
def target(request, monkeypatch):
    """A bucket with or without a prefix, beside objects of somebody else."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with moto.mock_aws():
        bucket = boto3.client("s3")
        bucket.create_bucket(Bucket="photos")
        if request.param != "s3://photos":
            bucket.put_object(Bucket="photos", Key="scrypture/mine.txt", Body=b"mine")
        yield open_target(request.param)


def put(target, path: str, data: bytes) -> None:
    with target.create(path) as file:
        file.write(data)


def test_a_gallery_comes_back_from_a_bucket(photos, target, move_in):
    result = back_up(target)
    assert result.manifest.files == {"kept": 4}
    assert back_up(target).manifest.files == {"kept": 4}
    assert verify(target).sentences == []
    assert len(target.folders("generations")) == 2
    move_in()
    restored = restore(target)
    assert (restored.files, restored.sentences) == (4, [])
    assert {photo.pk for photo in Photo.objects.all()} == {photo.pk for photo in photos}


def test_a_bucket_is_not_asked_for_each_file(photos, target, monkeypatch):
    back_up(target)
    asked = []
    size = target.size
    monkeypatch.setattr(target, "size", lambda path: asked.append(path) or size(path))
    assert back_up(target).manifest.files == {"kept": 4}
    assert not [path for path in asked if path in {address(photo.sha256) for photo in photos}]


def test_damage_in_a_bucket_is_found(photos, target):
    back_up(target)
    put(target, address(photos[0].sha256), b"x" * photos[0].size)
    target.remove(address(photos[1].sha256))
    sentences = verify(target).sentences
    assert len(sentences) == 2
    assert {sentence.rpartition(" is ")[2] for sentence in sentences} >= {"missing."}


def test_nothing_is_written_unless_all_of_it_is(target):
    def break_off() -> None:
        with target.create("files/ab/x") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert target.size("files/ab/x") is None
    with pytest.raises(FileNotFoundError):
        target.open("files/ab/x")


def test_more_objects_than_one_answer_holds_are_listed(target):
    for number in range(1005):
        put(target, f"files/ab/{number:04d}", b"x")
    assert [one.name for one in target.files("files/ab")] == [f"{n:04d}" for n in range(1005)]
    assert target.folders("files") == ["ab"]


def test_objects_of_others_are_left_alone(photos, target):
    put(target, "mine.txt", b"mine")
    with pytest.raises(Refused, match="not empty"):
        back_up(target)
    assert manifest.generations(target) == []


def test_a_bucket_that_is_not_there_is_told(photos, target):
    with pytest.raises(OSError, match="nowhere"):
        back_up(open_target("s3://nowhere/scry"))
    with pytest.raises(Refused, match="no bucket"):
        open_target("s3://")
