"""The file with the vectors of a library follows what happens to the photos."""

from __future__ import annotations

import random
import threading

import numpy as np
import pytest
from django.db import connections

from gallery import trash
from gallery.models import Embedding, Photo
from search.understanding import library_vectors
from tests.workers.conftest import add_photo

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stored(ada, model, monkeypatch):
    """Make a photo with a random vector, as if it were embedded."""

    def stored(owner=ada) -> Photo:
        photo = add_photo(owner)
        renew(photo)
        return photo

    return stored


def renew(photo: Photo) -> None:
    vector = np.random.default_rng().normal(size=16).astype(np.float32)
    row = Embedding.objects.get(photo=photo)
    row.set_vector(vector / np.linalg.norm(vector))
    row.state, row.generation = Embedding.State.INDEXED, row.generation + 1
    row.save()


def chosen(photos: list[Photo]):
    return Photo.objects.filter(pk__in=[photo.pk for photo in photos])


def matches(user, model) -> bool:
    """Look again, and tell whether the library is exactly what the rows say."""
    with library_vectors._guard:
        for kept in library_vectors._kept.values():
            kept.next_look = 0
    found = library_vectors.library_vectors(user, model)
    live = Embedding.objects.live().filter(photo__owner=user).exclude(vector=None)
    rows = {row.photo_id: row.get_vector() for row in live}
    assert set(found.photo_ids(range(len(found)))) == rows.keys()
    for photo_id, vector in rows.items():
        assert np.allclose(found.vectors([found.place(photo_id)])[0], vector, atol=1e-3)
    blocks = [block for _start, block in found.blocks()]
    assert np.array_equal(
        np.concatenate([*blocks, np.empty((0, found.dim), np.float32)]),
        found.vectors(np.arange(len(found))),
    )
    return True


def test_an_empty_library_has_no_vectors(ada, model):
    assert matches(ada, model)
    assert library_vectors.library_vectors(ada, model).scores(np.eye(16)[:2]).shape == (0, 2)


@pytest.mark.parametrize("seed", range(4))
def test_the_file_follows_whatever_happens(ada, bob, model, stored, seed, monkeypatch):
    monkeypatch.setattr(library_vectors, "_FETCH", 3)
    monkeypatch.setattr(library_vectors, "_BLOCK", 4)
    draw = random.Random(seed)
    stored(bob)
    for _step in range(12):
        photos = list(Photo.objects.filter(owner=ada, trashed_at=None))
        act = draw.choice(["add", "add", "again", "trash", "process", "restore"])
        if act == "add" or not photos:
            for _photo in range(draw.randint(1, 5)):
                stored()
        elif act == "again":
            renew(draw.choice(photos))
        elif act == "trash":
            trash.trash(chosen(draw.sample(photos, len(photos) // 2)))
        elif act == "restore":
            trash.restore(Photo.objects.filter(owner=ada).exclude(trashed_at=None))
        else:
            library_vectors.forget()
        assert matches(ada, model)


def test_deleted_vectors_are_not_left_in_the_file(ada, model, stored):
    photos = [stored() for _ in range(3)]
    assert matches(ada, model)
    vector = Embedding.objects.get(photo=photos[1]).vector
    trash.trash(chosen(photos[1:2]))
    assert matches(ada, model)
    files = list(library_vectors.folder_of(model.key).glob("*.f16"))
    assert files
    assert all(bytes(vector) not in file.read_bytes() for file in files)


@pytest.mark.parametrize("damage", [b"", b"noise", None])
@pytest.mark.parametrize("pattern", ["*.npy", "*.f16"])
def test_damaged_files_are_made_again(ada, model, stored, damage, pattern):
    for _photo in range(3):
        stored()
    assert matches(ada, model)
    (file,) = library_vectors.folder_of(model.key).glob(pattern)
    file.unlink() if damage is None else file.write_bytes(damage)
    library_vectors.forget()
    assert matches(ada, model)


def test_a_vector_with_a_wrong_checksum_is_left_out(ada, model, stored):
    photo = stored()
    Embedding.objects.filter(photo=photo).update(vector_crc=1)
    found = library_vectors.library_vectors(ada, model)
    assert found.place(photo.pk) is None


def test_threads_may_ask_at_the_same_time(ada, model, stored):
    for _photo in range(5):
        stored()
    found: list[int] = []

    def ask() -> None:
        found.append(len(library_vectors.library_vectors(ada, model)))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [5] * 6


def test_files_of_a_model_that_left_are_removed(ada, model, stored):
    stored()
    assert matches(ada, model)
    library_vectors.remove_files(model.key)
    assert not list(library_vectors.folder_of(model.key).iterdir())
    library_vectors.remove_files("a model that never was")
