"""The vectors of all photos of a person in one file, so that a matrix product reads them at once.

The file is a projection of `Embedding` rows for one owner and model. It is brought up to date when
it is asked for, at most so often that this takes a twentieth of the time. All processes of a
machine share its memory. A photo that is gone leaves zeros until the file is written anew.

    <data>/understanding/<model>/<owner>-<version>.f16  rows of `dim` float16, little-endian
    <data>/understanding/<model>/<owner>.npy            which photo each row is, and the version
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from gallery.models import Embedding, EmbeddingModel, User
from gallery.models.dialects import id_as_text
from gallery.slices import slices
from search.vectors.index import slug

Vectors = NDArray[np.float32]

KEPT = 8
"""Libraries that stay open in a process."""
_BLOCK = 8192  # rows turned into float32 at a time: 16 MB at 512 dimensions
_FETCH = 1000
_SHARE = 20
"""Looking for changes takes at most the twentieth part of the time."""
_LONGEST_S = 60.0
_ROW = np.dtype([("id", "S32"), ("generation", "<u4"), ("version", "<u4")])


@dataclass(frozen=True, eq=False)
class LibraryVectors:
    """The photos of a person in one embedding space: `ids` (n,) as hex, and their unit vectors.

    `stamp` changes whenever photos come or go.
    """

    ids: NDArray[np.bytes_]
    dim: int
    stamp: str
    _stored: NDArray[np.float16]
    _rows: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.ids)

    def photo_id(self, at: int) -> uuid.UUID:
        """Return the id of the photo at a position."""
        return uuid.UUID(hex=self.ids[at].decode())

    def photo_ids(self, places: Sequence[int] | NDArray[np.intp]) -> list[uuid.UUID]:
        """Return the ids of the photos at these positions."""
        return [uuid.UUID(hex=each.decode()) for each in self.ids[np.asarray(places, np.intp)]]

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The position of each photo, by its id as 32 hexadecimal digits."""
        return {each.decode(): place for place, each in enumerate(self.ids.tolist())}

    def place(self, photo_id: uuid.UUID) -> int | None:
        """Return the position of a photo, or None for one that has no vector here."""
        return self.places.get(photo_id.hex)

    def vectors(self, places: Sequence[int] | NDArray[np.intp]) -> Vectors:
        """Return the unit vectors at these positions, float32, shape (len(places), dim)."""
        rows = self._rows[np.asarray(places, np.intp)]
        return np.asarray(self._stored[rows], np.float32)

    def blocks(self) -> Iterator[tuple[int, Vectors]]:
        """Yield all vectors in blocks of float32, each with the position of its first row."""
        for start in range(0, len(self), _BLOCK):
            rows = self._rows[start : start + _BLOCK]
            whole = slice(int(rows[0]), int(rows[-1]) + 1)
            block = self._stored[whole]
            yield (
                start,
                np.asarray(block[rows - rows[0]] if len(block) > len(rows) else block, np.float32),
            )

    def scores(self, directions: Vectors) -> Vectors:
        """Return the products with directions (k, dim), float32, shape (n, k)."""
        found = np.empty((len(self), len(directions)), np.float32)
        for start, block in self.blocks():
            np.matmul(block, directions.T, out=found[start : start + len(block)])
        return found

    def sample(self, size: int, seed: int = 0) -> Vectors:
        """Return up to `size` random vectors, the same for the same library and seed."""
        if len(self) <= size:
            return self.vectors(np.arange(len(self)))
        chosen = np.random.default_rng(seed).choice(len(self), size, replace=False)
        return self.vectors(np.sort(chosen))


@dataclass
class _Kept:
    library: LibraryVectors
    next_look: float


_guard = Lock()
_kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()


def library_vectors(user: User, model: EmbeddingModel, *, fresh: bool = False) -> LibraryVectors:
    """Return the vectors of a person's live photos; new photos may be missing for some seconds.

    With `fresh`, none is. The first call reads them from the database (some 30 s for a million).
    Raises OSError where the file cannot be written.
    """
    key = (model.key, str(user.pk))
    with _guard:
        kept = _kept.get(key)
        if kept is not None:
            _kept.move_to_end(key)
    now = time.monotonic()
    if kept is not None and now < kept.next_look and not fresh:
        return kept.library
    library = _brought_up_to_date(user, model, kept.library if kept else None)
    took = time.monotonic() - now
    with _guard:
        _kept[key] = _Kept(library, time.monotonic() + min(took * _SHARE, _LONGEST_S))
        while len(_kept) > KEPT:
            _kept.popitem(last=False)
    return library


def forget() -> None:
    """Let go of all files, and look at the database again at the next call."""
    with _guard:
        _kept.clear()


def folder_of(model_key: str) -> Path:
    """Return the folder with the files of a model."""
    return Path(settings.DATA_DIR) / "understanding" / slug(model_key)


def remove_files(model_key: str) -> None:
    """Remove the files of a model that left the gallery."""
    forget()
    with suppress(FileNotFoundError):
        for file in folder_of(model_key).iterdir():
            file.unlink(missing_ok=True)


def _brought_up_to_date(
    user: User, model: EmbeddingModel, known: LibraryVectors | None
) -> LibraryVectors:
    wanted = _wanted(user, model)
    stamp = _stamp(wanted)
    if known is not None and known.stamp == stamp:
        return known
    folder = folder_of(model.key)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f"{user.pk}.lock"):
        store = _Store(folder, str(user.pk), model.dim)
        store.hold(wanted, model)
        return store.library(stamp)


def _wanted(user: User, model: EmbeddingModel) -> dict[bytes, int]:
    """Return the generation of each live photo with a vector, by its id as hex."""
    rows = Embedding.objects.live().with_vector().filter(model=model, photo__owner_id=user.pk)
    pairs = rows.annotate(text=id_as_text("photo_id")).values_list("text", "generation")
    return {text.encode(): generation for text, generation in pairs.iterator(chunk_size=10_000)}


def _stamp(wanted: Mapping[bytes, int]) -> str:
    """Return what changes with the photos or their vectors, whatever their order."""
    total = 0
    for photo_id, generation in wanted.items():
        total ^= hash((int(photo_id[:16], 16), int(photo_id[16:], 16), generation))
    return f"{len(wanted)}-{total & 0xFFFFFFFFFFFFFFFF:016x}"


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let one process at a time change the file."""
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Store:
    """The two files of one library; whoever uses it holds the lock."""

    def __init__(self, folder: Path, owner: str, dim: int) -> None:
        self._folder, self._owner, self._dim = folder, owner, dim
        self._list = folder / f"{owner}.npy"
        self._rows, self._version = self._read()

    def _read(self) -> tuple[NDArray[Any], int]:
        """Return the list of rows; an empty one for files that do not fit together."""
        try:
            rows = np.load(self._list, allow_pickle=False)
            version = int(rows["version"][0]) if len(rows) else 0
            fits = rows.dtype == _ROW and self._size(version) >= len(rows)
        except (OSError, ValueError, EOFError, IndexError):
            fits = False
        if not fits:
            return np.empty(0, _ROW), self._next_version()
        return rows, version

    def _next_version(self) -> int:
        taken = [int(path.stem.rpartition("-")[2]) for path in self._files()]
        return max(taken, default=0) + 1

    def _files(self) -> list[Path]:
        return list(self._folder.glob(f"{self._owner}-*.f16"))

    def _path(self, version: int) -> Path:
        return self._folder / f"{self._owner}-{version}.f16"

    def _size(self, version: int) -> int:
        return self._path(version).stat().st_size // (2 * self._dim)

    def hold(self, wanted: Mapping[bytes, int], model: EmbeddingModel) -> None:
        """Make the files hold these photos, and no vector of any other."""
        rows = self._rows
        current = [
            wanted.get(photo_id) == generation
            for photo_id, generation in zip(
                rows["id"].tolist(), rows["generation"].tolist(), strict=True
            )
        ]
        gone = np.flatnonzero(~np.array(current, bool) & (rows["id"] != b""))
        present = set(rows["id"][np.array(current, bool)].tolist())
        new = [photo_id for photo_id in wanted if photo_id not in present]
        holes = len(rows) - len(present)
        if holes > len(present) + _FETCH:
            self._rows, self._version = np.empty(0, _ROW), self._next_version()
            gone, new = gone[:0], list(wanted)
        if len(gone):
            self._clear(gone)
        if new:
            self._append(new, model)
        if len(gone) or new:
            self._write()

    def _clear(self, gone: NDArray[np.intp]) -> None:
        """Write zeros over vectors: what is deleted must not stay readable."""
        with self._path(self._version).open("r+b") as file:
            for row in gone.tolist():
                file.seek(row * 2 * self._dim)
                file.write(bytes(2 * self._dim))
        self._rows = self._rows.copy()
        self._rows["id"][gone] = b""

    def _append(self, new: Sequence[bytes], model: EmbeddingModel) -> None:
        added = []
        with self._path(self._version).open("ab") as file:
            # What a process wrote before it died, without naming it in the list, is cut off.
            file.truncate(len(self._rows) * 2 * self._dim)
            for batch in slices(new, _FETCH):
                ids = [uuid.UUID(hex=photo_id.decode()) for photo_id in batch]
                stored = Embedding.objects.filter(model=model, photo__in=ids)
                for photo_id, generation, vector, crc in stored.values_list(
                    "photo_id", "generation", "vector", "vector_crc"
                ):
                    content = bytes(vector or b"")
                    if len(content) == 2 * self._dim and zlib.crc32(content) == crc:
                        file.write(content)
                        added.append((photo_id.hex.encode(), generation, self._version))
            file.flush()
            os.fdatasync(file.fileno())
        self._rows = np.concatenate([self._rows, np.array(added, _ROW)])

    def _write(self) -> None:
        temporary = self._list.with_suffix(".part")
        with temporary.open("wb") as file:
            np.save(file, self._rows)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._list)
        for path in self._files():
            if path != self._path(self._version):
                path.unlink(missing_ok=True)

    def library(self, stamp: str) -> LibraryVectors:
        """Return the library, which stays readable whatever happens to the files afterwards."""
        alive = np.flatnonzero(self._rows["id"] != b"")
        if not len(alive):
            stored = np.empty((0, self._dim), np.float16)
        else:
            shape = (len(self._rows), self._dim)
            stored = np.memmap(self._path(self._version), np.dtype("<f2"), "r", shape=shape)
        return LibraryVectors(self._rows["id"][alive], self._dim, stamp, stored, alive)
