"""Filters in service mode: asked of Postgres, handed to the vector server, counted beside."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from tests.images import exif

pytestmark = pytest.mark.server

# What each filter leaves of the three photos, alone and with words to rank by.
EXPECTED = {
    "tag:family": "ab",
    "-tag:family": "c",
    "tag:family,nobody": "ab",
    "tag:family -tag:beach": "b",
    "album:Spain": "a",
    "album:Spain,Work": "ab",
    "in:album": "ab",
    "-in:album": "c",
    "is:favourite": "b",
    "rating:>=3": "c",
    "name:IMG": "ac",
    "name:img_1": "a",
    "-name:IMG": "b",
    "has:caption": "a",
    "has:tag": "ab",
    "date:2023": "a",
    "after:2022 before:2024-01": "a",
    "date:summer-2023": "a",
    "camera:nikon": "a",
    "has:gps": "a",
    "near:38.72,-9.14,5km": "a",
    "orientation:portrait": "b",
    "aspect:>1.2": "a",
    "colour:red": "a",
    "type:jpeg": "a",
    "type:png": "bc",
    "size:<10MB": "abc",
    "tag:family has:gps name:IMG": "a",
    "tag:family rating:5": "",
}


def image(colour: tuple[int, int, int], size: tuple[int, int], **written: object) -> bytes:
    buffer = io.BytesIO()
    format = "JPEG" if "exif" in written else "PNG"
    Image.new("RGB", size, colour).save(buffer, format, **written)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def photos(stack) -> tuple[object, dict[str, str]]:
    """Three photos that differ in all that can be filtered, by letters."""
    lena = stack.owner("lena")
    written = exif(
        {271: "NIKON", 272: "D90"},
        {36867: "2023:07:09 12:00:00"},
        gps={1: "N", 2: (38.0, 43.0, 12.0), 3: "W", 4: (9.0, 8.0, 24.0)},
    )
    ids = {
        "a": lena.add(image((220, 20, 25), (180, 120), exif=written), "IMG_1.jpg"),
        "b": lena.add(image((20, 150, 40), (120, 180)), "work.png"),
        "c": lena.add(image((30, 60, 220), (120, 120)), "IMG_3.png"),
    }
    lena.wait_until_indexed(*ids.values())
    marks = {
        "a": {"tags": ["family", "beach"], "caption": "Lisbon"},
        "b": {"tags": ["family"], "favourite": True},
        "c": {"rating": 4},
    }
    for letter, mark in marks.items():
        assert lena.http.patch(f"/api/v1/photos/{ids[letter]}", json=mark).status_code == 200
    for name, letter in (("Spain", "a"), ("Work", "b")):
        album = lena.http.post("/api/v1/albums", json={"name": name}).json()["id"]
        added = lena.http.post(f"/api/v1/albums/{album}/photos", json={"ids": [ids[letter]]})
        assert added.json()["changed"] == 1
    return lena, ids


def letters(photos, query: str) -> str:
    lena, ids = photos
    found = set(lena.found(query))
    return "".join(letter for letter, one in ids.items() if one in found)


@pytest.mark.parametrize(("filters", "expected"), EXPECTED.items())
def test_a_filter_leaves_the_same_photos_with_words_and_without(photos, filters, expected):
    assert letters(photos, filters) == expected
    assert letters(photos, f"something coloured {filters}") == expected


def test_facets_count_what_the_filters_leave(photos):
    lena, _ = photos
    answer = lena.http.get("/api/v1/search/facets", params={"q": "tag:family"})
    assert answer.status_code == 200, answer.text
    counts = {
        facet["name"]: {one["value"]: one["count"] for one in facet["values"]}
        for facet in answer.json()["facets"]
    }
    assert counts["tag"] == {"family": 2, "beach": 1}
    assert counts["album"] == {"Spain": 1, "Work": 1}
    assert counts["camera"]["NIKON D90"] == 1
