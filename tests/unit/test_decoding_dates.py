"""Dates in all the spellings and places in which cameras and programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings, strategies as st
from PIL import Image, PngImagePlugin

from gallery.decoding import dates, descriptions, iptc, positions, xmp
from tests import images

NOON = datetime(2017, 5, 31, 12, 0)


@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("2017:05:31 12:00:00", NOON),
        ("2017-05-31 12:00:00", NOON),
        ("2017/05/31 12:00:00", NOON),
        ("2017.05.31 12.00.00", NOON),
        ("2017:05:31T12:00:00", NOON),
        ("2017:05:31:12:00:00", NOON),
        ("2017:05:31 12:00", NOON),
        ("  2017:05:31 12:00:00 ", NOON),
        ("2017:05:31 12:00:00 by some program", NOON),
        ("2017-05-31 12:00:00 PM", NOON),
        ("2017年05月31日 12:00:00", NOON),
        ("20170531T120000", NOON),
        ("20170531", datetime(2017, 5, 31)),
        ("20170500", datetime(2017, 5, 1)),
        ("20170000", datetime(2017, 1, 1)),
        ("2017-05", datetime(2017, 5, 1)),
        ("1950", datetime(1950, 1, 1)),
        ("2017:05:31", datetime(2017, 5, 31)),
        ("2017:5:3 1:2:3", datetime(2017, 5, 3, 1, 2, 3)),
        ("2017: 5: 3  1: 2: 3", datetime(2017, 5, 3, 1, 2, 3)),
        ("2017-05-31 01:02:03 pm", datetime(2017, 5, 31, 13, 2, 3)),
        ("2017:05:31 24:00:00", datetime(2017, 6, 1)),
        ("2017:05:31 24:10:00", datetime(2017, 5, 31, 0, 10)),
        ("2016:12:31 23:59:60", datetime(2016, 12, 31, 23, 59, 59)),
        ("Thu, 02 Feb 2012 02:02:02 +0000", datetime(2012, 2, 2, 2, 2, 2)),
        ("Thu Feb  2 02:02:02 2012", datetime(2012, 2, 2, 2, 2, 2)),
        ("2000:01:01 00:00:00", datetime(2000, 1, 1)),
        ("1970-01-01", datetime(1970, 1, 1)),
        ("1970:01:01 00:00:01", datetime(1970, 1, 1, 0, 0, 1)),
    ],
)
def test_a_time_is_read_in_every_spelling(text, wall):
    written = dates.read(text)
    assert written is not None
    assert written.wall == wall


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "0000:00:00 00:00:00", "    :  :     :  :  ", "2017:13:01 00:00:00",
        "2017:02:30 10:00:00", "2017:05:31 25:00:00", "2017:05:31 12:60:00", "2106:02:07 06:28:15",
        "1970:01:01 00:00:00", "1904:01:01 00:00:00", "1800:01:01 00:00:00", "yesterday", "12:00",
        "5551234567",
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text):
    assert dates.read(text) is None


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("+09:00", 540), ("+0900", 540), ("+9:00", 540), ("+9", 540), ("-03:30", -210), ("Z", 0),
        ("UTC+2", 120), ("\u221205:00", -300), ("+00:00", 0), ("+14:00", 840),
        ("", None), ("   :  ", None), ("+15:00", None), ("-13:00", None), ("+09:75", None),
        ("09:00", None), ("+", None),
    ],
)  # fmt: skip
def test_an_offset_is_read_in_every_spelling(text, offset):
    assert dates.offset_of(text) == offset


@pytest.mark.parametrize(
    ("text", "subsec", "offset"),
    [
        ("2017-05-31T12:00:00+02:00", "", 120),
        ("2017-05-31T12:00:00.123Z", "123", 0),
        ("2017:05:31 12:00:00,5 -0330", "5", -210),
        ("20140404T040404+0100", "", 60),
        ("Thu, 02 Feb 2012 02:02:02 -0500", "", -300),
        ("Thu, 02 Feb 2012 02:02:02 -0000", "", None),
        ("Thu, 02 Feb 2012 02:02:02", "", None),
    ],
)
def test_zones_and_fractions_stand_in_a_time_too(text, subsec, offset):
    written = dates.read(text)
    assert written is not None
    assert (written.subsec, written.offset) == (subsec, offset)


@settings(max_examples=50)
@given(st.text("0123456789:-/.T Z+年amp,", max_size=40) | st.text(max_size=80))
def test_no_text_is_too_odd(text):
    written = dates.read(text)
    assert written is None or 1826 <= written.wall.year <= datetime.now(UTC).year + 1
    dates.offset_of(text)


@given(st.datetimes(datetime(1900, 1, 2), datetime(2025, 12, 31)), st.sampled_from("-:/."))
def test_every_time_comes_back(wall, dash):
    wall = wall.replace(microsecond=0)
    written = dates.read(wall.strftime(f"%Y{dash}%m{dash}%d %H:%M:%S"))
    assert written == dates.Written(wall) or wall == datetime(1970, 1, 1)


# --- EXIF -----------------------------------------------------------------------------------------

SHOT, SCAN, SAVED = 0x9003, 0x9004, 0x0132


def probed(pool, put, base=None, photo=None, gps=None):
    exif = pool.probe(put(images.jpeg(exif=images.exif(base, photo, gps)))).exif
    return {key: value for key, value in exif.items() if key != "orientation"}


@pytest.mark.parametrize("nothing", ["0000:00:00 00:00:00", "    :  :     :  :  ", "", "\0", "?"])
def test_the_next_time_stands_in_for_one_that_is_none(pool, put, nothing):
    scan = probed(pool, put, photo={SHOT: nothing, SCAN: "2018:08:08 08:08:08\0"})
    assert scan == {"taken_at": "2018-08-08T08:08:08", "taken_from": "digitized"}
    saved = probed(pool, put, {SAVED: "2018:08:08 08:08:08"}, {SHOT: nothing, SCAN: nothing})
    assert saved == {"taken_at": "2018-08-08T08:08:08", "taken_from": "modified"}
    assert probed(pool, put, {SAVED: nothing}, {SHOT: nothing}) == {}


@pytest.mark.parametrize(
    ("base", "photo", "offset"),
    [
        ({}, {SHOT: "2024:07:01 00:30:00", 0x9011: "+09:00", 0x9010: "+02:00"}, "+09:00"),
        ({}, {SHOT: "2024:07:01 00:30:00", 0x9010: "+02:00"}, "+02:00"),
        ({SAVED: "2024:07:01 00:30:01"}, {SHOT: "2024:07:01 00:30:00", 0x9010: "+2:00"}, "+02:00"),
        # It was saved later, perhaps in another country.
        ({SAVED: "2024:08:01 00:30:00"}, {SHOT: "2024:07:01 00:30:00", 0x9010: "+02:00"}, None),
        ({}, {SHOT: "", SCAN: "2024:07:01 00:30:00", 0x9012: "-0330"}, "-03:30"),
        ({SAVED: "2024:07:01 00:30:00"}, {0x9010: "Z"}, "+00:00"),
        ({}, {SHOT: "2024-07-01T00:30:00+05:45", 0x9011: "+01:00"}, "+05:45"),
        ({}, {SHOT: "2024:07:01 00:30:00", 0x9011: "   :  "}, None),
        ({}, {SHOT: "2024:07:01 00:30:00", 0x882A: -3}, "-03:00"),
    ],
)
def test_each_time_has_its_own_offset(pool, put, base, photo, offset):
    assert probed(pool, put, base, photo).get("offset") == offset


def test_each_time_has_its_own_fraction(pool, put):
    photo = {SHOT: "2024:07:01 00:30:00", 0x9291: "250", 0x9290: "7", 0x9292: "8"}
    assert probed(pool, put, photo=photo)["subsec"] == "250"
    photo = {SHOT: "", SCAN: "2024:07:01 00:30:00", 0x9291: "250", 0x9292: "8"}
    assert probed(pool, put, photo=photo)["subsec"] == "8"


def test_the_satellites_know_the_time(pool, put):
    gps = {29: "2016:06:06", 7: (10.0, 10.0, 10.5)}
    assert probed(pool, put, gps=gps) == {"gps_at": "2016-06-06T10:10:10"}
    assert probed(pool, put, gps=gps | {29: "2016-06-06\0"}) == {"gps_at": "2016-06-06T10:10:10"}


@pytest.mark.parametrize(
    "gps",
    [{29: "2016:06:06"}, {7: (1.0, 1.0, 1.0)}, {29: "0000:00:00", 7: (0.0, 0.0, 0.0)},
     {29: "2016:06:06", 7: (24.0, 0.0, 0.0)}, {29: "2016:06:06", 7: (1.0, 1.0)}],
)  # fmt: skip
def test_half_a_time_of_the_satellites_is_none(pool, put, gps):
    assert probed(pool, put, gps=gps) == {}


# --- places ---------------------------------------------------------------------------------------

SYDNEY = (33.0, 51.0, 36.0), (151.0, 11.0, 60.0)


@pytest.mark.parametrize(
    ("tags", "place"),
    [
        ({1: "S", 2: SYDNEY[0], 3: "E", 4: SYDNEY[1]}, (-33.86, 151.2)),
        ({1: b"s\0", 2: SYDNEY[0], 3: "e", 4: SYDNEY[1]}, (-33.86, 151.2)),
        ({1: "South", 2: SYDNEY[0], 3: "East", 4: SYDNEY[1]}, (-33.86, 151.2)),
        ({1: "S", 2: -33.86, 3: "E", 4: 151.2}, (-33.86, 151.2)),
        ({2: -33.86, 3: "E", 4: (151.2,)}, (-33.86, 151.2)),
        ({1: "N", 2: (48.0, 51.0), 3: "E", 4: (357.0, 39.0)}, (48.85, -2.35)),
        ({1: "N", 2: (48.0, 51.0, 0.0), 3: "W", 4: (358.0, 0.0, 0.0)}, (48.85, 2.0)),
        ({2: SYDNEY[0], 4: SYDNEY[1]}, None),
        ({1: "S", 2: SYDNEY[0], 4: SYDNEY[1]}, None),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (1.0, 0.0, 0.0), 3: "E", 4: (361.0, 0.0, 0.0)}, None),
        ({1: "N", 2: (float("nan"), 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, None),
        ({1: "N", 2: "north", 3: "E", 4: (1.0, 0.0, 0.0)}, None),
    ],
)
def test_a_place_is_read_only_if_there_is_no_doubt(tags, place):
    found = positions.of_tags(tags)
    assert (tuple(found.values()) or None) == place


@pytest.mark.parametrize(
    ("latitude", "longitude", "place"),
    [
        ("51,30.5N", "0,7.5W", (51.508333, -0.125)),
        ("51,30,30N", "0,7,30W", (51.508333, -0.125)),
        ("33,51.6S", "151,12E", (-33.86, 151.2)),
        ("-33.86", "151.2", (-33.86, 151.2)),
        ("51,30.5", "0,7.5", None),
        ("51,30.5N", "", None),
        ("north", "east", None),
    ],
)
def test_xmp_writes_places_in_its_own_way(latitude, longitude, place):
    found = positions.of_xmp({"exif:GPSLatitude": latitude, "exif:GPSLongitude": longitude})
    assert (tuple(found.values()) or None) == place


# --- XMP, IPTC and texts --------------------------------------------------------------------------

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
    iptc.created(data)


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
    import zlib

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


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none_turns_nothing(pool, put, orientation):
    exif = images.exif({0x0112: orientation})
    decoded = pool.decode(put(images.encode(images.gradient(), exif=exif)))
    assert decoded.pixels.shape == (48, 64, 3)
