"""What XMP, IPTC and the texts of PNGs say of a photo."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, strategies as st
from PIL import Image, PngImagePlugin

from gallery.decoding import descriptions, xmp
from tests import images

SHOT, SAVED = 0x9003, 0x0132

NAMESPACES = (
    'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
)


def packet(inner="", attributes="", namespaces=NAMESPACES):
    return (
        "<?xpacket begin='\ufeff' id='W5M0MpCehiHzreSzNTczkc9d'?>"
        f"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF {namespaces}>"
        f"<rdf:Description rdf:about='' {attributes}>{inner}</rdf:Description></rdf:RDF>"
        "</x:xmpmeta><?xpacket end='w'?>"
    ).encode()


def taken(name="xmp:CreateDate", value="2015-05-05T05:05:05+02:00"):
    return packet(f"<{name}>{value}</{name}>")


FROM_XMP = {"taken_at": "2015-05-05T05:05:05", "taken_from": "xmp", "offset": "+02:00"}


@pytest.mark.parametrize(
    "data",
    [
        taken(),
        taken("exif:DateTimeOriginal"),
        taken("photoshop:DateCreated"),
        packet(attributes="xmp:CreateDate='2015-05-05T05:05:05+02:00'"),
        packet(
            "<a:CreateDate>2015-05-05T05:05:05+02:00</a:CreateDate>",
            namespaces=NAMESPACES.replace(":xmp", ":a"),
        ),
        taken().decode().encode("utf-16"),
        taken() + b"\0" * 100,
        taken()[:-50],
        # What the picture was made of, and what was done to it, is not its own date.
        packet(
            "<xmp:CreateDate>2015-05-05T05:05:05+02:00</xmp:CreateDate><z:P xmlns:z='z'><rdf:Bag>"
            "<rdf:li><rdf:Description exif:DateTimeOriginal='1999-01-01T00:00:00'/></rdf:li>"
            "</rdf:Bag></z:P>"
        ),
    ],
)
def test_xmp_has_dates(pool, put, data):
    assert pool.probe(put(images.jpeg(xmp=data))).exif == FROM_XMP


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "HEIF"])
def test_xmp_is_read_from_every_format(pool, put, name):
    picture = images.gradient()
    if name == "HEIF":
        file = images.heic(picture, xmp=taken())
    elif name == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", taken().decode())
        file = images.encode(picture, name, pnginfo=info)
    elif name == "TIFF":
        file = images.encode(picture, name, tiffinfo={700: taken()})
    else:
        file = images.encode(picture, name, xmp=taken())
    assert pool.probe(put(file)).exif == FROM_XMP


BOMB = b"<!DOCTYPE x [<!ENTITY a '" + b"2015" * 99 + b"'><!ENTITY b '" + b"&a;" * 99 + b"'>]>"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<", b"not XML at all", taken()[:80], BOMB + taken(), BOMB + b"<x>&b;</x>",
        b"<!DOCTYPE x SYSTEM 'http://localhost/x'>" + taken(), taken(value="&#0;"),
        b"<a>" * 50_000, taken(value="soon"), taken(value=""), b" " * xmp.MAX_BYTES + taken(),
    ],
)  # fmt: skip
def test_hostile_xmp_says_nothing(data):
    assert descriptions.of_blocks(data).written is None


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd_for_descriptions(data):
    assert set(xmp.properties(data)) <= xmp._NAMES
    descriptions.iptc_date(data)


def iim(day=b"20140404", clock=b"040404+0100", sets=(55, 60)):
    first = b"\x1c\x02" + bytes([sets[0], 0, len(day)]) + day
    second = b"\x1c\x02" + bytes([sets[1], 0, len(clock)]) + clock if clock else b""
    return first + second


def blocks(data):
    """Return IPTC as Photoshop packs it."""
    return b"8BIM\x04\x04\0\0" + len(data).to_bytes(4, "big") + data + b"\0" * (len(data) % 2)


def jpeg_with_iptc(data):
    body = b"Photoshop 3.0\0" + blocks(data)
    picture = images.jpeg()
    return picture[:2] + b"\xff\xed" + (len(body) + 2).to_bytes(2, "big") + body + picture[2:]


@pytest.mark.parametrize(
    ("data", "taken_at", "offset"),
    [
        (iim(), "2014-04-04T04:04:04", "+01:00"),
        (iim(clock=b"040404"), "2014-04-04T04:04:04", None),
        (iim(clock=b""), "2014-04-04T00:00:00", None),
        (iim(sets=(62, 63)), "2014-04-04T04:04:04", "+01:00"),
        (iim(day=b"00000000"), None, None),
        (iim(day=b"20149999"), None, None),
    ],
)
def test_iptc_has_dates(pool, put, data, taken_at, offset):
    exif = pool.probe(put(jpeg_with_iptc(data))).exif
    assert (exif.get("taken_at"), exif.get("offset")) == (taken_at, offset)
    assert exif.get("taken_from") == ("iptc" if taken_at else None)


@pytest.mark.parametrize("kind", ["block", "own tag"])
def test_iptc_is_read_from_a_tiff(pool, put, kind):
    tags = Image.Exif()
    data = iim() + b"\0\0"
    if kind == "block":
        tags[34377] = blocks(data)
    else:
        tags[33723] = data
    exif = pool.probe(put(images.encode(images.gradient(), "TIFF", tiffinfo=tags))).exif
    assert (exif.get("taken_at"), exif.get("taken_from")) == ("2014-04-04T04:04:04", "iptc")


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("name", "text", "taken_at"),
    [
        ("Creation Time", "Thu, 02 Feb 2012 02:02:02 +0100", "2012-02-02T02:02:02"),
        ("Creation Time", "2012:02:02 02:02:02", "2012-02-02T02:02:02"),
        ("exif:DateTimeOriginal", "2012:02:02 02:02:02", "2012-02-02T02:02:02"),
        ("date:create", "2012-02-02T02:02:02+00:00", None),
        ("Creation Time", "long ago", None),
    ],
)
def test_the_texts_of_a_png_have_dates(pool, put, name, text, taken_at, late):
    if late:
        chunk = name.encode() + b"\0" + text.encode()
        data = images.with_last_png_chunk(images.png(), b"tEXt", chunk)
    else:
        info = PngImagePlugin.PngInfo()
        info.add_text(name, text)
        data = images.encode(images.solid(), "PNG", pnginfo=info)
    exif = pool.probe(put(data)).exif
    assert (exif.get("taken_at"), exif.get("taken_from")) == (taken_at, taken_at and "png")


@pytest.mark.parametrize("packed", [False, True])
def test_xmp_behind_the_pixels_of_a_png_counts(pool, put, packed):
    text = zlib.compress(taken()) if packed else taken()
    chunk = b"XML:com.adobe.xmp\0" + bytes([packed, 0]) + b"\0\0" + text
    data = images.with_last_png_chunk(images.png(), b"iTXt", chunk)
    assert pool.probe(put(data)).exif == FROM_XMP


@pytest.mark.parametrize(("kind", "data"), [("iptc", blocks(iim())), ("xmp", taken())])
def test_imagemagick_puts_descriptions_into_texts(pool, put, kind, data):
    info = PngImagePlugin.PngInfo()
    info.add_text(f"Raw profile type {kind}", f"\n{kind}\n{len(data):8}\n{data.hex()}\n", zip=True)
    exif = pool.probe(put(images.encode(images.solid(), "PNG", pnginfo=info))).exif
    assert exif["taken_from"] == kind


def test_what_the_camera_wrote_counts_more_than_a_description(pool, put):
    exif = images.exif(photo={SHOT: "2017:05:31 12:00:00"})
    found = pool.probe(put(images.jpeg(exif=exif, xmp=taken()))).exif
    assert found == {"taken_at": "2017-05-31T12:00:00", "taken_from": "exif"}
    # But a description counts more than the time at which a program saved the file.
    saved = images.exif({SAVED: "2019:05:31 12:00:00"}, {0x9010: "+09:00", 0x9290: "12"})
    assert pool.probe(put(images.jpeg(exif=saved, xmp=taken()))).exif == FROM_XMP


def test_places_and_stars_of_xmp_stand_in_for_those_of_exif(pool, put):
    data = packet(
        "<exif:GPSLatitude>33,51.6S</exif:GPSLatitude><exif:GPSLongitude>151,12E"
        "</exif:GPSLongitude><exif:GPSAltitude>71/2</exif:GPSAltitude>"
        "<exif:GPSTimeStamp>2016-06-06T10:10:10Z</exif:GPSTimeStamp><xmp:Rating>4</xmp:Rating>"
    )
    assert pool.probe(put(images.jpeg(xmp=data))).exif == {
        "latitude": -33.86,
        "longitude": 151.2,
        "altitude": 35.5,
        "gps_at": "2016-06-06T10:10:10",
        "rating": 4,
    }
