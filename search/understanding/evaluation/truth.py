"""What a person knows of photos: the label of each, from albums, tags, folders or a file."""

from __future__ import annotations

import csv
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from django.utils.translation import gettext as _, ngettext

from gallery.models import Album, ExternalFile, Photo, Tag
from gallery.models.photo_library import User
from gallery.slices import slices
from gallery.user_errors import UserError
from search.understanding.models import EvaluationRun, Label, LabelSet

NAMED = 100
"""Skipped photos and labels that are named; of the others only the number is kept."""
MOST_ROWS = 200_000
"""Lines of a file."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BETWEEN = re.compile(r"[\s_-]+")
_HEADINGS = frozenset({"file", "name", "filename", "file name", "path", "sha256", "photo", "image"})

Source = EvaluationRun.Source


@dataclass
class Truth:
    """The name of the label of each photo, and what was skipped, by why."""

    labels: dict[uuid.UUID, str] = field(default_factory=dict)
    skipped: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def summary(self) -> dict[str, dict[str, object]]:
        """Return how many photos or labels were skipped, by why, and the first of them."""
        return {
            why: {"count": len(names), "names": names[:NAMED]}
            for why, names in self.skipped.items()
        }


def plain(name: str) -> str:
    """Return what names have in common that mean the same: `Great_Dane` and "great dane"."""
    return _BETWEEN.sub(" ", name).strip().casefold()


def of_photos(user: User, label_set: LabelSet, said: Mapping[str, str]) -> Truth:
    """Return the truth that a script sent: label names by photo id."""
    found, names = Truth(), _names(label_set)
    ids = {key: _uuid(key) for key in said}
    own = _own(user, [photo_id for photo_id in ids.values() if photo_id])
    for key, label in said.items():
        photo_id = ids[key]
        if photo_id is None or photo_id not in own:
            found.skipped["unknown_photos"].append(key)
        elif (name := names.get(plain(label))) is None:
            found.skipped["unknown_labels"].append(label)
        else:
            found.labels[photo_id] = name
    return _checked(found)


def of_source(user: User, label_set: LabelSet, source: str) -> Truth:
    """Return what albums, tags or folders say that are named like labels."""
    read = {Source.ALBUMS: _albums, Source.TAGS: _tags, Source.FOLDERS: _folders}[Source(source)]
    return _checked(_of_pairs(read(user, _names(label_set))))


def of_file(user: User, label_set: LabelSet, content: bytes) -> Truth:
    """Return what a CSV file says: file name or SHA-256, and label.

    The first line may hold headings. Commas, semicolons and tabs separate. A path stands for the
    name at its end. Raises `UserError`.
    """
    rows = _rows(content)
    names, found = _names(label_set), Truth()
    photos = _photos_named(user, {key for key, _label in rows})
    pairs = []
    for key, label in rows:
        ids, name = photos.get(key, []), names.get(plain(label))
        if not ids:
            found.skipped["unknown_photos"].append(key)
        elif len(ids) > 1:
            found.skipped["several_photos"].append(key)
        elif name is None:
            found.skipped["unknown_labels"].append(label)
        else:
            pairs.append((ids[0], name))
    told = _of_pairs(pairs)
    told.skipped |= found.skipped
    return _checked(told)


def skipped_sentences(skipped: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return what was skipped in sentences."""
    found = []
    for why, told in skipped.items():
        count = int(str(told["count"]))
        names = ", ".join(map(str, list(told["names"])[:5]))  # type: ignore[call-overload]
        sentence = {
            "unknown_photos": ngettext(
                "%(count)d photo of the truth is not in this gallery: %(names)s.",
                "%(count)d photos of the truth are not in this gallery: %(names)s.",
                count,
            ),
            "unknown_labels": ngettext(
                "%(count)d line has a label that the set does not have: %(names)s.",
                "%(count)d lines have labels that the set does not have: %(names)s.",
                count,
            ),
            "several_photos": ngettext(
                "%(count)d file name belongs to several photos: %(names)s.",
                "%(count)d file names belong to several photos: %(names)s.",
                count,
            ),
            "several_labels": ngettext(
                "%(count)d photo has several labels in the truth.",
                "%(count)d photos have several labels in the truth.",
                count,
            ),
            "without_vectors": ngettext(
                "%(count)d photo is not searchable yet.",
                "%(count)d photos are not searchable yet.",
                count,
            ),
        }[why]
        found.append(sentence % {"count": count, "names": names + (" …" if count > 5 else "")})
    return found


def _names(label_set: LabelSet) -> dict[str, str]:
    names = Label.objects.filter(set=label_set).values_list("name", flat=True)
    found = {plain(name): name for name in names}
    if not found:
        raise UserError(_("The set has no labels."), code="no_truth")
    return found


def _own(user: User, ids: Iterable[uuid.UUID]) -> set[uuid.UUID]:
    return {
        photo_id
        for batch in slices(ids)
        for photo_id in Photo.objects.visible_to(user)
        .filter(pk__in=batch)
        .values_list("pk", flat=True)
    }


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _checked(found: Truth) -> Truth:
    """Return the truth; raise `UserError` where it says nothing of any photo."""
    if found.labels:
        return found
    sentences = [_("No photo is left to evaluate."), *skipped_sentences(found.summary())]
    raise UserError(" ".join(sentences), code="no_truth")


def _of_pairs(pairs: Iterable[tuple[uuid.UUID, str]]) -> Truth:
    """Return the truth of photos and labels; photos with several labels are left out."""
    found = Truth()
    said: dict[uuid.UUID, set[str]] = defaultdict(set)
    for photo_id, name in pairs:
        said[photo_id].add(name)
    for photo_id, labels in said.items():
        if len(labels) == 1:
            found.labels[photo_id] = labels.pop()
        else:
            found.skipped["several_labels"].append(str(photo_id))
    return found


# --- albums, tags and folders ---------------------------------------------------------------------


def _albums(user: User, names: Mapping[str, str]) -> Iterator[tuple[uuid.UUID, str]]:
    for album in Album.objects.visible_to(user):
        if (name := names.get(plain(album.name))) is not None:
            photos = Photo.objects.visible_to(user).filter(albums=album)
            yield from ((photo_id, name) for photo_id in photos.values_list("pk", flat=True))


def _tags(user: User, names: Mapping[str, str]) -> Iterator[tuple[uuid.UUID, str]]:
    for tag in Tag.objects.filter(owner_id=user.pk):
        if (name := names.get(plain(tag.name))) is not None:
            photos = Photo.objects.visible_to(user).filter(tags=tag)
            yield from ((photo_id, name) for photo_id in photos.values_list("pk", flat=True))


def _folders(user: User, names: Mapping[str, str]) -> Iterator[tuple[uuid.UUID, str]]:
    """Yield the photos of external folders with the innermost folder that is named like a label."""
    photos = Photo.objects.visible_to(user)
    rows = ExternalFile.objects.present().filter(photo__in=photos).select_related("folder")
    for file in rows.iterator():
        above = [*file.folder.root.parts, *file.relative.parent.parts]
        name = next((names[plain(part)] for part in above[::-1] if plain(part) in names), None)
        if name is not None and file.photo_id is not None:
            yield file.photo_id, name


# --- a file ---------------------------------------------------------------------------------------


def _rows(content: bytes) -> list[tuple[str, str]]:
    """Return the lines of a CSV file: the name or SHA-256 of a photo, and a label."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(_("The file is no CSV file in UTF-8."), code="no_truth") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    rows = []
    try:
        for number, row in enumerate(csv.reader(text.splitlines(), delimiter=separator), 1):
            if len(row) >= 2 and row[0].strip() and row[1].strip():
                rows.append((_key(row[0]), row[1].strip()))
            elif any(cell.strip() for cell in row):
                message = _("Line %(number)d of the file has no two columns, photo and label.")
                raise UserError(message % {"number": number}, code="no_truth")
    except csv.Error:
        raise UserError(_("The file cannot be read as CSV."), code="no_truth") from None
    if len(rows) > MOST_ROWS:
        message = _("The file has more than %(most)d lines.") % {"most": MOST_ROWS}
        raise UserError(message, code="no_truth")
    if rows and rows[0][0].casefold() in _HEADINGS:
        del rows[0]
    if not rows:
        raise UserError(_("The file is empty."), code="no_truth")
    return rows


def _key(text: str) -> str:
    """Return the name at the end of a path, or a SHA-256 in small letters."""
    plain_text = text.strip().replace("\\", "/")
    if _SHA256.fullmatch(plain_text.casefold()):
        return plain_text.casefold()
    return PurePosixPath(plain_text).name


def _photos_named(user: User, keys: set[str]) -> dict[str, list[uuid.UUID]]:
    """Return the photos that have one of these names or checksums, by it."""
    found: dict[str, list[uuid.UUID]] = defaultdict(list)
    own = Photo.objects.visible_to(user)
    sums = [key for key in keys if _SHA256.fullmatch(key)]
    for column, wanted in (("sha256", sums), ("name", keys)):
        for batch in slices(wanted):
            rows = own.filter(**{f"{column}__in": batch}).values_list(column, "pk")
            for key, photo_id in rows:
                found[key].append(photo_id)
    return found
