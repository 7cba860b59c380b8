"""docs/reference/security.md leaves no line of the standard out, and names tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from django.apps import apps

from gallery.password_rules import CONTEXT_WORDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reference" / "security.md"

# The levels of the lines of each section of ASVS 5.0.0, in order.
LEVELS = {
    "1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
    "2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
    "3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3",
    "3.7": "22333",
    "4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333",
    "6.6": "2223", "6.7": "33", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
    "10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222",
    "10.6": "22", "10.7": "222",
    "13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
    "14.1": "22", "14.2": "12223333", "14.3": "122",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
}  # fmt: skip
DEEPER = {"5": 3}  # The other chapters are taken to level 2.
ANSWERS = {"met", "**no**", "nothing of the kind"}


def rows() -> list[list[str]]:
    found = re.findall(r"^\| (\d.*) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return [[cell.strip() for cell in row.split(" | ")] for row in found]


def asked_for() -> list[str]:
    return [
        f"{section}.{number}"
        for section, levels in LEVELS.items()
        for number, level in enumerate(levels, 1)
        if int(level) <= DEEPER.get(section.split(".")[0], 2)
    ]


@cache
def names_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_no_line_is_left_out():
    assert [row[0] for row in rows()] == asked_for()


def test_each_line_is_met_or_says_why_not():
    for number, answer, words, *_ in rows():
        assert answer in ANSWERS, number
        assert words.endswith("."), number


def test_each_line_that_is_met_names_a_test():
    for number, answer, _, *named in rows():
        assert bool(named and named[0]) == (answer == "met"), number


def test_each_test_that_is_named_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE.read_text("utf-8"))
    assert len(named) > 150
    for path, test in named:
        assert (ROOT / path).is_file(), path
        assert not test or test in names_in(ROOT / path), f"{path}::{test}"


def test_each_table_has_a_level_of_protection():
    """14.1.1, 14.1.2."""
    page = (ROOT / "docs" / "explanation" / "security.md").read_text("utf-8")
    part = page.split("## What is how sensitive")[1].split("\n## ")[0]
    levels = dict(
        re.findall(r"^\| (secret|private|traces|working) \| [^|]+ \| ([^|]+) \|", part, re.M)
    )
    named = [name for tables in levels.values() for name in re.findall(r"`(\w+)`", tables)]
    assert len(levels) == 4
    assert sorted(named) == sorted({model.__name__ for model in apps.get_models()})
    (head,) = re.findall(r"^\| \| (secret.*) \|$", part, re.MULTILINE)
    assert head.split(" | ") == list(levels)


def test_words_that_make_no_password_are_listed():
    """6.1.2."""
    page = (ROOT / "docs" / "reference" / "limits.md").read_text("utf-8")
    part = page.split("## Words that make no password")[1].split("\n## ")[0]
    assert set(re.findall(r"`([a-z]+)`", part)) - {"org"} == set(CONTEXT_WORDS)
