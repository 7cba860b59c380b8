"""What XMP, Takeout's JSON and AAE files say of their photo; and files made to do harm."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO

import pytest
from hypothesis import given, settings, strategies as st

from gallery.decoding import DecodeError
from gallery.sidecars import MAX_BYTES, Sidecar, from_json, takeout as takeout_files
from tests.companion_files import aae, alternatives, bag, takeout, xmp


@pytest.fixture
def read(pool, put):
    """Return a function that reads bytes as a sidecar of a kind."""
    return lambda kind, data: pool.sidecar(put(data), kind)


# --- XMP ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "wall", "offset"),
    [
        ("2019-06-07T08:09:10", "2019-06-07T08:09:10", None),
        ("2019-06-07T08:09:10.25+02:00", "2019-06-07T08:09:10.250000", 120),
        ("2019-06-07T08:09:10Z", "2019-06-07T08:09:10", 0),
        ("2019-06-07T08:09-0330", "2019-06-07T08:09:00", -210),
        ("2019:06:07 08:09:10", "2019-06-07T08:09:10", None),
        ("2019-06-07", "2019-06-07T00:00:00", None),
        ("2019-06", "2019-06-01T00:00:00", None),
        ("1911", "1911-01-01T00:00:00", None),
        ("99999-01-01T00:00:00", "", None),
        ("9999-01-01T00:00:00", "", None),
        ("0000-00-00T00:00:00", "", None),
        ("2019-02-30T00:00:00", "", None),
        ("yesterday", "", None),
    ],
)
@pytest.mark.parametrize("name", ["exif__DateTimeOriginal", "photoshop__DateCreated"])
def test_dates_of_the_shot(read, name, written, wall, offset):
    sidecar = read("xmp", xmp(**{name: written}))
    assert (sidecar.wall, sidecar.utc_offset) == (wall, offset)
    assert sidecar.is_shot == bool(wall)


def test_the_best_date_is_taken(read):
    dates = {"xmp__CreateDate": "2001-01-01T01:01:01", "photoshop__DateCreated": "2002-02-02T02:02"}
    assert read("xmp", xmp(**dates)).wall == "2002-02-02T02:02:00"
    dates |= {"exif__DateTimeOriginal": "2003-03-03T03:03:03"}
    sidecar = read("xmp", xmp(exifEX__OffsetTimeOriginal="+05:30", **dates))
    assert (sidecar.wall, sidecar.utc_offset) == ("2003-03-03T03:03:03", 330)
    assert not read("xmp", xmp(xmp__CreateDate="2001-01-01T01:01:01")).is_shot


@pytest.mark.parametrize(
    ("latitude", "longitude", "expected"),
    [
        ("51,30.5N", "0,7.5W", (51.508333, -0.125)),
        ("33,51,30S", "151,12,45E", (-33.858333, 151.2125)),
        ("38.7223N", "9.1393W", (38.7223, -9.1393)),
        ("38.7223", "-9.1393", (38.7223, -9.1393)),
        ("0,0N", "0,0E", (None, None)),
        ("91,0N", "0,7E", (None, None)),
        ("NaNN", "9,0W", (None, None)),
        ("51,30.5N", "", (None, None)),
    ],
)
def test_places(read, latitude, longitude, expected):
    sidecar = read("xmp", xmp(exif__GPSLatitude=latitude, exif__GPSLongitude=longitude))
    assert (sidecar.latitude, sidecar.longitude) == expected


def test_letters_of_a_place_may_stand_alone(read):
    place = {"exif__GPSLatitude": "33.9", "exif__GPSLongitude": "18.4"}
    letters = {"exif__GPSLatitudeRef": "S", "exif__GPSLongitudeRef": "E"}
    sidecar = read("xmp", xmp(**place, **letters))
    assert (sidecar.latitude, sidecar.longitude) == (-33.9, 18.4)


@pytest.mark.parametrize(
    ("height", "reference", "expected"),
    [("3550/100", "0", 35.5), ("12", "1", -12), ("1/0", "0", None), ("1e999", "0", None)],
)
def test_heights(read, height, reference, expected):
    sidecar = read("xmp", xmp(exif__GPSAltitude=height, exif__GPSAltitudeRef=reference))
    assert sidecar.altitude == expected


@pytest.mark.parametrize(
    ("attributes", "stars"),
    [
        ({"xmp__Rating": "3"}, 3),
        ({"xmp__Rating": "4.0"}, 4),
        ({"xmp__Rating": "-1"}, 0),
        ({"xmp__Rating": "99"}, 5),
        ({"xmp__Rating": "nan"}, 0),
        ({"MicrosoftPhoto__Rating": "99"}, 5),
        ({"MicrosoftPhoto__Rating": "50"}, 3),
        ({"MicrosoftPhoto__Rating": "1"}, 1),
        ({}, 0),
    ],
)
def test_stars(read, attributes, stars):
    assert read("xmp", xmp(**attributes)).rating == stars
    elements = "".join(
        f"<{name.replace('__', ':')}>{value}</{name.replace('__', ':')}>"
        for name, value in attributes.items()
    )
    assert read("xmp", xmp(elements)).rating == stars


@pytest.mark.parametrize(
    ("attributes", "favourite"),
    [
        ({"digiKam__PickLabel": "3"}, True),
        ({"digiKam__PickLabel": "1"}, False),
        ({"xmp__Label": "Favorite"}, True),
        ({"xmp__Label": "Red"}, False),
    ],
)
def test_favourites_are_those_that_are_certain(read, attributes, favourite):
    assert read("xmp", xmp(**attributes)).favourite is favourite


def test_captions_are_title_and_description(read):
    title, text = alternatives("dc:title", "Harbour"), alternatives("dc:description", "Fog, early")
    assert read("xmp", xmp(title + text)).caption == "Harbour\nFog, early"
    assert read("xmp", xmp(text)).caption == "Fog, early"
    assert read("xmp", xmp(title + alternatives("dc:description", "Harbour"))).caption == "Harbour"


def test_keywords_and_the_leaves_of_trees_are_tags(read):
    sidecar = read(
        "xmp",
        xmp(
            bag("dc:subject", "sea", "Sea", "a/b, c", "darktable|format|jpg")
            + bag("lr:hierarchicalSubject", "Places|Portugal|Lisbon", "darktable|style|soft")
            + bag("digiKam:TagsList", "People/Ann", kind="Seq")
        ),
    )
    assert sidecar.tags == ("sea", "a b c", "Lisbon", "Ann")


REGIONS = {
    "metadata working group": (
        "<mwg-rs:Regions rdf:parseType='Resource'><mwg-rs:RegionList><rdf:Bag><rdf:li>"
        "<rdf:Description mwg-rs:Name='Ann Lee' mwg-rs:Type='Face'><mwg-rs:Area stArea:x='0.5'/>"
        "</rdf:Description></rdf:li><rdf:li rdf:parseType='Resource'><mwg-rs:Name>Bob</mwg-rs:Name>"
        "</rdf:li></rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>"
    ),
    "microsoft": (
        "<MP:RegionInfo rdf:parseType='Resource'><MPRI:Regions><rdf:Bag>"
        "<rdf:li MPReg:PersonDisplayName='Ann Lee'/>"
        "<rdf:li><rdf:Description MPReg:PersonDisplayName='Bob'/></rdf:li>"
        "</rdf:Bag></MPRI:Regions></MP:RegionInfo>"
    ),
    "iptc": bag("Iptc4xmpExt:PersonInImage", "Ann Lee", "Bob"),
}


@pytest.mark.parametrize("elements", REGIONS.values(), ids=REGIONS)
def test_people_in_regions_are_tags(read, elements):
    assert read("xmp", xmp(elements)).tags == ("Ann Lee", "Bob")


def test_other_encodings_are_read(read):
    text = xmp(alternatives("dc:title", "Hafen Überlingen")).decode()
    assert read("xmp", text.encode("utf-16")).caption == "Hafen Überlingen"


_DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
HOSTILE_XMP = {
    "billion laughs": _DOCTYPE + xmp(alternatives("dc:title", "x")),
    "external entity": b'<!DOCTYPE x SYSTEM "file:///etc/passwd">' + xmp(),
    "deep": xmp("<dc:x>" * 5000 + "</dc:x>" * 5000),
    "cut": xmp(xmp__Rating="3")[:-30],
    "no XML": b"\x89PNG and so on",
    "other XML": b"<html><body>hello</body></html>",
    "unknown encoding": b'<?xml version="1.0" encoding="martian"?><x/>',
}


@pytest.mark.parametrize("data", HOSTILE_XMP.values(), ids=HOSTILE_XMP)
def test_hostile_xmp_is_refused(read, data):
    with pytest.raises(DecodeError) as caught:
        read("xmp", data)
    assert caught.value.reason == "bad_companion"


def test_endless_lists_and_texts_are_cut(read):
    people = bag("Iptc4xmpExt:PersonInImage", *(f"Person {n}" for n in range(10_000)))
    sidecar = read("xmp", xmp(people + alternatives("dc:description", "long " * 100_000)))
    assert len(sidecar.tags) == 100
    assert len(sidecar.caption) <= 2000


# --- Takeout --------------------------------------------------------------------------------------


def test_takeout_tells_an_instant_a_place_and_people(read):
    sidecar = read(
        "json",
        takeout(
            seconds=1_557_000_000,
            description="At the  lake\r\nwith Ann",
            favorited=True,
            people=[{"name": "Ann Lee"}, {"name": "Bob"}, {}, None],
            geoData={"latitude": 38.7223, "longitude": -9.1393, "altitude": 12.5},
        ),
    )
    assert sidecar == Sidecar(
        instant=datetime.fromtimestamp(1_557_000_000, UTC).isoformat(),
        latitude=38.7223,
        longitude=-9.1393,
        altitude=12.5,
        caption="At the  lake\nwith Ann",
        favourite=True,
        tags=("Ann Lee", "Bob"),
        title="IMG_1.jpg",
    )


def test_the_cameras_place_stands_in_for_the_one_that_was_set(read):
    exif = {"latitude": -33.9, "longitude": 18.4, "altitude": 0.0}
    sidecar = read("json", takeout(geoDataExif=exif))
    assert (sidecar.latitude, sidecar.longitude, sidecar.altitude) == (-33.9, 18.4, None)


@pytest.mark.parametrize(
    "seconds", ["0", "", "soon", "1e99", str(10**30), str(-(10**12)), "9" * 5000]
)
def test_impossible_times_are_none(read, seconds):
    assert read("json", takeout(seconds=seconds)).instant == ""


@pytest.mark.parametrize(
    "place",
    [{"latitude": float("nan"), "longitude": 1}, {"latitude": 1e999, "longitude": 1}, "here", 7,
     {"latitude": "1", "longitude": "2"}, {"latitude": 91, "longitude": 0}, {"latitude": 5}, None,
     {"latitude": 0, "longitude": 0}, {"latitude": True, "longitude": True}],
)  # fmt: skip
def test_impossible_places_are_none(read, place):
    assert read("json", takeout(geoData=place)).latitude is None


def test_times_before_1970_are_read(read):
    assert read("json", takeout(seconds=-86_400)).instant == "1969-12-31T00:00:00+00:00"


def test_texts_of_takeout_are_cut_and_cleaned(read):
    people = [{"name": f"\ud800 Person/{n}"} for n in range(10_000)]
    sidecar = read("json", takeout(people=people, description="\u0000x\ud83d" + "y" * 9_000))
    assert sidecar.tags[0] == "Person 0"
    assert len(sidecar.tags) == 100
    assert len(sidecar.caption) <= 2000
    assert sidecar.caption.startswith("xy")


HOSTILE_JSON = {
    "deep": b'{"geoData":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "other": b'{"name": "package", "version": "1.0"}',
    "album": json.dumps({"title": "Summer", "description": ""}).encode(),
    "list": b"[1, 2]",
    "cut": takeout()[:-9],
    "no JSON": b"hello",
    "huge number": b'{"photoTakenTime": ' + b"9" * 5000 + b"}",
    "no UTF-8": b'{"title": "\xff\xfe\xfa", "geoData": {}}',
}


@pytest.mark.parametrize("data", HOSTILE_JSON.values(), ids=HOSTILE_JSON)
def test_other_json_is_refused(read, data):
    with pytest.raises(DecodeError) as caught:
        read("json", data)
    assert caught.value.reason == "bad_companion"


# --- all ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("binary", [False, True])
def test_edits_are_known_by_their_property_list(read, binary):
    assert read("aae", aae(binary=binary)) == Sidecar()


@pytest.mark.parametrize("data", [b"", b"bplist00" + b"\xff" * 40, takeout(), xmp()][1:])
def test_other_files_are_no_edits(read, data):
    with pytest.raises(DecodeError) as caught:
        read("aae", data)
    assert caught.value.reason == "bad_companion"


@pytest.mark.parametrize("kind", ["xmp", "json", "aae"])
def test_files_without_end_are_refused_unread(pool, tmp_path, kind):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DecodeError) as caught:
        pool.sidecar(path, kind)
    assert caught.value.reason == "bad_companion"


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
_FIELDS = ("title", "description", "photoTakenTime", "geoDataExif", "people", "favorited")


@settings(max_examples=25)
@given(values=st.fixed_dictionaries({"geoData": _JSON}, optional=dict.fromkeys(_FIELDS, _JSON)))
def test_any_json_becomes_a_sidecar_that_survives_the_pipe(values):
    sidecar = takeout_files.read(BytesIO(json.dumps(values).encode()))
    assert from_json(json.loads(json.dumps(sidecar.to_json()))) == sidecar


@pytest.mark.parametrize(
    "change",
    [{"rating": 9}, {"rating": True}, {"latitude": 91.0, "longitude": 0.0}, {"latitude": 5.0},
     {"caption": "x" * 2001}, {"tags": [1]}, {"wall": "soon"}, {"utc_offset": 9000}, {"other": 1},
     {"altitude": float("inf")}, {"favourite": "yes"}],
)  # fmt: skip
def test_answers_of_a_child_are_checked(change):
    with pytest.raises((ValueError, TypeError)):
        from_json(Sidecar().to_json() | change)
