"""Which picture a file beside it belongs to, by their names."""

from __future__ import annotations

import uuid

import pytest

from gallery.companion_names import Neighbours, best_names

LONG = "a name that is far longer than Takeout writes, so it is cut"


@pytest.mark.parametrize(
    ("name", "pictures", "expected"),
    [
        # Cameras: one name for all parts of a shot.
        ("IMG_1.MOV", ["IMG_1.HEIC", "IMG_10.HEIC", "IMG_1.png.jpg"], ["IMG_1.HEIC"]),
        ("img_1.mp4", ["IMG_1.JPG"], ["IMG_1.JPG"]),
        ("IMG_1_HEVC.MOV", ["IMG_1.HEIC"], ["IMG_1.HEIC"]),
        ("IMG_1.HEIC.MOV", ["IMG_1.HEIC", "IMG_1.JPG"], ["IMG_1.HEIC"]),
        ("PXL_1.MP", ["PXL_1.MP.jpg", "PXL_10.MP.jpg"], ["PXL_1.MP.jpg"]),
        ("IMG_1.AAE", ["IMG_1.HEIC", "IMG_E1.HEIC"], ["IMG_1.HEIC"]),
        ("IMG_O1234.aae", ["IMG_1234.HEIC", "IMG_E1234.HEIC"], ["IMG_1234.HEIC"]),
        # Photo managers: one more ending, or another one.
        ("IMG_1.xmp", ["IMG_1.CR2", "IMG_1.JPG", "IMG_12.JPG"], ["IMG_1.CR2", "IMG_1.JPG"]),
        ("IMG_1.CR2.xmp", ["IMG_1.CR2", "IMG_1.JPG"], ["IMG_1.CR2"]),
        ("IMG_1_01.CR2.xmp", ["IMG_1.CR2"], ["IMG_1.CR2"]),
        ("IMG_1_01.CR2.xmp", ["IMG_1.CR2", "IMG_1_01.CR2"], ["IMG_1_01.CR2"]),
        ("ÜBERSEE 1.XMP", ["übersee 1.jpg"], ["übersee 1.jpg"]),
        # Takeout.
        ("IMG_1.jpg.json", ["IMG_1.jpg", "IMG_1(1).jpg", "IMG_1.jpeg"], ["IMG_1.jpg"]),
        ("IMG_1(2).jpg.json", ["IMG_1.jpg", "IMG_1(2).jpg"], ["IMG_1(2).jpg"]),
        ("IMG_1.jpg(2).json", ["IMG_1.jpg", "IMG_1(2).jpg"], ["IMG_1(2).jpg"]),
        ("IMG_1.jpg(2).json", ["IMG_1.jpg"], []),
        ("IMG_1.jpg.json", ["IMG_1(2).jpg"], []),
        (
            "IMG_1.jpg.supplemental-metadata(2).json",
            ["IMG_1.jpg", "IMG_1(2).jpg"],
            ["IMG_1(2).jpg"],
        ),
        ("IMG_1.jpg.json", ["IMG_1.jpg", "IMG_1-edited.jpg"], ["IMG_1.jpg", "IMG_1-edited.jpg"]),
        ("IMG_1.jpg.json", ["IMG_1-bearbeitet.jpg"], ["IMG_1-bearbeitet.jpg"]),
        ("IMG_1.jpg(1).json", ["IMG_1-edited(1).jpg", "IMG_1-edited.jpg"], ["IMG_1-edited(1).jpg"]),
        ("IMG_1.json", ["IMG_1.jpg"], ["IMG_1.jpg"]),
        ("IMG_1.MOV.json", ["IMG_1.HEIC"], ["IMG_1.HEIC"]),
        ("metadata.json", ["metadata-of-a-photo.jpg"], []),
        # Names that were cut: 46 characters of JSON, 51 with the ending of a picture.
        (f"{LONG[:46]}.json", [f"{LONG[:47]}.jpg"], [f"{LONG[:47]}.jpg"]),
        (f"{LONG[:46]}.json", [f"{LONG[:46]}1.jpg", f"{LONG[:46]}2.jpg"], []),
        (f"{LONG[:46]}(1).json", [f"{LONG[:47]}(1).jpg", "a.jpg"], [f"{LONG[:47]}(1).jpg"]),
        (f"{LONG[:40]}.jpg.s.json", [f"{LONG[:40]}.jpg"], [f"{LONG[:40]}.jpg"]),
        (f"{LONG[:42]}.jpg.json", [f"{LONG[:42]}-edi.jpg"], [f"{LONG[:42]}-edi.jpg"]),
        # Other files.
        ("notes.txt", ["notes.jpg"], []),
        (".json", ["a.jpg"], []),
        ("xmp", ["xmp.jpg"], []),
    ],
)  # fmt: skip
def test_a_file_belongs_to_the_picture_of_its_name(name, pictures, expected):
    assert best_names(name, pictures) == expected
    ids = {picture: uuid.uuid4() for picture in pictures}
    assert set(Neighbours(ids).of(name)) == {ids[picture] for picture in expected}


@pytest.mark.parametrize("length", range(1, len(".supplemental-metadata") + 1))
def test_takeouts_longer_ending_may_be_cut_anywhere(length):
    ending = ".supplemental-metadata"[:length]
    pictures = ["IMG_1.jpg", "IMG_1.jpeg", "IMG_12.jpg"]
    assert best_names(f"IMG_1.jpg{ending}.json", pictures) == ["IMG_1.jpg"]


def test_many_neighbours_are_looked_up_quickly():
    ids = {f"IMG_{number:05}.jpg": uuid.uuid4() for number in range(3000)}
    beside = Neighbours(ids)
    for name, photo_id in list(ids.items())[::30]:
        assert beside.of(f"{name}.json") == [photo_id]
