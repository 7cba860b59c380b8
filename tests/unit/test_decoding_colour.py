"""Whatever says which colours a picture has, people see the right ones."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from gallery.decoding import DecodeError
from gallery.decoding.colour import is_srgb
from gallery.decoding.profiles import PRIMARIES, adobe_rgb, coded, profile, srgb_curve
from tests import images

# The red, green and blue of sRGB, as Display P3 and as Adobe RGB write them.
SRGB = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)]
IN_P3 = [(234, 51, 35), (117, 251, 76), (0, 0, 245), (128, 128, 128)]
IN_ADOBE = [(219, 0, 0), (144, 255, 60), (0, 0, 250), (128, 128, 128)]
P3, PQ, HLG, LINEAR = 12, 16, 18, 8


def stripes(colours):
    """Return a picture of four upright stripes."""
    image = Image.new("RGB", (160, 40))
    for number, colour in enumerate(colours):
        image.paste(colour, (number * 40, 0, number * 40 + 40, 40))
    return image


def seen(pool, path):
    pixels = pool.decode(path).pixels
    return np.array([pixels[20, 20 + number * 40] for number in range(4)]).astype(int)


def p3_called_srgb():
    data = profile(PRIMARIES[P3], srgb_curve())
    return data.replace("made by Scry".encode("utf-16-be"), "sRGB of Acme".encode("utf-16-be"))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_a_profile_counts_by_its_curves_and_not_by_its_name(pool, put, name):
    options = {"icc_profile": p3_called_srgb()}
    image = stripes(IN_P3)
    if name == "HEIF":
        data = images.heic(image, quality=-1, chroma=444, **options)
    else:
        exact = {"quality": 100, "subsampling": 0} if name == "JPEG" else {}
        exact = {"WEBP": {"lossless": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}.get(
            name, exact
        )
        data = images.encode(image, name, **exact, **options)
    assert np.abs(seen(pool, put(data)) - SRGB).max() <= 6


def test_srgb_is_known_by_its_curves():
    assert is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert is_srgb(profile(PRIMARIES[1], srgb_curve()))
    assert not is_srgb(p3_called_srgb())
    assert not is_srgb(adobe_rgb())
    assert not is_srgb(b"no profile")


def test_pixels_of_srgb_stay_as_they_are(pool, put):
    plain = images.encode(images.gradient(), "PNG")
    marked = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    named = images.encode(images.gradient(), "PNG", icc_profile=marked)
    assert (pool.decode(put(named)).pixels == pool.decode(put(plain)).pixels).all()


def test_a_grey_picture_is_converted_by_a_profile_for_colours(pool, put):
    grey = Image.new("L", (64, 48), 55)
    linear = coded(1, LINEAR)
    found = pool.decode(put(images.encode(grey, "PNG", icc_profile=linear))).pixels[20, 20]
    assert np.abs(found.astype(int) - 128).max() <= 2


def test_cicp_of_png_goes_before_its_profile(pool, put):
    marked = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for options in ({}, {"icc_profile": marked}):
        data = images.encode(stripes(IN_P3), "PNG", **options)
        data = images.with_png_chunk(data, b"cICP", bytes([P3, 13, 0, 1]))
        assert np.abs(seen(pool, put(data)) - SRGB).max() <= 3


@pytest.mark.parametrize("name", ["HEIF", "AVIF"])
def test_colours_named_in_the_boxes_are_honoured(pool, put, name):
    if name == "HEIF":
        data = images.heic(stripes(IN_P3), quality=-1, chroma=444)
    else:
        data = images.encode(stripes(IN_P3), "AVIF", quality=100, subsampling="4:4:4", speed=10)
    plain = np.abs(seen(pool, put(data)) - IN_P3).max()
    assert plain <= 6
    assert np.abs(seen(pool, put(images.with_nclx(data, P3, 13))) - SRGB).max() <= 6


def test_gamma_of_png_is_honoured(pool, put):
    data = images.encode(images.solid("#373737"), "PNG")
    linear = images.with_png_chunk(data, b"gAMA", struct.pack(">I", 100_000))
    usual = images.with_png_chunk(data, b"gAMA", struct.pack(">I", 45_455))
    named = images.with_png_chunk(linear, b"sRGB", b"\0")
    assert abs(int(pool.decode(put(linear)).pixels[20, 20, 0]) - 128) <= 2
    assert pool.decode(put(usual)).pixels[20, 20, 0] == 0x37
    assert pool.decode(put(named)).pixels[20, 20, 0] == 0x37


def test_chromaticities_of_png_are_honoured(pool, put):
    red, green, blue, white = PRIMARIES[P3]
    places = [round(value * 100_000) for pair in (white, red, green, blue) for value in pair]
    data = images.encode(stripes(IN_P3), "PNG")
    marked = images.with_png_chunk(data, b"cHRM", struct.pack(">8I", *places))
    assert np.abs(seen(pool, put(marked)) - SRGB).max() <= 3


@pytest.mark.parametrize("places", [[0] * 8, [31270, 32900] * 4, [2**32 - 1] * 8])
def test_senseless_chromaticities_do_no_harm(pool, put, places):
    data = images.encode(stripes(SRGB), "PNG")
    marked = images.with_png_chunk(data, b"cHRM", struct.pack(">8I", *places))
    assert pool.decode(put(marked)).pixels.shape == (40, 160, 3)


@pytest.mark.parametrize(("space", "interoperability"), [(2, None), (65535, "R03")])
def test_adobe_rgb_is_known_by_its_exif(pool, put, space, interoperability):
    block = Image.Exif()
    block.get_ifd(0x8769)[0xA001] = space
    if interoperability:
        block.get_ifd(0x8769)[0xA005] = {1: interoperability}
    data = images.encode(stripes(IN_ADOBE), quality=100, subsampling=0, exif=block.tobytes())
    assert np.abs(seen(pool, put(data)) - SRGB).max() <= 6


def test_other_exif_colour_spaces_change_nothing(pool, put):
    for space in (1, 65535):
        data = images.encode(
            images.solid("#c83c28"), "PNG", exif=images.exif(photo={0xA001: space})
        )
        assert pool.decode(put(data)).pixels[20, 20].tolist() == [200, 60, 40]


@pytest.mark.parametrize(("transfer", "paper", "middle"), [(PQ, 148, 97), (HLG, 191, 97)])
def test_hdr_gets_a_rendition_for_ordinary_screens(pool, put, transfer, paper, middle):
    greys = [(0, 0, 0), (middle,) * 3, (paper,) * 3, (255, 255, 255)]
    data = images.encode(stripes(greys), "PNG")
    found = seen(pool, put(images.with_png_chunk(data, b"cICP", bytes([9, transfer, 0, 1]))))
    assert (found.max(axis=1) - found.min(axis=1)).max() <= 2
    black, dim, white, peak = found[:, 0]
    assert black <= 2
    # White paper is bright, but not as bright as lamps; in between, nothing is lost.
    assert 215 <= white <= 240
    assert 80 <= dim <= 170
    assert peak >= 253


def test_greys_of_sixteen_bits_keep_their_darkness(pool, put):
    row = struct.pack("<64H", *(x * 64 for x in range(64)))
    night = Image.frombytes("I;16", (64, 48), row * 48)
    for name in ("PNG", "TIFF"):
        pixels = pool.decode(put(images.encode(night, name))).pixels
        assert pixels.max() == 16
        assert pixels[20, 32, 0] == 8


def test_greys_of_twelve_bits_are_scaled_from_twelve(pool, put):
    row = b"".join(struct.pack(">I", (a << 12 | b) << 8)[:3] for a, b in [(0, 2048), (4095, 1024)])
    tags = {256: (4,), 257: (2,), 258: (12,), 259: (1,), 262: (1,), 273: (0,), 277: (1,)}
    data = images.tiff(tags | {278: (2,), 279: (12,)}, data=row * 2)
    pixels = pool.decode(put(data)).pixels
    assert pixels[0, :, 0].tolist() == [0, 128, 255, 64]


def bands(count, size, order):
    dice = np.random.default_rng(5)
    picture = dice.integers(0, 65536, (count, size[1], size[0]))
    return picture, [band.astype(order + "u2").tobytes() for band in picture]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [False, True])
def test_planes_of_sixteen_bits_are_not_mixed_up(pool, put, order, packed):
    picture, data = bands(3, (50, 31), order)
    path = put(images.planar_tiff(data, (50, 31), order=order, packed=packed))
    found = pool.decode(path).pixels.astype(int)
    assert np.abs(found - np.moveaxis(picture, 0, 2) / 257).max() <= 1
    part = pool.part(path, (0.5, 0.0, 0.5, 1.0), 100)
    assert np.abs(part.astype(int) - found[:, 25:]).max() <= 1


def test_turned_planes_are_turned_once(pool, put):
    picture, data = bands(3, (50, 31), "<")
    path = put(images.planar_tiff(data, (50, 31), t274=6))
    probe, found = pool.probe(path), pool.decode(path).pixels
    assert (probe.width, probe.height) == (31, 50)
    upright = np.rot90(np.moveaxis(picture, 0, 2), -1) / 257
    assert np.abs(found - upright).max() <= 1


def test_a_transparent_plane_lies_over_white(pool, put):
    picture, data = bands(3, (50, 31), "<")
    path = put(images.planar_tiff([*data, bytes(50 * 31 * 2)], (50, 31), t338=2))
    assert (pool.decode(path).pixels == 255).all()
    path = put(images.planar_tiff([*data, bytes(50 * 31 * 2)], (50, 31), t338=0))
    found = pool.decode(path).pixels
    assert np.abs(found - np.moveaxis(picture, 0, 2) / 257).max() <= 1


def test_a_planar_tiff_without_all_strips_is_corrupt(pool, put):
    _, data = bands(3, (50, 31), "<")
    whole = images.planar_tiff(data, (50, 31))
    tags = {256: (50,), 257: (31,), 258: (16,) * 3, 259: (1,), 262: (2,), 273: (0,), 277: (3,)}
    for bad in (images.tiff(tags | {279: (9,), 284: (2,)}), whole.replace(data[2], b"")):
        with pytest.raises(DecodeError) as caught:
            pool.decode(put(bad))
        assert caught.value.reason == "corrupt"


@pytest.mark.parametrize(
    ("bits", "kind", "samples"), [(32, 3, 1), (32, 3, 3), (16, 3, 3), (64, 3, 1), (32, 1, 1)]
)
def test_numbers_that_no_photo_has_are_not_supported(pool, put, bits, kind, samples):
    size = 8 * 6 * bits // 8 * samples
    tags = {256: (8,), 257: (6,), 258: (bits,) * samples, 259: (1,), 262: (1 + (samples > 1),)}
    tags |= {273: (0,), 277: (samples,), 278: (6,), 279: (size,), 339: (kind,) * samples}
    path = put(images.tiff(tags, data=bytes(size)))
    for read in (pool.probe, pool.decode):
        with pytest.raises(DecodeError) as caught:
            read(path)
        assert caught.value.reason == "unsupported_pixels"
