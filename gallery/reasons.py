"""The closed list of reasons why a photo could not be taken in or made searchable."""

from __future__ import annotations

from django.db.models import TextChoices


class Reason(TextChoices):
    """A reason code; its label is the one clear sentence that people read."""

    UNSUPPORTED_TYPE = (
        "unsupported_type",
        "This is not a picture that Scry can read (JPEG, PNG, WebP, GIF, AVIF, TIFF, BMP, HEIC).",
    )
    CORRUPT = "corrupt", "The picture is damaged or cut short and could not be read."
    EMPTY = "empty", "The file is empty."
    TOO_MANY_PIXELS = "too_many_pixels", "The picture has more pixels than the limit allows."
    TOO_MANY_SCANS = (
        "too_many_scans",
        "The picture has so many progressive scans that it looks made to waste time.",
    )
    TOO_LARGE = "too_large", "The file is larger than the limit allows."
    DECODE_TIMEOUT = "decode_timeout", "Reading the picture took too long and was stopped."
    DECODE_OOM = "decode_oom", "Reading the picture needed more memory than is allowed."
    DECODER_CRASHED = "decoder_crashed", "The picture crashed the program that reads pictures."
    MISSING_ORIGINAL = "missing_original", "The stored file of this photo is gone from the disk."
    CHECKSUM_MISMATCH = (
        "checksum_mismatch",
        "The stored file no longer matches what was uploaded.",
    )
    BAD_VECTOR = "bad_vector", "The model gave no usable embedding for this picture."
    GPU_OOM = "gpu_oom", "The device ran out of memory even for this one picture."
    WORKER_CRASHED = "worker_crashed", "The worker died several times while working on this photo."
    INDEX_REJECTED = "index_rejected", "The vector index refused this photo's embedding."
    CANCELLED = "cancelled", "The work on this photo was cancelled."
