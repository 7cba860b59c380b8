"""Photos of plain colours with vectors, as if a worker had embedded them: rows and files only."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from gallery.models import Embedding, Photo
from search.understanding import library_vectors
from tests.embedders import PALETTE, ColourEmbedder
from tests.workers.conftest import add_photo

Shade = tuple[int, int, int]

SHADES: dict[str, list[Shade]] = {
    "red": [(220 - 6 * n, 30 + 3 * n, 30) for n in range(6)],
    "blue": [(30, 60 + 3 * n, 220 - 6 * n) for n in range(6)],
    "green": [(30, 160 - 4 * n, 40 + 2 * n) for n in range(6)],
}

OTHERS: dict[str, list[Shade]] = {
    name: [(red, green, min(blue, 240) + 3 * n) for n in range(4)]
    for name, (red, green, blue) in list(PALETTE.items())[3:]
}
"""Other colours, so that each is rare."""


def embedded(owner, image: Image.Image) -> Photo:
    """Store a picture that is searchable."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    photo = add_photo(owner, buffer.getvalue())
    row = Embedding.objects.get(photo=photo)
    row.set_vector(ColourEmbedder().embed_images([np.asarray(image)])[0])
    row.state = Embedding.State.INDEXED
    row.save()
    library_vectors.forget()
    return photo


def plain(shade: Shade) -> Image.Image:
    return Image.new("RGB", (64, 48), shade)


def fill(owner, shades: dict[str, Sequence[Shade]] = SHADES) -> dict[str, list[str]]:
    """Store photos of these shades; return their ids by colour."""
    return {
        colour: [str(embedded(owner, plain(shade)).pk) for shade in some]
        for colour, some in shades.items()
    }
