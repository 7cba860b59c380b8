"""The jobs page and its routes: whose work it counts, what may rest, and what is tried again."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from html import unescape

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from gallery import trash
from gallery.models import Embedding, IndexCheck, PausedWork, Photo, WorkerStatus
from gallery.reasons import Reason
from gallery.work import figures, index_checks, pauses
from gallery.work.failures import failures, retry_all
from tests.alike import photo
from tests.web.test_api_photos import picture, upload
from tests.web.test_pages import text

pytestmark = pytest.mark.django_db


def add(owner, model, state="pending", reason="", **fields) -> Embedding:
    told = {"state": state, "reason": reason} | fields
    return Embedding.objects.create(photo=photo(owner), model=model, **told)


def jobs(client: Client) -> dict:
    cache.clear()
    return client.get("/api/v1/jobs").json()


def left(client: Client) -> dict[str, int]:
    return {job["kind"]: job["waiting"] for job in jobs(client)["jobs"] if job["waiting"]}


def post(client: Client, path: str, **body):
    return client.post(f"/api/v1/jobs/{path}", json.dumps(body), content_type="application/json")


@pytest.fixture(autouse=True)
def everything(settings):
    """A gallery that does all kinds of work."""
    settings.PART_SEARCH, settings.SCRUB_DAYS = 100, 90


@pytest.fixture
def both(admin, ada, bob, model) -> None:
    """Two photos of ada and three of bob in each state, and one of each in the trash."""
    for owner, times in ((ada, 2), (bob, 3)):
        for state in ("pending", "leased", "embedded", "indexed"):
            rows = [add(owner, model, state) for _ in range(times + 1)]
            trash.trash(Photo.objects.filter(pk=rows[0].photo_id))
        for reason in (Reason.CORRUPT, Reason.GPU_OOM):
            for _ in range(times):
                add(owner, model, "failed", reason)


def test_people_count_their_own_work_and_administrators_all(both, ada_client, bob_client, admin):
    own = {"embed": 4, "project": 2, "compare": 2, "read": 16}
    assert left(ada_client) == own
    assert left(bob_client) == {"embed": 6, "project": 3, "compare": 3, "read": 22}
    assert left(admin) == {
        "embed": 10,
        "project": 5,
        "compare": 5,
        "parts": 5,
        "quality": 5,
        "read": 38,
    }


def test_nobody_learns_of_the_failures_workers_and_checks_of_others(both, ada_client, admin):
    WorkerStatus.objects.create(name="attic:7", device="cuda", detail="The index is away.")
    index_checks.finish(index_checks.ask())
    said = jobs(ada_client)
    assert {row["reason"]: row["photos"] for row in said["failed"]} == {"corrupt": 2, "gpu_oom": 2}
    assert (said["workers"], said["check"], said["checking"]) == ([], None, None)
    assert {job["rate"] for job in said["jobs"]} == {0.0}
    page = text(ada_client.get("/jobs"))
    assert "attic" not in page
    assert "Pause" not in page.partition('id="uploads"')[0]
    assert "Index health" not in page
    whole = jobs(admin)
    assert {row["photos"] for row in whole["failed"]} == {5}
    assert [worker["name"] for worker in whole["workers"]] == ["attic:7"]
    page = text(admin.get("/jobs"))
    for word in ("Pause all", "Index health", "5 left"):
        assert word in page
    assert "attic:7" in text(admin.get("/settings/workers"))


def test_a_part_of_the_page_comes_for_htmx(admin, model):
    part = admin.get("/jobs", headers={"HX-Request": "true"})
    assert part.content.lstrip().startswith(b'<div id="jobs"')
    assert "HX-Request" in part.headers["Vary"]
    assert part.headers["Cache-Control"] == "no-store"


# --- pausing --------------------------------------------------------------------------------------


def test_a_pause_is_told_on_every_page_and_ends(admin, ada_client, model):
    upload(ada_client, picture())
    assert "Paused" not in text(ada_client.get("/status-strip"))
    admin.post("/jobs/pause")
    assert set(PausedWork.objects.values_list("kind", flat=True)) == set(pauses.PAUSABLE)
    assert "Paused" in text(ada_client.get("/status-strip"))
    assert ada_client.get("/api/v1/status").json()["paused"] is True
    assert "Everything is paused" in text(ada_client.get("/jobs"))
    assert upload(ada_client, picture("green")).status_code == 201, "uploads are still taken"
    admin.post("/jobs/resume")
    assert not PausedWork.objects.exists()
    assert "Paused" not in text(ada_client.get("/status-strip"))


def test_one_kind_is_paused_and_resumed_by_itself(admin, model):
    assert admin.post("/jobs/pause", {"kind": "compare"}).headers["Location"] == "/jobs"
    assert jobs(admin)["paused"] == ["compare"]
    assert post(admin, "pause", kinds=["parts"]).json() == {"paused": ["compare", "parts"]}
    admin.post("/jobs/resume", {"kind": "compare"})
    assert jobs(admin)["paused"] == ["parts"]
    states = {job["kind"]: job["state"] for job in jobs(admin)["jobs"]}
    assert (states["parts"], states["compare"]) == ("paused", "idle")
    assert post(admin, "resume").json() == {"paused": []}


def test_deletions_are_never_paused(admin, model):
    admin.post("/jobs/pause", {"kind": "remove"})
    assert not PausedWork.objects.exists()
    assert post(admin, "pause", kinds=["remove"]).status_code == 400
    assert post(admin, "pause", kinds=["sleep"]).status_code == 400
    post(admin, "pause")
    assert not pauses.is_paused("remove")


# --- trying again ---------------------------------------------------------------------------------


def states(owner) -> dict[str, int]:
    rows = Embedding.objects.live().filter(photo__owner=owner, reason__gt="")
    return dict(Counter(rows.values_list("reason", flat=True)))


def test_one_retries_ones_own_photos_with_which_it_may_help(both, ada, bob, ada_client):
    answer = ada_client.post("/jobs/retry", follow=True)
    assert "Trying 2 photos again." in text(answer)
    assert states(ada) == {"corrupt": 2}
    assert states(bob) == {"corrupt": 3, "gpu_oom": 3}


def test_an_administrator_retries_the_photos_of_all(both, ada, bob, admin, model):
    add(ada, model, "failed", Reason.DECODE_TIMEOUT)
    assert post(admin, "retry", reason="gpu_oom").json() == {"count": 5}
    assert states(ada) == {"corrupt": 2, "decode_timeout": 1}
    assert post(admin, "retry").json() == {"count": 1}
    assert post(admin, "retry", reason="corrupt").json() == {"count": 0}
    assert states(ada) | states(bob) == {"corrupt": 3}


def test_a_reason_that_nobody_knows_asks_the_database_nothing(ada, django_assert_num_queries):
    """PostgreSQL raises an error for NUL."""
    for reason in ("\0", "nonsense"):
        with django_assert_num_queries(0):
            assert retry_all(ada, reason) == 0


@pytest.mark.parametrize("reason", list(Reason))
def test_retry_is_offered_where_it_may_help(ada, ada_client, model, reason):
    row = add(ada, model, "failed", reason)
    for path in ("/jobs", "/problems", row.photo.get_absolute_url()):
        page = ada_client.get(path).content.decode()
        assert str(reason.label) in unescape(page), path
        assert (f"/{row.photo_id}/retry" in page or "/jobs/retry" in page) == reason.may_pass, path


# --- workers and checks ---------------------------------------------------------------------------


def test_a_worker_that_is_silent_is_said_to_be_gone(admin, model, ada):
    add(ada, model)
    worker = WorkerStatus.objects.create(name="attic:7", work={"embed": [True, 2.0]})
    job = jobs(admin)["jobs"][0]
    assert (job["state"], job["rate"], job["seconds_left"]) == ("working", 2.0, 0)
    assert "Gone" not in text(admin.get("/settings/workers"))
    long_ago = timezone.now() - timedelta(minutes=3)
    WorkerStatus.objects.filter(pk=worker.pk).update(seen_at=long_ago)
    job = jobs(admin)["jobs"][0]
    assert (job["state"], job["rate"], job["seconds_left"]) == ("waiting", 0.0, None)
    assert "Gone for 3 min" in text(admin.get("/settings/workers"))
    assert "No worker is running" in text(admin.get("/jobs"))


def test_a_check_is_asked_for_once_and_shown_when_it_ends(admin, model):
    assert post(admin, "check").status_code == 202
    admin.post("/jobs/check")
    assert IndexCheck.objects.count() == 1
    admin.post("/jobs/check", {"repair": "1"})
    check = IndexCheck.objects.get()
    assert check.repair, "nobody began it yet, so it can do more"
    assert "A worker checks the index" in text(admin.get("/jobs"))
    check.recall, check.queries, check.missing, check.orphans = 0.9312, 40, 3, 2
    index_checks.finish(check)
    page = text(admin.get("/jobs"))
    for words in ("93.1 %", "mean of 40 queries", "3 photos", "They were put back."):
        assert words in page
    assert jobs(admin)["check"]["orphans"] == 2


# --- costs ----------------------------------------------------------------------------------------


def as_of_a_large_gallery() -> None:
    """Make SQLite's planner believe that there are 200,000 photos."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(
            "UPDATE sqlite_stat1 SET stat = '200000 ' || substr(stat, instr(stat, ' ') + 1) "
            "WHERE tbl IN ('gallery_photo', 'gallery_embedding') AND idx IS NOT NULL "
            "AND idx NOT IN ('photo_trash', 'photo_trash_age', 'photo_deleting')"
        )
        cursor.execute("ANALYZE sqlite_schema")


@pytest.mark.parametrize("everybody", [True, False])
def test_counting_reads_no_whole_table(both, ada, admin, everybody):
    if connection.vendor != "sqlite":
        pytest.skip("EXPLAIN QUERY PLAN is SQLite's")
    user = admin.get("/jobs").wsgi_request.user if everybody else ada
    as_of_a_large_gallery()
    cache.clear()
    with CaptureQueriesContext(connection) as asked:
        figures.works(user)
        failures(user)
    scanned = []
    for query in list(asked):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = [row[3] for row in cursor.fetchall()]
        whole = {"SCAN gallery_photo", "SCAN gallery_embedding", "SCAN U0"}
        large = "gallery_photo" in query["sql"] or '"gallery_embedding"' in query["sql"]
        if large and whole & set(plan):
            scanned.append((query["sql"], plan))
    assert asked, "the counts ask the database"
    assert scanned == []


def test_more_work_takes_no_more_queries(both, ada, admin, model):
    def asked() -> int:
        cache.clear()
        admin.get("/jobs")
        with CaptureQueriesContext(connection) as queries:
            admin.get("/jobs")
        return len(queries)

    few = asked()
    for state in ("pending", "embedded", "indexed"):
        for _ in range(10):
            add(ada, model, state)
    assert asked() == few
