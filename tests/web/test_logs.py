"""The log: JSON in each line, ids of requests, people and photos, and the access log."""

from __future__ import annotations

import ast
import io
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.db import OperationalError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, URLResolver, get_resolver
from hypothesis import given, strategies as st

from gallery.api.errors import error
from gallery.logs import json_lines
from gallery.logs.expected_answers import ExpectedAnswers
from gallery.logs.json_lines import JsonLines
from gallery.logs.log_context import about_photo, about_request, ids
from gallery.models import ApiToken, Embedding, Photo
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain

ROOT = Path(__file__).resolve().parents[2]
LINE = "gallery.test"
Lines = list[dict[str, Any]]


class Written(logging.StreamHandler[io.StringIO]):
    """What a server would write to its log in JSON."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())
        self.setFormatter(JsonLines())

    @property
    def lines(self) -> Lines:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def of(self, name: str) -> Lines:
        return [line for line in self.lines if line["logger"] == name]


@pytest.fixture
def written() -> Iterator[Written]:
    handler = Written()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def accesses(written, settings) -> Written:
    settings.ACCESS_LOG = True
    return written


# --- the format -----------------------------------------------------------------------------------


def formatted(message: object, *args: object, **columns: Any) -> str:
    exc_info = columns.pop("exc_info", None)
    record = logging.LogRecord(LINE, logging.WARNING, "", 1, message, args, exc_info)
    vars(record).update(columns)
    return JsonLines().format(record)


@given(st.text(), st.text(), st.text())
@hypothesis.settings(
    max_examples=30, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
def test_any_text_gives_one_line_that_json_reads(message, value, problem):
    try:
        raise ValueError(problem)
    except ValueError:
        line = formatted("%s " + message.replace("%", "%%"), value, exc_info=sys.exc_info())
    assert len(line.splitlines()) == 1
    read = json.loads(line)
    assert read["message"] == f"{value} {message}"
    assert read["exception"].startswith("Traceback") or "ValueError" in read["exception"]
    assert (read["level"], read["logger"]) == ("WARNING", LINE)


@pytest.mark.parametrize(
    ("message", "args"), [("%d", ("x",)), ("%s %s", (1,)), ("100 %", ("x",)), ("\ud800", ())]
)
def test_a_line_that_cannot_be_composed_is_still_json(message, args):
    read = json.loads(formatted(message, *args))
    assert message in read["message"]


def test_times_are_utc_and_iso():
    read = json.loads(formatted("x", created=1_700_000_000.25))
    assert read["time"] == "2023-11-14T22:13:20.250Z"


def test_what_no_json_has_is_written_as_text():
    assert json.loads(formatted("x", fields={"path": Path("/a")}))["path"] == "/a"


def test_exceptions_that_end_a_thread_are_lines_too(written, monkeypatch):
    for module, name in ((sys, "excepthook"), (threading, "excepthook")):
        monkeypatch.setattr(module, name, getattr(module, name))
    json_lines.catch_the_rest()
    logging.captureWarnings(capture=False)
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    (line,) = written.of("gallery.logs.json_lines")
    assert "ZeroDivisionError" in line["exception"]
    sys.excepthook(ValueError, ValueError("at the end"), None)
    assert "at the end" in written.lines[-1]["exception"]


def test_the_format_is_a_setting():
    assert {"text", "json"} <= django_settings.LOGGING["formatters"].keys()
    assert django_settings.LOGGING["handlers"]["console"]["formatter"] == "text"


# --- whom a line is about -------------------------------------------------------------------------


def test_ids_are_those_of_the_work_at_hand(rf, ada):
    assert ids() == {}
    request = rf.get("/")
    request.resolver_match = None
    photo = Photo(name="x")
    with about_request("r-1", request), about_photo(photo.pk):
        assert ids() == {"request": "r-1", "photo": str(photo.pk)}
        request.user = ada
        assert ids()["user"] == ada.pk
    assert ids() == {}


@pytest.mark.django_db
def test_an_upload_is_followed_by_the_id_of_its_photo(accesses, ada, ada_client, model):
    """Messages to workers carry nothing, so it is the photo that connects the two."""
    answer = upload(ada_client, picture())
    photo_id = answer.json()["id"]
    (line,) = accesses.of("gallery.logs.access_log")
    assert line["photo"] == photo_id
    assert line["user"] == ada.pk
    assert line["request"] == answer.headers["X-Request-ID"]
    Embedding.objects.update(attempts=9, crashes=9)
    drain()
    failed = [line for line in accesses.of("workers.pipeline") if line.get("photo")]
    assert [line["photo"] for line in failed] == [photo_id]
    assert "request" not in failed[0]


@pytest.mark.django_db
def test_the_photo_of_an_address_is_told(accesses, ada_client, model):
    photo_id = upload(ada_client, picture()).json()["id"]
    ada_client.get(f"/photos/{photo_id}")
    assert accesses.of("gallery.logs.access_log")[-1]["photo"] == photo_id


def test_every_line_about_one_photo_has_its_id():
    """Whoever names a photo in a message marks the work on it, so that JSON has the id, too."""
    bare = []
    for package in ("gallery", "search", "workers"):
        for path in (ROOT / package).rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            tree = ast.parse(source if "hoto %s" in source else "")
            marked = {
                id(call)
                for block in ast.walk(tree)
                if isinstance(block, ast.With) and "about_photo(" in ast.unparse(block.items[0])
                for call in ast.walk(block)
            }
            bare += [
                f"{path}:{call.lineno}"
                for call in ast.walk(tree)
                if isinstance(call, ast.Call)
                and ast.unparse(call.func).startswith("logger.")
                and "hoto %s" in ast.unparse(call)
                and id(call) not in marked
            ]
    assert bare == []


# --- the id of a request --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("proxies", "given_id", "is_taken"),
    [
        (0, "abc-123", False),
        (1, "abc-123", True),
        (2, "A_b.c-9", True),
        (1, "", False),
        (1, "a b", False),
        (1, "x" * 64, True),
        (1, "x" * 65, False),
        (1, 'x"\t{}', False),
        (1, "ü", False),
    ],
)
def test_an_id_is_taken_from_trusted_proxies_only(settings, proxies, given_id, is_taken):
    settings.PROXY_COUNT = proxies
    answer = Client().get("/healthz", headers={"X-Request-ID": given_id})
    told = answer.headers["X-Request-ID"]
    assert (told == given_id) == is_taken
    assert len(told) >= 7


def test_every_request_has_an_id_of_its_own():
    told = {Client().get(path).headers["X-Request-ID"] for path in ["/healthz"] * 3 + ["/nowhere"]}
    assert len(told) == 4


# --- the access log -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_is_off_by_default(written, ada_client):
    ada_client.get("/albums")
    assert written.of("gallery.logs.access_log") == []


@pytest.mark.django_db
def test_one_line_says_what_was_asked_and_answered(accesses, ada, ada_client):
    answer = ada_client.get("/albums?q=private")
    (line,) = accesses.of("gallery.logs.access_log")
    told = {name: line[name] for name in ("method", "path", "status", "bytes", "user", "request")}
    assert told == {
        "method": "GET",
        "path": "/albums",
        "status": 200,
        "bytes": len(answer.content),
        "user": ada.pk,
        "request": answer.headers["X-Request-ID"],
    }
    assert line["ms"] >= 0
    assert "private" not in line["message"]
    assert line["message"].startswith("GET /albums 200")


@pytest.mark.django_db
def test_a_token_tells_its_owner_and_a_stranger_is_nobody(accesses, ada):
    Client(headers={"Authorization": f"Bearer {ApiToken.issue(ada)}"}).get("/api/v1/photos")
    Client().get("/albums")
    mine, strangers = accesses.of("gallery.logs.access_log")
    assert mine["user"] == ada.pk
    assert "user" not in strangers
    assert strangers["status"] == 302


@pytest.mark.django_db
def test_no_database_is_asked_for_the_log(settings, ada_client):
    def queries(*, log: bool) -> int:
        settings.ACCESS_LOG = log
        with CaptureQueriesContext(connection) as asked:
            assert ada_client.get("/healthz").status_code == 200
            assert ada_client.get("/static/nothing.css").status_code == 404
            assert ada_client.get("/photos/1").status_code == 404
        return len(asked)

    assert queries(log=True) == queries(log=False)


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.django_db
def test_health_checks_are_left_out(accesses, path):
    Client().get(path)
    assert accesses.of("gallery.logs.access_log") == []


def with_words(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    """Yield every address of which people write a part."""
    for entry in resolver.url_patterns:
        path = prefix + str(entry.pattern).removeprefix("^")
        if isinstance(entry, URLResolver):
            yield from with_words(entry, path)
        elif isinstance(entry, URLPattern) and "<str:" in path:
            yield path


@pytest.mark.django_db
def test_words_in_addresses_are_not_logged(accesses, ada_client):
    paths = list(with_words(get_resolver()))
    assert paths
    for path in paths:
        filled = re.sub(r"<str:\w+>", "zanzibar", path)
        ada_client.get(re.sub(r"<uuid:\w+>", str(uuid4()), filled))
        line = accesses.of("gallery.logs.access_log")[-1]
        assert line["path"] == path
        assert "zanzibar" not in json.dumps(line)


@pytest.mark.django_db
@pytest.mark.parametrize("rest", ["", "/unknown", "/photos/x/thumbnail", "%0a/zip"])
def test_secrets_of_links_are_not_logged(accesses, rest):
    """Even at addresses that lead nowhere."""
    secret = "Zanzibar_" * 5
    Client().get(f"/s/{secret[:43]}{rest}")
    lines = json.dumps(accesses.lines)
    assert accesses.of("gallery.logs.access_log")
    assert "anzibar" not in lines


@pytest.mark.django_db
def test_nothing_that_people_wrote_is_logged(accesses, ada_client, model):
    upload(ada_client, picture(), "zanzibar-picnic.png")
    for path in ("/search", "/api/v1/search", "/search/facets", "/search/suggest", "/albums"):
        ada_client.get(path, {"q": "zanzibar picnic", "zanzibar": "picnic"})
    lines = json.dumps(accesses.of("gallery.logs.access_log"))
    assert lines.count("/search") >= 4
    assert "zanzibar" not in lines
    assert "picnic" not in lines


@pytest.mark.django_db
def test_an_address_cannot_forge_a_line(accesses):
    Client().get("/a%0aGET%20/b%20200%0d%1b[31m")
    (line,) = accesses.of("gallery.logs.access_log")
    assert len(line["message"].splitlines()) == 1
    assert line["message"].isprintable()


# --- answers that are no fault --------------------------------------------------------------------


@pytest.mark.django_db
def test_a_refused_permission_is_one_line(written, admin, ada_client):
    assert ada_client.get("/settings/models").status_code == 403
    (line,) = written.of("django.request")
    assert line["level"] == "WARNING"
    assert "exception" not in line
    assert "\n" not in line["message"]
    assert line["request"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("problem", "status"),
    [(OperationalError("database is locked"), 503), (OSError(28, "No space left"), 507)],
)
def test_what_passes_is_one_warning_with_its_reason(
    written, ada_client, monkeypatch, problem, status
):
    def fail(*args: object) -> None:
        raise problem

    monkeypatch.setattr("gallery.models.PhotoQuerySet.visible_to", fail)
    ada_client.raise_request_exception = False
    assert ada_client.get("/").status_code == status
    (line,) = written.of("django.request")
    assert line["level"] == "WARNING"
    assert "exception" not in line
    assert str(problem) in line["message"]


def test_an_answer_of_503_is_a_warning(written, rf):
    from django.utils.log import log_response

    answer = error(503)
    log_response("%s: %s", answer.reason_phrase, "/", response=answer, request=rf.get("/"))
    (line,) = written.of("django.request")
    assert line["level"] == "WARNING"


@pytest.mark.django_db
def test_lines_that_django_writes_last_have_the_id_too(written, ada_client):
    answer = ada_client.get("/nowhere")
    (line,) = written.of("django.request")
    assert line["message"] == "Not Found: /nowhere"
    assert line["request"] == answer.headers["X-Request-ID"]


@pytest.mark.django_db
def test_a_bug_keeps_its_traceback(written, ada_client, monkeypatch):
    def fail(*args: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("gallery.models.PhotoQuerySet.visible_to", fail)
    ada_client.raise_request_exception = False
    assert ada_client.get("/").status_code == 500
    (line,) = written.of("django.request")
    assert line["level"] == "ERROR"
    assert "a bug" in line["exception"]
    assert line["request"]


def test_other_lines_are_left_as_they_are():
    record = logging.LogRecord(LINE, logging.ERROR, "", 1, "x", (), None)
    assert ExpectedAnswers().filter(record)
    assert (record.levelname, record.getMessage()) == ("ERROR", "x")
