"""Lines of OWASP ASVS that no other test shows; docs/reference/security.md names these."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.external import body
from tests.web.route_matrix import MATRIX, OPEN, SIGN_IN
from tests.web.test_routes import ask

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gallery", "search", "workers")
RUNS_TEXT = {"eval", "exec", "compile", "__import__", "os.system", "os.popen"}
CALLS_OUT = {
    "boto3", "celery", "ftplib", "httpx", "huggingface_hub", "kombu", "qdrant_client", "redis",
    "requests", "smtplib", "socket", "telnetlib", "urllib3", "aiohttp",
}  # fmt: skip
UNSAFE_READERS = {"pickle", "cPickle", "dill", "marshal", "shelve", "yaml", "jsonpickle"}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
PHRASE = "  Größe 蝶 \N{DOG FACE} " + "x" * 90 + " "


def modules() -> list[Path]:
    return [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def send(client: Client, path: str, method: str, headers: dict[str, str]):
    address = re.sub(r"<(?:\w+:)?\w+>", UNKNOWN, re.sub(r"<int:\w+>", "0", path))
    return client.generic(method, "/" + address, headers=headers)


def test_no_text_is_run_as_a_program():
    """1.3.2, 1.2.5: neither Python nor a shell is given text to run."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in RUNS_TEXT, path
                shell = [word.value for word in node.keywords if word.arg == "shell"]
                assert not shell, path


def test_nothing_that_makes_objects_of_bytes_is_imported():
    """1.5.2: formats that can name classes are read by nothing of the gallery's own."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not UNSAFE_READERS & {name.split(".")[0] for name in names}, path


def imports(path: Path) -> set[str]:
    """Return the modules that a module imports, wherever in it, by their whole names."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_only_these_modules_call_other_machines():
    """1.3.6, 13.2.5: none of them is given an address by a request; settings name it."""
    calling = {
        str(path.relative_to(ROOT))
        for path in modules()
        if {name.split(".")[0] for name in imports(path)} & CALLS_OUT
        or {name for name in imports(path) if name.startswith(("urllib.request", "http.client"))}
    }
    listening = {
        f"gallery/web_server/{name}.py"
        for name in ("child", "connections", "server", "sockets", "supervisor")
    } | {"gallery/management/commands/serve.py"}
    children = {f"gallery/decoding/{name}.py" for name in ("process", "frames", "child", "escapes")}
    own_name = {"gallery/hosts.py", "workers/heartbeat.py"}
    services = {
        "gallery/password_resets.py",  # MAIL_URL
        "gallery/openid/provider.py",  # OIDC_ISSUER
        "gallery/redis_cache.py", "workers/broker.py", "workers/celery.py",  # REDIS_URL
        "workers/processes.py",
        "search/vectors/index/deadlines.py", "search/vectors/index/qdrant_server.py",  # QDRANT_URL
        "search/vectors/embedders/weights.py", "search/vectors/embedders/fetch.py",  # HF_ENDPOINT
    }  # fmt: skip
    assert calling - listening - children - own_name == services


def test_secrets_are_never_drawn_from_plain_random_numbers():
    """6.5.3, 7.2.3: these draw pauses and samples, and know no secrets."""
    drawing = {str(path.relative_to(ROOT)) for path in modules() if "random" in imports(path)}
    assert drawing == {
        "gallery/models/owners_in_turn.py", "search/parts/scale.py",
        "search/relevance/library.py",
        "search/vectors/index/qdrant_server.py", "workers/check_gallery.py", "workers/pipeline.py",
    }  # fmt: skip
    for path in drawing:
        assert "secrets" not in imports(ROOT / path)


@pytest.mark.django_db
def test_nobody_is_asked_for_a_new_password_because_time_passed(ada):
    """6.2.10."""
    long_ago = timezone.now() - timedelta(days=4000)
    get_user_model().objects.update(date_joined=long_ago, last_login=long_ago)
    client = Client()
    answer = client.post("/sign-in", {"username": "ada", "password": "correct horse"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert client.get("/").status_code == 200


def test_browsers_store_no_secrets_and_no_words_but_names_of_files_to_send():
    """14.3.3: ids, counts, times, which lists are open, and files until they are sent."""
    stored = [
        call
        for path in sorted((ROOT / "static" / "js").rglob("*.js"))
        for call in re.findall(
            r"(?:local|session)Storage\.setItem\((.*)\);", path.read_text("utf-8")
        )
    ]
    assert sorted(stored) == [
        '"scry-banner", banner.dataset.banner',
        "KEY, JSON.stringify(all.slice(0, MOST))",
        "KEY, JSON.stringify({ direction, count, until: Date.now() + LOADED_MS })",
        "LEFT_BEHIND, JSON.stringify({ ids, until: Date.now() + remaining })",
        "LEFT_BEHIND, JSON.stringify({ text, undo, until: Date.now() + UNDO_MS })",
        "OPEN_KEY, JSON.stringify({ ...storedOpen(), [facet]: !group.open })",
        'PAUSED, "1"',
    ]
    texts = {path: path.read_text("utf-8") for path in (ROOT / "static" / "js").rglob("*.js")}
    keeping = {path.name for path, text in texts.items() if "indexedDB" in text}
    assert keeping == {"kept.js"}, "files that wait to be sent; signing out removes them"
    whole = "".join(texts.values())
    assert "document.cookie =" not in whole
    assert len(re.findall(r"Storage\.setItem|Storage\[", whole)) == len(stored)


@pytest.mark.django_db
def test_every_text_says_how_it_is_written(ada_client, model):
    """4.1.1: an answer with a body has a type, and text says that it is UTF-8."""
    for path in MATRIX:
        answer = ask(ada_client, path, UNKNOWN)
        kind = answer.headers.get("Content-Type", "").replace('"', "").lower()
        if body(answer):
            assert kind, path
        if kind.startswith(("text/", "application/javascript")):
            assert "charset=utf-8" in kind, path


@pytest.mark.django_db
def test_no_other_site_may_read_an_answer(ada_client, model):
    """3.4.2: no address says that scripts of another origin may read it."""
    for path, (method, _) in MATRIX.items():
        for verb in (method, "OPTIONS"):
            answer = send(ada_client, path, verb, {"Origin": "https://other.example"})
            allowed = [name for name in answer.headers if "access-control" in name.lower()]
            assert allowed == [], path


@pytest.mark.django_db
def test_no_answer_repeats_a_request_for_tracing(ada_client, model):
    """13.4.4: TRACE would hand a script what the browser adds to a request."""
    for path in MATRIX:
        answer = send(ada_client, path, "TRACE", {"X-Canary": "tweet"})
        assert b"tweet" not in body(answer), path
        assert "message/http" not in answer.headers.get("Content-Type", ""), path


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address",
    [
        "/static/", "/static/js/", "/static/js", "/media/", "/data/", "/.git/config", "/.env",
        "/static/../gallery/settings.py", "/static/%2e%2e/gallery/settings.py", "/manage.py",
    ],
)  # fmt: skip
def test_folders_are_not_listed_and_sources_not_served(ada_client, address):
    """13.4.1, 13.4.3, 13.4.7: what is no static file has no address."""
    answer = ada_client.get(address)
    assert answer.status_code == 404
    assert b"settings.py" not in body(answer).replace(address.encode(), b"")


def printed(command: str, data: Path, **settings: str) -> str:
    """Return what a process of its own prints, with these settings and no others of tests."""
    kept = {name: value for name, value in os.environ.items() if name not in {"DEBUG", *settings}}
    mine = {"DATA_DIR": str(data), "DJANGO_SETTINGS_MODULE": "gallery.settings"} | settings
    said = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT,
        env=kept | mine,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return said.stdout.strip()


def test_debugging_is_off_unless_somebody_asks_for_it(tmp_path):
    """13.4.2."""
    command = "from gallery import settings; print(settings.DEBUG)"
    assert printed(command, tmp_path) == "False"


@pytest.mark.django_db
def test_every_page_has_a_way_out(ada_client, model):
    """7.4.4."""
    whole = 0
    for path, (method, who) in MATRIX.items():
        if method == "GET" and who == SIGN_IN and "<" not in path:
            answer = ada_client.get("/" + path)
            if answer.status_code == 200 and b"<!doctype html>" in answer.content.lower():
                whole += 1
                assert b'action="/sign-out"' in answer.content, path
    assert whole > 15


@pytest.mark.django_db
def test_an_open_page_is_open_on_purpose(ada, model):
    """13.4.5: what strangers reach is this list, and the links of people."""
    reached = {path for path, (_, who) in MATRIX.items() if who == OPEN}
    assert reached == {
        "healthz", "readyz", "sign-in", "sign-in/code", "sign-in/openid", "sign-in/openid/back",
        "sign-in/passkey/begin", "sign-in/passkey",
        "sign-out", "welcome", "join", "join/openid", "forgot",
        "reset", "javascript-catalog.js", "metrics", "api/v1/", "api/v1/docs",
        "manifest.webmanifest", "service-worker.js", "offline",
        "api/v1/openapi.json",
    }  # fmt: skip
    assert Client().get("/metrics").status_code == 404


@pytest.mark.django_db
def test_a_password_is_taken_as_it_was_typed(ada, ada_client):
    """6.2.5, 6.2.8, 6.2.9: any letters, any length up to thousands, to the last blank."""
    ada.set_password("correct horse battery")
    ada.save()
    client = Client()
    client.force_login(ada)
    values = {
        "old_password": "correct horse battery", "new_password1": PHRASE, "new_password2": PHRASE,
    }  # fmt: skip
    assert client.post("/account/password", values).status_code == 302
    fresh = get_user_model().objects.get(pk=ada.pk)
    assert fresh.check_password(PHRASE)
    for near in (PHRASE.strip(), PHRASE.lower(), PHRASE[:72], PHRASE[:-1]):
        assert not fresh.check_password(near)


def test_fields_for_passwords_hide_them_and_let_managers_fill_them():
    """6.2.6, 6.2.7."""
    found = 0
    for path in (ROOT / "templates").rglob("*.html"):
        page = path.read_text("utf-8")
        assert "onpaste" not in page
        for field in re.findall(r"<input[^>]*name=\"\w*password\w*\"[^>]*>", page, re.DOTALL):
            if 'type="checkbox"' in field:
                continue
            found += 1
            assert 'type="password"' in field, path
            assert "readonly" not in field
    assert found > 8
    for path in (ROOT / "static" / "js").rglob("*.js"):
        assert not re.search(
            r"addEventListener\(\"paste\".{0,200}password", path.read_text("utf-8")
        )


@pytest.mark.django_db
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "%0a", "\0"])
def test_an_address_writes_no_headers_of_a_mail(ada, end):
    """1.3.11."""
    ada.set_password("correct horse battery")
    ada.save()
    client = Client()
    client.force_login(ada)
    address = f"ada@example.org{end}Bcc: eve@example.org"
    answer = client.post(
        "/account/address", {"email": address, "password": "correct horse battery"}
    )
    assert answer.status_code == 400
    assert get_user_model().objects.get(pk=ada.pk).email == ""
    assert mail.outbox == []


def test_cookies_over_https_are_of_this_host_alone(tmp_path):
    """3.3.2, 3.3.4: and the session is for no script."""
    names = ("SESSION_COOKIE", "CSRF_COOKIE")
    command = (
        "import json, django; django.setup(); from django.conf import settings as s; "
        "print(json.dumps([[getattr(s, f'{name}_{end}') for end in "
        f"('NAME', 'SECURE', 'SAMESITE', 'PATH', 'DOMAIN', 'HTTPONLY')] for name in {names}]))"
    )
    session, csrf = json.loads(printed(command, tmp_path, PUBLIC_URL="https://photos.example.org"))
    assert session == ["__Host-scry_session", True, "Lax", "/", None, True]
    assert csrf == ["__Host-scry_csrf", True, "Lax", "/", None, False]
