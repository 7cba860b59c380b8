"""What SQL records: photos, albums, embeddings and their state, models, tokens, workers."""

from gallery.models.access import ApiToken
from gallery.models.embeddings import Embedding, EmbeddingModel, EmbeddingQuerySet, WorkerStatus
from gallery.models.fingerprints import Fingerprint
from gallery.models.parts import PhotoParts
from gallery.models.photo_library import (
    LIVE_PHOTO,
    Album,
    InAlbum,
    OwnedQuerySet,
    Photo,
    PhotoQuerySet,
    SkippedFile,
    Stack,
    Tag,
    Tagged,
    Tombstone,
    User,
)

__all__ = [
    "LIVE_PHOTO",
    "Album",
    "ApiToken",
    "Embedding",
    "EmbeddingModel",
    "EmbeddingQuerySet",
    "Fingerprint",
    "InAlbum",
    "OwnedQuerySet",
    "Photo",
    "PhotoParts",
    "PhotoQuerySet",
    "SkippedFile",
    "Stack",
    "Tag",
    "Tagged",
    "Tombstone",
    "User",
    "WorkerStatus",
]
