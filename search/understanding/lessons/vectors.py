"""The vectors that a lesson learns from: of words, of photos, and of parts of photos."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import numpy as np
from django.utils.translation import gettext as _

from gallery import files
from gallery.decoders import web_decoders
from gallery.decoding import DecodeError
from gallery.models import EmbeddingModel, Photo
from gallery.user_errors import UserError
from search.relevance.background import Vector, Vectors
from search.understanding.lessons.answers import Answers
from search.understanding.library_vectors import LibraryVectors
from search.understanding.models import Example, ExampleVector, Lesson, WordsVector
from search.vectors import embedders
from search.vectors.embedders.base import ModelUnavailable, Pixels

Box = tuple[float, float, float, float]
"""Left, top, width and height as fractions of a picture's sides."""

LEAST = 0.01
"""The least width and height of a box."""
_SIDE = 512  # pixels of a part's longer side: twice what most models look at


class BadBox(UserError):
    """A box does not lie on its photo, or shows nothing."""

    code = "bad_part"


def words_vector(lesson: Lesson, model: EmbeddingModel) -> Vector | None:
    """Return the unit embedding (dim,) of a lesson's words, or None if no model can read them."""
    stored = WordsVector.objects.filter(lesson=lesson, model=model, text=lesson.text).first()
    if stored is not None:
        return _read(stored.vector, model)
    try:
        vector = embedders.embed_query_text(model.key, lesson.text)
    except ModelUnavailable:
        return None
    if not np.isfinite(vector).all():
        return None
    if Lesson.objects.filter(pk=lesson.pk).exists():
        WordsVector.objects.update_or_create(
            lesson=lesson, model=model, defaults={"text": lesson.text, "vector": _bytes(vector)}
        )
    return vector


def example_vectors(
    answers: Answers, library: LibraryVectors, model: EmbeddingModel
) -> tuple[list[UUID], Vectors]:
    """Return the photos of yes-examples that have a vector, and the vectors (n, dim).

    The vector of an example with a box is that of the part, or of the photo until it was made.
    """
    yes = [pk for pk in answers.yes if library.place(pk) is not None]
    rows = library.vectors([library.places[pk.hex] for pk in yes])
    parts = _parts(answers, model)
    for at, photo_id in enumerate(yes):
        if photo_id in parts:
            rows[at] = parts[photo_id]
    return yes, rows


def _parts(answers: Answers, model: EmbeddingModel) -> dict[UUID, Vector]:
    """Return the vectors of boxes; those that this model lacks are made, if it can be loaded."""
    boxed = {example.pk: photo_id for photo_id, example in answers.boxed.items()}
    stored = ExampleVector.objects.filter(model=model, example__in=boxed)
    known = {boxed[row.example_id]: _read(row.vector, model) for row in stored}
    found = {photo_id: row for photo_id, row in known.items() if row is not None}
    for photo_id, example in answers.boxed.items():
        vector = found.get(photo_id)
        if vector is None and (made := make_example_vector(example, model)) is not None:
            found[photo_id] = made
    return found


def make_example_vector(example: Example, model: EmbeddingModel) -> Vector | None:
    """Embed the part that an example is about and keep it; None where that is not possible now."""
    try:
        left, top, width, height = example.box or (0.0, 0.0, 1.0, 1.0)
        vector = _embedded(example.photo, (left, top, width, height), model)
    except (ModelUnavailable, UserError):
        return None
    defaults = {"vector": _bytes(vector)}
    ExampleVector.objects.update_or_create(example=example, model=model, defaults=defaults)
    return vector


def _embedded(photo: Photo, box: Box, model: EmbeddingModel) -> Vector:
    vector: Vector = embedders.image_embedder(model.key).embed_images([_pixels(photo, box)])[0]
    if not np.isfinite(vector).all():
        raise BadBox(_("The model cannot compare this part."))
    return vector


def _pixels(photo: Photo, box: Box) -> Pixels:
    for file in (files.find_original(photo), files.Original(files.thumbnail(photo.pk))):
        try:
            with file.unchanged() as path:
                return web_decoders(photo.owner_id).part(path, box, _SIDE, owner=photo.owner_id)
        except (DecodeError, files.ChangedMeanwhile):
            continue
    raise BadBox(_("The picture of this photo cannot be read."), status=409)


def checked_box(box: Sequence[float]) -> list[float]:
    """Return the part of a box that lies on the photo, rounded; raise `BadBox`."""
    if len(box) != 4 or not np.isfinite(box).all():
        raise BadBox(_("A box is left, top, width and height, as fractions of the sides."))
    left, top = max(float(box[0]), 0.0), max(float(box[1]), 0.0)
    right, bottom = min(float(box[0] + box[2]), 1.0), min(float(box[1] + box[3]), 1.0)
    if right - left < LEAST or bottom - top < LEAST:
        raise BadBox(_("This part of the photo is too small. Mark a larger one."))
    return [round(side, 4) for side in (left, top, right - left, bottom - top)]


def _bytes(vector: Vector) -> bytes:
    return vector.astype("<f4").tobytes()


def _read(stored: bytes | memoryview[int], model: EmbeddingModel) -> Vector | None:
    vector = np.frombuffer(bytes(stored), "<f4").astype(np.float32)
    return vector if len(vector) == model.dim else None
