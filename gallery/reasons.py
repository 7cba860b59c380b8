"""The closed list of reasons why a file was refused or a photo could not be made searchable."""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Reason(TextChoices):
    """A reason code; its label is the one clear sentence that people read."""

    UNSUPPORTED_TYPE = (
        "unsupported_type",
        _(
            "Scry cannot read this file (it reads JPEG, PNG, WebP, GIF, AVIF, TIFF, BMP, HEIC and "
            "RAW files of cameras)."
        ),
    )
    UNSUPPORTED_PIXELS = (
        "unsupported_pixels",
        _(
            "Scry does not support the kind of pixels in this file, such as floating-point "
            "numbers or 32 bits a colour."
        ),
    )
    CORRUPT = "corrupt", _("The picture is damaged or cut short and could not be read.")
    INCOMPLETE = (
        "incomplete",
        _("A large part of the picture is missing: the file was copied only in part."),
    )
    EMPTY = "empty", _("The file is empty.")
    NO_PHOTO_FOR_COMPANION = (
        "no_photo_for_companion",
        _(
            "This file belongs to a photo, but no matching photo was found. Add the photo first. "
            "Scry does not support videos on their own yet."
        ),
    )
    BAD_COMPANION = (
        "bad_companion",
        _("This file beside a photo is damaged, too large, or not what its name says."),
    )
    TOO_MANY_PIXELS = "too_many_pixels", _("The picture has more pixels than the limit allows.")
    TOO_MANY_SCANS = (
        "too_many_scans",
        _("The picture has too many progressive scans to be read safely."),
    )
    TOO_LARGE = "too_large", _("The file is larger than the limit allows.")
    DECODE_TIMEOUT = "decode_timeout", _("Reading the picture took too long and was stopped.")
    DECODE_OOM = "decode_oom", _("Reading the picture needed more memory than is allowed.")
    DECODER_CRASHED = "decoder_crashed", _("The picture crashed the program that reads pictures.")
    MISSING_ORIGINAL = "missing_original", _("The stored file of this photo is gone from the disk.")
    BAD_VECTOR = "bad_vector", _("The model gave no usable embedding for this picture.")
    GPU_OOM = "gpu_oom", _("The device ran out of memory even for this one picture.")
    WORKER_CRASHED = (
        "worker_crashed",
        _("The worker died several times while working on this photo."),
    )
    INDEX_REJECTED = "index_rejected", _("The vector index refused this photo's embedding.")

    @property
    def may_pass(self) -> bool:
        """Whether another try may help, without another file."""
        return self not in LASTING


LASTING = frozenset(
    {
        Reason.UNSUPPORTED_TYPE,
        Reason.UNSUPPORTED_PIXELS,
        Reason.CORRUPT,
        Reason.INCOMPLETE,
        Reason.EMPTY,
        Reason.BAD_COMPANION,
        Reason.TOO_MANY_SCANS,
    }
)
"""What is wrong with the file itself, so that no try can succeed."""

OVER_A_LIMIT = frozenset({Reason.TOO_MANY_PIXELS, Reason.TOO_LARGE})
"""What another try may let pass only after somebody has raised a setting."""
