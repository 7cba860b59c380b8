"""Compare web servers on what a slow, large or hostile client does to the others.

    python -m benchmarks.web_servers [--only NAME ...] [--rounds 3] [--speed] [--libraries FOLDER]

Every server runs the same gallery (the settings of the browser tests, a migrated SQLite database
and one photo) with the same number of processes and threads. FOLDER may hold what is not among the
requirements: `pip install --target FOLDER gunicorn granian uvicorn a2wsgi`; nginx comes from the
system. What is missing is left out and named.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx
import psutil

from benchmarks.gallery_process import ROOT, free_port, pictures
from benchmarks.web_server_clients import Measures, Target

PROCESSES, THREADS = 2, 8
LARGE_MB = 400
SETTINGS = f"""
from tests.settings_e2e import *
MIDDLEWARE = ["doors.doors", *MIDDLEWARE]
MAX_FILE_BYTES = {LARGE_MB} << 20
"""
DOORS = '''
import time
from django.http import FileResponse, HttpResponse

def doors(get_response):
    """Middleware: a route that takes 3 seconds, and one that sends a large file."""
    def middleware(request):
        if request.path == "/slow":
            time.sleep(3)
            return HttpResponse("done")
        if request.path == "/large":
            return FileResponse(open(__file__ + ".large", "rb"))
        return get_response(request)
    return middleware
'''
ASGI = f"""
from a2wsgi import WSGIMiddleware
from gallery.wsgi import application
app = WSGIMiddleware(application, workers={THREADS})
"""
NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/log; worker_processes 2; {user}
events {{ worker_connections 2048; }}
http {{
  access_log off; client_max_body_size 2000m; client_header_timeout 15s;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{behind}; proxy_set_header Host $host;
                  proxy_http_version 1.1; proxy_set_header Connection ""; }}
  }}
}}
"""


Figures = dict[str, str]


@dataclass
class Gallery:
    """A gallery's data, and the environment in which every server finds it."""

    folder: Path
    environment: dict[str, str]
    token: str = ""
    photo: str = ""


@dataclass
class Contender:
    """A server: its commands for a port, what they need, and how many processes there are."""

    name: str
    commands: Callable[[Gallery, int], list[list[str]]]
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


def _python(*arguments: object) -> list[str]:
    return [sys.executable, "-m", *map(str, arguments)]


def _scry(gallery: Gallery, port: int) -> list[list[str]]:
    size = ("--processes", PROCESSES, "--threads", THREADS)
    return [_python("gallery.web_server", "--port", port, *size)]


def _gunicorn(gallery: Gallery, port: int) -> list[list[str]]:
    size = ("--workers", PROCESSES, "--threads", THREADS)
    address = ("--bind", f"127.0.0.1:{port}", "--no-control-socket")
    return [_python("gunicorn", "gallery.wsgi", *address, *size)]


def _granian(gallery: Gallery, port: int) -> list[list[str]]:
    size = ("--workers", PROCESSES, "--blocking-threads", THREADS, "--port", port)
    app = ("--interface", "wsgi", "gallery.wsgi:application")
    return [_python("granian", "--no-ws", "--log-level", "warning", *size, *app)]


def _uvicorn(gallery: Gallery, port: int) -> list[list[str]]:
    (gallery.folder / "asgi_gallery.py").write_text(ASGI)
    size = ("--workers", PROCESSES, "--log-level", "warning", "--no-access-log")
    return [_python("uvicorn", "asgi_gallery:app", "--port", port, *size)]


def _nginx(gallery: Gallery, port: int) -> list[list[str]]:
    behind, folder = free_port(), gallery.folder / "nginx"
    folder.mkdir(exist_ok=True)
    user = "user root;" if os.geteuid() == 0 else ""
    text = NGINX.format(folder=folder, port=port, behind=behind, user=user)
    (folder / "conf").write_text(text)
    return [["nginx", "-c", f"{folder}/conf", "-p", str(folder)], *_gunicorn(gallery, behind)]


CONTENDERS = [
    Contender("scry", _scry),
    Contender("gunicorn", _gunicorn, ("gunicorn",)),
    Contender("granian", _granian, ("granian",)),
    Contender("uvicorn", _uvicorn, ("uvicorn", "a2wsgi")),
    Contender("nginx", _nginx, ("gunicorn",), ("nginx",)),
]


@contextmanager
def _gallery(libraries: str) -> Iterator[Gallery]:
    with tempfile.TemporaryDirectory(prefix="scry-servers-") as name:
        folder = Path(name)
        (folder / "server_settings.py").write_text(SETTINGS)
        (folder / "doors.py").write_text(DOORS)
        with (folder / "doors.py.large").open("wb") as large:
            large.truncate(LARGE_MB << 20)
        path = os.pathsep.join(filter(None, (str(ROOT), name, libraries)))
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "server_settings", "PYTHONPATH": path, "HOST": "",
            "DATA_DIR": str(folder / "data"), "MIN_FREE_MB": "1", "LOG_LEVEL": "ERROR",
        }  # fmt: skip
        gallery = Gallery(folder, environment)
        _manage(gallery, "migrate", "-v0")
        _manage(gallery, "create_owner", "bench", text="benchmark-password\n")
        gallery.token = _manage(gallery, "create_token", "bench").split()[-1]
        yield gallery


def _manage(gallery: Gallery, *arguments: str, text: str = "") -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env=gallery.environment, input=text, text=True, check=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    return done.stdout


@contextmanager
def _running(contender: Contender, gallery: Gallery) -> Iterator[Target]:
    port = free_port()
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=gallery.environment)
        for command in contender.commands(gallery, port)
    ]
    target = Target(port, gallery.token, gallery.photo, processes)
    try:
        _wait(target)
        yield target
    finally:
        for process in processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in processes:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait(target: Target) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{target.url}/healthz", trust_env=False).status_code == 200:
                time.sleep(2)  # Every process loads.
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise TimeoutError("The server did not start.")


def _add_a_photo(target: Target) -> str:
    """Upload a photo and have its preview made; return its id."""
    files = {"file": ("picture.jpg", pictures(1, None)[0])}
    headers = {"Authorization": f"Bearer {target.token}"}
    with httpx.Client(base_url=target.url, headers=headers, trust_env=False, timeout=60) as client:
        photo = str(client.post("/api/v1/photos", files=files).raise_for_status().json()["id"])
        client.get(f"/photos/{photo}/preview").raise_for_status()
    return photo


def _memory_mb(target: Target) -> float:
    whole = 0
    for process in target.processes:
        family = [psutil.Process(process.pid)]
        family += family[0].children(recursive=True)
        whole += sum(one.memory_full_info().pss for one in family)
    return whole / 1e6


def measure(contender: Contender, gallery: Gallery, rounds: int) -> Figures:
    """Return every other figure of a server by its name, as text."""
    with _running(contender, gallery) as target:
        measures = Measures(target, rounds)
        measures.speed()
        figures = {"memory, MB (all processes)": f"{_memory_mb(target):.0f}"}
        figures |= measures.slow_uploads() | measures.busy() | measures.manners()
        figures |= measures.download(LARGE_MB, lambda: _memory_mb(target))
        figures |= measures.slow_headers() | measures.many_connections()
    with _running(contender, gallery) as target:
        figures |= Measures(target, rounds).stop()
    return figures


def compare_speed(chosen: list[Contender], gallery: Gallery, rounds: int) -> dict[str, Figures]:
    """Return speeds by server: the median, and in brackets its ratio to the first server's.

    The servers take turns, so that a busy machine is busy for all of them.
    """
    measured: dict[str, list[dict[str, float]]] = {contender.name: [] for contender in chosen}
    for _ in range(rounds):
        for contender in chosen:
            with _running(contender, gallery) as target:
                gallery.photo = target.photo = gallery.photo or _add_a_photo(target)
                measured[contender.name].append(Measures(target, rounds).speed())
    results: dict[str, Figures] = {contender.name: {} for contender in chosen}
    for figure in measured[chosen[0].name][0]:
        medians = {name: median(one[figure] for one in ones) for name, ones in measured.items()}
        first = medians[chosen[0].name]
        for name, value in medians.items():
            results[name][figure] = f"{value:.0f} ({value / first:.2f})"
    return results


def _chosen(names: list[str], libraries: str) -> list[Contender]:
    if libraries:
        sys.path.append(libraries)
    chosen = []
    for contender in CONTENDERS:
        missing = [name for name in contender.modules if importlib.util.find_spec(name) is None]
        missing += [name for name in contender.programs if shutil.which(name) is None]
        if missing:
            print(f"{contender.name} is left out: {', '.join(missing)} is not installed")
        elif not names or contender.name in names:
            chosen.append(contender)
    return chosen


def _table(results: dict[str, Figures]) -> str:
    names = list(results)
    measured = dict.fromkeys(name for figures in results.values() for name in figures)
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for figure in measured:
        cells = [results[name].get(figure, "-") for name in names]
        lines.append(f"| {figure} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure the servers one after another and print a table."""
    parser = argparse.ArgumentParser(description="Compare web servers.")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--libraries", default="")
    parser.add_argument("--speed", action="store_true", help="measure speed alone")
    options = parser.parse_args()
    with _gallery(options.libraries) as gallery:
        chosen = _chosen(options.only, options.libraries)
        results = compare_speed(chosen, gallery, options.rounds)
        for contender in chosen:
            if not options.speed:
                results[contender.name] |= measure(contender, gallery, options.rounds)
            print(f"{contender.name}: {results[contender.name]}", flush=True)
    print(f"\n{PROCESSES} processes of {THREADS} threads, median of {options.rounds}\n")
    print(_table(results))


if __name__ == "__main__":
    main()
