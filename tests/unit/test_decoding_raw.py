"""RAW files of cameras are what the sensor saw, not the tiny picture at their beginning."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from gallery.decoding import DecodeError, DecoderPool
from gallery.decoding.answers import EXIF_KEYS, FORMATS, RAW_FORMATS
from gallery.decoding.raw import kind_of, values_of
from gallery.decoding.sniffing import sniff
from tests import images

MAKES = {
    "NIKON CORPORATION": "NEF",
    "PENTAX": "PEF",
    "RICOH IMAGING COMPANY, LTD.": "PEF",
    "SAMSUNG": "SRW",
    "Hasselblad": "RAW",
}


@pytest.fixture(scope="module")
def pool():
    pool = DecoderPool(size=1, max_pixels=250_000_000)
    yield pool
    pool.close()


def sides(pixels):
    """Return the colours at the left and at the right, a quarter from the top."""
    height, width = pixels.shape[:2]
    return pixels[height // 4, width // 8].astype(int), pixels[height // 4, -width // 8].astype(int)


@pytest.mark.parametrize("make", MAKES)
def test_the_sensor_is_developed_and_not_the_tiny_picture(pool, put, make):
    path = put(images.raw(make=make, taken="2022:08:08 08:08:08"))
    probe, decoded = pool.probe(path), pool.decode(path)
    name = MAKES[make]
    assert (probe.format, probe.width, probe.height) == (name, 400, 300)
    assert (probe.extension, probe.mime) == FORMATS[name]
    assert probe.taken_at == "2022-08-08T08:08:08"
    assert probe.exif["make"] == make
    assert decoded.pixels.shape == (300, 400, 3)
    left, right = sides(decoded.pixels)
    assert left[0] > left[1] + 100
    assert right[1] > right[0] + 100
    with Image.open(BytesIO(pool.preview(path))) as preview:
        assert preview.size == (400, 300)


def test_a_dng_is_known_by_its_version(pool, put):
    decoded = pool.decode(put(images.raw(dng=True)))
    assert (decoded.format, decoded.width, decoded.height) == ("DNG", 400, 300)
    left, right = sides(decoded.pixels)
    assert left[0] > left[1] + 100
    assert right[1] > right[0] + 100


@pytest.mark.parametrize(("orientation", "red_at"), [(6, "top"), (8, "bottom"), (3, "right")])
def test_a_development_is_turned_once(pool, put, orientation, red_at):
    path = put(images.raw(orientation=orientation))
    probe, pixels = pool.probe(path), pool.decode(path).pixels
    assert (probe.width, probe.height) == pixels.shape[1::-1]
    assert pixels.shape[:2] == ((300, 400) if orientation == 3 else (400, 300))
    where = {"top": (20, 150), "bottom": (380, 150), "right": (150, 380)}[red_at]
    red = pixels[where].astype(int)
    assert red[0] > red[1] + 100


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_large_picture_of_the_camera_is_taken_and_turned_once(pool, put, orientation):
    inside = images.gradient((1600, 1200))
    jpeg = images.encode(inside, quality=92)
    path = put(images.raw((2000, 1500), preview=jpeg, orientation=orientation))
    decoded = pool.decode(path)
    turns = {1: 0, 3: 2, 6: 3, 8: 1}[orientation]
    size = (2000, 1500) if turns % 2 == 0 else (1500, 2000)
    assert (decoded.width, decoded.height) == size
    wanted = np.rot90(np.asarray(inside.resize((512, 384))).astype(int), turns)
    assert np.abs(decoded.pixels.astype(int) - wanted).mean() < 6


def test_a_small_picture_of_the_camera_is_not_enough(pool, put):
    jpeg = images.encode(images.solid("blue", (320, 240)))
    pixels = pool.decode(put(images.raw((2000, 1500), preview=jpeg))).pixels
    assert pixels.shape == (384, 512, 3)
    assert sides(pixels)[0][0] > 150


def test_a_part_has_the_detail_of_the_sensor(pool, put):
    jpeg = images.encode(images.gradient((1600, 1200)))
    path = put(images.raw((2000, 1500), preview=jpeg))
    assert pool.part(path, (0.0, 0.0, 0.5, 1.0), 1024).shape == (1024, 683, 3)
    part = pool.part(path, (0.0, 0.2, 0.4, 0.4), 1024)
    assert part.shape == (600, 800, 3)
    # That is more than the camera's picture has, so it comes from the sensor: red.
    assert part[..., 0].mean() > part[..., 1].mean() + 100


def test_what_the_library_cannot_develop_shows_the_camera_s_picture(pool, put):
    # LibRaw expects a compression of its own from this maker.
    jpeg = images.encode(images.solid("blue", (320, 240)))
    decoded = pool.decode(put(images.raw((2000, 1500), make="SONY", preview=jpeg)))
    assert (decoded.format, decoded.width, decoded.pixels.shape) == ("ARW", 2000, (240, 320, 3))
    assert decoded.pixels[100, 100, 2] > 200


def test_a_tiff_without_a_sensor_stays_a_tiff(pool, put):
    exif = images.exif({0x010F: "NIKON CORPORATION"})
    path = put(images.encode(images.gradient(), "TIFF", exif=exif))
    assert pool.probe(path).format == "TIFF"


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"II*\0\x10\0\0\0CR\x02\0", "CR2"),
        (b"IIRO\x08\0\0\0", "ORF"),
        (b"IIRS\x08\0\0\0", "ORF"),
        (b"MMOR\0\0\0\x08", "ORF"),
        (b"IIU\0\x18\0\0\0", "RW2"),
        (b"FUJIFILMCCD-RAW 0201", "RAF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "CR3"),
    ],
)
def test_other_makers_are_known_by_the_first_bytes(pool, put, start, name):
    assert sniff(start) == name
    assert name in RAW_FORMATS
    # Nothing follows, so they are told from unknown files and yet refused.
    with pytest.raises(DecodeError) as caught:
        pool.decode(put(start + bytes(600)))
    assert caught.value.reason in {"corrupt", "unsupported_type"}


BASE, SHUTTER = {0x010F: "Maker", 0x0110: "Model"}, {0x9003: "2020:02:02 10:20:30", 0x8827: 400}
PLACE = {1: "N", 2: (48.0, 51.0, 0.0), 3: "E", 4: (2.0, 21.0, 0.0)}


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


def raf():
    jpeg = images.encode(images.gradient(), exif=images.exif(BASE, SHUTTER, PLACE))
    return (
        b"FUJIFILMCCD-RAW ".ljust(84, b"x") + struct.pack(">II", 100, len(jpeg)) + bytes(8) + jpeg
    )


def cr3():
    blocks = [images.exif(tags)[6:] for tags in (BASE, SHUTTER, PLACE)]
    tags = b"".join(map(box, (b"CMT1", b"CMT2", b"CMT4"), blocks))
    maker = box(b"uuid", bytes.fromhex("85c0b687820f11e08111f4ce462b6a48") + tags)
    return box(b"ftyp", b"crx \0\0\0\1crx isom") + box(b"moov", box(b"free", b"") + maker)


def tiff_with(magic):
    data = images.exif(BASE, SHUTTER, PLACE)[6:]
    assert data[:4] in (b"II*\0", b"MM\0*")
    return magic + data[4:]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("RAF", raf),
        ("CR3", cr3),
        ("ORF", lambda: tiff_with(b"MMOR")),
        ("CR2", lambda: tiff_with(b"MM\0*")),
    ],
)
def test_each_maker_s_place_for_exif_is_known(name, make):
    data = make()
    values = values_of(name, BytesIO(data))
    assert values["make"] == "Maker"
    assert values["taken_at"] == "2020-02-02T10:20:30"
    assert values["iso"] == 400
    assert (values["latitude"], values["longitude"]) == (48.85, 2.35)
    for length in range(0, len(data), 7):
        assert set(values_of(name, BytesIO(data[:length]))) <= set(EXIF_KEYS)


@pytest.mark.parametrize("magic", [b"IIU\0", b"IIRO", b"IIRS"])
def test_tiffs_under_another_name_have_their_exif(magic):
    data = magic + images.raw(make="Panasonic", taken="2020:02:02 10:20:30")[4:]
    values = values_of("RW2", BytesIO(data))
    assert (values["make"], values["taken_at"]) == ("Panasonic", "2020-02-02T10:20:30")


@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.99])
def test_cut_raw_files_cost_only_themselves(pool, put, part):
    data = images.raw((800, 600))
    # The directories are at the end, so that a cut file is no RAW file any more.
    with pytest.raises(DecodeError) as caught:
        pool.decode(put(images.cut(data, part)))
    assert caught.value.reason in {"corrupt", "unsupported_type", "unsupported_pixels"}
    assert pool.decode(put(images.png())).width == 64


def test_a_directory_that_points_to_itself_is_walked_once():
    assert kind_of(BytesIO(images.tiff_loop())) is None
    loop = images.tiff({330: (8,), 262: (1,)})
    assert kind_of(BytesIO(loop[:4] + (8).to_bytes(4, "little") + loop[8:])) is None
