"""Facts of photos that filters look at: from EXIF, from XMP, and from the pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st

from gallery import colours, facts
from gallery.decoding import DecoderPool
from gallery.facts import Facts
from gallery.models import Photo
from tests import images


@pytest.fixture(scope="module")
def pool():
    pool = DecoderPool(1)
    yield pool
    pool.close()


# --- names of cameras -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "model", "name"),
    [
        ("NIKON CORPORATION", "NIKON D750", "NIKON D750"),
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("Canon", "EOS R5", "Canon EOS R5"),
        ("OLYMPUS IMAGING CORP.", "E-M10", "OLYMPUS E-M10"),
        ("PENTAX Corporation ", "PENTAX K10D ", "PENTAX K10D"),
        ("Apple", "iPhone 13", "Apple iPhone 13"),
        ("SONY", "", "SONY"),
        ("", "X100", "X100"),
        ("Co., Ltd.", "", "Co."),
        ("", "", ""),
        ("A" * 300, "B", "A" * 120),
    ],
)
def test_a_camera_is_named_without_repeating_its_maker(make, model, name):
    assert facts.camera({"make": make, "model": model}) == name


def test_facts_are_those_of_the_columns():
    exif = {"make": "Canon", "model": "EOS R5", "lens": "RF35mm  F1.8", "rating": 4}
    found = facts.facts(exif | {"latitude": 48.85, "longitude": -2})
    assert found == Facts("Canon EOS R5", "RF35mm F1.8", 48.85, -2.0, 4)
    assert {field.name for field in Photo._meta.get_fields()} >= found.columns().keys()
    for name, limit in (("camera", facts.CAMERA_LIMIT), ("lens", facts.LENS_LIMIT)):
        assert Photo._meta.get_field(name).max_length == limit


@pytest.mark.parametrize(
    "exif",
    [
        {},
        {"latitude": 48.0},
        {"latitude": "48", "longitude": 2.0},
        {"latitude": 91.0, "longitude": 2.0},
        {"latitude": float("nan"), "longitude": 2.0},
        {"rating": 6},
        {"rating": "5"},
        {"rating": True},
        {"make": 7, "model": None, "lens": ["x"]},
    ],
)
def test_values_that_make_no_sense_count_as_missing(exif):
    assert facts.facts(exif) == Facts()


@pytest.mark.parametrize(
    ("width", "height", "name"),
    [(3, 2, "landscape"), (2, 3, "portrait"), (5, 5, "square"), (501, 500, "landscape")],
)
def test_orientation(width, height, name):
    assert facts.orientation(width, height) == name


# --- stars ----------------------------------------------------------------------------------------


def xmp(text: str) -> bytes:
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description {text}</x:xmpmeta>'.encode()


def rating(pool, tmp_path, name="JPEG", **options):
    path = images.write(tmp_path, "photo", images.encode(images.gradient(), name, **options))
    return pool.probe(path).exif.get("rating")


def test_stars_of_exif_win_over_those_of_xmp(pool, tmp_path):
    block = images.exif({0x4746: 3})
    assert rating(pool, tmp_path, exif=block) == 3
    assert rating(pool, tmp_path, exif=block, xmp=xmp('xmp:Rating="5"/>')) == 3


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "AVIF"])
def test_stars_are_read_from_xmp(pool, tmp_path, name):
    assert rating(pool, tmp_path, name, xmp=xmp('xmp:Rating="5"/>')) == 5


@pytest.mark.parametrize(
    ("text", "stars"),
    [
        ("><xmp:Rating>2</xmp:Rating>", 2),
        ("xmp:Rating = '4.0'/>", 4),
        ('xmp:Rating="0"/>', None),
        ('xmp:Rating="-1"/>', None),
        ('xmp:Rating="42"/>', None),
        ('xmp:Rating="3.5"/>', None),
        ("xmp:Rating=" + " " * 5000, None),
    ],
)
def test_only_whole_stars_count(pool, tmp_path, text, stars):
    assert rating(pool, tmp_path, xmp=xmp(text)) == stars


@pytest.mark.parametrize("value", [0, 6, 99, "five"])
def test_ratings_that_are_no_stars_are_left_out(pool, tmp_path, value):
    assert rating(pool, tmp_path, exif=images.exif({0x4746: value})) is None


# --- colours --------------------------------------------------------------------------------------


def test_the_longest_column_fits():
    longest = sorted(colours.NAMES, key=len)[-colours.MOST :]
    assert len(colours.column(longest)) <= Photo._meta.get_field("colours").max_length


@pytest.mark.parametrize(
    ("colour", "name"),
    [
        ("#ff0000", "red"), ("#8b0000", "red"), ("#ffa500", "orange"), ("#ffff00", "yellow"),
        ("#228b22", "green"), ("#9acd32", "green"), ("#008080", "teal"), ("#40e0d0", "teal"),
        ("#0000ff", "blue"), ("#87ceeb", "blue"), ("#000080", "blue"), ("#800080", "purple"),
        ("#9370db", "purple"), ("#ffc0cb", "pink"), ("#ff1493", "pink"), ("#8b4513", "brown"),
        ("#d2b48c", "brown"), ("#c8a284", "brown"), ("#000000", "black"), ("#1b1b1d", "black"),
        ("#ffffff", "white"), ("#f5f5dc", "white"), ("#808080", "grey"), ("#b8bcc2", "grey"),
    ],
)  # fmt: skip
def test_colours_are_named_as_people_do(colour, name):
    red, green, blue = bytes.fromhex(colour[1:])
    assert colours.name_of(red, green, blue) == name


def painted(*parts: tuple[str, int], size: int = 120) -> np.ndarray:
    """Return a picture of stripes: colours and the rows that each takes."""
    rows = [np.full((height, size, 3), list(bytes.fromhex(c[1:])), np.uint8) for c, height in parts]
    return np.concatenate(rows)


def test_main_colours_come_largest_first_and_small_dull_ones_not_at_all():
    picture = painted(("#87ceeb", 60), ("#228b22", 42), ("#ff0000", 8), ("#808080", 10))
    assert colours.main_colours(picture) == ["blue", "green", "red"]


def test_a_picture_of_many_colours_has_its_largest_few():
    every = ["#ff0000", "#ffa500", "#ffff00", "#228b22", "#008080", "#0000ff", "#800080"]
    assert len(colours.main_colours(painted(*[(c, 20) for c in every]))) == colours.MOST


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 512, 3), (512, 1, 3), (384, 512, 3)])
def test_pictures_of_any_size_have_a_colour(shape):
    assert colours.main_colours(np.full(shape, 255, np.uint8)) == ["white"]


@given(seed=st.integers(0, 2**32 - 1))
def test_any_pixels_have_names_of_the_list(seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), np.uint8)
    names = colours.main_colours(pixels)
    assert 1 <= len(names) <= colours.MOST
    assert set(names) <= set(colours.NAMES)
    assert colours.from_column(colours.column(names)) == names


def test_no_names_are_a_column_too():
    assert colours.column([]) == ","
    assert colours.from_column(",") == colours.from_column("") == []
