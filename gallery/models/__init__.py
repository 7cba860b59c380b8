"""The record of everything: photos, their embeddings' state, models, tokens, workers."""

from gallery.models.access import ApiToken
from gallery.models.embeddings import Embedding, EmbeddingModel
from gallery.models.photos import Photo, Tombstone
from gallery.models.worker import WorkerStatus

__all__ = ["ApiToken", "Embedding", "EmbeddingModel", "Photo", "Tombstone", "WorkerStatus"]
