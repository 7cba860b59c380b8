"""The whole service mode on one machine: databases, web server and both workers, for real."""

from __future__ import annotations

import io
import os
import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from PIL import Image

from tests.fault_proxy import FaultProxy
from tests.server.processes import PATIENCE, Postgres, Program, Redis, eventually, free_port, manage

BIN = Path(sys.executable).parent


class Stack:
    """Every process of a gallery in service mode, behind proxies that fail on command.

    `QDRANT_TEST_URL` puts a real Qdrant in the place of the fake one; it is not ours to kill.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres, self.redis = Postgres(folder), Redis(folder)
        self.owners: list[Owner] = []
        qdrant_port, web_port = free_port(), free_port()
        real = os.environ.get("QDRANT_TEST_URL", "")
        self.is_qdrant_ours = not real
        self.to_qdrant = FaultProxy(_server_of(real) if real else ("127.0.0.1", qdrant_port))
        self.to_postgres = FaultProxy(_server_of(self.postgres.url))
        self.to_redis = FaultProxy(_server_of(self.redis.url))
        self.proxies = (self.to_qdrant, self.to_postgres, self.to_redis)
        self.environment = {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "DJANGO_SETTINGS_MODULE": "tests.settings_services",
            "DATA_DIR": str(folder / "data"),
            "SECRET_KEY": secrets.token_hex(32),
            "DATABASE_URL": _through(self.to_postgres, self.postgres.url),
            "REDIS_URL": _through(self.to_redis, self.redis.url),
            "QDRANT_URL": f"http://{self.to_qdrant.address}",
            "QDRANT_API_KEY": os.environ.get("QDRANT_TEST_API_KEY") or secrets.token_hex(12),
            "EMBEDDING_MODEL": "colours",
            "EMBEDDING_BATCH": "4",
            "DECODER_CHILDREN": "1",
            "MIN_FREE_MB": "1",
            "METRICS_TOKEN": secrets.token_hex(16),
        }
        # A real server has one key here.
        read_key = self.environment["QDRANT_API_KEY"] if real else secrets.token_hex(12)
        self.qdrant = self._program(
            *("qdrant", sys.executable, "-m", "tests.fake_qdrant", "--port", qdrant_port),
            *("--api-key", self.environment["QDRANT_API_KEY"], "--folder", folder / "points"),
            *("--read-key", read_key),
        )
        self.web = self._program(
            *("web", sys.executable, "-m", "gallery.web_server"),
            *("--port", web_port, "--processes", 2),
        )
        # As in the compose file: what can be reached from outside cannot change the index.
        self.web.own = {"QDRANT_API_KEY": read_key}
        self.qdrant.port, self.web.port = qdrant_port, web_port
        celery = (
            BIN / "celery",
            "-A",
            "workers",
            "worker",
            "--pool",
            "solo",
        )
        self.worker = self._program("worker", *celery, "-Q", "index", "--hostname", "index@%h")
        self.maintenance = self._program(
            *("maintenance", *celery, "-Q", "maintenance", "--hostname", "maintenance@%h"),
            *("-B", "--schedule", folder / "timetable"),
        )
        self.url = f"http://127.0.0.1:{web_port}"

    def _program(self, name: str, *command: Any) -> Program:
        arguments = [str(part) for part in command]
        return Program(name, arguments, folder=self.folder, environment=self.environment)

    def start(self) -> None:
        """Start everything and wait for the web server."""
        self.start_services()
        manage(self.environment, "migrate", "--verbosity", "0")
        self.start_gallery()

    def start_services(self) -> None:
        """Start the servers that the gallery needs, and wait for them."""
        for proxy in self.proxies:
            proxy.__enter__()
        self.redis.start()
        if self.is_qdrant_ours:
            self.qdrant.start()
        else:
            self._empty_qdrant()
        self.postgres.create()
        self.redis.ready()
        if self.is_qdrant_ours:
            self.qdrant.ready()

    def _empty_qdrant(self) -> None:
        """Remove what earlier tests left on the real server: the collections of the fake model."""
        with httpx.Client(
            base_url=self.environment["QDRANT_URL"],
            headers={"api-key": self.environment["QDRANT_API_KEY"]},
            trust_env=False,
        ) as http:
            for one in http.get("/collections").raise_for_status().json()["result"]["collections"]:
                if one["name"].startswith("scry-colours-"):
                    http.delete(f"/collections/{one['name']}").raise_for_status()

    def start_gallery(self) -> None:
        """Start the gallery's own processes and wait for the web server."""
        for program in (self.web, self.worker, self.maintenance):
            program.start()
        self.web.ready()

    def stop(self) -> dict[str, int]:
        """Stop every process of the gallery as Docker does; return the exit statuses."""
        programs = [self.web, self.worker, self.maintenance]
        with ThreadPoolExecutor() as pool:
            statuses = list(pool.map(Program.stop, programs))
        return {program.name: status for program, status in zip(programs, statuses, strict=True)}

    def remove(self) -> None:
        """Kill whatever still runs."""
        for owner in self.owners:
            owner.http.close()
        for program in (self.web, self.worker, self.maintenance, self.qdrant, self.redis):
            program.kill()
        self.postgres.remove()
        for proxy in self.proxies:
            if proxy.is_running:
                proxy.__exit__()

    def logs(self) -> str:
        """Return the ends of all logs, for a test that failed."""
        programs = (self.web, self.worker, self.maintenance, self.qdrant, self.redis)
        return "\n".join(f"--- {program.name}\n{program.tail()}" for program in programs)

    def owner(self, name: str) -> Owner:
        """Create an account and a token with the commands that a person would use."""
        manage(self.environment, "create_owner", name, typed="correct horse battery\n")
        token = manage(self.environment, "create_token", name).splitlines()[-1]
        self.owners.append(Owner(self.url, token))
        return self.owners[-1]


class Owner:
    """A program that acts for one account, over HTTP alone."""

    def __init__(self, url: str, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)

    def upload(self, picture: bytes, name: str = "picture.png") -> httpx.Response:
        return self.http.post("/api/v1/photos", files={"file": (name, picture)})

    def add(self, picture: bytes, name: str = "picture.png") -> str:
        """Upload a new picture and return its id."""
        answer = self.upload(picture, name)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def state(self, photo: str) -> str:
        answer = self.http.get(f"/api/v1/photos/{photo}")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["state"])

    def wait_until_indexed(self, *photos: str, patience: float = PATIENCE) -> None:
        def all_indexed() -> bool:
            states = [self.state(photo) for photo in photos]
            assert "failed" not in states
            return set(states) <= {"indexed"}

        eventually("every photo is indexed", all_indexed, patience)

    def found(self, words: str) -> list[str]:
        answer = self.http.get("/api/v1/search", params={"q": words})
        assert answer.status_code == 200, answer.text
        return [hit["id"] for hit in answer.json()["hits"]]


def _server_of(url: str) -> tuple[str, int]:
    """Return the host and the port that a URL names."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def _through(proxy: FaultProxy, url: str) -> str:
    """Return the URL with the address of the proxy in place of the server's."""
    parts = urlsplit(url)
    account = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{account}@{proxy.address}").geturl()


def picture(colour: tuple[int, int, int], mark: int = 0, format: str = "PNG") -> bytes:
    """Return a square of one colour; `mark` makes the bytes, and one corner, different."""
    image = Image.new("RGB", (160, 120), colour)
    image.putpixel((0, 0), (mark % 256, mark // 256 % 256, 7))
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()
