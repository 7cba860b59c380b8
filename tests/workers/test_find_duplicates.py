"""The report of duplicates for scripts."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from gallery import files, trash
from gallery.models import Embedding, Photo
from search.duplicates.find import candidates, compare, judging, prefilter
from search.duplicates.groups.edges import Judgement
from search.duplicates.models import DuplicateEdge, DuplicateGroup, Kind
from search.vectors.index import close_all
from tests.workers.conftest import drain
from tests.workers.test_duplicates import add, add_pair, scene
from workers import jobs
from workers.management.commands import find_duplicates

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _judge(monkeypatch):
    """Call a pair the same picture when its fingerprints hardly differ."""

    def judge(pairs, thresholds, detail, *, fine):
        return [
            Judgement(Kind.SAME_PICTURE, 0.99)
            if abs(pair.first.grey.astype(int) - pair.second.grey).mean() < 10
            else None
            for pair in pairs
        ]

    monkeypatch.setattr(judging, "judge", judge)
    monkeypatch.setattr(candidates, "_hashes", {})
    monkeypatch.setattr(prefilter, "rejected_pairs", prefilter.RejectedPairs())
    monkeypatch.setattr(compare, "rejected_pairs", prefilter.rejected_pairs)
    jobs.COMPARE.resume()


def find(*arguments: str) -> tuple[int, str, str]:
    """Run the command; return its exit status, the report, and what it said besides."""
    out, errors, status = io.StringIO(), io.StringIO(), 0
    try:
        call_command("find_duplicates", *arguments, stdout=out, stderr=errors)
    except SystemExit as ended:
        status = int(ended.code)
    return status, out.getvalue(), errors.getvalue()


def test_the_table_names_each_photo_of_each_group(ada, model):
    pair = add_pair(ada)
    add(ada, scene(2))
    drain()
    status, text, _ = find()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert status == 0
    assert [row["keep"] for row in rows] == ["yes", "no"]
    assert {row["path"] for row in rows} == {str(files.original(photo)) for photo in pair}
    assert {row["sha256"] for row in rows} == {photo.sha256 for photo in pair}
    assert {int(row["bytes"]) for row in rows} == {photo.size for photo in pair}
    assert {(row["owner"], row["kind"]) for row in rows} == {("ada", "same_picture")}
    assert len({row["group"] for row in rows}) == 1


def test_json_has_an_object_for_each_group(ada, model, tmp_path):
    for seed in (1, 2):
        add_pair(ada, seed)
    drain()
    target = tmp_path / "found.json"
    assert find("--format", "json", "--output", str(target))[0] == 0
    groups = json.loads(target.read_text())
    assert [len(group["photos"]) for group in groups] == [2, 2]
    assert all(group["photos"][0]["keep"] for group in groups)
    assert list(tmp_path.glob("*.part")) == []


def test_an_empty_gallery_has_an_empty_report(ada, model):
    assert json.loads(find("--format", "json")[1]) == []
    assert find()[1].startswith("group,kind,keep,")


def test_it_compares_what_was_not_compared(ada, model):
    add_pair(ada)
    drain()
    DuplicateGroup.objects.all().delete()
    DuplicateEdge.objects.all().delete()
    Embedding.objects.update(compared_at=None)
    close_all()
    status, text, _ = find("--no-wait")
    assert (status, len(text.splitlines())) == (find_duplicates.INCOMPLETE, 1)
    status, text, _ = find()
    assert (status, len(text.splitlines())) == (0, 3)


def test_again_compares_everything(ada, model):
    add_pair(ada)
    drain()
    before = set(Embedding.objects.values_list("compared_at", flat=True))
    assert find("--again")[0] == 0
    after = set(Embedding.objects.values_list("compared_at", flat=True))
    assert None not in after
    assert not before & after


def test_only_what_was_asked_for(ada, bob, model):
    add_pair(ada)
    add_pair(bob, 2)
    drain()
    rows = list(csv.DictReader(io.StringIO(find("--owner", "bob")[1])))
    assert [row["owner"] for row in rows] == ["bob", "bob"]
    assert len(find("--kind", "similar_shots")[1].splitlines()) == 1


def test_what_is_in_the_trash_is_not_in_the_report(ada, model):
    pair = add_pair(ada)
    drain()
    trash.trash(Photo.objects.filter(pk=pair[0].pk))
    assert str(pair[0].pk) not in find()[1]


def test_bad_requests_are_told_apart(ada, model, tmp_path):
    with pytest.raises(CommandError, match="no account named eve"):
        find("--owner", "eve")
    with pytest.raises(CommandError, match="cannot be written"):
        find("--output", str(tmp_path / "missing" / "found.csv"))
    model.delete()
    with pytest.raises(CommandError, match="start the gallery"):
        find()


HOLD = """
import sys, fcntl
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_gallery_that_does_nothing_is_not_waited_for(ada, model, settings, monkeypatch):
    add_pair(ada)
    drain()
    Embedding.objects.update(compared_at=None)
    close_all()
    monkeypatch.setattr(find_duplicates, "PATIENCE_SECONDS", 0.2)
    monkeypatch.setattr(find_duplicates, "LOOK_SECONDS", 0.05)
    lock = next(Path(settings.DATA_DIR, "index").glob("*lock*"))
    command = [sys.executable, "-c", HOLD, str(lock)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        status, _, said = find()
        holder.stdin.close()
    assert status == find_duplicates.INCOMPLETE
    assert "compares nothing" in said
