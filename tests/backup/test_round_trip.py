"""A backup restored elsewhere is the gallery that it was made of."""

from __future__ import annotations

import hashlib
import os
import random
from dataclasses import replace

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import F
from django.utils import timezone

from gallery import files, originals_marker
from gallery.backup import back_up as back_up_module, load as load_module, manifest, parts, tables
from gallery.backup.back_up import Options, back_up
from gallery.backup.restore import restore
from gallery.models import Album, ApiToken, Companion, Embedding, Photo, PhotoParts, Tag
from gallery.models.quality import unmeasured
from tests import external, images
from tests.galleries import fill
from tests.workers.conftest import add_photo, row_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def everything() -> dict[str, list[tuple]]:
    """Return all rows that a backup holds, by table."""
    return {
        label: sorted(map(repr, model._base_manager.values_list(*tables.columns(model))))
        for label, model in tables.tables(apps).items()
    }


def test_every_row_and_every_file_comes_back(ada, photos, target, move_in):
    album = Album.objects.create(owner=ada, name="Ours")
    album.photos.set(photos[:2])
    fill(ada, random.Random(7), 40)
    secret = ApiToken.issue(ada)
    # Only the first three have files; the others are rows, of which the originals are missing.
    Photo.objects.exclude(pk__in=[photo.pk for photo in photos]).update(external=True)
    result = back_up(target)
    assert not result.has_faults
    before = everything()

    gallery = originals_marker.gallery_id()

    move_in()
    restored = restore(target)

    assert restored.sentences == []
    after = everything()
    assert originals_marker.gallery_id() == gallery
    for label in before.keys() - {"gallery.galleryidentity"}:
        assert after[label] == before[label]
    assert ApiToken.objects.get().digest == ApiToken.hash(secret)
    for photo in photos:
        path = files.original(Photo.objects.get(pk=photo.pk))
        assert path.is_relative_to(settings.DATA_DIR)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == photo.sha256
    assert files.companion(Companion.objects.get()).read_bytes() == photos[0].pk.bytes
    # New rows get numbers of their own.
    assert Tag.objects.create(owner=ada, name="new").pk > 3


@pytest.mark.parametrize("cut_short", [False, True])
def test_all_files_are_on_the_disk_before_the_rows_name_them(
    photos, target, move_in, monkeypatch, cut_short
):
    """That of a restore which was cut short before it waited for the disk, too."""
    back_up(target)
    move_in()
    synced, load = set(), load_module.load
    if cut_short:
        monkeypatch.setattr(os, "fsync", lambda descriptor: None)
        monkeypatch.setattr(load_module, "load", None)
        with pytest.raises(TypeError, match="not callable"):
            restore(target)
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))

    def then_load(*arguments):
        places = [path for path in settings.MEDIA_DIR.rglob("*") if path.is_file()]
        assert len(places) == 4
        for place in places:
            wanted = {place, *list(place.parents)[:3]}
            assert {path.stat().st_ino for path in wanted} <= synced
        load(*arguments)

    monkeypatch.setattr(load_module, "load", then_load)
    assert restore(target).files == 4


def older(target, generation: str, last: str) -> None:
    """Make a backup look as one that was made when `last` was the last migration of the gallery."""
    made = manifest.read(target, generation)
    migrations = migrations_until(last, made.migrations)
    state = MigrationExecutor(connection).loader.project_state(list(migrations.items()))
    columns, kept = {}, {}
    for label, model in tables.tables(state.apps).items():
        columns[label] = tables.columns(model)
        places = [made.columns[label].index(name) for name in columns[label]]
        name = manifest.part_of(label)
        path = f"{manifest.folder_of(generation)}/{name}"
        rows = list(parts.read(target, path))
        with parts.write(target, path) as writer:
            for row in rows:
                writer.add([row[place] for place in places])
        kept[name] = writer.part
    others = {name: part for name, part in made.parts.items() if not manifest.table_of(name)}
    changed = replace(made, migrations=migrations, columns=columns, parts={**others, **kept})
    manifest.write(target, generation, changed)


def migrations_until(last: str, made: dict[str, str]) -> dict[str, str]:
    """Return the last migration of each app that needs none of the gallery after `last`."""
    graph = MigrationExecutor(connection).loader.graph
    plan = graph.forwards_plan(("gallery", made["gallery"]))
    ours = [node for node in plan if node[0] == "gallery"]
    later = set(ours[ours.index(("gallery", last)) + 1 :])
    found = {}
    for app, newest in made.items():
        for node in graph.forwards_plan((app, newest)):
            if node[0] == app and not later & set(graph.forwards_plan(node)):
                found[app] = node[1]
    return found


def migrations_since(first: str) -> list[str]:
    """Return the migrations of the gallery from `first` to the last but one."""
    graph = MigrationExecutor(connection).loader.graph
    (leaf,) = graph.leaf_nodes("gallery")
    plan = [name for app, name in graph.forwards_plan(leaf) if app == "gallery"]
    return plan[plan.index(first) : -1]


@pytest.mark.parametrize("place", [0, -1])
def test_an_older_backup_comes_back_up_to_date_into_tables_that_are_empty(
    photos, target, move_in, monkeypatch, place
):
    """The owner deleted one photo and the video of another while the backup ran."""
    write_list = back_up_module._write_list

    def then_delete(path, entries):
        write_list(path, entries)
        files.remove_files(photos[1])
        Photo.objects.filter(pk=photos[1].pk).delete()
        video = Companion.objects.get()
        files.companion(video).unlink()
        video.delete()

    monkeypatch.setattr(back_up_module, "_write_list", then_delete)
    result = back_up(target)
    assert result.manifest.files == {"deleted": 2, "kept": 2}
    older(target, result.generation, migrations_since("0007_date_corrections")[place])
    move_in()
    call_command("migrate", verbosity=0)
    restored = restore(target)
    assert restored.sentences == []
    assert set(Photo.objects.not_deleted()) == {photos[0], photos[2]}
    assert Photo.objects.count() == 3
    assert not Companion.objects.exists()
    loader = MigrationExecutor(connection).loader
    assert loader.applied_migrations.keys() >= set(loader.graph.leaf_nodes())


@pytest.mark.parametrize("last", ["0017_sensitive", "0018_owners_of_work"])
def test_rows_of_an_older_backup_get_their_owners(ada, bob, model, photos, target, move_in, last):
    """Those from before owners were noted, and those that nobody noted the owner of."""
    add_photo(bob)
    PhotoParts.objects.create(embedding=row_of(photos[0]), generation=1, boxes=b"boxes")
    Photo.objects.update(decoded_at=timezone.now(), measured_at=timezone.now())
    for rows in (Embedding.objects, Companion.objects):
        rows.update(owner_id=0)
    generation = back_up(target).generation
    older(target, generation, last)
    move_in()
    restore(target)
    assert Embedding.objects.count() == 4
    for rows in (Embedding.objects, Companion.objects):
        assert not rows.exclude(owner_id=F("photo__owner_id")).exists()
    assert dict(Embedding.objects.values_list("photo", "parts_generation"))[photos[0].pk] == 1
    assert unmeasured().count() == 4, "what was measured is in no backup"


def test_files_of_external_folders_are_listed_and_copied_if_asked(
    ada, model, target, tmp_path, move_in
):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "holiday.png").write_bytes(images.png())
    external.add(outside)
    assert back_up(target).manifest.files == {"listed": 1}
    assert list(target.root.glob("files/*/*")) == []
    assert back_up(target, Options(external=True)).manifest.files == {"kept": 1}
    move_in()
    restore(target, external=tmp_path / "copies")
    (copy,) = (tmp_path / "copies").rglob("*.png")
    assert copy.read_bytes() == (outside / "holiday.png").read_bytes()
    assert Photo.objects.get().external
