"""What SQL records: photos, albums, external folders, embeddings, models, tokens, workers."""

# mypy: implicit-reexport
# ruff: noqa: F401
from gallery.models.api_tokens import ApiToken
from gallery.models.companions import Companion
from gallery.models.corrections import DateCorrection
from gallery.models.embeddings import (
    Embedding,
    EmbeddingModel,
    EmbeddingQuerySet,
    PhotoParts,
    WorkerStatus,
)
from gallery.models.external_folders import (
    ExternalFile,
    ExternalFileQuerySet,
    ExternalFolder,
    ForgottenFile,
)
from gallery.models.file_damage import FileDamage
from gallery.models.gallery_identity import GalleryIdentity
from gallery.models.lived_time import LivedHour, LivedTime
from gallery.models.photo_library import (
    LIVE_PHOTO,
    Album,
    Fingerprint,
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
