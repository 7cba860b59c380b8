"""What SQL records: photos, albums, external folders, embeddings, models, accounts, workers."""

# mypy: implicit-reexport
# ruff: noqa: F401
from gallery.models.accounts import (
    AccountQuota,
    Invitation,
    LinkedIdentity,
    Passkey,
    RecoveryCode,
    Role,
    Viewer,
)
from gallery.models.api_tokens import ApiToken, Scope
from gallery.models.audience import Audience
from gallery.models.audit import AuditEntry, Deed
from gallery.models.companions import Companion
from gallery.models.corrections import DateCorrection
from gallery.models.embeddings import Embedding, EmbeddingModel, EmbeddingQuerySet
from gallery.models.external_folders import (
    ExternalFile,
    ExternalFileQuerySet,
    ExternalFolder,
    ForgottenFile,
)
from gallery.models.file_damage import FileDamage
from gallery.models.fingerprints import Fingerprint
from gallery.models.gallery_identity import GalleryIdentity
from gallery.models.lived_time import LivedHour, LivedTime
from gallery.models.photo_library import (
    LIVE_PHOTO,
    Album,
    InAlbum,
    OwnedQuerySet,
    Photo,
    PhotoQuerySet,
    Tag,
    Tagged,
    User,
    hidden_photos,
)
from gallery.models.photo_parts import PhotoParts
from gallery.models.quality import PhotoQuality, save_quality
from gallery.models.sensitive import Sensitive, SensitiveKind
from gallery.models.sessions import Session
from gallery.models.sharing import (
    Contribution,
    Downloads,
    Release,
    ShareAudience,
    SharedMatch,
    SharedSet,
    ShareLink,
    ShareMember,
    ShareRole,
)
from gallery.models.skipped_files import SkippedFile
from gallery.models.stacks import Stack
from gallery.models.tombstones import Tombstone
from gallery.models.work import IndexCheck, LastRun, PausedWork, WorkerStatus, WorkKind
