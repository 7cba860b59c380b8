"""The rules of the house: who may import whom, what stays unloaded, and how long things get."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median, quantiles

import pytest

from benchmarks import house

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gallery", "search", "workers")
CODE = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))
WRITTEN = [path for path in CODE if path.parent.name != "migrations"]
EVERYTHING = WRITTEN + sorted(
    path for name in ("tests", "benchmarks") for path in (ROOT / name).rglob("*.py")
)
MOST = {"single importers": 170, "depth": 23}
"""What `benchmarks.house` may count. Lines and modules may grow with what Scry can do."""
VAGUE_MODULES = {"utils", "util", "services", "service", "helpers", "helper", "common", "misc"}
VAGUE_MODULES |= {"manager", "managers"}
PRESCRIBED = {"handle_raw_input", "handle_read", "handle_write", "handle_accept", "handle_expt"}
"""By Django's upload handlers and waitress's channels."""
VAGUE_NAME = re.compile(r"^_?handle_|helper|utils?$|Manager$|Service$")


@cache
def whole_house() -> house.House:
    return house.House()


@cache
def trees() -> dict[Path, ast.Module]:
    return {ROOT / module.path: module.tree for module in whole_house().modules.values()}


def functions(path: Path) -> Iterator[house.Function]:
    """Yield the functions of a file; trees that only this asks for are not kept."""
    for node in ast.walk(trees().get(path) or ast.parse(path.read_text())):
        if isinstance(node, house.Function):
            yield node


def where(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def python(code: str, tmp_path: Path, **extra: str) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(tmp_path / "data"),
        "DJANGO_SETTINGS_MODULE": "gallery.settings",
        **extra,
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_imports_follow_the_architecture():
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=dict(os.environ, COLUMNS="100"),
    )
    assert done.returncode == 0, done.stdout + done.stderr


LOADED = """
import sys
import django
django.setup()
import gallery.api_urls
import gallery.urls
from django.core.wsgi import get_wsgi_application
get_wsgi_application()
heavy = ("torch", "torchvision", "open_clip", "timm", "transformers", "qdrant_client",
         "qdrant_edge", "PIL", "pillow_heif")
print(*sorted(set(heavy) & set(sys.modules)))
"""


@pytest.mark.slow
def test_answering_requests_loads_no_heavy_library(tmp_path):
    """The first page must not wait for torch, which alone takes seconds to import."""
    assert python(LOADED, tmp_path) == ""


FIRST_PAGE = """
import sys
import django
django.setup()
from django.urls import resolve, reverse
before = {reverse("sign-in"), resolve("/sign-in").url_name}
print("gallery.api_urls" in sys.modules, end=" ")
print(reverse("api:map_ids"), resolve("/api/v1/photos").namespace)
"""


@pytest.mark.slow
def test_a_page_imports_nothing_of_the_api(tmp_path):
    """Defining the API takes a third of the start, and browsers ask for a page first."""
    assert python(FIRST_PAGE, tmp_path) == "False /api/v1/map/ids api"


@pytest.mark.slow
def test_service_mode_loads_no_heavy_library_either(tmp_path):
    urls = {
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "QDRANT_URL": "http://127.0.0.1:1",
        "QDRANT_API_KEY": "key",
    }
    assert python(LOADED, tmp_path, **urls) == ""


def test_decoder_children_know_neither_django_nor_torch(tmp_path):
    """What parses hostile bytes holds no secrets, and starts fast."""
    code = """
import sys
import gallery.decoding
import pkgutil
for module in pkgutil.iter_modules(gallery.decoding.__path__):
    __import__("gallery.decoding." + module.name)
print(*sorted({"django", "torch", "psycopg", "celery"} & set(sys.modules)))
"""
    assert python(code, tmp_path) == ""


@pytest.mark.parametrize("path", EVERYTHING, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_read_in_one_sitting(path):
    lines = len(path.read_text().splitlines())
    assert lines <= 400, f"{lines} lines"


@pytest.mark.slow
def test_no_function_is_longer_than_a_page():
    long = [
        f"{where(path, node)} {node.name}: {house.length(node)} lines"
        for path in EVERYTHING
        for node in functions(path)
        if house.length(node) > 80
    ]
    assert long == []


def test_functions_are_short():
    lengths = [lines for lines, _ in whole_house().function_lengths()]
    assert median(lengths) <= 10
    assert quantiles(lengths, n=10)[-1] <= 35


@pytest.mark.slow
@pytest.mark.parametrize("figure", MOST)
def test_the_house_keeps_its_size(figure):
    assert whole_house().figures()[figure] <= MOST[figure]


@pytest.mark.slow
def test_no_module_imports_itself_by_way_of_others():
    assert house.circles(whole_house().imports_at_start) == []


def test_names_say_what_a_thing_does():
    vague = [str(path.relative_to(ROOT)) for path in EVERYTHING if path.stem in VAGUE_MODULES]
    for path in WRITTEN:
        for node in ast.walk(trees()[path]):
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and VAGUE_NAME.search(node.name) and node.name not in PRESCRIBED:
                vague.append(f"{where(path, node)} {node.name}")
    assert vague == []


def test_modules_say_what_they_are():
    silent = [
        str(path.relative_to(ROOT))
        for path in WRITTEN
        if path.read_text().strip() and ast.get_docstring(trees()[path]) is None
    ]
    assert silent == []


READERS = {
    *("probe", "decode", "preview", "picture", "pixels", "part", "squares", "video", "film"),
    "sidecar",
}


def test_every_file_is_read_for_its_owner():
    """A child that read a file without an owner would read the next person's too."""
    nameless = []
    for path in WRITTEN:
        for node in ast.walk(trees()[path]):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            asked = ast.unparse(node.func.value)
            asks = asked.endswith(("pool", "pool())")) or "web_decoders(" in asked
            names = {keyword.arg for keyword in node.keywords}
            if asks and node.func.attr in READERS and "owner" not in names:
                nameless.append(where(path, node))
    assert nameless == []
