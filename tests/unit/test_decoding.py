"""What the decoder pool says about sound and odd pictures."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from gallery.decoding import DecodeError
from gallery.decoding.answers import EXIF_KEYS, FORMATS
from tests import images


def near(pixels, x, y, colour, tolerance=12):
    return np.abs(pixels[y, x].astype(int) - np.array(colour)).max() <= tolerance


FILES = {
    "JPEG": lambda image: images.encode(image, "JPEG", quality=95),
    "PNG": lambda image: images.encode(image, "PNG"),
    "WEBP": lambda image: images.encode(image, "WEBP", quality=95),
    "GIF": lambda image: images.encode(image, "GIF"),
    "AVIF": lambda image: images.encode(image, "AVIF", quality=90, speed=10),
    "TIFF": lambda image: images.encode(image, "TIFF", compression="tiff_lzw"),
    "BMP": lambda image: images.encode(image, "BMP"),
    "HEIF": images.heic,
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_format_is_read_whatever_the_file_is_called(pool, put, name):
    path = put(FILES[name](images.gradient((80, 60))))
    probe, decoded = pool.probe(path), pool.decode(path)
    assert (probe.format, probe.width, probe.height) == (name, 80, 60)
    assert (probe.extension, probe.mime) == FORMATS[name]
    assert (decoded.format, decoded.width, decoded.height) == (name, 80, 60)
    assert decoded.pixels.shape == (60, 80, 3)
    assert decoded.pixels.dtype == np.uint8
    left, right = decoded.pixels[30, 4], decoded.pixels[30, 75]
    assert abs(int(left[0]) - int(right[0])) > 150


@pytest.mark.parametrize("orientation", images.ORIENTATIONS)
def test_orientation_is_applied_once_to_everything(pool, put, orientation):
    path = put(images.turned(orientation, (64, 48)))
    upright = np.asarray(images.gradient((64, 48))).astype(int)
    decoded = pool.decode(path)
    assert (pool.probe(path).width, pool.probe(path).height) == (64, 48)
    assert (decoded.width, decoded.height) == (64, 48)
    assert np.abs(decoded.pixels.astype(int) - upright).mean() < 6
    for rendition in (decoded.thumbnail, pool.preview(path)):
        with Image.open(BytesIO(rendition)) as image:
            assert image.size == (64, 48)
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - upright).mean() < 8


@pytest.mark.parametrize(
    "exif",
    [
        images.exif({0x0112: 0}),
        images.exif({0x0112: 9}),
        images.exif({0x0112: 65535}),
        images.exif_with_text_as_orientation(),
    ],
)
def test_a_senseless_orientation_counts_as_upright(pool, put, exif):
    path = put(images.encode(images.gradient(), exif=exif))
    assert (pool.decode(path).width, pool.decode(path).height) == (64, 48)


@pytest.mark.parametrize("orientation", [3, 6])
def test_a_turned_tiff_is_turned_only_once(pool, put, orientation):
    data = images.encode(images.gradient((64, 48)), "TIFF", tiffinfo={0x0112: orientation})
    decoded, probe = pool.decode(put(data)), pool.probe(put(data))
    size = (64, 48) if orientation == 3 else (48, 64)
    assert (probe.width, probe.height) == (decoded.width, decoded.height) == size
    assert decoded.pixels.shape[:2] == (size[1], size[0])
    # The dark corner, top left in the file, is bottom right (180 degrees) or top right (90).
    corner = (-1, -1) if orientation == 3 else (0, -1)
    assert decoded.pixels[corner].max() < 60


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_formats_that_turn_by_themselves_are_turned_only_once(pool, put, name):
    upright = images.gradient((64, 48))
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    options = {"exif": images.exif({0x0112: 6}), "quality": 95}
    if name == "HEIF":
        path = put(images.heic(lying, **options))
    else:
        path = put(images.encode(lying, name, speed=10, **options))
    decoded = pool.decode(path)
    assert (decoded.width, decoded.height) == (64, 48)
    difference = np.abs(decoded.pixels.astype(int) - np.asarray(upright).astype(int))
    assert difference.mean() < 8


def test_renditions_have_their_sizes_and_keep_the_shape(pool, put):
    path = put(images.encode(images.gradient((3000, 1500))))
    decoded = pool.decode(path)
    assert (decoded.width, decoded.height) == (3000, 1500)
    assert decoded.pixels.shape == (256, 512, 3)
    with Image.open(BytesIO(decoded.thumbnail)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (512, 256))
    with Image.open(BytesIO(pool.preview(path))) as preview:
        assert (preview.format, preview.size) == ("JPEG", (1440, 720))


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (3, 2)])
def test_extreme_shapes_give_renditions_of_at_least_one_pixel(pool, put, size):
    decoded = pool.decode(put(images.encode(images.solid("red", size), "PNG")))
    assert min(decoded.pixels.shape) >= 1
    assert max(decoded.pixels.shape) <= 512


def test_small_pictures_are_not_blown_up(pool, put):
    path = put(images.png(size=(20, 10)))
    assert pool.decode(path).pixels.shape == (10, 20, 3)
    with Image.open(BytesIO(pool.preview(path))) as preview:
        assert preview.size == (20, 10)


def test_pixels_of_a_thumbnail_are_those_that_were_compressed(pool, put, tmp_path):
    decoded = pool.decode(put(images.encode(images.gradient((900, 700)))))
    again = pool.pixels(images.write(tmp_path, "thumbnail", decoded.thumbnail))
    assert again.shape == decoded.pixels.shape
    assert np.abs(again.astype(int) - decoded.pixels.astype(int)).mean() < 4


@pytest.mark.parametrize(
    ("mode", "name"),
    [
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("YCbCr", "TIFF"),
        ("LAB", "TIFF"),
        ("P", "PNG"),
        ("1", "PNG"),
        ("L", "PNG"),
    ],
)
def test_every_colour_mode_becomes_rgb(pool, put, mode, name):
    path = put(images.encode(images.gradient((700, 600)).convert("RGB").convert(mode), name))
    pixels = pool.decode(path).pixels
    assert pixels.shape == (439, 512, 3)
    assert int(pixels[430, 505].sum()) > int(pixels[8, 8].sum()) + 150


def test_cmyk_keeps_its_colours(pool, put):
    decoded = pool.decode(put(images.encode(images.solid("red", mode="CMYK"), "JPEG")))
    assert near(decoded.pixels, 5, 5, (255, 0, 0))


def test_sixteen_bits_are_scaled_and_not_cut(pool, put):
    pixels = pool.decode(put(images.sixteen_bit_png())).pixels
    assert pixels[20, 1].max() < 20
    assert 110 < pixels[20, 32].mean() < 145
    assert pixels[20, 62].min() > 235


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF"])
def test_transparency_lies_over_white(pool, put, name):
    image = Image.new("RGBA", (600, 40), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (300, 0, 600, 40))
    options = {"lossless": True} if name == "WEBP" else {}
    pixels = pool.decode(put(images.encode(image, name, **options))).pixels
    assert near(pixels, 50, 15, (255, 255, 255))
    assert near(pixels, 450, 15, (0, 0, 255))


def test_a_transparent_palette_lies_over_white(pool, put):
    image = images.solid("red").quantize(4)
    data = images.encode(image, "GIF", transparency=image.getpixel((0, 0)))
    assert near(pool.decode(put(data)).pixels, 5, 5, (255, 255, 255))


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_counts(pool, put, name):
    decoded = pool.decode(put(images.animated(name)))
    assert near(decoded.pixels, 5, 5, (255, 0, 0))


def test_phones_that_write_two_pictures_in_one_file_write_jpegs(pool, put):
    probe = pool.probe(put(images.mpo()))
    assert (probe.format, probe.extension, probe.mime) == ("JPEG", "jpg", "image/jpeg")
    assert pool.decode(put(images.mpo())).pixels.shape == (48, 64, 3)


def test_a_wide_colour_profile_is_converted(pool, put):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    broken = pool.decode(put(images.encode(images.gradient(), "PNG", icc_profile=lab)))
    junk = pool.decode(put(images.encode(images.gradient(), "PNG", icc_profile=b"junk" * 99)))
    plain = pool.decode(put(images.encode(images.gradient(), "PNG")))
    # A profile that does not fit the pixels, or is none, is left aside.
    assert (junk.pixels == plain.pixels).all()
    assert (broken.pixels == plain.pixels).all()


def test_nothing_but_pixels_gets_into_the_renditions(pool, put):
    path = put(images.with_everything_inside(images.gradient((600, 400))))
    decoded = pool.decode(path)
    assert decoded.exif["latitude"] > 48
    for rendition in (decoded.thumbnail, pool.preview(path)):
        for secret in (b"Exif", b"EXIF", b"ns.adobe.com", b"XMP", b"ICC", b"alert", b"Canon"):
            assert secret not in rendition
        with Image.open(BytesIO(rendition)) as image:
            assert not image.getexif()


def test_exif_is_cut_down_to_the_list(pool, put):
    path = put(images.encode(images.gradient(), exif=images.camera_exif()))
    probe = pool.probe(path)
    assert probe.taken_at == "2024-05-31T18:30:15"
    assert probe.exif == {
        "make": "Canon",
        "model": "EOS R5",
        "lens": "RF35mm F1.8",
        "taken_at": "2024-05-31T18:30:15",
        "taken_from": "exif",
        "offset": "+02:00",
        "exposure": 0.004,
        "f_number": 2.8,
        "iso": 400,
        "focal_length": 35.0,
        "focal_35mm": 56,
        "latitude": 48.858306,
        "longitude": -2.2945,
        "altitude": 35.5,
    }
    assert pool.decode(path).exif == probe.exif


@pytest.mark.parametrize("name", ["PNG", "WEBP", "AVIF", "TIFF"])
def test_exif_is_read_from_other_formats(pool, put, name):
    exif = images.exif({0x010F: "Nikon"}, {0x9003: "2001:02:03 04:05:06"})
    probe = pool.probe(put(images.encode(images.gradient(), name, exif=exif)))
    assert probe.exif["make"] == "Nikon"
    assert probe.taken_at == "2001-02-03T04:05:06"


@pytest.mark.parametrize("where", ["before the pixels", "behind them", "in a text"])
def test_exif_of_a_png_is_read_wherever_it_stands(pool, put, where):
    block = images.exif({0x0110: "LateCam", 0x0112: 6}, {0x9003: "2011:01:01 01:01:01"})[6:]
    lying = images.gradient((64, 48)).transpose(Image.Transpose.ROTATE_90)
    data = images.encode(lying, "PNG")
    if where == "before the pixels":
        data = images.with_png_chunk(data, b"eXIf", block)
    elif where == "behind them":
        data = images.with_last_png_chunk(data, b"eXIf", block)
    else:
        info = PngImagePlugin.PngInfo()
        lines = [block.hex()[i : i + 72] for i in range(0, 2 * len(block), 72)]
        info.add_text(
            "Raw profile type exif", "\n".join(["\nexif", f"{len(block):8}", *lines]), zip=True
        )
        data = images.encode(lying, "PNG", pnginfo=info)
    probe, decoded = pool.probe(put(data)), pool.decode(put(data))
    assert (probe.exif["model"], probe.taken_at) == ("LateCam", "2011-01-01T01:01:01")
    assert (probe.width, probe.height) == (decoded.width, decoded.height) == (64, 48)
    upright = np.asarray(images.gradient((64, 48))).astype(int)
    assert np.abs(decoded.pixels.astype(int) - upright).max() <= 1


@pytest.mark.parametrize("text", ["", "exif", "exif 9 xyz", "exif 3 0", "\nexif\n 6\n457869660000"])
def test_senseless_exif_in_a_text_is_left_aside(pool, put, text):
    info = PngImagePlugin.PngInfo()
    info.add_text("Raw profile type exif", text)
    assert pool.decode(put(images.encode(images.gradient(), "PNG", pnginfo=info))).exif == {}


def test_hostile_exif_texts_and_numbers_are_tamed(pool, put):
    exif = images.exif(
        {0x010F: "A\0B\x1b[31m\u202eC" + "x" * 5000, 0x0110: "\0\0", 0x0132: "0000:00:00 00:00:00"},
        {0x829D: float("inf"), 0x8827: -5, 0x9003: "2024:13:45 99:99:99", 0x920A: 0.0},
        {1: "N", 2: (480.0, 0.0, 0.0), 3: "E", 4: (1.0, 1.0, 1.0)},
    )
    probe = pool.probe(put(images.encode(images.gradient(), exif=exif)))
    assert set(probe.exif) == {"make"} <= EXIF_KEYS
    assert len(probe.exif["make"]) <= 200
    assert probe.exif["make"].isprintable()
    assert probe.taken_at is None


def test_a_position_of_zeros_is_no_position(pool, put):
    zero = (0.0, 0.0, 0.0)
    exif = images.exif(gps={1: "N", 2: zero, 3: "E", 4: zero})
    assert pool.probe(put(images.encode(images.gradient(), exif=exif))).exif == {}


def test_broken_exif_is_no_reason_to_refuse_a_picture(pool, put):
    for junk in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0", b"Exif\0\0" + b"\xff" * 500):
        probe = pool.probe(put(images.encode(images.gradient(), exif=junk)))
        assert (probe.width, probe.exif) == (64, {})


def test_the_hash_is_alike_for_alike_pictures(pool, put):
    scene = images.gradient((400, 300))
    scene.paste("white", (50, 60, 180, 200))
    scene.paste("black", (230, 30, 300, 280))
    original = pool.decode(put(images.encode(scene, "PNG"))).phash
    smaller = pool.decode(put(images.encode(scene.resize((200, 150)), quality=50))).phash
    other = pool.decode(
        put(images.encode(scene.transpose(Image.Transpose.FLIP_LEFT_RIGHT), "PNG"))
    ).phash
    assert 0 <= original < 2**64
    assert (original ^ smaller).bit_count() <= 6
    assert (original ^ other).bit_count() >= 20


@pytest.mark.parametrize("colour", ["#ff0000", "#336699", "#000000", "#ffffff"])
def test_the_colour_is_the_mean(pool, put, colour):
    assert pool.decode(put(images.png(colour))).colour == colour


def test_paths_may_hold_any_bytes(pool, tmp_path):
    path = images.write(tmp_path, "\udcff caf\u00e9\n'\".exe", images.png())
    assert pool.probe(path).format == "PNG"
    assert pool.probe(str(path)).format == "PNG"


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_is_not_a_file_is_a_missing_original(pool, tmp_path, name):
    with pytest.raises(DecodeError) as caught:
        pool.probe(tmp_path / name)
    assert caught.value.reason == "missing_original"


def test_parents_and_children_load_no_more_than_they_need():
    code = (
        "import sys, gallery.decoding; "
        "print([m for m in ('PIL', 'django', 'torch', 'numpy') if m in sys.modules]); "
        "import gallery.decoding.child; "
        "print([m for m in ('django', 'torch', 'numpy', 'pillow_heif') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]
