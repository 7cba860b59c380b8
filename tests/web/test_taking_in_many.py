"""Taking in a file costs as much in a large library as in a small one."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery import companions, files
from gallery.folders.import_folder import Import
from gallery.folders.listing import list_files
from gallery.models import Companion, Photo
from tests import images
from tests.workers.conftest import add_photo

pytestmark = pytest.mark.django_db

_OF_OWNER = re.compile(r"\((owner_id=\? ?(AND deleted_at=\? ?)?(AND trashed_at=\?)?)\)$")
"""The end of a plan that reads all photos of a person."""


def plans(captured: CaptureQueriesContext) -> list[str]:
    """Return how SQLite reads the tables of photos and of what belongs to them."""
    if connection.vendor != "sqlite":
        pytest.skip("Postgres scans small tables")
    found = []
    for query in captured.captured_queries:
        if query["sql"].startswith(("SELECT", "UPDATE", "DELETE")):
            with connection.cursor() as cursor:
                cursor.execute("EXPLAIN QUERY PLAN " + query["sql"])
                found += [str(row[-1]) for row in cursor.fetchall()]
    return [plan for plan in found if "gallery_photo" in plan or "gallery_companion" in plan]


def reads_all(plan: str) -> bool:
    return plan.startswith("SCAN") or _OF_OWNER.search(plan) is not None


@pytest.mark.parametrize("name", ["IMG_1.jpg", "IMG_1.jpg.json", "again.jpg", "raw.xmp"])
def test_no_step_reads_all_photos_of_a_person(ada, model, tmp_path, name):
    for number in range(3):
        photo = add_photo(ada)
        Photo.objects.filter(pk=photo.pk).update(name=f"IMG_{number}.jpg")
    source = tmp_path / "camera"
    source.mkdir()
    (source / "again.jpg").write_bytes(images.encode(images.gradient((60, 40))))
    run = Import(ada, source, lambda line: None)
    if name == "again.jpg":
        run.take(list_files(source).files[0])
    elif name.endswith(".jpg"):
        (source / name).write_bytes(images.encode(images.gradient((64, 40))))
    else:
        (source / name).write_text('{"title": "IMG_1.jpg", "description": "at the sea"}')
    file = next(one for one in list_files(source).files if one.path.name == name)
    with CaptureQueriesContext(connection) as captured:
        run.take(file)
    found = plans(captured)
    assert found
    assert [plan for plan in found if reads_all(plan)] == []


def test_a_file_is_read_before_it_is_copied_only_if_one_of_its_size_is_there(
    ada, model, tmp_path, monkeypatch
):
    source = tmp_path / "camera"
    source.mkdir()
    one, other = (images.encode(images.gradient((60, side))) for side in (40, 44))
    for name, data in (("a.jpg", one), ("b.jpg", one), ("c.jpg", other)):
        (source / name).write_bytes(data)
    read = []
    sha256 = files.sha256
    monkeypatch.setattr(files, "sha256", lambda path: read.append(path) or sha256(path))
    run = Import(ada, source, lambda line: None)
    outcomes = [run.take(file) for file in list_files(source).files]
    assert outcomes == ["added", "already here", "added"]
    assert [path.name for path in read if path.parent == source] == ["b.jpg"]
    assert Photo.objects.count() == 2


def test_the_photos_that_a_content_is_kept_with_are_those_of_one_person(ada, bob, model):
    for owner in (ada, bob):
        Companion.objects.create(
            photo=add_photo(owner), kind="xmp", name="a.xmp", extension="xmp", sha256="5", size=1
        )
    photos = Photo.objects.filter(pk__in=companions.photos_with(ada.pk, "5"))
    assert [photo.owner_id for photo in photos] == [ada.pk]
