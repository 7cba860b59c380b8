"""Every benchmark can be imported, and those with options say what they are."""

from __future__ import annotations

import csv
import gzip
import json
import string
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from benchmarks.starter_retrieval import CLDR, LANGUAGES, average_precision, recall
from benchmarks.training import dictionaries

ROOT = Path(__file__).resolve().parents[2]
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for path in sorted((ROOT / "benchmarks").rglob("*.py"))
    if path.stem != "__init__"
]
LOAD_TORCH = "benchmarks.training."


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name.startswith(LOAD_TORCH) else ())
        for name in MODULES
    ],
)
def test_a_benchmark_can_be_imported_and_tells_its_options(name, monkeypatch, capsys):
    module = import_module(name)
    assert module.__doc__
    if not hasattr(module, "argparse"):
        return
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as end:
        module.main()
    assert not end.value.code
    assert "usage: " in capsys.readouterr().out


def rows_of(name):
    with (ROOT / "benchmarks" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_thing_has_one_name_in_each_language():
    rows = rows_of("names.csv")
    kinds = {row["kind"] for row in rows}
    named = {(row["kind"], row["language"]) for row in rows if row["name"] == row["name"].strip()}
    assert len(kinds) == 60
    assert named == {(kind, language) for kind in kinds for language in LANGUAGES}
    assert len(rows) == len(named)
    assert {row["cldr"] for row in rows} == set(CLDR)


def test_a_general_word_holds_kinds_and_none_is_left_open_too():
    for row in rows_of("general_words.csv"):
        assert all(row[language] for language in LANGUAGES)
        assert row["kinds"].split()
        assert not set(row["kinds"].split()) & set(row["open"].split())


def test_kinds_left_open_count_neither_way():
    scores = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
    right, none = np.array([False, True, False, True]), np.zeros(4, bool)
    opened = np.array([True, False, False, False])
    assert average_precision(scores, right, none) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert average_precision(scores, right, opened) == pytest.approx((1 + 2 / 3) / 2)


def test_recall_counts_the_points_that_are_nearer():
    points = np.eye(12, dtype=np.float32)
    queries = np.stack([points[0], points[1] + 2 * points[2]])
    assert recall("", queries, points, np.array([0, 1])).shares == {
        "R@1": 0.5,
        "R@5": 1.0,
        "R@10": 1.0,
    }


def written_dictionary(stem, entries):
    """Write headwords and articles as dictd keeps them."""
    digits = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    articles, index = b"", [("00-database-info", 0, 0)]
    for headword, translations in entries.items():
        article = f"{headword} /sound/ <n>\n{translations}\n".encode()
        index.append((headword, len(articles), len(article)))
        articles += article
    stem.with_suffix(".dict.dz").write_bytes(gzip.compress(articles))
    lines = [
        "\t".join([word, *(digits[number // 64] + digits[number % 64] for number in place)])
        for word, *place in index
    ]
    stem.with_suffix(".index").write_text("\n".join(lines), encoding="utf-8")


def test_dictionaries_give_words_without_remarks(tmp_path, monkeypatch):
    monkeypatch.setattr(dictionaries, "FREEDICT", {"deu": "de"})
    monkeypatch.setattr(dictionaries, "REVERSED", ("deu",))
    to_german = {
        "Dog": '1. Hund <masc>, Köter [pej.]; Rüde (male)\n      "a dog"  - ein Hund\n see: {dogs}',
        "cat": "Katze <fem>\n         Note: an animal\nein sehr langes Wort dafür",
        "idea": "Einfall",
    }
    written_dictionary(tmp_path / "freedict-eng-deu", to_german)
    written_dictionary(tmp_path / "freedict-deu-eng", {"Kater": "a cat, hangover"})
    cedict = tmp_path / "all.js"
    entries = [["貓", "猫", "mao1", ["cat", "(fig.) to hide"], [], []]]
    cedict.write_text("export default " + json.dumps({"all": entries}), encoding="utf-8")

    wanted, without = frozenset({"dog", "cat"}), frozenset({("de", "köter")})
    assert dictionaries.meanings(tmp_path, cedict, wanted, without) == {
        "cat": {"de": ["Katze", "Kater"], "zh": ["猫"]},
        "dog": {"de": ["Hund", "Rüde"]},
    }
