"""The Hugging Face hub: what is already downloaded, and whether the hub can be reached.

Left to itself, huggingface_hub retries for about half a minute before it reports that there
is no network; here that question is answered first, within seconds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from search.vectors.embedders.base import ModelUnavailable

logger = logging.getLogger(__name__)

T = TypeVar("T")

CHECKPOINTS = (
    "open_clip_model.safetensors",
    "model.safetensors",
    "open_clip_pytorch_model.bin",
)
"""Names under which the hub's open_clip repositories keep their weights, best first."""

ANSWER_WITHIN_S = 8.0
"""Longest wait for the hub in total; name resolution alone can otherwise take 30 s."""

_REQUEST_S = 3.0


@dataclass(frozen=True)
class Reach:
    """Whether the hub answers, and if not, why: completes "the hub cannot be reached: ..."."""

    ok: bool
    why: str = ""


def repository(source: dict[str, Any]) -> str:
    """Return the hub repository of a row of open_clip's table of weights, or nothing."""
    return str(source.get("hf_hub", "")).rpartition("/")[0]


def cached(repo: str, filename: str) -> Path | None:
    """Return a file of a hub repository from the local cache, or None."""
    from huggingface_hub import constants, try_to_load_from_cache

    found = try_to_load_from_cache(repo, filename, cache_dir=constants.HF_HUB_CACHE)
    return Path(found) if isinstance(found, str) and Path(found).is_file() else None


def cached_checkpoint(repo: str) -> Path | None:
    """Return the weights of a hub repository from the local cache, or None."""
    found = (cached(repo, name) for name in CHECKPOINTS)
    return next((path for path in found if path is not None), None)


def reach(repo: str, within_s: float = ANSWER_WITHIN_S) -> Reach:
    """Ask the hub for one header of a repository; answer within `within_s` seconds.

    The question is asked of the weight file itself, redirects included, because a firewall
    may let the hub's pages through and not the place where it keeps large files.
    """
    from huggingface_hub import constants

    if constants.is_offline_mode():
        return Reach(ok=False, why="HF_HUB_OFFLINE is set")
    url = f"{constants.ENDPOINT}/{repo}/resolve/main/{CHECKPOINTS[0]}"
    answers: list[Reach] = []
    # A thread, because resolving a name cannot be given a time limit.
    asking = threading.Thread(target=lambda: answers.append(_ask(url)), daemon=True)
    asking.start()
    asking.join(within_s)
    return answers[0] if answers else Reach(ok=False, why=f"no answer within {within_s:g} s")


def _ask(url: str) -> Reach:
    import httpx

    try:
        answer = httpx.head(url, timeout=_REQUEST_S, follow_redirects=True)
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Reach(ok=False, why=f"{httpx.URL(url).host} gives {type(error).__name__}")
    # A repository may keep its weights under another name: "not found" is an answer too.
    if answer.is_success or answer.status_code == httpx.codes.NOT_FOUND:
        return Reach(ok=True)
    return Reach(ok=False, why=f"{answer.url.host} answers {answer.status_code}")


@contextmanager
def offline() -> Iterator[None]:
    """Let libraries use the local cache only, without asking the hub for anything newer."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def require(key: str, repo: str) -> None:
    """Raise `ModelUnavailable` with what to do if the hub does not answer."""
    answer = reach(repo)
    if not answer.ok:
        raise ModelUnavailable(
            f"{key} is not complete on this machine and the Hugging Face hub cannot be reached "
            f"({answer.why}); put its files in a folder and name it in EMBEDDING_WEIGHTS, or set "
            "EMBEDDING_MODEL=starter."
        )


def offline_first(key: str, repo: str, action: Callable[[], T]) -> T:
    """Do `action` from local files alone, and with the hub only if something is missing there.

    Libraries otherwise ask the hub at each start whether there is anything newer.
    """
    try:
        with offline():
            return action()
    except OSError as missing:
        logger.info("Asking the hub for what %s needs: %s", key, missing)
    require(key, repo)
    try:
        return action()
    except OSError as error:
        raise ModelUnavailable(
            f"A file that {key} needs could not be fetched ({type(error).__name__}); check the "
            "connection and try again."
        ) from error
