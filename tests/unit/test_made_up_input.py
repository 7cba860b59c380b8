"""Everything that reads what strangers send, given what nobody would: only documented errors.

Each reader gets a second, or for `make fuzz-parsers` its share of `FUZZ_MINUTES`.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import os
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings as django_settings
from django.test import Client
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from waitress.adjustments import Adjustments

from gallery import dated_names, names, paging
from gallery.backup import manifest as manifests, marker, parts
from gallery.backup.refused import Damaged, Refused
from gallery.companion_names import claims
from gallery.corrections import BadDate, read_clock, read_local, read_zone
from gallery.decoding import dates, descriptions, isobmff, sniffing
from gallery.sidecars import BadSidecar, aae as aae_files, from_json, takeout as takeouts, xmp
from gallery.user_errors import UserError
from gallery.web_server.parsing import Parser
from search import language
from search.engine.cursor import read_cursor as read_search_cursor
from search.filters.selection import apply_filters
from search.language import QueryError
from search.understanding.evaluation import truth as truths
from search.understanding.labels import pasting
from search.understanding.models import Label, LabelSet
from search.vectors.embedders import weights
from search.vectors.embedders.base import ModelUnavailable
from tests.companion_files import aae, takeout, video, xmp as xmp_file
from tests.web.test_api_photos import picture

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

AT_ONCE = 100
"""Examples between two looks at the clock."""
DEEP = (b"[" * 9_000, b'{"a":' * 5_000, b"<a>" * 9_000)


# --- what is made up ------------------------------------------------------------------------------


def changed(*originals: bytes) -> st.SearchStrategy[bytes]:
    """Return files of which parts are missing, there twice, or something else; and mere bytes."""

    @st.composite
    def one(draw: Any) -> bytes:
        data = bytearray(draw(st.sampled_from(originals)))
        for _ in range(draw(st.integers(0, 4))):
            start = draw(st.integers(0, len(data)))
            end = min(len(data), start + draw(st.integers(0, 40)))
            kept = bytes(data[start:end])
            other = st.binary(max_size=8) | st.just(b"") | st.just(kept + kept)
            data[start:end] = draw(
                other | st.sampled_from((b"\0", b"\xff" * 4, b"\x7f\xff\xff\xff"))
            )
        return bytes(data)

    return one() | st.binary(max_size=200) | st.sampled_from(DEEP)


def text_of(*pieces: str) -> st.SearchStrategy[str]:
    """Return texts of such pieces, with others between them."""
    odd = st.sampled_from(
        ("\0", "\ud800", "\u202e", "٣", "９", "\x85", "ß", "İ", "9" * 400, "-", ".")
    )
    return st.lists(st.sampled_from(pieces) | odd | st.text(max_size=5), max_size=12).map("".join)


QUERIES = text_of(
    "red", " ", ", ", '"', "-", "+", "2*", ":", "(", ")", "photo:", "picture:", "@0.1,0.2,0.5,0.5",
    "date:", "after:", "2020", "2020-02-31", "..", "last", "summer", "near:", "38.72,-9.14,5km",
    "size:", ">10MB", "rating:", ">=4", "aspect:", "16:9", "is:", "favourite", "has:", "gps",
    "tag:", "label:", "album:", "colour:", "type:", "name:", "in:", "album",
    "not ", "without ", "from ", "00000000-0000-0000-0000-000000000001", "1e999", "nan",
    "0.0000001:", "7:",
)  # fmt: skip
DATES = text_of(
    "2024", "-", ":", "05", "31", "T", " ", "24", "00", "+", "14:00", "Z", "W01", "0000", "99999",
    "IMG_", "PXL_", "WhatsApp Image ", "Screenshot_", "at", "PM", "Europe/Lisbon", "..", "/",
    "20240531", "183015", "Mon", "May", "?", "e5",
)  # fmt: skip
CURSORS = text_of(
    "_", ".", "-", "0" * 32, "0" * 16, "1", "9" * 16, "9" * 19, "nan", "inf", "1e5", "+"
)
LISTS = text_of(
    "dog", "cat", "\n", "\t", "  ", " > ", ": ", "; ", "{}", ",", "animal", "\r", "\x1c"
)
TABLES = changed(
    b"file,label\na.jpg,dog\n", b'"a.jpg";dog\n', b"\xff\xfea\0,\0b\0", b"sha256\tlabel\n"
)
GET = b"GET /api/v1/photos?limit=1 HTTP/1.1\r\nHost: x\r\nCookie: a=b\r\n\r\n"
POST = (
    b"POST /api/v1/photos HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
    b"Expect: 100-continue\r\n\r\nhello"
)
CHUNKS = (
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n"
)
FORM = (
    b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n'
    b"Content-Type: image/png\r\n\r\n" + picture() + b"\r\n--x\r\n"
    b'Content-Disposition: form-data; name="beside"\r\n\r\n{}\r\n--x--\r\n'
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)


# --- what reads it --------------------------------------------------------------------------------


@dataclass
class Kept:
    """A target of backups that has one file, whatever it is called."""

    content: bytes
    name: str = "here"

    def open(self, path: str) -> io.BytesIO:
        return io.BytesIO(self.content)


def read_manifest(content: Any) -> None:
    sealed = {**content, "checksum": manifests._checksum(content)}
    manifests.read(Kept(json.dumps(sealed).encode()), "g")


def feed(data: bytes) -> None:
    """Give a request to the parser of the web server, in pieces as they might arrive."""
    spool = SimpleNamespace(has_room_for=lambda _: True, to_come=lambda: 0)
    adjustments = Adjustments()
    adjustments.spool = spool
    parser = Parser(adjustments)
    pieces = random.Random(len(data))
    while data and not parser.completed:
        used = parser.received(data[: pieces.choice((1, 7, 64, 10_000))])
        assert used > 0 or parser.completed
        data = data[used:]


@dataclass
class Reader:
    """What is made up for a reader, how it is read, and the errors that it documents."""

    made: st.SearchStrategy[Any]
    read: Callable[[Any], object]
    errors: tuple[type[Exception], ...] = ()


def filtered(text: str) -> None:
    """Ask the database for the photos that the filters of a query leave."""
    owner = LabelSet.objects.get().owner
    apply_filters(owner, language.parse(text).filters).photos.exists()


def written_again(text: str) -> None:
    query = language.parse(text)
    assert language.to_text(language.parse(language.to_text(query))) == language.to_text(query)


def dates_in(text: str) -> None:
    for read in (dates.read, dates.offset_of, dated_names.time_in, dated_names.number_in):
        read(text)
    for strict in (read_local, read_clock, read_zone):
        with suppress(BadDate):
            strict(text)


def cursors_in(text: str) -> None:
    for key in (UUID, int):
        with suppress(paging.BadCursor):
            moment, _key = paging.read_cursor(text, key)
            assert moment > datetime(1, 1, 1, tzinfo=UTC)
    read_search_cursor(text)


def truth_in(data: bytes) -> None:
    label_set = LabelSet.objects.get()
    truths.of_file(label_set.owner, label_set, data)


def boxes_in(data: bytes) -> None:
    sniffing.sniff(data)
    list(isobmff.boxes_of(data))
    for read in (isobmff.outer_boxes, isobmff.colour_codes, isobmff.heif_video_range):
        read(io.BytesIO(data))
    isobmff.cr3_tags(io.BytesIO(data))


def send(path: str, kind: str) -> Callable[[bytes], None]:
    """Return what sends bodies; an answer that is a 500 raises in the test client."""

    def post(data: bytes) -> None:
        client = Client()
        client.force_login(LabelSet.objects.get().owner)
        assert client.generic("POST", path, data, content_type=kind).status_code < 500

    return post


def written(data: bytes, name: str = "model.safetensors") -> Path:
    path = Path(django_settings.UPLOAD_TMP_DIR) / name
    path.write_bytes(data)
    return path


HEADER = b'{"a": {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}}'
WEIGHTS = len(HEADER).to_bytes(8, "little") + HEADER + b"\0" * 4
XMP = xmp_file(exif__DateTimeOriginal="2019-06-07T08:09:10.25+02:00", xmp__Rating="4")
READERS = {
    "queries": Reader(QUERIES, written_again, (QueryError,)),
    "filters": Reader(QUERIES, filtered, (QueryError,)),
    "dates": Reader(DATES, dates_in),
    "cursors": Reader(CURSORS, cursors_in, (QueryError,)),
    "lists of labels": Reader(LISTS, pasting.read, (UserError,)),
    "tables of labels": Reader(TABLES, truth_in, (UserError,)),
    "names": Reader(
        DATES | LISTS,
        lambda text: names.clean_tag(text) and names.clean_file_name(text),
        (names.BadName,),
    ),
    "names of companions": Reader(DATES, lambda text: list(claims(text))),
    "XMP": Reader(changed(XMP), lambda data: xmp.read(io.BytesIO(data)), (BadSidecar,)),
    "XMP in pictures": Reader(changed(XMP), descriptions.of_blocks),
    "IPTC": Reader(
        changed(b"\x1c\x02\x37\0\x0820140404\x1c\x02\x3c\0\x0b040404+0000"), descriptions.iptc_date
    ),
    "Takeout": Reader(
        changed(takeout()), lambda data: takeouts.read(io.BytesIO(data)), (BadSidecar,)
    ),
    "AAE": Reader(
        changed(aae(), aae(binary=True)),
        lambda data: aae_files.read(io.BytesIO(data)),
        (BadSidecar,),
    ),
    "answers of children": Reader(VALUES, from_json, (ValueError,)),
    "boxes of HEIC and MP4": Reader(changed(video()), boxes_in),
    "manifests": Reader(
        st.dictionaries(st.sampled_from(("parts", "taken_at", "photos", "files", "x")), VALUES),
        read_manifest,
        (Damaged,),
    ),
    "damaged manifests": Reader(
        changed(b'{"parts": {}}'), lambda data: manifests.read(Kept(data), "g"), (Damaged,)
    ),
    "markers of backups": Reader(
        changed(b'{"format": 1, "gallery": "a"}'),
        lambda data: marker.gallery_of(Kept(data)),
        (Refused,),
    ),
    "headers of weights": Reader(
        changed(WEIGHTS), lambda data: weights.shapes(written(data)), (ModelUnavailable,)
    ),
    "settings of weights": Reader(
        changed(b'{"preprocess_cfg": {"mean": [0.5]}}'),
        lambda data: weights.preprocessing({}, written(data, "open_clip_config.json").parent),
    ),
    "rows of backups": Reader(
        changed(b"[1, null]\n[]\n").map(gzip.compress) | changed(gzip.compress(b"[1]\n")),
        lambda data: list(parts.read(Kept(data), "p")),
        (Damaged,),
    ),
    "requests": Reader(changed(GET, POST, CHUNKS), feed),
    "bodies": Reader(
        changed(b'{"name": "Rome"}', b'{"name": "\\ud800"}'),
        send("/api/v1/albums", "application/json"),
    ),
    "forms": Reader(changed(FORM), send("/api/v1/photos", "multipart/form-data; boundary=x")),
}


@pytest.fixture
def library(ada):
    """A label set, whose owner is asked for."""
    made = LabelSet.objects.create(owner=ada, name="Pets", kind="any_of")
    Label.objects.create(set=made, name="dog", position=0)


@pytest.mark.parametrize("name", READERS)
def test_nothing_but_documented_errors_comes_out(library, name):
    reader = READERS[name]
    minutes = float(os.environ.get("FUZZ_MINUTES", "0"))
    end = time.monotonic() + max(1, 60 * minutes / len(READERS))
    # Everybody tries the same first; by hand, each run goes on elsewhere.
    for number in itertools.count(int(time.time()) if minutes else 0):
        try_some(reader, number)
        if time.monotonic() > end:
            return


def try_some(reader: Reader, number: int) -> None:
    """Try examples that follow from a number, so that a failure can be had again."""

    @seed(number)
    @settings(
        max_examples=AT_ONCE,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(reader.made)
    def check(made: Any) -> None:
        with suppress(*reader.errors):
            reader.read(made)

    check()
