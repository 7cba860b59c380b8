"""A backup restored elsewhere is the gallery that it was made of."""

from __future__ import annotations

import hashlib
import random

import pytest
from django.apps import apps
from django.conf import settings

from gallery import files, originals_marker
from gallery.backup import tables
from gallery.backup.back_up import back_up
from gallery.backup.restore import restore
from gallery.models import Album, ApiToken, Companion, Photo, Tag
from tests.galleries import fill

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
