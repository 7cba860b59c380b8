"""Which picture a file beside it belongs to, by their names.

Cameras give the parts of one shot one name. Programs put their sidecars beside a picture under its
name with one more ending. Takeout adds endings, cuts names, and moves the number of a second
`IMG_1.jpg` to the end of the sidecar's name.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from gallery.names import clean_file_name

VIDEOS = frozenset({"mov", "mp4", "m4v", "mp", "mv"})
"""Endings of videos that phones put beside a picture; MP and MV are those of Takeout."""

_SUPPLEMENT = ".supplemental-metadata"
_CUT_AT = 45
"""From this many bytes on, Takeout may have cut a name; it cuts at 46 of them or a little later."""

_NUMBERED = re.compile(r"(.*)\((\d{1,4})\)")
# What Takeout calls an edited picture in some languages; it has no sidecar of its own.
_EDITED = re.compile(
    r"(.+)-(?:edited|bearbeitet|modifié|editado|editada|modificato|bewerkt|edytowane|redigerad"
    r"|redigeret|redigert|muokattu|upraveno|编辑|編集済み)",
    re.IGNORECASE,
)
_EDITED_AND_CUT = re.compile(r"(.+)-e(?:d(?:i(?:t(?:e)?)?)?)?")
_ADJUSTED = re.compile(r"(img_)[eo](\d+)", re.IGNORECASE)
_CODEC = re.compile(r"(.+)_hevc", re.IGNORECASE)
_VERSION = re.compile(r"(.+)_\d\d(\.[^.]+)")

Test = Callable[[str], bool]


@dataclass(frozen=True)
class Claim:
    """A way in which a picture's name may fit: `fits` is asked, `start` is how such names begin.

    `is_cut` tells that the end of the name is missing.
    """

    start: str
    fits: Test
    is_cut: bool = False


class Neighbours:
    """The pictures that lay in the same folder as a file, or came with it: names and photos."""

    def __init__(self, pictures: Mapping[str, UUID] | None = None) -> None:
        self._pictures: list[tuple[str, UUID]] = []
        for name, photo_id in (pictures or {}).items():
            self.add(name, photo_id)

    def add(self, name: str, photo_id: UUID) -> None:
        """Add a picture."""
        picture = (clean_file_name(name).casefold(), photo_id)
        place = bisect_left(self._pictures, picture)
        if self._pictures[place : place + 1] != [picture]:
            self._pictures.insert(place, picture)

    def of(self, name: str) -> list[UUID]:
        """Return the photos that a file belongs to, each once, in the order of their names."""
        starts = {claim.start.casefold() for claim in claims(name)}
        begun = {one for start in starts for one in self._beginning_with(start)}
        names = set(best_names(name, {picture for picture, _ in begun}))
        return list(dict.fromkeys(pk for picture, pk in sorted(begun) if picture in names))

    def _beginning_with(self, start: str) -> Iterable[tuple[str, UUID]]:
        place = bisect_left(self._pictures, (start,))
        while place < len(self._pictures) and self._pictures[place][0].startswith(start):
            yield self._pictures[place]
            place += 1


def best_names(name: str, pictures: Iterable[str]) -> list[str]:
    """Return those of the pictures that a file belongs to: all whose names fit equally well.

    `pictures` are clean names, as photos have them. None fit if a name that was cut may be that of
    several pictures.
    """
    known = list(pictures)
    for claim in claims(name):
        found = [picture for picture in known if claim.fits(picture.casefold())]
        titles = {_unedited(picture.casefold()) for picture in found}
        if found:
            return found if len(titles) == 1 or not claim.is_cut else []
    return []


def claims(name: str) -> list[Claim]:
    """Return the ways in which a picture may belong to the file of that name, the surest first."""
    base, _, ending = clean_file_name(name).rpartition(".")
    ending = ending.lower()
    if ending in VIDEOS:
        return _claims_of_video(base, ending)
    makers = {"xmp": _claims_of_xmp, "aae": _claims_of_aae, "json": _claims_of_json}
    return makers[ending](base) if base and ending in makers else []


def _claims_of_video(base: str, ending: str) -> list[Claim]:
    found = [_of_stem(base), _of_name(base)]
    if codec := _CODEC.fullmatch(base):
        found.append(_of_stem(codec[1]))
    return [*found, _of_stem(f"{base}.{ending}")]


def _claims_of_xmp(base: str) -> list[Claim]:
    found = [_of_name(base), _of_stem(base)]
    if version := _VERSION.fullmatch(base):
        found.append(_of_name(version[1] + version[2]))
    return found


def _claims_of_aae(base: str) -> list[Claim]:
    found = [_of_stem(base), _of_name(base)]
    if adjusted := _ADJUSTED.fullmatch(base):
        found.append(_of_stem(adjusted[1] + adjusted[2]))
    return found


def _claims_of_json(base: str) -> list[Claim]:
    """Return Takeout's ways; an edited picture shares the sidecar of the one that it comes from."""
    numbered = _NUMBERED.fullmatch(base)
    inner, number = (numbered[1], numbered[2]) if numbered else (base, "")
    folded = inner.casefold()

    def titles(picture: str) -> list[str]:
        both = [picture, _unedited(picture)]
        return [title for one in both if (title := _without_number(one, number))]

    def is_whole(picture: str) -> bool:
        return any(
            _supplemented(one, folded) and len(folded) >= len(one) for one in titles(picture)
        )

    def is_cut(picture: str) -> bool:
        long = len(inner.encode()) >= _CUT_AT
        return long and any(_supplemented(one, folded) for one in titles(picture))

    start = _start(inner)
    found = [Claim(start, is_whole), Claim(start, is_cut, is_cut=True), _of_stem(base)]
    stem, _, ending = base.rpartition(".")
    return [*found, _of_stem(stem)] if ending.lower() in VIDEOS else found


def _supplemented(title: str, inner: str) -> bool:
    """Tell whether a sidecar's name, without `.json`, begins as that of a picture's may."""
    return (title + _SUPPLEMENT).startswith(inner)


def _without_number(picture: str, number: str) -> str:
    """Return "img_1.jpg" for "img_1(2).jpg" and the number 2; "" if it has another number."""
    if not number:
        return picture
    stem, dot, ending = picture.rpartition(".")
    match = _NUMBERED.fullmatch(stem)
    return match[1] + dot + ending if match and match[2] == number else ""


def _unedited(picture: str) -> str:
    """Return "img_1(2).jpg" for "img_1-edited(2).jpg"; other names as they are."""
    stem, dot, ending = picture.rpartition(".")
    numbered = _NUMBERED.fullmatch(stem)
    text, number = (numbered[1], f"({numbered[2]})") if numbered else (stem, "")
    match = _EDITED.fullmatch(text)
    if match is None and len(text.encode()) >= _CUT_AT:
        match = _EDITED_AND_CUT.fullmatch(text)
    return match[1] + number + dot + ending if match else picture


def _of_name(name: str) -> Claim:
    folded = name.casefold()
    return Claim(_start(name), lambda picture: picture == folded)


def _of_stem(stem: str) -> Claim:
    folded = stem.casefold()
    return Claim(_start(stem), lambda picture: picture.rpartition(".")[0] == folded != "")


def _start(text: str) -> str:
    """Return how all names begin that a claim on `text` can fit."""
    return text[:1] + re.split(r"[.(]", text[1:])[0]
