"""The record of everything: photos, their embeddings' state, albums, models, tokens, workers."""

from gallery.models.access import ApiToken, User
from gallery.models.collections import Album, SkippedFile, Stack, Tag
from gallery.models.embeddings import Embedding, EmbeddingModel, WorkerStatus
from gallery.models.fingerprints import Fingerprint
from gallery.models.parts import PhotoParts
from gallery.models.photos import Photo, Tombstone

__all__ = [
    "Album",
    "ApiToken",
    "Embedding",
    "EmbeddingModel",
    "Fingerprint",
    "Photo",
    "PhotoParts",
    "SkippedFile",
    "Stack",
    "Tag",
    "Tombstone",
    "User",
    "WorkerStatus",
]
