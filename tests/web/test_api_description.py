"""The OpenAPI description is as narrow as what is checked, where it can say so."""

from __future__ import annotations

import json
import re
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils.http import urlencode
from jsonschema import Draft202012Validator, FormatChecker
from ninja.openapi.schema import OpenAPISchema, get_schema

from gallery.api_urls import api
from gallery.names import BadName, clean_name, clean_tag
from tests.alike import group, photo
from tests.borders import around, parts
from tests.fuzz.excused import EXCUSED, is_excused

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

Json = dict[str, Any]
PREFIX = "/api/v1"


@pytest.fixture(scope="module")
def described() -> Json:
    return api.get_openapi_schema()


# --- the description itself -----------------------------------------------------------------------


def test_no_two_things_have_one_name(monkeypatch):
    found: dict[str, list[Json]] = defaultdict(list)

    def note(self: OpenAPISchema, definitions: Json) -> None:
        for name, definition in definitions.items():
            if definition not in found[name]:
                found[name].append(definition)

    monkeypatch.setattr(OpenAPISchema, "add_schema_definitions", note)
    get_schema(api, path_prefix=PREFIX)
    assert len(found) > 100
    assert [name for name, definitions in found.items() if len(definitions) > 1] == []


def test_every_schema_is_one(described):
    for definition in described["components"]["schemas"].values():
        Draft202012Validator.check_schema(definition)


def test_every_excuse_is_for_an_operation(described):
    known = {f"{method.upper()} {path}" for path, method, _ in operations(described)}
    assert set(EXCUSED) <= known


@pytest.mark.parametrize(
    "text", ["Rome", "a\nb", "\u202e", " \u200d", ".", "a/b", "\ue000", "\n a"]
)
def test_patterns_of_names_are_what_is_checked(described, text):
    albums, tags = (
        described["components"]["schemas"]["NameIn"]["properties"]["name"],
        field(described, "get", "/tags/{name}/lesson", "name"),
    )
    for schema, clean in ((albums, clean_name), (tags, clean_tag)):
        try:
            clean(text)
        except BadName:
            assert not re.search(schema["pattern"], text)
        else:
            assert re.search(schema["pattern"], text)


# --- what is answered -----------------------------------------------------------------------------


def test_answers_are_as_they_are_described(asking, described):
    checked = 0
    for path, method, operation in operations(described):
        if method != "get":
            continue
        answer = asking.ask(method, f"{path}?q=red" if "q" in queries_of(operation) else path)
        told = operation["responses"][answer.status_code]
        schema = told.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            continue
        definition = schema | {"components": described["components"]}
        Draft202012Validator(definition, format_checker=FormatChecker()).validate(answer.json())
        checked += answer.status_code == 200
    assert checked > 30


def queries_of(operation: Json) -> set[str]:
    return {each["name"] for each in operation["parameters"] if each["in"] == "query"}


# --- what is checked ------------------------------------------------------------------------------


def operations(described: Json) -> Iterator[tuple[str, str, Json]]:
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def field(described: Json, method: str, path: str, name: str) -> Json:
    given = described["paths"][PREFIX + path][method]["parameters"]
    return next(one["schema"] for one in given if one["name"] == name)


ID = str(uuid.UUID(int=7))
BODIES: dict[str, Json] = {
    "PATCH /photos/{photo_id}": {"caption": "noon"},
    "POST /albums": {"name": "Rome"},
    "PATCH /albums/{album_id}": {"name": "Rome"},
    "POST /albums/{album_id}/photos": {"ids": [ID]},
    "DELETE /albums/{album_id}/photos": {"ids": [ID]},
    "POST /favourites": {"ids": [ID]},
    "DELETE /favourites": {"ids": [ID]},
    "POST /ratings": {"ids": [ID], "stars": 3},
    "POST /shares/members": {"album": ID, "name": "bob"},
    "PATCH /shares/members/{member_id}": {"role": "viewer"},
    "POST /shares/links": {"album": ID},
    "PATCH /shares/links/{link_id}": {"label": "Rome"},
    "POST /shares/{shared_id}/release": {"ids": [ID]},
    "POST /shares/{shared_id}/photos": {"ids": [ID]},
    "DELETE /shares/{shared_id}/photos": {"ids": [ID]},
    "POST /photos/marks": {"changes": [{"ids": [ID], "add_tags": ["sea"]}]},
    "POST /photos/dates": {"ids": [ID], "shift": {"days": 1}},
    "POST /photos/dates/preview": {"ids": [ID], "set": {"local": "2024-05-31"}},
    "POST /photos/dates/undo": {"undo": ID},
    "POST /stacks": {"ids": [ID, str(uuid.UUID(int=8))]},
    "POST /stacks/{stack_id}/cover": {"id": ID},
    "POST /photos/trash": {"ids": [ID]},
    "POST /trash/restore": {"ids": [ID]},
    "POST /jobs/pause": {"kinds": ["embed"]},
    "POST /jobs/resume": {"kinds": ["embed"]},
    "POST /jobs/retry": {"reason": ""},
    "POST /jobs/check": {"repair": False},
    "POST /searches": {"name": "Sea", "query": "sea"},
    "PATCH /searches/{saved_id}": {"name": "Sea"},
    "PUT /model": {"folder": "/nowhere"},
    "POST /model/download": {"key": "nothing"},
    "POST /model/uploads": {"files": [{"name": "a.safetensors", "size": 1}]},
    "PUT /duplicates/criteria": {"order": ["colour"]},
    "POST /duplicates/resolve": {"kind": "same_picture", "action": "dismiss", "groups": [ID]},
    "POST /duplicates/{group_id}/resolve": {"action": "keep", "seen": [ID], "keep": [ID]},
    "POST /label-sets": {"name": "Pets", "kind": "any_of", "labels": [{"name": "dog"}]},
    "PATCH /label-sets/{set_id}": {"name": "Pets"},
    "PATCH /label-sets/{set_id}/labels/{label_id}": {"name": "cat"},
    "POST /label-sets/{set_id}/labels/{label_id}/verdicts": {"yes": [ID]},
    "POST /label-sets/{set_id}/labels/{label_id}/cut": {"share": 0.5},
    "POST /evaluations": {"set": ID, "truth": {ID: "dog"}},
    "POST /photos/{photo_id}/match": {"texts": ["a dog"]},
    "PATCH /tags/{name}/lesson": {"words": "family"},
    "POST /tags/{name}/examples": {"yes": [ID]},
    "DELETE /tags/{name}/examples": {"ids": [ID]},
    "POST /tags/{name}/accept": {"preview": True},
    "POST /sensitive": {"kind": "nudity", "state": "cleared", "ids": [ID]},
    "POST /sensitive/undo": {"batch": ID},
    "POST /sensitive/kinds": {"name": "papers"},
    "PUT /sensitive/kinds/{kind}": {"policy": "blur"},
    "POST /photos/{photo_id}/sensitive": {"kind": "nudity", "state": "cleared"},
    "POST /themes/{level}/{photo_id}/name": {"name": "sea"},
    "POST /tags/{name}/photos": {"ids": [ID]},
    "DELETE /tags/{name}/photos": {"ids": [ID]},
}
"""A body that fits, of each operation that takes one. What an id names is not there."""


class Asking:
    """An administrator with something of everything that an address can name."""

    def __init__(self, client: Client, owner: Any) -> None:
        self.client = client
        one, other = photo(owner), photo(owner)
        made = self._make("/label-sets", BODIES["POST /label-sets"] | {"name": "Sorts"})
        album = self._make("/albums", {"name": "Oslo"})["id"]
        member = self._make("/shares/members", {"album": album, "name": "bob"})
        self._make("/tags/sea/photos", {"ids": [str(one.pk)]})
        self.known = {
            "photo_id": one.pk,
            "album_id": album,
            "stack_id": self._make("/stacks", {"ids": [str(one.pk), str(other.pk)]})["id"],
            "saved_id": self._make("/searches", {"name": "Red", "query": "red"})["id"],
            "member_id": member["id"],
            "link_id": self._make("/shares/links", {"album": album})["id"],
            "shared_id": client.get(f"{PREFIX}/shares").json()["by_me"][0]["id"],
            "group_id": group(photo(owner), photo(owner)).pk,
            "set_id": made["id"],
            "label_id": made["labels"][0]["id"],
            "name": "sea",
            "kind": "nudity",
            "level": 0,
        }

    def _make(self, path: str, body: Json) -> Json:
        return dict(self.client.post(PREFIX + path, body, "application/json").json())

    def ask(self, method: str, path: str, **sent: Any) -> Any:
        address = path.format_map(defaultdict(lambda: ID, self.known))
        return self.client.generic(method.upper(), address, **sent)


@pytest.fixture
def asking(admin, bob, model) -> Asking:
    owner = User.objects.get(username="root")
    return Asking(admin, owner)


def agree(operation: str, answer: Any, given: object, *, fits: bool) -> None:
    """Check that what fits is taken, and what does not is refused."""
    if not fits:
        assert 400 <= answer.status_code < 500, (operation, given, answer.content[:200])
    elif answer.status_code == 400:
        told = answer.json()
        assert is_excused(operation, told["code"], told["message"]), (operation, given, told)
    else:
        assert answer.status_code < 400 or answer.status_code in {403, 404, 409, 503}


def with_bodies() -> list[str]:
    return [
        f"{method.upper()} {path.removeprefix(PREFIX)}"
        for path, method, operation in operations(api.get_openapi_schema())
        if "application/json" in operation.get("requestBody", {}).get("content", {})
    ]


@pytest.mark.long
@pytest.mark.parametrize("operation", with_bodies())
def test_bodies_are_taken_as_they_are_described(asking, described, operation):
    method, path = operation.split(" ")
    content = described["paths"][PREFIX + path][method.lower()]["requestBody"]["content"]
    schema, defined = content["application/json"]["schema"], described["components"]
    valid = Draft202012Validator(
        schema | {"components": defined}, format_checker=FormatChecker()
    ).is_valid
    base = BODIES[operation]
    assert valid(base)
    whole = next(parts(schema, defined["schemas"]))
    for name, value in whole["properties"].items():
        for other in around(value, defined["schemas"]):
            check_body(asking, operation, base | {name: other}, valid)
    for name in base:
        check_body(asking, operation, {k: v for k, v in base.items() if k != name}, valid)
    for other in (base | {"unknown": 1}, [], None, "x", {}):
        check_body(asking, operation, other, valid)


def check_body(asking: Asking, operation: str, body: Any, valid: Any) -> None:
    method, path = operation.split(" ")
    sent = {"data": json.dumps(body), "content_type": "application/json"}
    answer = asking.ask(method, PREFIX + path, **sent)
    agree(f"{method} {PREFIX}{path}", answer, body, fits=valid(body))


def with_queries() -> list[str]:
    return [
        f"{method.upper()} {path.removeprefix(PREFIX)}"
        for path, method, operation in operations(api.get_openapi_schema())
        if any(each["in"] == "query" for each in operation["parameters"]) and method == "get"
    ]


@pytest.mark.long
@pytest.mark.parametrize("operation", with_queries())
def test_queries_are_taken_as_they_are_described(asking, described, operation):
    method, path = operation.split(" ")
    given = described["paths"][PREFIX + path][method.lower()]["parameters"]
    queries = [each for each in given if each["in"] == "query"]
    base = {"q": "red"} if any(each["name"] == "q" for each in queries) else {}
    for each in queries:
        valid = Draft202012Validator(each["schema"], format_checker=FormatChecker()).is_valid
        for value in around(each["schema"], {}):
            if is_told_apart(value, each["schema"]):
                address = f"{PREFIX}{path}?{urlencode(base | {each['name']: value})}"
                answer = asking.ask(method, address)
                agree(f"{method} {PREFIX}{path}", answer, value, fits=valid(value))


def is_told_apart(value: Any, schema: Json) -> bool:
    """Tell whether an address shows the type of a value: numbers and texts are written alike."""
    types = {each.get("type") for each in parts(schema, {})} - {"null"}
    if "boolean" in types or value is None or isinstance(value, bool | list | dict):
        return False
    return isinstance(value, str) == ("string" in types or not types)


def test_the_description_is_made_once(described, monkeypatch):
    monkeypatch.setattr(OpenAPISchema, "get_paths", None)
    assert api.get_openapi_schema() is described
