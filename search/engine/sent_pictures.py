"""Pictures that people searched by, kept for a while so that they can be combined and paged."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from numpy.typing import NDArray

from gallery import files, lived_time, names, uploads
from gallery.decoders import web_decoders
from gallery.decoding import DecodeError
from gallery.models import EmbeddingModel, OwnedQuerySet, User
from search.language.query_errors import ErrorCode, QueryError
from search.models import SavedSearch, SentPicture
from search.vectors import embedders

KEPT = timedelta(days=7)
"""How long a picture is kept after it was last searched by; saved searches keep theirs."""
NOTED = timedelta(hours=1)
"""How often the time of the last search is updated."""
KEPT_EACH = 200
"""Pictures of one person at most; the one unused for longest goes first."""
Vector = NDArray[np.float32]


def keep(request: HttpRequest) -> str:
    """Keep the request's picture (field `file`) and return the token by which terms name it.

    Decoded in a child process; only a small copy is kept. Raises `uploads.Refused` with a reason,
    `StorageFull`, or the pool's `PoolBusy`.
    """
    received = uploads.received_file(request)
    try:
        path = Path(received.temporary_file_path())
        decoded = web_decoders(request.user.pk).decode(path, owner=request.user.pk)
    except DecodeError as error:
        raise uploads.Refused(error.reason, error.detail) from error
    name = names.clean_file_name(received.name or "")
    row = SentPicture.objects.create(
        owner=request.user,  # type: ignore[misc]  # only people who are signed in get here
        name=name,
        thumbnail=decoded.thumbnail,
    )
    _drop_oldest(request.user)
    return str(row.pk)


def vector_of(user: User, model: EmbeddingModel, token: str) -> Vector:
    """Return the unit embedding of a sent picture, shape (dim,).

    It is made at the first use with each model. Raises `QueryError` for one that is not kept,
    `ModelUnavailable`, and `PoolBusy`.
    """
    row = picture_of(user, token)
    if row is None:
        raise _not_kept()
    now = timezone.now()
    if not _has_vector(row, model):
        stored = _embedded(model, row).astype("<f2").tobytes()
        _same(row).update(key=model.key, vector=stored, used_at=now)
    else:
        stored = bytes(row.vector or b"")
        if now - row.used_at > NOTED:
            _same(row).update(used_at=now)
    vector = np.frombuffer(stored, "<f2").astype(np.float32)
    return vector / float(np.linalg.norm(vector))


def needs_model(user: User, model: EmbeddingModel, token: str) -> bool:
    """Tell whether `vector_of` will have to look at the picture, with the model's image tower."""
    row = picture_of(user, token)
    return row is not None and not _has_vector(row, model)


def picture_of(user: User, token: str) -> SentPicture | None:
    """Return a picture that this person searched by, or None; its thumbnail is read when used."""
    try:
        kept = SentPicture.objects.visible_to(user).defer("thumbnail")
        return kept.filter(pk=UUID(token)).first()
    except ValueError:
        return None


def _not_kept() -> QueryError:
    message = _("The picture of this search is no longer kept. Send it again.")
    return QueryError(ErrorCode.UNKNOWN_PICTURE, message, status=404)


def _has_vector(row: SentPicture, model: EmbeddingModel) -> bool:
    return row.key == model.key and row.vector is not None


def _same(row: SentPicture) -> OwnedQuerySet[SentPicture]:
    """Return a query for the row, which may be purged at any moment."""
    return SentPicture.objects.filter(pk=row.pk)


def _embedded(model: EmbeddingModel, row: SentPicture) -> Vector:
    path = files.temporary_path()
    try:
        files.write_atomically(path, bytes(row.thumbnail))
        pixels = web_decoders(row.owner_id).pixels(path, owner=row.owner_id)
    except SentPicture.DoesNotExist as error:
        raise _not_kept() from error
    except DecodeError as error:
        raise QueryError(
            ErrorCode.UNKNOWN_PICTURE, _("The picture can no longer be read.")
        ) from error
    finally:
        path.unlink(missing_ok=True)
    vector: Vector = embedders.image_embedder(model.key).embed_images([pixels])[0]
    if not np.isfinite(vector).all():
        message = _("The model cannot compare this picture.")
        raise QueryError(ErrorCode.BAD_VECTOR, message)
    return vector


def purge() -> int:
    """Delete pictures that were unused for long and that no saved search names."""
    old = SentPicture.objects.filter(used_at__lt=lived_time.older_than(KEPT))
    gone = [pk for pk in old.values_list("pk", flat=True) if not _is_saved(pk)]
    return SentPicture.objects.filter(pk__in=gone).delete()[0]


def _is_saved(pk: UUID) -> bool:
    return SavedSearch.objects.filter(query__contains=f"picture:{pk}").exists()


def _drop_oldest(user: User) -> None:
    mine = SentPicture.objects.visible_to(user).order_by("-used_at")
    surplus = [pk for pk in mine.values_list("pk", flat=True)[KEPT_EACH:] if not _is_saved(pk)]
    SentPicture.objects.filter(pk__in=surplus).delete()
