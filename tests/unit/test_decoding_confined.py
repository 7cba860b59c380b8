"""What a confined child reads is what any other reads, byte for byte, whatever the file is."""

from __future__ import annotations

import io
import sys
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from gallery.decoding import DecodeError, DecoderPool
from tests import companion_files, images

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="nothing is confined elsewhere")

GRADIENT = images.gradient((700, 500))
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def with_xmp(encoding):
    """Return a PNG whose XMP is in an encoding that expat leaves to Python."""
    text = companion_files.xmp(**{"xmp:CreateDate": "2011-02-03T04:05:06"}).decode()
    body = text.partition("?>")[2] if text.startswith("<?xml") else text
    whole = f'<?xml version="1.0" encoding="{encoding}"?>{body}'
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", whole)
    return images.encode(GRADIENT, "PNG", pnginfo=info)


PICTURES = {
    "jpeg": lambda: images.encode(GRADIENT),
    "progressive jpeg": lambda: images.encode(GRADIENT, progressive=True),
    "cmyk jpeg": lambda: images.encode(GRADIENT.convert("CMYK")),
    "cut jpeg": lambda: images.cut(images.encode(images.gradient((900, 900)), quality=95), 0.7),
    "jpeg with all metadata": lambda: images.with_everything_inside(GRADIENT),
    "jpeg behind garbage": lambda: b"\0\0garbage" + images.encode(GRADIENT),
    "mpo": images.mpo,
    "motion photo": lambda: images.encode(GRADIENT) + images.mp4(),
    "live photo": companion_files.live_picture,
    "png": lambda: images.encode(GRADIENT, "PNG"),
    "png of 16 bits": images.sixteen_bit_png,
    "png with a palette": lambda: images.encode(GRADIENT.quantize(64), "PNG"),
    "png with a profile": lambda: images.encode(GRADIENT, "PNG", icc_profile=LAB),
    "png with late exif": lambda: images.with_last_png_chunk(
        images.encode(GRADIENT, "PNG"), b"eXIf", images.camera_exif()[6:]
    ),
    "xmp in utf-8": lambda: with_xmp("utf-8"),
    "xmp in windows-1251": lambda: with_xmp("windows-1251"),
    "xmp in koi8-r": lambda: with_xmp("koi8-r"),
    "webp": lambda: images.encode(GRADIENT, "WEBP"),
    "lossless webp": lambda: images.encode(GRADIENT.convert("RGBA"), "WEBP", lossless=True),
    "gif": lambda: images.encode(GRADIENT, "GIF"),
    "animated gif": lambda: images.animated("GIF"),
    "animated webp": lambda: images.animated("WEBP"),
    "avif": lambda: images.encode(GRADIENT, "AVIF", speed=10),
    "heic": lambda: images.heic(GRADIENT),
    "heic with colours": lambda: images.with_nclx(images.heic(GRADIENT), 12, 13),
    "bmp": lambda: images.encode(GRADIENT, "BMP"),
    "tiff": lambda: images.encode(GRADIENT, "TIFF"),
    "tiff in lab": lambda: images.encode(GRADIENT.convert("LAB"), "TIFF"),
    "planar tiff": lambda: images.planar_tiff([bytes(range(256)) * 12] * 3, (48, 32)),
    "raw": images.raw,
    "dng": lambda: images.raw(dng=True),
    "scan flood": images.scan_flood,
    "webp bomb": images.webp_bomb,
    "tiff loop": images.tiff_loop,
    "text": lambda: b"no picture at all",
    **{
        f"tiff by {name}": lambda name=name: images.encode(GRADIENT, "TIFF", compression=name)
        for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
    },
    **{f"turned {turn}": lambda turn=turn: images.turned(turn) for turn in images.ORIENTATIONS},
}
BESIDE = {
    "xmp": lambda: companion_files.xmp(**{"xmp:Rating": "3"}),
    "xmp in windows-1252": lambda: (
        b'<?xml version="1.0" encoding="windows-1252"?>'
        + companion_files.xmp(**{"xmp:Rating": "3"})
    ),
    "xmp in utf-16": lambda: companion_files.xmp(**{"xmp:Rating": "3"}).decode().encode("utf-16"),
    "json": companion_files.takeout,
    "aae": companion_files.aae,
    "binary aae": lambda: companion_files.aae(binary=True),
}


@pytest.fixture(scope="module")
def pools():
    pools = DecoderPool(1), DecoderPool(1, layers=())
    assert pools[0].layers()
    assert not pools[1].layers()
    yield pools
    for pool in pools:
        pool.close()


def answers(pool, path):
    """Return all that the pool says of a picture, as plain values."""
    box = (0.25, 0.25, 0.5, 0.5)
    asked = {
        "probe": lambda: pool.probe(path),
        "decode": lambda: pool.decode(path),
        "preview": lambda: pool.preview(path),
        "pixels": lambda: pool.pixels(path),
        "part": lambda: pool.part(path, box, 1024),
        "squares": lambda: pool.squares(path),
        "video": lambda: pool.video(path),
        "film": lambda: pool.film(path),
    }
    return {name: outcome(ask) for name, ask in asked.items()}


def outcome(ask):
    try:
        return plain(ask())
    except DecodeError as error:
        return error.reason, error.detail


def plain(value):
    if isinstance(value, np.ndarray):
        return value.shape, value.tobytes()
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value


@pytest.mark.slow
@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_the_same(pools, put, name):
    path = put(PICTURES[name]())
    confined, free = (answers(pool, path) for pool in pools)
    assert confined == free


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "gif", "avif", "heic", "tiff", "raw"])
def test_a_confined_child_reads_every_format(pools, put, name):
    decoded = pools[0].decode(put(PICTURES[name]()))
    with Image.open(io.BytesIO(decoded.thumbnail)) as thumbnail:
        assert thumbnail.format == "WEBP"


@pytest.mark.parametrize("name", BESIDE)
def test_what_lies_beside_pictures_is_the_same(pools, put, name):
    kind, path = name.split()[0].replace("binary", "aae"), put(BESIDE[name]())
    confined, free = (outcome(lambda pool=pool: pool.sidecar(path, kind)) for pool in pools)
    assert confined == free
    assert not isinstance(confined, tuple)


def test_a_film_is_the_same(pools, put):
    path = put(companion_files.video())
    confined, free = (plain(pool.film(path)) for pool in pools)
    assert confined == free
