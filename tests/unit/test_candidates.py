"""The hashes that narrow the search for duplicates, in all positions and among many."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gallery.decoding.fingerprint import fingerprint_of
from gallery.decoding.rendition import perceptual_hash
from search.duplicates.find import candidates
from search.duplicates.find.candidates import is_flat, nearest_hashes, turned_hashes

TURNS = [None, *Image.Transpose]


def scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Return a picture of smooth blobs that is like no other."""
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def print_of(image: Image.Image) -> np.ndarray:
    return fingerprint_of(np.asarray(image.convert("RGB")))


def bits(one: int, other: int) -> int:
    return (int(one) ^ int(other)).bit_count()


@pytest.mark.parametrize("seed", range(5))
def test_the_hash_of_a_fingerprint_is_that_of_its_picture(seed):
    hashes = turned_hashes(print_of(scene(seed))[None])
    assert hashes.shape == (1, 8)
    assert hashes.dtype == np.uint64
    assert bits(hashes[0, 0], perceptual_hash(scene(seed))) <= 2


@pytest.mark.parametrize("turn", TURNS)
def test_a_turned_or_mirrored_picture_has_one_of_the_eight_hashes(turn):
    picture = scene(7)
    turned = picture if turn is None else picture.transpose(turn)
    hashes = turned_hashes(print_of(picture)[None])[0]
    assert min(bits(value, perceptual_hash(turned)) for value in hashes) <= 2


def test_another_picture_is_far():
    hashes = turned_hashes(np.stack([print_of(scene(1)), print_of(scene(2))]))
    assert min(bits(hashes[0, 0], other) for other in hashes[1]) > candidates.NEAR_BITS


def test_near_hashes_come_nearest_first_and_not_too_many():
    some = np.random.default_rng(3).integers(0, 2**63, 40_000).astype(np.uint64)
    wanted = np.array([some[17]] * 8, np.uint64)
    some[30_000] = some[17] ^ np.uint64(0b1)
    some[20] = some[17] ^ np.uint64(0b111)
    some[21] = some[17] ^ np.uint64(2**11 - 1)
    assert nearest_hashes(some, wanted).tolist() == [17, 30_000, 20]
    near = nearest_hashes(np.full(1000, some[17], np.uint64), wanted)
    assert len(near) == candidates.NEAR_HASHES
    assert nearest_hashes(np.empty(0, np.uint64), wanted).tolist() == []


def test_a_flat_picture_is_known_as_such():
    assert is_flat(print_of(Image.new("RGB", (64, 64), (30, 90, 200))))
    assert not is_flat(print_of(scene(4)))
