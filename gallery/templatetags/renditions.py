"""Which rendition of a photo a tile shows."""

from __future__ import annotations

from django.template import Library

from gallery.views.tiles import Tile

register = Library()


@register.filter
def sizes(tile: Tile, chosen: str) -> str:
    """Return the `sizes` of a tile's picture, as `Tile.sizes` does: `{{ tile|sizes:chosen }}`."""
    return tile.sizes(chosen)
