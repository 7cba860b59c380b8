"""A wrong setting is refused in one sentence, before anything starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from gallery import env, time_zones
from tests.server.processes import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("spelling", "key"),
    [
        ("UTC", "UTC"),
        ("Europe/Berlin", "Europe/Berlin"),
        (":Europe/Paris", "Europe/Paris"),
        ("/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"),
        ("EST5EDT", "EST5EDT"),
        ("XYZ-3", "Etc/GMT-3"),
        ("<+03>-3", "Etc/GMT-3"),
        ("IST-5:30", "Asia/Calcutta"),
        ("GMT0BST,M3.5.0/1,M10.5.0", "Europe/Belfast"),
    ],
)
def test_time_zones_as_systems_spell_them(spelling, key):
    assert time_zones.key_of(spelling) == key


def test_a_rule_gives_a_zone_that_follows_it():
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    key = time_zones.key_of("CET-1CEST,M3.5.0,M10.5.0/3")
    assert key is not None
    winter, summer = (datetime(2024, month, 1, tzinfo=UTC) for month in (1, 7))
    zone = ZoneInfo(key)
    assert [winter.astimezone(zone).hour, summer.astimezone(zone).hour] == [1, 2]


@pytest.mark.parametrize("value", [None, "", "  "])
def test_an_empty_setting_has_its_default(monkeypatch, value):
    if value is None:
        monkeypatch.delenv("SOME", raising=False)
    else:
        monkeypatch.setenv("SOME", value)
    assert env.text("SOME", "auto") == "auto"
    assert env.whole("SOME", 7) == env.port("SOME", 7) == 7
    assert env.log_level("SOME", "INFO") == "INFO"
    assert env.flag("SOME", default=True) is True
    assert env.time_zone("SOME", "UTC") == "UTC"
    assert env.public_url("SOME") == env.service("SOME") == ""
    assert env.names("SOME") == env.owned_folders("SOME") == []


@pytest.mark.parametrize("spelling", ["Berlin", "Mars/Olympus", "../etc/passwd", "XYZ-99", "1"])
def test_what_is_no_time_zone(spelling):
    assert time_zones.key_of(spelling) is None


@pytest.mark.parametrize(
    "value", ["https://a.example/photos", "a.example", "ftp://a.example", "https://", "http://a:x"]
)
def test_a_public_address_is_one_without_a_path(monkeypatch, value):
    monkeypatch.setenv("PUBLIC_URL", value)
    with pytest.raises(ImproperlyConfigured):
        env.public_url("PUBLIC_URL")


@pytest.mark.parametrize("value", ["https://a.example", "http://a.example:8080/", "http://[::1]"])
def test_good_public_addresses(monkeypatch, value):
    monkeypatch.setenv("PUBLIC_URL", value)
    assert env.public_url("PUBLIC_URL") == value.rstrip("/")


@pytest.mark.parametrize("value", ["/photos", "alice", "alice:", ":/photos", "alice:photos"])
def test_what_names_no_owned_folder(monkeypatch, value):
    monkeypatch.setenv("WATCH_FOLDERS", f"bob:/photos,{value}")
    with pytest.raises(ImproperlyConfigured, match="WATCH_FOLDERS must be like"):
        env.owned_folders("WATCH_FOLDERS")


def test_owned_folders(monkeypatch):
    monkeypatch.setenv("WATCH_FOLDERS", " alice:/photos/my inbox , bob:/b:c,")
    assert env.owned_folders("WATCH_FOLDERS") == [
        ("alice", Path("/photos/my inbox")),
        ("bob", Path("/b:c")),
    ]


def test_a_tilde_is_a_home_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DATA_DIR", "~/scry")
    assert env.folder("DATA_DIR", ROOT) == tmp_path / "scry"
    assert (tmp_path / "scry").is_dir()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TZ", "Mars/Olympus"),
        ("PORT", "70000"),
        ("PORT", "http"),
        ("DATA_DIR", str(ROOT / "manage.py")),
        ("DATA_DIR", "/proc/scry"),
        ("DATA_DIR", "~nobody-of-this-name/scry"),
        ("PUBLIC_URL", "https://a.example/photos"),
        ("WATCH_FOLDERS", "/photos"),
    ],
)
def test_a_wrong_setting_ends_the_command_with_one_sentence(tmp_path, name, value):
    done = start([sys.executable, ROOT / "manage.py", "serve"], tmp_path, name, value)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert name in done.stderr


def start(command, folder, name, value) -> subprocess.CompletedProcess[str]:
    """Run a program with one setting until it ends."""
    variables = {"PATH": os.environ["PATH"], "DATA_DIR": str(folder), name: value}
    return subprocess.run(
        command, env=variables, cwd=ROOT, capture_output=True, text=True, timeout=60
    )


WEB = ["-m", "gallery.web_server", "--port", str(free_port()), "--processes", "2"]
CELERY = ["-m", "celery", "-A", "workers", "worker", "--pool", "solo"]
WRONG = [
    ("TZ", "Mars/Olympus"),
    ("DATA_DIR", "/proc/scry"),
    ("DATABASE_URL", "photos"),
    ("DATABASE_URL", "oracle2://host/name"),
    ("LOG_LEVEL", "loud"),
    ("LOG_FORMAT", "xml"),
    ("METRICS_TOKEN", "short"),
    ("REDIS_URL", "redis://127.0.0.1:1"),  # without Qdrant
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), WRONG)
@pytest.mark.parametrize("program", [WEB, CELERY], ids=["web", "celery"])
def test_servers_and_workers_end_with_one_sentence_too(tmp_path, program, name, value):
    done = start([sys.executable, *program], tmp_path, name, value)
    assert done.returncode == 2
    assert name in done.stderr
    assert program is CELERY or done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("port", ["70000", "0", "http"])
def test_a_wrong_port_on_the_command_line_is_told(tmp_path, port):
    serve = [sys.executable, ROOT / "manage.py", "serve", "--port", port]
    done = start(serve, tmp_path, "TZ", "UTC")
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("host", "everywhere"),
    [("0.0.0.0", True),  # noqa: S104 - nothing listens
     ("::", True), ("0:0::0", True), ("0", True), ("*", True),
     ("127.0.0.1", False), ("::1", False), ("192.168.1.4", False), ("photos.local", False)],
)  # fmt: skip
def test_where_a_server_listens_everywhere(host, everywhere):
    assert env.is_everywhere(host) is everywhere


@pytest.mark.parametrize("value", ["photos", "//host", "redis://[::1", "redis://host:port"])
def test_what_is_no_address_of_a_service(monkeypatch, value):
    monkeypatch.setenv("REDIS_URL", value)
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL") as raised:
        env.service("REDIS_URL")
    assert value not in str(raised.value), "it may hold a password"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", env.MailServer()),
        (
            "smtps://a:b%40c@mail.example.org",
            env.MailServer("mail.example.org", 465, "a", "b@c", ssl=True),
        ),
        ("smtp://mail.example.org", env.MailServer("mail.example.org", 587, tls=True)),
        ("smtp://mail.example.org:2525", env.MailServer("mail.example.org", 2525, tls=True)),
        ("smtp://localhost", env.MailServer("localhost", 25)),
        ("smtp://[::1]:1025", env.MailServer("::1", 1025)),
    ],
)  # fmt: skip
def test_a_mail_server_is_asked_with_tls_unless_it_is_here(monkeypatch, url, expected):
    monkeypatch.setenv("MAIL_URL", url)
    assert env.mail_server("MAIL_URL") == expected


@pytest.mark.parametrize(
    "url", ["mail.example.org", "http://x", "smtp://", "smtp://x:port", "smtp://u:secret@x/path", "smtp://[x"]
)  # fmt: skip
def test_what_is_no_mail_server_is_refused_without_its_password(monkeypatch, url):
    monkeypatch.setenv("MAIL_URL", url)
    with pytest.raises(ImproperlyConfigured) as refused:
        env.mail_server("MAIL_URL")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        "auth.example.org", "http://auth.example.org", "https://", "https://a?b", "https://a#b",
        "https://u:p@a", "ftp://a", "https://[", "https://a:x", "https://a/" + "x" * 250,
    ],
)  # fmt: skip
def test_what_is_no_provider_to_trust_is_refused(monkeypatch, value):
    monkeypatch.setenv("OIDC_ISSUER", value)
    with pytest.raises(ImproperlyConfigured, match="OIDC_ISSUER"):
        env.issuer("OIDC_ISSUER")


@pytest.mark.parametrize("value", ["", "https://a.example/o/scry/", "http://127.0.0.1:8080/r"])
def test_a_provider_has_https_unless_it_is_here(monkeypatch, value):
    monkeypatch.setenv("OIDC_ISSUER", value)
    assert env.issuer("OIDC_ISSUER") == value


def test_folders_are_whole_paths(monkeypatch):
    monkeypatch.setenv("IMPORT_ROOTS", " /photos , /mnt/disk ")
    assert env.folders("IMPORT_ROOTS") == [Path("/photos"), Path("/mnt/disk")]
    monkeypatch.setenv("IMPORT_ROOTS", "")
    assert env.folders("IMPORT_ROOTS") == []
    for wrong in ("photos", "/photos/../etc", "/photos,x"):
        monkeypatch.setenv("IMPORT_ROOTS", wrong)
        with pytest.raises(ImproperlyConfigured, match="IMPORT_ROOTS must be whole paths"):
            env.folders("IMPORT_ROOTS")
