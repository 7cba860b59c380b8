"""Hooks of Schemathesis: most ids in made-up requests are those of things that there are.

Seven of eight ids are replaced, which one by the id itself, so that a seed finds the same again.
"""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import schemathesis
from schemathesis.transport.serialization import Binary

from tests.fuzz.excused import is_excused
from tests.fuzz.stock import KIND, TAG, Stock, number_of, png

PATHS = {
    "photo_id": "photo", "album_id": "album", "stack_id": "stack", "saved_id": "search",
    "shared_id": "shared", "member_id": "member", "link_id": "link", "group_id": "group",
    "set_id": "set", "run_id": "run", "act_id": "act", "batch": "decision",
}  # fmt: skip
"""What the ids in addresses name."""
OTHERS = {
    "DELETE /api/v1/trash/{photo_id} photo_id": "trashed",
    "POST /api/v1/shares/{shared_id}/photos shared_id": "guest",
    "DELETE /api/v1/shares/{shared_id}/photos shared_id": "guest",
}
"""What they name elsewhere."""
FIELDS = {
    "ids": "photo", "yes": "photo", "no": "photo", "clear": "photo", "seen": "photo",
    "keep": "photo", "cover": "photo", "id": "photo", "boxes": "photo", "truth": "photo",
    "album": "album", "search": "search", "set": "set", "groups": "group", "of": "photo",
}  # fmt: skip
"""What the ids in bodies and queries name."""
QUERIES = ("red", "colour:blue", '"a red car" -blue', "2*green, after:2020", "is:favourite", "a b")
LIKELY = {"q": QUERIES, "query": QUERIES}
"""What can be read as queries, of which made-up texts are few."""
UNDONE = {"/photos/dates/undo": "correction", "/sensitive/undo": "words"}


@cache
def stock() -> Stock:
    """Return what the gallery under test holds."""
    return Stock(*(os.environ[f"FUZZ_{name}"] for name in ("URL", "TOKEN", "FRIEND")))


def _likely(name: str, value: Any) -> Any:
    """Return a text that can be read in the place of most."""
    if name not in LIKELY or not isinstance(value, str) or not value.strip() or len(value) % 4 == 1:
        return value
    return LIKELY[name][len(value) % len(LIKELY[name])] if len(value) <= 4096 else value


def _existing(kind: str, given: Any, taken: frozenset[str] = frozenset()) -> Any:
    """Return the id of a thing of a kind in the place of a made-up one, or that one itself."""
    number = number_of(given) if isinstance(given, str) else None
    if number is None or number % 8 == 0:
        return given
    found = stock().one(kind, number // 8)
    return given if found is None or found in taken else found


def _inside(kind: str, value: Any) -> Any:
    """Replace ids in a field: one, a list of them, or the keys of an object; none twice."""
    if isinstance(value, dict):
        return dict(zip(_inside(kind, list(value)), value.values(), strict=True))
    if not isinstance(value, list):
        return _existing(kind, value)
    found: list[Any] = []
    for each in value:
        taken = frozenset(one for one in found if isinstance(one, str))
        # What was there twice stays so.
        found.append(_existing(kind, each, taken) if value.count(each) == 1 else each)
    return found


@schemathesis.serializer("application/offset+octet-stream")
def piece(context: Any, value: Any) -> bytes:
    """Return the bytes of a piece of an upload."""
    return value.data if isinstance(value, Binary) else str(value).encode()


@schemathesis.hook
def map_case(context: Any, case: Any) -> Any:
    """Let requests name things that there are. Those of the stateful phase do by themselves."""
    path, method = context.operation.path, case.method
    if isinstance(case.body, dict) and isinstance(file := case.body.get("file"), bytes | Binary):
        number = len(file.data if isinstance(file, Binary) else file)
        # An empty file stays one.
        _change(case, "body", case.body | ({"file": Binary(png(number))} if number else {}))
    if case.meta is not None and str(case.meta.phase.name) == "stateful":
        return case
    if isinstance(case.path_parameters, dict):
        _change(case, "path_parameters", _in_path(f"{method} {path}", case.path_parameters))
    if isinstance(case.query, dict):
        _change(case, "query", _with_fields(case.query, FIELDS))
    if isinstance(case.body, dict):
        named = case.path_parameters or {}
        within = named.get("group_id") or named.get("stack_id")
        body = _sensible(_in_body(path, case.body), stock().members_of(str(within)))
        _change(case, "body", body)
    return case


def _change(case: Any, part: str, value: dict[str, Any]) -> None:
    # What is set is judged anew, even if it is the same.
    if value != getattr(case, part):
        setattr(case, part, value)


def _in_path(operation: str, given: dict[str, Any]) -> dict[str, Any]:
    found = dict(given)
    for name, kind in PATHS.items():
        if name in found:
            found[name] = _existing(OTHERS.get(f"{operation} {name}", kind), found[name])
    if "label_id" in found and (label := stock().label_of(str(found["set_id"]))):
        found["label_id"] = label if number_of(found["label_id"]) else found["label_id"]
    for name, known in (("name", TAG), ("kind", KIND)):
        if isinstance(text := found.get(name), str) and len(text) % 4:
            found[name] = known
    return found


def _in_body(path: str, given: dict[str, Any]) -> dict[str, Any]:
    undone = next((kind for end, kind in UNDONE.items() if path.endswith(end)), "")
    found = _with_fields(given, {"undo": undone, "batch": undone} if undone else FIELDS)
    if path.endswith("/shares/members") and isinstance(name := found.get("name"), str):
        found["name"] = "bob" if 0 < len(name) <= 150 else name
    if "/sensitive" in path and isinstance(kind := found.get("kind"), str):
        found["kind"] = "nudity" if len(kind) % 4 else kind
    return found


def _sensible(body: dict[str, Any], members: list[str]) -> dict[str, Any]:
    """Let every other body say what can be, where that depends on its other fields."""
    found = dict(body)
    if number_of(found.get("id")) and members:
        found["id"] = members[0]
    if isinstance(seen := found.get("seen"), list) and members and len(seen) % 2 == 0:
        found |= {"seen": members} | ({"keep": members[:1]} if found.get("keep") else {})
    if number_of(found.get("cover")) and isinstance(ids := found.get("ids"), list) and ids:
        found["cover"] = ids[0]
    if isinstance(shift := found.get("shift"), dict):
        found["shift"] = {
            unit: amount % 100 or 1 if type(amount) is int else amount
            for unit, amount in shift.items()
        }
    yes = found.get("yes")
    for other in ("no", "clear"):
        if isinstance(yes, list) and isinstance(found.get(other), list):
            found[other] = [each for each in found[other] if each not in yes]
    if isinstance(truth := found.get("truth"), dict) and truth:
        found["truth"] = dict.fromkeys(truth, "red") if _is_text(truth) else truth
    for label in found["labels"] if isinstance(found.get("labels"), list) else ():
        if isinstance(label, dict) and isinstance(label.get("parent"), str):
            label["parent"] = None
    return found


def _is_text(values: dict[str, Any]) -> bool:
    return all(isinstance(value, str) for value in values.values())


def _with_fields(given: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
    return {
        name: _inside(fields[name], value) if name in fields else _likely(name, value)
        for name, value in given.items()
    }


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Forget what is not there any more."""
    is_removed = case.method == "DELETE" and response.status_code < 300
    if is_removed or response.status_code == 404:
        body = case.body if isinstance(case.body, dict) else {}
        named = [*(case.path_parameters or {}).values(), *map(body.get, FIELDS)]
        for value in named:
            for one in value if isinstance(value, list | dict) else [value]:
                stock().drop(str(one))


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: Any) -> None:
    """Fill the gallery before anything is asked of it."""
    stock().fill()


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Let pass what fits the description and is refused all the same, where it is excused."""
    refused = {400, 412, 415}
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code not in refused:
        return True
    if case.method == "HEAD":  # Its answer has no reason.
        return False
    told = response.json()
    return not is_excused(context.operation.label, told["code"], told["message"])
