"""Fetch the files of a recommended model from the hub into a folder.

Only the hub's plain HTTP interface is used: a list of files with sizes and checksums, and the
files, each of which can be continued where it was interrupted. HF_ENDPOINT and HF_TOKEN count, as
for all downloads. No database is needed.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_noop

from gallery import files
from gallery.sentences import Sentence, said_by
from search.vectors.embedders import manifests, weights as weight_files
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.catalog import RecommendedModel

WEIGHTS = "open_clip_model.safetensors"
OTHERS = (".json", ".txt", ".model")

_TIMEOUT_S = 30.0

Report = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that are here, and its size; what it raises ends it all."""


class FetchFailed(Exception):
    """The files could not be fetched. The message is a `Sentence` that says what to do."""


class Interrupted(FetchFailed):
    """The connection broke off while a file came in; trying again continues there."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a hub repository. Large files have a `sha256`, others the id of a Git blob."""

    name: str
    size: int
    sha256: str
    blob_id: str

    def is_content_of(self, path: Path) -> bool:
        """Return whether a local file is this file, by size and checksum."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256:
            return files.sha256(path) == self.sha256
        content = path.read_bytes()
        # Not for security: it is what the hub gives for files that are kept in Git itself.
        header = f"blob {len(content)}\0".encode()
        return hashlib.sha1(header + content, usedforsecurity=False).hexdigest() == self.blob_id


def is_offline() -> bool:
    """Tell whether HF_HUB_OFFLINE forbids downloads."""
    from huggingface_hub import constants

    return bool(constants.is_offline_mode())


def listing(model: RecommendedModel) -> tuple[str, list[RemoteFile]]:
    """Return the commit and the files that Scry needs, smallest first; raise `FetchFailed`."""
    answer = _ask_hub(f"api/models/{model.repo}?blobs=true")
    try:
        commit, rows = str(answer["sha"]), answer["siblings"]
        found = [_remote_file(row) for row in rows if _is_needed(row["rfilename"])]
    except (KeyError, TypeError, ValueError) as error:
        text = gettext_noop(
            "%(hub)s did not list the files of %(repo)s as expected; check HF_ENDPOINT."
        )
        raise FetchFailed(Sentence(text, hub=_endpoint(), repo=model.repo)) from error
    if WEIGHTS not in {file.name for file in found}:
        text = gettext_noop("The repository %(repo)s has no %(file)s; choose another model.")
        raise FetchFailed(Sentence(text, repo=model.repo, file=WEIGHTS))
    return commit, sorted(found, key=lambda file: file.size)


def _is_needed(name: str) -> bool:
    return name == WEIGHTS or ("/" not in name and name.endswith(OTHERS))


def _remote_file(row: dict[str, Any]) -> RemoteFile:
    lfs = row.get("lfs") or {}
    blob_id = "" if lfs else row["blobId"]
    sha256 = lfs["sha256"] if lfs else ""
    return RemoteFile(row["rfilename"], int(row["size"]), sha256, blob_id)


def fetch(
    model: RecommendedModel,
    to: Path,
    report: Report,
    announce: Callable[[int], None] = lambda total: None,
) -> Path:
    """Fetch what is missing of a model into the folder of its architecture; return that folder.

    `announce` is told how many bytes there are in all, once that is known. Files that are here and
    right are kept, a part of one is continued. Raises `FetchFailed`.
    """
    folder = to / model.architecture
    commit, remote = listing(model)
    announce(sum(file.size for file in remote))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _require_space(folder, remote)
        for file in remote:
            _fetch_file(model, commit, file, folder / file.name, report)
        _check_model(model, folder)
        manifests.write(folder, {file.name: _sum_of(folder, file) for file in remote})
    except OSError as error:
        text = gettext_noop("%(folder)s cannot be written (%(why)s); correct that and try again.")
        why = error.strerror or str(error)
        raise FetchFailed(Sentence(text, folder=str(folder), why=why)) from error
    return folder


def _require_space(folder: Path, remote: list[RemoteFile]) -> None:
    needed = 0
    for file in remote:
        here = (folder / file.name, _part(folder / file.name))
        needed += max(file.size - sum(path.stat().st_size for path in here if path.is_file()), 0)
    free = shutil.disk_usage(folder).free
    if needed > free:
        text = gettext_noop(
            "The download needs %(needed)d MB more and %(folder)s has %(free)d MB free; free some "
            "space, or choose a smaller model."
        )
        more, left = needed // 10**6 + 1, free // 10**6
        raise FetchFailed(Sentence(text, needed=more, free=left, folder=str(folder)))


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _fetch_file(
    model: RecommendedModel, commit: str, file: RemoteFile, path: Path, report: Report
) -> None:
    if path.is_file() and file.is_content_of(path):
        report(file.name, file.size, file.size)
        return
    part = _part(path)
    if not part.is_file() or part.stat().st_size != file.size:
        _download(f"{model.repo}/resolve/{commit}/{file.name}", file, part, report)
    if not file.is_content_of(part):
        part.unlink()
        text = gettext_noop("%(file)s arrived damaged and was removed; try again.")
        raise FetchFailed(Sentence(text, file=file.name))
    part.replace(path)


def _download(address: str, file: RemoteFile, part: Path, report: Report) -> None:
    """Write a remote file to `part`, continuing what is there if the server can."""
    import httpx

    here = part.stat().st_size if part.is_file() else 0
    headers = _headers() | ({"Range": f"bytes={here}-"} if 0 < here < file.size else {})
    url = f"{_endpoint()}/{address}"
    try:
        with (
            httpx.stream(
                "GET", url, headers=headers, timeout=_TIMEOUT_S, follow_redirects=True
            ) as answer,
            part.open("ab") as out,
        ):
            answer.raise_for_status()
            if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                out.seek(0)
                out.truncate()
            for piece in answer.iter_bytes():
                out.write(piece)
                report(file.name, out.tell(), file.size)
    except httpx.HTTPError as error:
        text = gettext_noop(
            "%(file)s could not be fetched completely (%(why)s); try again, and it continues where "
            "it stopped."
        )
        raise Interrupted(Sentence(text, file=file.name, why=_reason(error))) from error


def _check_model(model: RecommendedModel, folder: Path) -> None:
    try:
        recognised = model.recognises(weight_files.shapes(folder / WEIGHTS))
    except ModelUnavailable as error:
        raise FetchFailed(said_by(error)) from error
    if not recognised:
        text = gettext_noop(
            "The repository %(repo)s no longer holds %(model)s; choose another model."
        )
        raise FetchFailed(Sentence(text, repo=model.repo, model=model.title))


def _sum_of(folder: Path, file: RemoteFile) -> str:
    return file.sha256 or files.sha256(folder / file.name)


def _ask_hub(address: str) -> Any:
    """Return the hub's JSON answer; raise `FetchFailed`."""
    import httpx

    if is_offline():
        text = gettext_noop("HF_HUB_OFFLINE is set; unset it where there is a network.")
        raise FetchFailed(Sentence(text))
    try:
        url = f"{_endpoint()}/{address}"
        answer = httpx.get(url, headers=_headers(), timeout=_TIMEOUT_S, follow_redirects=True)
        answer.raise_for_status()
        return answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        text = gettext_noop(
            "%(hub)s cannot be reached (%(why)s); check the network, set HF_ENDPOINT to a mirror, "
            "or fetch the model on a machine that reaches it."
        )
        raise FetchFailed(Sentence(text, hub=_endpoint(), why=_reason(error))) from error


def _reason(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return Sentence(gettext_noop("status %(status)d"), status=error.response.status_code)
    return type(error).__name__


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)


def _headers() -> dict[str, str]:
    """Return headers with the hub's token, if one is set; ranges need files as they are stored."""
    from huggingface_hub import get_token

    token = get_token()
    signed = {"Authorization": f"Bearer {token}"} if token else {}
    return {"User-Agent": "scry", "Accept-Encoding": "identity"} | signed
