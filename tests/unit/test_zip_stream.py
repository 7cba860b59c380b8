"""Archives that are made while they are sent."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

from hypothesis import given, strategies as st

from gallery.sharing.zip_stream import Entry, Missing, stream

DAY = datetime(2024, 5, 31, 12, 30, 4)


def read(data: bytes) -> zipfile.ZipFile:
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert archive.testzip() is None
    return archive


@given(
    st.lists(
        st.tuples(st.text(min_size=1, max_size=20), st.lists(st.binary(max_size=50), max_size=4)),
        max_size=6,
    )
)
def test_whatever_is_put_in_comes_out(files):
    def entry(name, pieces):
        return lambda: Entry(name, DAY, pieces, sum(map(len, pieces)))

    printable = [
        (name.encode("utf-8", "replace").decode().replace("\0", ""), parts) for name, parts in files
    ]
    archive = read(b"".join(stream(entry(name, parts) for name, parts in printable)))
    assert len(archive.namelist()) == len({n.casefold() for n in archive.namelist()}) == len(files)
    for name, (_given, pieces) in zip(archive.namelist(), files, strict=True):
        assert archive.read(name) == b"".join(pieces)
        assert not {"/", "\\"} & set(name)
        assert not name.startswith(".")


def test_bytes_are_sent_as_they_come():
    begun = []

    def slow():
        begun.append(True)
        return Entry("b", DAY, [b"2"], 1)

    pieces = stream([lambda: Entry("a.jpg", DAY, [b"1" * 1000], 1000), slow])
    assert b"1" * 1000 in next(pieces)
    assert not begun
    assert b"2" in b"".join(pieces)
    assert begun


def test_what_cannot_be_read_is_named():
    def away():
        raise Missing("lost.jpg")

    archive = read(b"".join(stream([away, lambda: None, lambda: Entry("a", DAY, [], 0)])))
    assert archive.namelist() == ["a", "not included.txt"]
    assert "lost.jpg" in archive.read("not included.txt").decode()


def test_old_dates_are_dates_that_an_archive_knows():
    early = datetime(1901, 1, 1, tzinfo=UTC).replace(tzinfo=None)
    archive = read(b"".join(stream([lambda: Entry("a", early, [b"x"], 1)])))
    assert archive.infolist()[0].date_time[0] == 1980
