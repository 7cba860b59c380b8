"""JPEGs that lack their end, begin late or carry a video."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from gallery.decoding import DecodeError, DecoderPool
from gallery.decoding.answers import CUT_SHORT, INCOMPLETE
from gallery.decoding.jpegs import walk
from tests import images


def photo(size=(600, 400), **options):
    """Return a JPEG with as much going on at the bottom as at the top."""
    return images.encode(images.gradient(size).effect_spread(9), quality=85, **options)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}])
def test_a_jpeg_without_its_last_bytes_is_read_and_marked(pool, put, options):
    whole = photo(**options)
    expected = pool.decode(put(whole))
    assert expected.flaw == ""
    for missing in (1, 2, 10, 40):
        path = put(whole[:-missing])
        decoded = pool.decode(path)
        assert pool.probe(path).flaw == decoded.flaw == CUT_SHORT
        difference = np.abs(decoded.pixels.astype(int) - expected.pixels)
        assert difference.mean() < 2
        assert pool.preview(path)
        assert pool.part(path, (0, 0, 0.5, 0.5), 100).shape == (67, 100, 3)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_missing_rows_tell_a_cut_jpeg_from_a_half_copied_one(pool, put, mode):
    image = images.gradient((600, 400)).effect_spread(9).convert(mode)
    whole = images.encode(image, quality=85)
    header = whole.index(b"\xff\xda")
    flaws = {}
    for part in (0.3, 0.6, 0.8, 0.96):
        data = whole[: header + int((len(whole) - header) * part)]
        flaws[part] = pool.decode(put(data)).flaw
    assert flaws == {0.3: INCOMPLETE, 0.6: INCOMPLETE, 0.8: INCOMPLETE, 0.96: CUT_SHORT}


def test_a_half_copied_jpeg_shows_what_is_there(pool, put):
    whole = photo()
    decoded = pool.decode(put(images.cut(whole, 0.5)))
    assert decoded.flaw == INCOMPLETE
    expected = pool.decode(put(whole)).pixels
    assert np.abs(decoded.pixels[:100].astype(int) - expected[:100]).mean() < 4
    assert np.abs(decoded.pixels[-50:].astype(int) - 128).max() <= 3


def test_a_progressive_jpeg_without_whole_scans_is_half_copied(pool, put):
    whole = photo(progressive=True)
    scans = [i for i in range(len(whole)) if whole[i : i + 2] == b"\xff\xda"]
    path = put(whole[: scans[len(scans) // 2]])
    assert pool.probe(path).flaw == pool.decode(path).flaw == INCOMPLETE


def test_a_copy_filled_up_with_zeros_is_half_copied(pool, put):
    whole = photo()
    for part, flaw in ((0.5, INCOMPLETE), (0.97, CUT_SHORT)):
        data = images.cut(whole, part)
        assert pool.decode(put(data.ljust(len(whole) + 70_000, b"\0"))).flaw == flaw


def test_a_grey_bottom_is_no_flaw(pool, put):
    image = images.gradient((600, 400))
    image.paste((128, 128, 128), (0, 200, 600, 400))
    assert pool.decode(put(images.encode(image))).flaw == ""


@pytest.mark.parametrize("name", ["PNG", "WEBP", "GIF", "TIFF", "BMP"])
def test_other_formats_have_no_flaw(pool, put, name):
    assert pool.decode(put(images.encode(images.gradient(), name))).flaw == ""


@pytest.mark.parametrize("garbage", [b"\r\n", b"\0" * 16, b"\xef\xbb\xbf", b"\xff" * 3, b"x" * 100])
def test_bytes_before_a_jpeg_are_skipped(pool, put, garbage):
    whole = photo()
    decoded = pool.decode(put(garbage + whole))
    assert (decoded.format, decoded.width, decoded.flaw) == ("JPEG", 600, "")
    assert (decoded.pixels == pool.decode(put(whole)).pixels).all()
    assert pool.decode(put(garbage + whole[:-2])).flaw == CUT_SHORT


@pytest.mark.parametrize("start", [b"<html>", b"%PDF-1.7\n"])
def test_jpegs_deep_inside_other_files_do_not_count(pool, put, start):
    with pytest.raises(DecodeError) as caught:
        pool.probe(put(start.ljust(200, b" ") + photo()))
    assert caught.value.reason == "unsupported_type"


@pytest.mark.parametrize("note", [b"", b"MotionPhoto_Data"])
@pytest.mark.parametrize("garbage", [b"", b"\r\n"])
def test_a_video_behind_a_jpeg_is_found(pool, put, note, garbage):
    picture, video = garbage + photo(), images.mp4()
    path = put(picture + note + video)
    assert pool.probe(path).has_video
    assert pool.decode(path).flaw == ""
    start = len(picture) + len(note)
    assert pool.video(path) == (start, start + len(video))


def test_notes_behind_a_video_do_not_belong_to_it(pool, put):
    picture, video = photo(), images.mp4()
    path = put(picture + video + b"\0\0\x30\x0aSEFT of the maker" * 3)
    assert pool.video(path) == (len(picture), len(picture) + len(video))


def test_a_video_in_a_heic_is_found(pool, put):
    picture, video = images.heic(images.gradient()), images.mp4()
    box = (8 + len(video)).to_bytes(4, "big") + b"mpvd" + video
    path = put(picture + box)
    assert pool.probe(path).has_video
    assert pool.video(path) == (len(picture) + 8, len(picture) + 8 + len(video))
    assert not pool.probe(put(picture)).has_video


def test_words_about_a_video_are_no_video(pool, put):
    xmp = b'<x:xmpmeta GCamera:MicroVideo="1" GCamera:MicroVideoOffset="4000"/>'
    data = images.encode(images.gradient(), xmp=xmp)
    for path in (put(data), put(data + b" ftyp" * 40), put(images.mpo())):
        assert not pool.probe(path).has_video
        assert pool.video(path) is None


def test_the_end_of_a_jpeg_is_not_that_of_its_thumbnail():
    inside = images.encode(images.solid("blue", (40, 30)))
    exif = images.exif({0x010F: "Canon"}) + inside
    data = images.encode(images.gradient(), exif=exif)
    assert walk(data).end == len(data)
    assert walk(data[:-2]).end is None
    assert walk(data + images.jpeg()).end == len(data)


@pytest.mark.slow
def test_large_pictures_of_phones_are_read_in_the_usual_memory(put):
    pool = DecoderPool(size=1, max_pixels=250_000_000)
    try:
        for size, options in (
            ((16_382, 3_628), {"quality": 60}),
            ((12_000, 9_000), {"quality": 30}),
            ((12_000, 9_000), {"quality": 30, "progressive": True, "subsampling": 0}),
        ):
            path = put(images.encode(Image.new("RGB", size, "#336699"), **options))
            assert pool.probe(path).width == size[0]
            decoded = pool.decode(path)
            assert max(decoded.pixels.shape) == 512
            assert np.abs(decoded.pixels[50, 50].astype(int) - (0x33, 0x66, 0x99)).max() < 6
            assert pool.preview(path)
            assert max(pool.part(path, (0.4, 0.4, 0.1, 0.1), 1024).shape) >= 363
    finally:
        pool.close()


@pytest.mark.slow
def test_what_cannot_be_read_in_the_memory_is_refused_from_its_header(put):
    pool = DecoderPool(size=1, max_pixels=1_000_000_000)
    try:
        huge = [
            images.png_header(16_000, 16_000),
            images.webp_bomb(12_000),
            images.gif_flood(1, 15_000),
        ]
        for data in huge:
            with pytest.raises(DecodeError) as caught:
                pool.probe(put(data))
            assert caught.value.reason == "too_many_pixels"
    finally:
        pool.close()
