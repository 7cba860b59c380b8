"""What the decoder pool says about pictures that are damaged or made to do harm."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gallery.decoding import DecodeError, DecoderPool, jpegs
from gallery.decoding.handed_file import HandedFile
from gallery.decoding.jpegs import MAX_SCANS, count_scans
from gallery.decoding.sniffing import sniff, webp_pixels
from gallery.reasons import Reason
from tests import images


def reason(read, path):
    """Return the reason why a picture is refused, or None when it is read."""
    try:
        read(path)
    except DecodeError as error:
        return Reason(error.reason)
    return None


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "empty"),
        (b"\x00", "unsupported_type"),
        (b"<html><script>alert(1)</script>", "unsupported_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "unsupported_type"),
        (b"%PDF-1.7\n", "unsupported_type"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "unsupported_type"),
        (b"PK\x03\x04" + bytes(60), "unsupported_type"),
        (b"BM is how this sentence begins, and a bitmap does too", "unsupported_type"),
        (b"\x00\x00\x00\x18ftypisom\x00\x00\x00\x00isommp42", "unsupported_type"),
        (b"\xff\xd8\xff", "corrupt"),
        (b"\x89PNG\r\n\x1a\n", "corrupt"),
        (b"GIF89a", "corrupt"),
        (b"RIFF\x04\x00\x00\x00WEBP", "corrupt"),
        (b"\x00\x00\x00\x18ftypavif\x00\x00\x00\x00avifmif1", "corrupt"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00heicmif1", "corrupt"),
        (images.tiff_loop(), "corrupt"),
        (images.png_text_bomb(), "corrupt"),
        (images.png_header(65535, 65535), "too_many_pixels"),
        (images.png_header(12000, 12000), "too_many_pixels"),
        (images.encode(images.solid(size=(9000, 6000)), "WEBP", method=0), "too_many_pixels"),
        (images.gif_flood(1, side=9000), "too_many_pixels"),
        (images.scan_flood(200), "too_many_scans"),
    ],
)
def test_the_header_is_enough_to_refuse(pool, put, data, expected):
    path = put(data)
    pool.probe(images.write(path.parent, "warm", images.png()))
    begin = time.perf_counter()
    assert reason(pool.probe, path) == expected
    assert time.perf_counter() - begin < 20
    assert reason(pool.decode, path) == expected


def resized_on_paper(data: bytes, width: int, height: int) -> bytes:
    """Return a JPEG whose frame header tells another size."""
    frame = data.index(b"\xff\xc2")
    size = height.to_bytes(2, "big") + width.to_bytes(2, "big")
    return data[: frame + 5] + size + data[frame + 9 :]


@pytest.mark.parametrize(
    ("megapixels", "more_scans", "subsampling", "is_refused"),
    [
        (49, 53, 2, True),
        (100, 0, 2, False),
        (100, 0, 0, False),
        (250, 0, 2, False),
        (250, 1, 2, True),
        (12, 53, 2, False),
    ],
)
def test_the_scans_of_a_large_jpeg_are_counted_by_its_size(
    tmp_path, megapixels, more_scans, subsampling, is_refused
):
    data = images.encode(images.gradient(), progressive=True, subsampling=subsampling)
    last = data.rindex(b"\xff\xda")
    data = data[:-2] + data[last:-2] * more_scans + data[-2:]
    path = images.write(tmp_path, "large", resized_on_paper(data, 10_000, megapixels * 100))
    with path.open("rb") as file:
        handed = HandedFile(file.fileno())
        assert reason(jpegs.layout_of, handed) == ("too_many_scans" if is_refused else None)


def test_a_large_scan_flood_is_refused_in_no_time(pool, put):
    path = put(resized_on_paper(images.scan_flood(53), 7000, 7000))
    pool.probe(images.write(path.parent, "warm", images.png()))
    begin = time.perf_counter()
    assert reason(pool.decode, path) == "too_many_scans"
    assert time.perf_counter() - begin < 10


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF"])
def test_a_cut_file_is_corrupt_or_still_a_picture(pool, put, name):
    whole = images.encode(images.gradient((200, 150)).effect_spread(9), name)
    for sixteenth in range(1, 16):
        assert reason(pool.decode, put(images.cut(whole, sixteenth / 16))) in {
            "corrupt",
            "unsupported_type",
            None,
        }
    # Of half a JPEG people see what is there (test_decoding_flaws).
    half = None if name == "JPEG" else "corrupt"
    assert reason(pool.decode, put(images.cut(whole, 0.5))) == half
    assert reason(pool.decode, put(whole)) is None


def test_a_cut_png_passes_the_probe_and_fails_the_decode(pool, put):
    path = put(images.cut(images.encode(images.gradient((300, 200)).effect_spread(9), "PNG"), 0.6))
    assert pool.probe(path).width == 300
    assert reason(pool.decode, path) == reason(pool.preview, path) == "corrupt"


@pytest.mark.slow
def test_changed_bytes_never_cost_more_than_their_picture(pool, put):
    dice = random.Random(7)
    seeds = [
        images.encode(images.gradient(), name, **options)
        for name, options in [
            ("JPEG", {"exif": images.camera_exif()}),
            ("JPEG", {"progressive": True}),
            ("PNG", {}),
            ("GIF", {}),
            ("WEBP", {}),
            ("TIFF", {"compression": "tiff_lzw"}),
            ("BMP", {}),
        ]
    ]
    seeds += [images.raw((64, 48)), images.raw((64, 48), dng=True)]
    seeds += [images.planar_tiff([bytes(range(256)) * 12] * 3, (48, 32))]
    seeds += [images.with_nclx(images.heic(images.gradient()), 9, 16)]
    pids = None
    for number in range(500):
        data = bytearray(seeds[number % len(seeds)])
        for _ in range(dice.randint(1, 12)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        reason(pool.decode, put(bytes(data)))
        pids = pids or pool.children()
    assert reason(pool.decode, put(images.png())) is None


def test_a_gif_of_20000_frames_is_read_up_to_the_first(pool, put):
    begin = time.perf_counter()
    assert pool.decode(put(images.gif_flood(20_000))).pixels.shape == (1, 1, 3)
    assert time.perf_counter() - begin < 20


@pytest.mark.slow
def test_the_smallest_bomb_is_read_in_bounded_memory(pool, put):
    bomb = images.webp_bomb(4000)
    assert len(bomb) < 100
    assert pool.decode(put(bomb)).pixels.shape == (512, 512, 3)
    assert pool.probe(put(bomb)).width == 4000


@pytest.mark.slow
def test_too_little_memory_is_told_from_damage(put):
    small = DecoderPool(size=1, memory_bytes=128 << 20)
    try:
        # They would fit into the memory if the program itself took none of it.
        for name, side in (("WEBP", 2450), ("PNG", 3250)):
            picture = images.solid(size=(side, side))
            image = picture if name == "WEBP" else picture.quantize(4)
            data = images.encode(image, name, **_fast(name))
            assert reason(small.decode, put(data)) == "decode_oom"
            assert reason(small.decode, put(images.png())) is None
    finally:
        small.close()


def _fast(name):
    if name == "WEBP":
        return {"lossless": True, "method": 0}
    return {"compress_level": 1, "transparency": 0}


def test_honest_scans_are_not_refused(pool, put):
    twenty = images.scan_flood(14)
    assert 20 <= count_scans(twenty) <= MAX_SCANS
    assert reason(pool.decode, put(twenty)) is None


@pytest.mark.slow
@pytest.mark.parametrize("filling", [b"\xff\x01", b"\xff\xd8", b"\xff\xe0\0\2", b"\xff\xda\0\2"])
def test_floods_of_markers_are_given_up(pool, put, filling):
    begin = time.perf_counter()
    assert reason(pool.probe, put(b"\xff\xd8\xff\xe0\0\2" + filling * (4 << 20))) is not None
    assert time.perf_counter() - begin < 40


def test_scans_inside_metadata_do_not_count(pool, put):
    comment = b"\xff\xda" * 500
    data = images.encode(images.gradient(), comment=comment)
    assert count_scans(data) == 1
    assert reason(pool.decode, put(data)) is None


def test_counting_scans_of_a_large_file_is_quick():
    data = images.jpeg() + b"\xff\x00\xff\xd0\xff\xff\xff" * (2 << 20)
    begin = time.perf_counter()
    count_scans(data)
    assert time.perf_counter() - begin < 20
    assert count_scans(b"\xff\xd8" + b"\xff\xda\x00\x02" * 10_000) == MAX_SCANS + 1


def test_webp_sizes_are_read_from_all_three_kinds_of_header():
    plain = images.encode(images.solid(size=(70, 30)), "WEBP")
    assert webp_pixels(plain) == 2100
    assert webp_pixels(images.encode(images.solid(size=(70, 30)), "WEBP", lossless=True)) == 2100
    extended = images.encode(images.solid(size=(70, 30)), "WEBP", exif=images.camera_exif())
    assert extended[12:16] == b"VP8X"
    assert webp_pixels(extended) == 2100
    assert webp_pixels(plain[:16]) == 0 or sniff(plain[:16]) == "WEBP"


def test_no_other_program_is_ever_started(pool, put, tmp_path, monkeypatch):
    # Ghostscript is what Pillow runs for EPS: it must not be reached, whatever the name says.
    witness = tmp_path / "ran"
    shim = images.write(tmp_path, "gs", f"#!/bin/sh\ntouch {witness}\n".encode())
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    path = images.write(tmp_path, "x.eps", eps)
    assert reason(pool.decode, path) == "unsupported_type"
    assert not witness.exists()


def test_reasons_in_the_children_are_from_the_closed_list():
    folder = Path(sys.modules["gallery.decoding"].__file__).parent
    found = subprocess.run(
        ["grep", "-rhoE", "--include=*.py", r'(DecodeError|_refusal)\("[a-z_]+"', str(folder)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {line.split('"')[1] for line in found} <= set(Reason.values)
    assert len(found) > 8
