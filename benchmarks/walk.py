"""Count the rooms that a query and a photo walk through, and how often they come back to one.

    python -m benchmarks.walk [--query "red field -blue type:png"] [--steps]

A room is a folder of the application: `search/engine`, `gallery`. The walks are taken in this
process: a temporary gallery with a few generated photos, the toy model of the tests, and Django's
test client. Searches are made before, so that what is loaded or measured once does not count.

- The query walks from the view function of `/search` to the vector index and back. Its walk ends
  when the view's folder has control again after the last call into `search/vectors/index`.
- The photo walks from `Embedding.objects.claim` to the statement that writes `indexed`.

A step is a call of an application function whose arguments carry the thing. The query is carried
by the request with `q`, by `q` or a part of it as text, and by every value of a class from
`search.language` or `search.engine`. The photo is carried by its rows and its id, also in the name
of a file. Lists, mappings and attributes of the application's own values are looked into, three
levels deep. What a step returns carries the thing as well, if it is an array, a future, a container
or a value of the application's own classes; rows of the database are judged by their id alone.

No steps are: constructors, operators and plain properties of values, lambdas and comprehensions,
generators that go on, and what other processes do.

The query begins in the room of the view, the photo in the room that claims it. A room is entered
when a step is called from another folder. Entering one room several times in a row counts once. A
return is an entry into a room that was entered before. The exit status is 1 when a walk enters
more than `MOST_ROOMS` rooms or makes more than `MOST_RETURNS` returns.
"""

from __future__ import annotations

import argparse
import inspect
import io
import os
import shutil
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import groupby, islice
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from benchmarks.house import PACKAGES, ROOT

if TYPE_CHECKING:
    from django.test import Client

INDEX = "search/vectors/index"
QUERY_PACKAGES = ("search.language", "search.engine")

MOST_ROOMS = 9
MOST_RETURNS = 3

PHOTOS = 24
DEPTH = 3  # levels of containers and attributes that are looked into
ITEMS = 64  # items of one container that are looked at


@dataclass(frozen=True)
class Step:
    """A call that carries the thing: the caller's folder, and the folder and function called."""

    caller: str
    folder: str
    function: str


class Walk:
    """The steps that were recorded while `recorded` was open, those of all threads.

    It begins with the call of `start`, and `carries` tells whether a value is the thing itself.
    `from_caller` counts the room that makes this call as the first one.
    """

    def __init__(
        self, start: CodeType, carries: Callable[[Any], bool], *, from_caller: bool = False
    ) -> None:
        self._start = start
        self._from_caller = from_caller
        self._carries_itself = carries
        self._steps: list[Step] = []
        self._end: int | None = None
        self._has_begun = False
        self._was_in_index = False
        self._made: dict[int, Any] = {}  # What steps returned, kept so that no id is used twice.
        self._open: set[FrameType] = set()
        self._generators: set[FrameType] = set()

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record what is called meanwhile."""
        sys.setprofile(self.follow)
        _walks.append(self)
        try:
            yield
        finally:
            _walks.remove(self)
            sys.setprofile(None)

    @property
    def steps(self) -> list[Step]:
        """All steps up to the end of the walk."""
        return self._steps[: self._end]

    @property
    def entries(self) -> list[Step]:
        """The steps that enter a room, of those into one room in a row the first."""
        first = self._steps[0]
        home = first.caller if self._from_caller else first.folder
        found = [Step(home, home, "begins here" if self._from_caller else first.function)]
        for step in self.steps:
            if step.folder not in (step.caller, found[-1].folder):
                found.append(step)
        return found

    def end_here(self) -> None:
        """Let the walk end with the last step so far."""
        self._end = len(self._steps)

    def follow(self, frame: FrameType, event: str, value: Any) -> None:
        """Take notice of a call or a return, as a profile function does."""
        if event == "call":
            self._enter(frame)
        elif event == "return" and self._has_begun:
            self._leave(frame, value)

    def _enter(self, frame: FrameType) -> None:
        folder = folder_of(frame)
        is_start = frame.f_code is self._start
        self._has_begun = self._has_begun or is_start
        if not self._has_begun or folder is None or _is_no_step(frame) or self._goes_on(frame):
            return
        if is_start or any(self._carries(value, DEPTH) for value in _arguments(frame)):
            self._steps.append(Step(_caller(frame) or folder, folder, _name(frame)))
            self._open.add(frame)

    def _goes_on(self, frame: FrameType) -> bool:
        """Tell whether this is a generator that was entered before."""
        goes_on = frame in self._generators
        if frame.f_code.co_flags & inspect.CO_GENERATOR:
            self._generators.add(frame)
        return goes_on

    def _leave(self, frame: FrameType, value: Any) -> None:
        if frame in self._open:
            self._open.discard(frame)
            self._remember(value, DEPTH)
        folder = folder_of(frame)
        if folder == INDEX:
            self._was_in_index = True
        elif self._was_in_index and folder and _caller(frame) == self._steps[0].folder != folder:
            self._was_in_index = False
            self.end_here()

    def _carries(self, value: Any, depth: int) -> bool:
        if id(value) in self._made or self._carries_itself(value):
            return True
        if isinstance(value, np.ndarray):
            return id(value.base) in self._made
        return depth > 0 and any(self._carries(inner, depth - 1) for inner in _inside(value))

    def _remember(self, value: Any, depth: int) -> None:
        is_container = isinstance(value, list | tuple | dict | set | frozenset)
        if isinstance(value, np.ndarray | Future) or (is_container and value) or _is_own(value):
            self._made[id(value)] = value
        if depth > 0 and is_container:
            for inner in _inside(value):
                self._remember(inner, depth - 1)


_walks: list[Walk] = []


def _follow_threads(frame: FrameType, event: str, value: Any) -> None:
    """Pass on what happens in threads, which have to be given this function at their start."""
    for walk in _walks:
        walk.follow(frame, event, value)


def folder_of(frame: FrameType) -> str | None:
    """Return the folder of the application whose code runs in a frame, None for other code."""
    path = Path(frame.f_code.co_filename)
    folder = path.parent.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else ""
    return folder if folder.partition("/")[0] in PACKAGES else None


def _caller(frame: FrameType) -> str | None:
    """Return the folder of the nearest application code that called a frame."""
    outer = frame.f_back
    while outer is not None:
        if folder := folder_of(outer):
            return folder
        outer = outer.f_back
    return None


def _arguments(frame: FrameType) -> list[Any]:
    code, values = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount
    count += (code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)).bit_count()
    return [values[name] for name in code.co_varnames[:count] if name in values]


def _is_no_step(frame: FrameType) -> bool:
    name = frame.f_code.co_name
    if name.startswith(("<", "__")):
        return True
    arguments = _arguments(frame)
    owner = type(arguments[0]) if arguments else None
    return owner is not None and isinstance(inspect.getattr_static(owner, name, None), property)


def _name(frame: FrameType) -> str:
    return f"{Path(frame.f_code.co_filename).stem}.{frame.f_code.co_qualname}"


def _is_own(value: Any) -> bool:
    from django.db.models import Model

    return not isinstance(value, type | Model) and _is_of(value, PACKAGES)


def _is_of(value: Any, packages: tuple[str, ...]) -> bool:
    return any(f"{type(value).__module__}.".startswith(f"{package}.") for package in packages)


def _inside(value: Any) -> Iterable[Any]:
    """Return the items of a container or the attributes of one of the application's values."""
    if isinstance(value, dict):
        return islice([*value.keys(), *value.values()], ITEMS)
    if isinstance(value, list | tuple | set | frozenset):
        return islice(value, ITEMS)
    return list(getattr(value, "__dict__", {}).values()) if _is_own(value) else ()


# --- the two walks --------------------------------------------------------------------------------


def walk_of_query(client: Client, text: str) -> Walk:
    """Ask for the search page and return the walk of its query."""
    from django.http import HttpRequest
    from django.urls import resolve

    keys = {token.lstrip("-").partition(":")[0] for token in text.split() if ":" in token}

    def carries(value: Any) -> bool:
        if isinstance(value, HttpRequest):
            return "q" in value.GET
        if isinstance(value, str):
            return len(value) > 2 and value in text and value not in keys
        return not isinstance(value, type) and _is_of(value, QUERY_PACKAGES)

    view: Any = inspect.unwrap(resolve("/search").func)
    walk = Walk(view.__code__, carries)
    for _ in range(3):
        client.get("/search", {"q": "green"})
        _wait_for_threads()
    with walk.recorded():
        answer = client.get("/search", {"q": text})
    assert answer.status_code == 200, answer.content
    return walk


def _wait_for_threads() -> None:
    """Let the threads finish that a request started; those of pools are there for good."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(timeout=2)


def drain() -> None:
    """Put everything that waits into the index, and compare it."""
    from workers import jobs

    for job in (jobs.PROJECT, jobs.EMBED, jobs.COMPARE):
        job.run()


def walk_of_photo(client: Client) -> Walk:
    """Upload a photo, drain, and return the walk of the photo."""
    from django.db import connection
    from django.db.models import Model

    from gallery.models import Embedding

    photo = uuid.UUID(upload(client, np.random.default_rng(PHOTOS)))

    def carries(value: Any) -> bool:
        if isinstance(value, Model):
            return photo in (value.pk, getattr(value, "photo_id", None))
        if isinstance(value, str | Path):
            return str(photo) in str(value) or photo.hex in str(value)
        return isinstance(value, uuid.UUID) and value == photo

    start: Any = type(Embedding.objects.all()).claim
    walk = Walk(start.__code__, carries, from_caller=True)

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        if sql.startswith("UPDATE") and "indexed" in map(str, params or ()):
            walk.end_here()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch), walk.recorded():
        drain()
    assert Embedding.objects.get(photo=photo).state == Embedding.State.INDEXED
    return walk


def upload(client: Client, chance: np.random.Generator) -> str:
    """Upload a small picture of two random colours and noise; return the photo's id."""
    pixels = np.repeat(chance.integers(0, 256, (2, 1, 3)), 48, axis=0).repeat(128, axis=1)
    noisy = np.clip(pixels + chance.integers(-8, 9, pixels.shape), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, "PNG")
    file.name = f"picture-{chance.integers(1 << 30)}.png"
    file.seek(0)
    answer = client.post("/api/v1/photos", {"file": file})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["id"])


@contextmanager
def small_gallery() -> Iterator[Client]:
    """Give a client of somebody who has a few photos that are indexed."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    import django

    django.setup()
    from django.conf import settings
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.test import Client

    from gallery import decoders
    from gallery.models import EmbeddingModel
    from search.vectors.index import close_all
    from workers import look_ahead

    threading.setprofile(_follow_threads)
    settings.PART_SEARCH = 10_000
    settings.ALLOWED_HOSTS = ["testserver"]
    call_command("migrate", verbosity=0)
    toy = import_module("tests.embedders").ColourEmbedder
    EmbeddingModel.objects.create(key=toy.key, dim=toy.dim, state="active")
    client = Client()
    client.force_login(get_user_model().objects.create_user("ada"))
    try:
        for number in range(PHOTOS):
            upload(client, np.random.default_rng(number))
        drain()
        yield client
    finally:
        close_all()
        look_ahead.close()
        decoders.close()
        shutil.rmtree(settings.DATA_DIR, ignore_errors=True)


def report(title: str, walk: Walk, *, all_steps: bool) -> bool:
    """Print a walk; return whether it keeps both limits."""
    entered = walk.entries
    rooms = {step.folder for step in entered}
    returns = len(entered) - len(rooms)
    limits = f"at most {MOST_ROOMS} and {MOST_RETURNS}"
    print(f"\n{title}: {len(rooms)} rooms, {returns} returns ({limits})")
    seen: set[str] = set()
    for step, _ in groupby(walk.steps if all_steps else entered):
        mark = "back to" if step.folder in seen else "      to"
        seen.add(step.folder)
        print(f"  {mark} {step.folder:<28} {step.function}")
    return len(rooms) <= MOST_ROOMS and returns <= MOST_RETURNS


def main() -> int:
    parser = argparse.ArgumentParser(description="Count rooms and returns of two walks.")
    parser.add_argument("--query", default="red field -blue type:png", help="what is searched")
    parser.add_argument("--steps", action="store_true", help="print every step, not only entries")
    chosen = parser.parse_args()
    with small_gallery() as client:
        query = walk_of_query(client, chosen.query)
        photo = walk_of_photo(client)
    query_fits = report(f"query {chosen.query!r}", query, all_steps=chosen.steps)
    photo_fits = report("photo", photo, all_steps=chosen.steps)
    return 0 if query_fits and photo_fits else 1


if __name__ == "__main__":
    sys.exit(main())
