"""The documentation says what the code does: names, codes, commands, links and checksums."""

from __future__ import annotations

import argparse
import ast
import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import BaseCommand, load_command_class

from gallery.reasons import Reason
from search.engine.errors import Unavailability
from search.language import ErrorCode

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gallery", "search", "workers")
VENDORED = ROOT / "static" / "vendor" / "VENDORED.md"

# Doors for tests: names that start with this are no settings.
FOR_TESTS = "SCRY_"


def pages() -> list[Path]:
    top = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
    cards = [path for package in PACKAGES for path in (ROOT / package).rglob("*.md")]
    return [*top, *sorted((ROOT / "docs").rglob("*.md")), *sorted(cards)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def doc(name: str) -> str:
    return (ROOT / "docs" / "reference" / name).read_text(encoding="utf-8")


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def calls(path: Path) -> Iterator[tuple[str, list[ast.expr]]]:
    """Yield the dotted name and the positional arguments of every call in a module."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.args


def text_of(argument: ast.expr) -> str | None:
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return argument.value
    return None


def environment_names() -> set[str]:
    readers = {"os.getenv", "os.environ.get"}
    readers |= {f"env.{kind}" for kind in ("text", "whole", "flag", "names", "folder", "port")}
    readers |= {"env.time_zone", "env.public_url", "env.owned_folders", "env.folders"}
    readers |= {"env.service", "env.log_level", "env.token", "env.one_of"}
    readers |= {"env.mail_server", "env.issuer", "env.sorted_digests", "env.tile_address"}
    names = {
        text_of(arguments[0])
        for path in sources()
        for function, arguments in calls(path)
        if function in readers and arguments
    }
    return {name for name in names if name and not name.startswith(FOR_TESTS)}


def documented_settings() -> set[str]:
    return set(re.findall(r"^\| `([A-Z][A-Z0-9_]+)` \|", doc("settings.md"), re.MULTILINE))


@pytest.mark.slow
def test_settings_are_read_through_env():
    """Guards the two tests below: they would pass if nothing were found."""
    assert {"HOST", "DATA_DIR", "EMBEDDING_MODEL", "QDRANT_URL"} <= environment_names()


@pytest.mark.slow
def test_every_environment_variable_is_documented():
    assert environment_names() - documented_settings() == set()


@pytest.mark.slow
def test_every_documented_variable_is_read():
    assert documented_settings() - environment_names() == set()


def test_every_system_check_is_documented():
    ids = {i for path in sources() for i in re.findall(r'"(scry\.[EW]\d{3})"', path.read_text())}
    assert ids
    assert {i for i in ids if f"`{i}`" not in doc("settings.md")} == set()


def test_reason_codes_and_their_sentences_are_documented():
    rows = re.findall(r"^\| `([a-z_]+)` \| (.+?) \|", doc("reason-codes.md"), re.MULTILINE)
    assert dict(rows) == {reason.value: str(reason.label) for reason in Reason}


@pytest.mark.slow
def test_error_codes_are_documented():
    codes = set(_error_codes())
    assert {"query_empty", "model_loading"} <= codes
    known = set(re.findall(r"`([a-z_]+)`", doc("api.md").split("## Error codes")[1]))
    assert codes - known - set(Reason.values) == set()


def _error_codes() -> Iterator[str]:
    """Yield the codes of query errors and outages, and the literal ones of answered errors."""
    yield from ErrorCode
    yield from Unavailability
    place = {"error": 1}
    for path in sources():
        for function, arguments in calls(path):
            if function in place and len(arguments) > place[function]:
                code = text_of(arguments[place[function]])
                if code:
                    yield code
    words = (ROOT / "gallery" / "api" / "errors.py").read_text(encoding="utf-8")
    yield from re.findall(r'\d{3}: \("([a-z_]+)"', words)


def test_every_api_route_is_documented():
    from gallery.api_urls import api

    known = {line.split("?")[0] for line in re.findall(r"^\| `([^`]+)` \|", doc("api.md"), re.M)}
    routes = {
        f"{method.upper()} {path}"
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }
    assert routes
    assert routes - known == set()


def commands() -> list[tuple[str, str]]:
    return [
        (path.parents[2].name, path.stem)
        for package in PACKAGES
        for path in sorted((ROOT / package).glob("management/commands/*.py"))
        if not path.stem.startswith("_")
    ]


def test_there_are_commands():
    assert ("gallery", "serve") in commands()


@pytest.mark.parametrize(("app", "name"), commands())
def test_every_command_is_documented_with_its_options(app, name):
    sections = re.split(r"^## ", doc("commands.md"), flags=re.MULTILINE)
    section = next((s for s in sections if s.startswith(f"`{name}`\n")), None)
    assert section is not None, f"commands.md has no section for {name}"
    parser = load_command_class(app, name).create_parser("manage.py", name)
    inherited = BaseCommand().create_parser("manage.py", name)
    ours = set(_spellings(parser)) - set(_spellings(inherited))
    assert {option for option in ours if option not in section} == set()


def _spellings(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        yield from action.option_strings


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_somewhere(page):
    assert [target for target in links(page) if not leads_somewhere(page, target)] == []


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures that point into the project."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [t for t in targets if not re.match(r"[a-z]+:", t)]


def leads_somewhere(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    goal = (page.parent / path).resolve() if path else page
    if not goal.is_relative_to(ROOT) or not goal.exists():
        return False
    return not anchor or goal.suffix != ".md" or anchor in anchors(goal)


def anchors(page: Path) -> set[str]:
    """Return the fragment names that GitHub and most viewers give to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    kept = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.strip().replace(" ", "-") for heading in kept}


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_no_page_names_a_place_on_somebodys_machine(page):
    text = page.read_text(encoding="utf-8")
    checkout = [str(folder) for folder in (ROOT, ROOT.parent) if len(folder.parts) > 1]
    named = [place for place in checkout if re.search(rf"(?<![\w.]){re.escape(place)}/", text)]
    assert named == []
    assert re.findall(r"(?<![\w.$~/-])/(?:root|tmp|home|Users)/\S*", text) == []


def test_vendored_files_are_the_ones_that_were_vouched_for():
    if not VENDORED.exists():
        pytest.skip("static/vendor/VENDORED.md does not exist")
    listed = VENDORED.read_text(encoding="utf-8")
    files = [p for p in VENDORED.parent.rglob("*") if p.is_file() and p.suffix in {".js", ".css"}]
    assert files
    wrong = [
        name_of(path)
        for path in files
        if hashlib.sha256(path.read_bytes()).hexdigest() not in listed or path.name not in listed
    ]
    assert wrong == []
