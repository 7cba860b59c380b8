"""A tiny run of each part of the suite, on a real gallery with the model that knows colours."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.suite import __main__ as suite, machine, peers, rounds, tables
from benchmarks.suite.measurements import Origin
from benchmarks.suite.models import STARTER
from benchmarks.suite.scales import Scale
from tests.wide_embedder import WideColourEmbedder

pytestmark = pytest.mark.slow

TINY = Scale(
    rounds=1,
    ingests=((STARTER, 0.2),),
    photos=3,
    vectors=(200,),
    libraries=(60,),
    queries=3,
    sweeps=(60,),
    dim=WideColourEmbedder.dim,
)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run one part in a gallery with the fake model, and without the environment of the peers."""
    monkeypatch.setattr(peers, "PYTHON", tmp_path / "python")
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings_bench")
    monkeypatch.setenv("EMBEDDING_MODEL", "starter")
    monkeypatch.setenv("PART_SEARCH", "0")
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def measured(part):
        place = rounds.Workplace(tmp_path, scratch)
        facts = machine.facts() | {"scale": "tiny"}
        return next(suite.measured(TINY, place, [part], facts))

    return measured


def figures(results, subject="Scry"):
    return {one.figure for one in results.measurements if one.subject == subject}


@pytest.mark.long
def test_photos_are_imported_and_uploaded_beside_the_loops(run):
    results = run("ingest")
    searchable = "photos to searchable, 0.2 MP, starter"
    for subject in ("plain loop", "draft loop", "decode and compute bound", "Scry",
                    "Scry, before comparing", "Scry, uploads by API"):  # fmt: skip
        assert results.of("ingest", subject, searchable).median > 0, subject
    assert "CPU of the gallery, 0.2 MP, starter" in figures(results)
    assert "query p95 during an import, against rest, 0.2 MP, starter" in figures(results)
    assert set(results.absent) == {"rclip", "Immich's loop", "imagededup, PHash only"}
    assert "make .venv-bench/installed" in tables.page(results)


@pytest.mark.long
def test_a_library_is_started_searched_and_added_to(run):
    results = run("library")
    found = figures(results)
    assert {"query p50", "query by image p95", "facets p50", "grid p95"} <= found
    memory = results.of("library", "Scry", "memory after ten searches", 60)
    assert memory.median > 50
    assert results.of("library", "Scry", "cost of an added photo", 60).median > 0


@pytest.mark.long
def test_duplicates_are_looked_for_while_somebody_searches(run):
    results = run("duplicates")
    assert results.of("duplicates", "Scry", "full search for duplicates", 60).median > 0
    assert "query p95 meanwhile, against rest" in figures(results)


def test_scrys_index_finds_what_the_exact_scan_finds(run):
    results = run("vectors")
    scry = "Scry (Qdrant Edge)"
    assert results.of("vectors", scry, "recall of the nearest ten", 200).median > 0.95
    assert results.of("vectors", "numpy, exact", "query p50", 200).origin == Origin.STEPS
    assert set(results.absent) == {f"{name}, 200 vectors" for name in
                                   ("faiss, flat", "hnswlib", "usearch")}  # fmt: skip


def test_what_a_peer_says_last_is_why_it_was_not_run(tmp_path):
    with pytest.raises(peers.PeerAbsent, match="invalid choice"):
        peers.run("vector_engines", "abacus", "10", python=Path(sys.executable))
