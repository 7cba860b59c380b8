"""What this gallery calls duplicates: files are ingested, indexed and compared as in a real one.

Configures Django for a data folder of its own, so one process can measure one corpus only.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.duplicate_corpus import Corpus
from benchmarks.duplicate_measures import Pair


@dataclass(frozen=True)
class Report:
    """Pairs of names by kind, groups of names of the same picture, and seconds of each step.

    `refused` names the files that the gallery did not accept, with the reason.
    """

    same: dict[Pair, float]
    similar: dict[Pair, float]
    groups: list[set[str]]
    refused: dict[str, str]
    seconds: dict[str, float]


def find(corpus: Corpus, data: Path, *, model_key: str = "starter") -> Report:
    """Put the corpus into a gallery in `data` and return what it finds.

    If the gallery exists already, all its photos are compared again, or a search that was
    interrupted goes on.
    """
    fresh = not data.exists()
    _configure(data, model_key)
    seconds, refused = dict[str, float](), dict[str, str]()
    if fresh:
        started = time.perf_counter()
        refused = _ingest(corpus, data)
        seconds["ingesting"] = time.perf_counter() - started
    started = time.perf_counter()
    seconds["embedding"] = _index()
    started = time.perf_counter()
    _compare(again=not fresh)
    seconds["comparing"] = time.perf_counter() - started
    return Report(*_edges(), _groups(), refused, seconds)


def _configure(data: Path, model_key: str) -> None:
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "gallery.settings",
        "DATA_DIR": str(data),
        "EMBEDDING_MODEL": model_key,
        "QDRANT_URL": "",
    }
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _ingest(corpus: Corpus, data: Path) -> dict[str, str]:
    from django.contrib.auth import get_user_model

    from gallery.ingest import ingest
    from gallery.uploads import Refused
    from workers import model_choice

    assert model_choice.settle(), "the model is not available"
    owner = get_user_model().objects.create_user("bench", password=None)
    refused = {}
    for name in corpus.items:
        # Ingesting moves the file away.
        path = Path(shutil.copyfile(corpus.folder / name, data / "tmp" / name))
        try:
            ingest(owner, path, name)
        except Refused as error:
            refused[name] = str(error.reason)
    return refused


def _index() -> float:
    """Embed and index what is due and return the seconds it took."""
    from gallery import decoders
    from workers import jobs, look_ahead, model_choice

    assert model_choice.settle(), "the model is not available"
    started = time.perf_counter()
    jobs.PROJECT.run()
    jobs.EMBED.run()
    look_ahead.close()
    decoders.close()
    return time.perf_counter() - started


def _compare(*, again: bool) -> None:
    """Compare what is due, or everything again, as the button on the review page does."""
    from gallery.models import Embedding, EmbeddingModel
    from search.duplicates.find import compare
    from search.duplicates.models import DuplicateEdge
    from search.vectors.index import close_all
    from workers import compare_photos, look_ahead

    model = EmbeddingModel.objects.active()
    assert model is not None
    if again and not Embedding.objects.to_compare(model).exists():
        DuplicateEdge.objects.all().delete()
        compare.request_sweep(model)
    compare_photos.compare_due(model)
    look_ahead.close()
    close_all()


def _edges() -> tuple[dict[Pair, float], dict[Pair, float]]:
    from search.duplicates.models import DuplicateEdge, Kind

    found: dict[str, dict[Pair, float]] = {kind: {} for kind in Kind.values}
    rows = DuplicateEdge.objects.values_list("kind", "first__name", "second__name", "closeness")
    for kind, first, second, closeness in rows:
        found[kind][frozenset((first, second))] = closeness
    return found[Kind.SAME_PICTURE], found[Kind.SIMILAR_SHOTS]


def _groups() -> list[set[str]]:
    from search.duplicates.models import GroupMember, Kind

    groups: dict[object, set[str]] = {}
    rows = GroupMember.objects.filter(kind=Kind.SAME_PICTURE)
    for group, name in rows.values_list("group_id", "photo__name"):
        groups.setdefault(group, set()).add(name)
    return list(groups.values())
