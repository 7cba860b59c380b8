"""Pictures for all tests, made here: sound ones, odd ones and ones made to do harm."""

from __future__ import annotations

import io
import json
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

ORIENTATIONS = range(1, 9)
_TURNED_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def solid(colour: str = "red", size: tuple[int, int] = (64, 48), mode: str = "RGB") -> Image.Image:
    """Return a picture of one colour."""
    return Image.new("RGB", size, colour).convert(mode)


def gradient(size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Return a picture that is different in all its corners: red grows to the right, green down."""
    across = Image.linear_gradient("L").transpose(Image.Transpose.ROTATE_90)
    down = Image.linear_gradient("L")
    blue = Image.new("L", down.size, 40)
    return Image.merge("RGB", (across, down, blue)).resize(size)


def encode(image: Image.Image, format_name: str = "JPEG", **options: Any) -> bytes:
    """Return a picture as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def jpeg(colour: str = "red", size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """Return a JPEG of one colour."""
    return encode(solid(colour, size), "JPEG", **options)


def png(colour: str = "red", size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a PNG of one colour."""
    return encode(solid(colour, size), "PNG")


def heic(image: Image.Image, **options: Any) -> bytes:
    """Return a picture as phones of one maker store it."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    return encode(image, "HEIF", **{"quality": 80, **options})


def write(folder: Path, name: str, data: bytes) -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(data)
    return path


# Metadata ---------------------------------------------------------------------------------------


def exif(
    base: Mapping[int, Any] | None = None,
    photo: Mapping[int, Any] | None = None,
    gps: Mapping[int, Any] | None = None,
) -> bytes:
    """Return an EXIF block with these tags."""
    block = Image.Exif()
    block.update(base or {})
    block.get_ifd(0x8769).update(photo or {})
    block.get_ifd(0x8825).update(gps or {})
    return block.tobytes()


def camera_exif() -> bytes:
    """Return what a camera with a GPS receiver writes, and a few tags that nobody should keep."""
    return exif(
        {0x010F: "Canon", 0x0110: "EOS R5", 0x0132: "2024:06:02 09:00:00", 0x013B: "An Artist"},
        {
            0x9003: "2024:05:31 18:30:15",
            0x9011: "+02:00",
            0x829A: 0.004,
            0x829D: 2.8,
            0x8827: 400,
            0x920A: 35.0,
            0xA405: 56,
            0xA434: "RF35mm F1.8",
            0xA431: "SERIAL-123",
        },
        {1: "N", 2: (48.0, 51.0, 29.9), 3: "W", 4: (2.0, 17.0, 40.2), 5: b"\x00", 6: 35.5},
    )


def exif_with_text_as_orientation() -> bytes:
    """Return an EXIF block whose orientation is not a number."""
    entry = struct.pack("<HHI4s", 0x0112, 2, 4, b"abc")
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4)


def turned(orientation: int, size: tuple[int, int] = (64, 48)) -> bytes:
    """Return a JPEG that looks like `gradient(size)` once its EXIF orientation is applied."""
    image = gradient(size)
    if orientation in _TURNED_BACK:
        image = image.transpose(_TURNED_BACK[orientation])
    return encode(image, exif=exif({0x0112: orientation}), quality=95, subsampling=0)


def with_everything_inside(image: Image.Image) -> bytes:
    """Return a JPEG with EXIF, a position, XMP, a colour profile and a script in its comment."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return encode(
        image,
        exif=camera_exif(),
        xmp=b"<x:xmpmeta>http://ns.adobe.com/xap/1.0/ alert(1)</x:xmpmeta>",
        icc_profile=profile,
        comment=b"<script>alert(1)</script>",
    )


# Odd ones ---------------------------------------------------------------------------------------


def animated(format_name: str, frames: int = 5) -> bytes:
    """Return an animation whose first frame is red, the others blue."""
    first, *rest = [solid("red")] + [solid("blue", (64, 48 - i)) for i in range(frames - 1)]
    canvas = [Image.new("RGB", first.size, "blue") for _ in rest]
    for image, small in zip(canvas, rest, strict=True):
        image.paste(small)
        image.putpixel((small.height % 64, 0), (0, 0, 200))
    return encode(first, format_name, save_all=True, append_images=canvas, duration=50)


def mpo() -> bytes:
    """Return two JPEGs in one file, as many phones write them."""
    return encode(gradient(), "MPO", save_all=True, append_images=[solid("blue")])


def sixteen_bit_png() -> bytes:
    """Return a grey PNG of 16 bits, dark on the left, bright on the right."""
    row = struct.pack("<64H", *(x * 1040 for x in range(64)))
    return encode(Image.frombytes("I;16", (64, 48), row * 48), "PNG")


def cut(data: bytes, part: float = 0.5) -> bytes:
    """Return the first part of a file, as an upload that broke off leaves it."""
    return data[: int(len(data) * part)]


# Colours and depths -------------------------------------------------------------------------------


def with_png_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    """Return a PNG with one more chunk behind its header."""
    return data[:33] + _chunk(kind, content) + data[33:]


def with_last_png_chunk(data: bytes, kind: bytes, content: bytes) -> bytes:
    """Return a PNG with one more chunk before its end."""
    return data[:-12] + _chunk(kind, content) + data[-12:]


def with_nclx(data: bytes, primaries: int, transfer: int) -> bytes:
    """Return a HEIC or AVIF whose boxes say these colours (ITU-T H.273) of the same pixels."""
    place = data.index(b"nclx") + 4
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


Tags = Mapping[int, tuple[int, ...] | str | bytes]


def tiff(*directories: Tags, data: bytes = b"", order: str = "<") -> bytes:
    """Return a TIFF of directories, each the sub-directory of the one before it.

    Texts become ASCII, bytes BYTEs, numbers LONGs. Offsets count from the first byte of `data`,
    which follows the header: 0 stands for it, in the tags 273 (strips) and 324 (tiles).
    """
    file = bytearray(
        (b"II*\0" if order == "<" else b"MM\0*") + bytes(4) + data + bytes(len(data) % 2)
    )
    below = 0
    for tags in reversed(directories):
        entries = dict(tags) | ({330: (below,)} if below else {})
        table = b""
        for tag, value in sorted(entries.items()):
            if isinstance(value, bytes):
                kind, count, packed = 1, len(value), value
            elif isinstance(value, str):
                kind, count, packed = 2, len(value) + 1, value.encode() + b"\0"
            else:
                shift = 8 if tag in (273, 324) else 0
                kind, count = 4, len(value)
                packed = struct.pack(f"{order}{count}I", *(number + shift for number in value))
            if len(packed) > 4:
                place, packed = len(file), packed + bytes(len(packed) % 2)
                file += packed
                packed = struct.pack(order + "I", place)
            table += struct.pack(order + "HHI4s", tag, kind, count, packed)
        below = len(file)
        file += struct.pack(order + "H", len(entries)) + table + bytes(4)
    struct.pack_into(order + "I", file, 4, below)
    return bytes(file)


def planar_tiff(
    bands: list[bytes],
    size: tuple[int, int],
    *,
    order: str = "<",
    packed: bool = False,
    **more: int,
) -> bytes:
    """Return a TIFF that stores 16-bit bands (bytes in `order`) one after another, in strips.

    `packed` compresses them; `more` are further tags, such as `t338=2` for an alpha band.
    """
    width, height = size
    rows = max(1, height // 3)
    strips = [
        band[start : start + rows * width * 2]
        for band in bands
        for start in range(0, len(band), rows * width * 2)
    ]
    if packed:
        strips = [zlib.compress(strip) for strip in strips]
    places = [sum(map(len, strips[:number])) for number in range(len(strips))]
    tags: dict[int, tuple[int, ...]] = {
        256: (width,),
        257: (height,),
        258: (16,) * len(bands),
        259: (8 if packed else 1,),
        262: (2,),
        273: tuple(places),
        277: (len(bands),),
        278: (rows,),
        279: tuple(map(len, strips)),
        284: (2,),
    }
    tags |= {int(name[1:]): (value,) for name, value in more.items()}
    return tiff(tags, data=b"".join(strips), order=order)


# Of cameras and phones ---------------------------------------------------------------------------


def raw(
    size: tuple[int, int] = (400, 300),
    *,
    make: str = "NIKON CORPORATION",
    preview: bytes = b"",
    dng: bool = False,
    orientation: int = 1,
    taken: str = "",
) -> bytes:
    """Return what a camera's sensor saw of a picture that is red on the left, green on the right.

    It is a TIFF of two directories. The first one holds a tiny picture, or the JPEG `preview`; the
    second one the sensor's values: 16 bits, colours in squares of red, green, green and blue.
    """
    width, height = size
    rows = []
    for y in range(height):
        left, right = (
            ((40_000, 4_000), (4_000, 40_000)) if y % 2 == 0 else ((4_000, 4_000), (40_000, 4_000))
        )
        half = width // 4
        rows.append(
            struct.pack("<2H", *left) * half + struct.pack("<2H", *right) * (width // 2 - half)
        )
    sensor = b"".join(rows)
    tiny = preview or bytes([90, 90, 90]) * (160 * 120)
    first: dict[int, tuple[int, ...] | str | bytes] = {
        254: (1,),
        256: (160,),
        257: (120,),
        258: (8, 8, 8),
        259: (1,),
        262: (2,),
        271: make,
        272: "D750" if make.startswith("NIKON") else "Camera",
        273: (0,),
        274: (orientation,),
        277: (3,),
        278: (120,),
        279: (len(tiny),),
    }
    if preview:
        with Image.open(io.BytesIO(preview)) as image:
            first |= {256: (image.width,), 257: (image.height,), 278: (image.height,)}
        first |= {259: (7,), 262: (6,)}
    if taken:
        first |= {306: taken}
    if dng:
        first |= {50706: b"\1\4\0\0", 50708: f"{make} Camera"}
    tiny += bytes(len(tiny) % 2)
    second: dict[int, tuple[int, ...] | str | bytes] = {
        254: (0,),
        256: (width,),
        257: (height,),
        258: (16,),
        259: (1,),
        262: (32803,),
        273: (len(tiny),),
        277: (1,),
        278: (height,),
        279: (len(sensor),),
        33421: (2, 2),
        33422: b"\0\1\1\2",
    }
    return tiff(first, second, data=tiny + sensor)


def mp4(size: int = 400) -> bytes:
    """Return the boxes of a short video, without pictures."""
    kind = struct.pack(">I4s4sI8s", 24, b"ftyp", b"mp42", 0, b"mp42isom")
    moov = struct.pack(">I4sI4s", 16, b"moov", 8, b"mvhd")
    return kind + moov + struct.pack(">I4s", 8 + size, b"mdat") + bytes(size)


# Made to do harm --------------------------------------------------------------------------------


def webp_bomb(side: int = 7000) -> bytes:
    """Return a lossless WebP of some dozens of bytes that decodes into side x side pixels."""
    return encode(Image.new("RGB", (side, side)), "WEBP", lossless=True, method=0)


def png_header(width: int, height: int) -> bytes:
    """Return a PNG whose header promises so many pixels, with next to no data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return _png(_chunk(b"IHDR", header), _chunk(b"IDAT", data))


def png_text_bomb(megabytes: int = 50) -> bytes:
    """Return a tiny PNG with a compressed comment of so many megabytes."""
    text = b"Comment\0\0" + zlib.compress(b"A" * (megabytes << 20), 9)
    header = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(8 * 25))
    return _png(_chunk(b"IHDR", header), _chunk(b"zTXt", text), _chunk(b"IDAT", data))


def gif_flood(frames: int = 20_000, side: int = 1) -> bytes:
    """Return a GIF of that many frames of one pixel on a canvas of side x side."""
    header = b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    control = b"\x21\xf9\x04\x00\x00\x00\x00\x00"
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00"
    return header + control + frame * frames + b"\x3b"


def scan_flood(scans: int = 200, side: int = 256) -> bytes:
    """Return a progressive JPEG whose last scan comes that many times more."""
    data = encode(gradient((side, side)), progressive=True, quality=50)
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * scans + data[-2:]


def tiff_loop() -> bytes:
    """Return a TIFF whose directory of 16 x 16 pixels points to itself."""
    entries = struct.pack("<HHII", 256, 4, 1, 16) + struct.pack("<HHII", 257, 4, 1, 16)
    entries += struct.pack("<HHII", 259, 3, 1, 1)
    return b"II*\0" + struct.pack("<IH", 8, 3) + entries + struct.pack("<I", 8)


def faulty(job: str, fault: str, colour: str = "red") -> bytes:
    """Return a sound JPEG that makes a job go wrong in a pool made with `faults=True`.

    `job`: probe, decode, pixels, preview or any. `fault`: segfault, abort, hang, spin, spin-on,
    spin-later, memory, killed, silent-exit, garbage, half-answer, lie, noise (see
    `gallery.decoding.faults`).
    """
    return jpeg(colour) + f"SCRY-FAULT:{job}:{fault}".encode()


def escaping(name: str, *args: Any) -> bytes:
    """Return a JPEG that makes a child try to escape (see `gallery.decoding.escapes`)."""
    attempt = json.dumps({"name": name, "args": args})
    return jpeg() + f"SCRY-ESCAPE:{attempt}".encode()


def _png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
