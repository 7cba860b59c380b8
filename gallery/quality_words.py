"""What people read of the figures of a photo: a word or two, and the numbers behind them."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from gallery.decoding.quality import ENGINE, Measured
from gallery.models import Photo, PhotoQuality
from gallery.models.quality import quality_of
from gallery.templatetags.numbers import share

# `benchmarks/best_shots.py`: no sharp frame of 200 is below the first, and four of five that are
# blurred by two pixels are; 99 of 100 sharp ones are above the second.
SOFT, SHARP = 0.55, 0.62
_DARK, _BRIGHT = 45.0, 215.0  # mean grey levels; 99 of 100 ordinary photos lie between them
_LOST = 0.15  # of the picture: more white or black than this is told


@dataclass(frozen=True)
class Words:
    """`words` such as "sharp, dark", and `numbers`, a sentence; both empty where unknown.

    `state` is measured, waiting or none.
    """

    state: str
    words: str = ""
    numbers: str = ""


def words_of(photo: Photo) -> Words:
    """Return what to say of a photo."""
    measured = quality_of([photo.pk]).get(photo.pk)
    if measured is None:
        return Words(state_of(photo))
    return Words("measured", ", ".join(_words(measured)), _numbers(measured))


def state_of(photo: Photo) -> str:
    """Return whether a photo without numbers waits to be measured, or has none."""
    tried = PhotoQuality.objects.filter(photo=photo, engine=ENGINE).exists()
    return "none" if tried else "waiting"


def is_soft(measured: Measured) -> bool:
    """Tell whether nothing in a photo is finer than a few pixels."""
    return measured.reach < SOFT


def _words(measured: Measured) -> list[str]:
    found = []
    if is_soft(measured):
        found.append(_("soft"))
    elif measured.reach >= SHARP:
        found.append(_("sharp"))
    else:
        found.append(_("fairly sharp"))
    if measured.light < _DARK:
        found.append(_("dark"))
    elif measured.light > _BRIGHT:
        found.append(_("bright"))
    if measured.clipped_lights > _LOST:
        found.append(_("much pure white"))
    if measured.clipped_darks > _LOST:
        found.append(_("much pure black"))
    return found


def _numbers(measured: Measured) -> str:
    sentence = _(
        "Sharpness %(sharpness).2f, in the centre %(centre).2f; finest detail %(reach).2f; "
        "pure white %(lights)s, pure black %(darks)s; noise %(noise).1f of 255."
    )
    return sentence % {
        "sharpness": measured.sharpness,
        "centre": measured.centre,
        "reach": measured.reach,
        "lights": share(measured.clipped_lights),
        "darks": share(measured.clipped_darks),
        "noise": measured.noise,
    }
