"""`/metrics`: who may ask, and what it tells of a gallery with and without work."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from gallery import files, trash
from gallery.backup import history
from gallery.metrics import gallery_state
from gallery.metrics.gallery_state import GalleryState
from gallery.metrics.requests import count_requests
from gallery.metrics.stages import WEB, Stage, request_stages, stage
from gallery.models import Embedding, FileDamage, Photo, WorkerStatus
from search.vectors.embedders.device import gpu_memory
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain
from workers import activity, heartbeat, housekeeping

pytestmark = pytest.mark.django_db

TOKEN = "of-the-monitor-and-of-nobody-else"
TABLE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "metrics.md"
Figures = dict[str, dict[tuple[str, ...], float]]


@pytest.fixture
def token(settings) -> str:
    settings.METRICS_TOKEN = TOKEN
    return TOKEN


def ask(client: Client | None = None, authorization: str = f"Bearer {TOKEN}"):
    return (client or Client()).get("/metrics", headers={"Authorization": authorization})


def figures(text: str) -> Figures:
    """Return all samples: by name, and then by the values of the labels, sorted by their names."""
    found: Figures = {}
    for family in text_string_to_metric_families(text):
        found.setdefault(family.name, {})
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def told() -> Figures:
    answer = ask()
    assert answer.status_code == 200
    return figures(answer.content.decode())


# --- who may ask ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
def test_without_a_setting_there_is_no_such_address(admin, method):
    for client in (Client(), admin):
        answer = client.generic(method, "/metrics", headers={"Authorization": "Bearer "})
        unknown = client.generic(method, "/metric")
        assert (answer.status_code, answer.content) == (404, unknown.content)


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN],
)
def test_a_wrong_token_is_refused_in_the_api_shape(token, admin, authorization):
    for client in (Client(), admin):
        answer = ask(client, authorization)
        assert answer.status_code == 401
        assert set(answer.json()) == {"code", "message"}
        assert answer["WWW-Authenticate"] == "Bearer"


def test_the_right_token_gets_the_text_format(token):
    answer = ask()
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=")
    assert "no-store" in answer["Cache-Control"]
    assert (
        Client().post("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 405
    )


# --- what it tells of the gallery -----------------------------------------------------------------


def test_an_empty_gallery_has_nothing_to_tell_but_what_is_always_there(token, settings):
    gauges = told()
    assert gauges["scry_database_answers"] == {(): 1.0}
    assert gauges["scry_free_bytes"][()] == pytest.approx(files.free_bytes(), rel=0.05)
    for name in ("scry_oldest_pending_age_seconds", "scry_owed_deletions", "scry_damaged_files"):
        assert gauges[name] == {(): 0.0}
    for name in ("scry_queue_photos", "scry_last_sweep_timestamp_seconds", "scry_workers_alive"):
        assert gauges[name] == {}


def test_what_waits_is_counted_by_model_and_state(token, ada_client, model):
    for n in range(6):
        assert upload(ada_client, picture((40 * n, 20, 30))).status_code == 201
    rows = list(Embedding.objects.order_by("pk"))
    states = ["embedded", "leased", "failed", "indexed"]
    for row, state in zip(rows, states, strict=False):
        row.state, row.reason = state, "decode_failed" if state == "failed" else ""
        row.save()
    age = timedelta(hours=3)
    Photo.objects.filter(pk=rows[4].photo_id).update(created_at=timezone.now() - age)
    assert_queue({"pending": 2, "leased": 1, "embedded": 1, "failed": 1})
    waited = told()["scry_oldest_pending_age_seconds"][()]
    assert waited == pytest.approx(age.total_seconds(), abs=60)
    # What is in the trash or deleted waits for nothing.
    trash.trash(Photo.objects.filter(pk__in=[rows[0].photo_id, rows[4].photo_id]))
    assert_queue({"pending": 1, "leased": 1, "failed": 1})
    assert told()["scry_oldest_pending_age_seconds"][()] < 60
    Photo.objects.filter(pk=rows[1].photo_id).update(deleted_at=timezone.now())
    assert_queue({"pending": 1, "failed": 1})
    assert told()["scry_owed_deletions"] == {(): 1.0}


def assert_queue(expected: dict[str, int]) -> None:
    queue = told()["scry_queue_photos"]
    assert {key: value for key, value in queue.items() if value} == {
        ("colours", state): float(count) for state, count in expected.items()
    }
    assert len(queue) == 4


def test_the_end_of_periodic_work_is_told(token, ada_client, model):
    upload(ada_client, picture())
    drain()
    before = timezone.now().timestamp()
    housekeeping.sweep()
    with pytest.raises(SystemExit) as ended:
        call_command("fsck")
    history.remember_run(made=True)
    read = Photo.objects.get()
    read.read_at = timezone.now()
    read.save()
    FileDamage.objects.create(photo=read, kind=FileDamage.Kind.CHANGED)
    gauges = told()
    assert gauges["scry_last_fsck_status"] == {(): float(ended.value.code or 0)}
    for name in ("sweep", "fsck", "backup", "original_read"):
        assert before <= gauges[f"scry_last_{name}_timestamp_seconds"][()] <= before + 60
    assert gauges["scry_oldest_original_read_timestamp_seconds"][()] >= before
    assert gauges["scry_damaged_files"] == {(): 1.0}
    assert gauges["scry_last_backup_made"] == {(): 1.0}
    history.remember_run(made=False, sentence="The disk is full.")
    assert told()["scry_last_backup_made"] == {(): 0.0}


def test_problems_that_fsck_found_are_told(token, ada_client, model):
    upload(ada_client, picture())
    drain()
    files.original(Photo.objects.get()).unlink()
    with pytest.raises(SystemExit):
        call_command("fsck")
    assert told()["scry_last_fsck_status"] == {(): 2.0}


def test_workers_are_told_by_queue_device_and_machine(token):
    def worker(name: str, **columns: object) -> None:
        WorkerStatus.objects.create(name=name, **columns)

    gpu = {"queues": "index", "device": "cuda", "gpu_used_bytes": 3 << 30, "gpu_bytes": 8 << 30}
    worker("one:10", **gpu, photos_per_second=20.0, decodes_per_second=25.0)
    worker("one:11", **gpu, photos_per_second=10.0, decodes_per_second=5.0)
    worker("two:10", queues="index,maintenance", device="cpu", photos_per_second=1.0)
    worker("two:11", queues="maintenance")
    worker("three:1", queues="index", device="cpu")
    late = timezone.now() - timedelta(minutes=2)
    WorkerStatus.objects.filter(name="three:1").update(seen_at=late)
    gauges = told()
    assert gauges["scry_workers_alive"] == {
        ("cuda", "index"): 2.0,
        ("cpu", "index"): 1.0,
        ("cpu", "maintenance"): 1.0,
        ("", "maintenance"): 1.0,
    }
    one, two = ("cuda", "one"), ("cpu", "two")
    assert gauges["scry_embedded_photos_per_second"] == {one: 30.0, two: 1.0}
    assert gauges["scry_decoded_photos_per_second"] == {one: 30.0, two: 0.0}
    assert gauges["scry_gpu_memory_used_bytes"] == {one: float(3 << 30)}
    assert gauges["scry_gpu_memory_bytes"] == {one: float(8 << 30)}


def test_the_heartbeat_carries_the_figures_of_a_worker(ada_client, model, settings, monkeypatch):
    settings.EMBEDDING_BATCH = 2
    activity.forget()
    monkeypatch.setattr(heartbeat, "gpu_memory", lambda device: (5, 9))
    for n in range(6):
        upload(ada_client, picture((40 * n, 20, 30)))
    drain()
    heartbeat.farewell()
    heartbeat.beat()
    row = WorkerStatus.objects.get()
    assert row.decodes_per_second > 0
    assert row.photos_per_second > 0
    assert (row.gpu_used_bytes, row.gpu_bytes) == (5, 9)


def test_the_memory_of_a_gpu_is_asked_only_where_one_computes(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert gpu_memory("cuda") is None
    started = [False]
    cuda = SimpleNamespace(
        is_initialized=lambda: started[0], mem_get_info=lambda device: (3, 10 + len(device))
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert gpu_memory("cuda") is None
    started[0] = True
    assert gpu_memory("cpu") is None
    assert gpu_memory("cuda:1") == (13, 16)


def test_a_database_that_is_away_is_told_and_the_rest_still_comes(token, monkeypatch):
    def fail() -> Iterator[object]:
        raise DatabaseError
        yield

    monkeypatch.setattr(gallery_state, "_queue", fail)
    gauges = told()
    assert gauges["scry_database_answers"] == {(): 0.0}
    assert "scry_free_bytes" in gauges
    assert "scry_http_request_duration_seconds" in gauges


def test_damaged_memories_of_backups_do_not_end_the_scrape(token, data_dir):
    (data_dir / "backups.json").write_text("no json")
    assert told()["scry_last_backup_timestamp_seconds"] == {}


def test_the_reference_has_every_metric_and_no_other(token):
    text = ask().content.decode()
    exported = dict(re.findall(r"^# TYPE (\w+) (\w+)$", text, re.MULTILINE))
    documented = re.findall(r"^\| `(scry_\w+)` \| (\w+) \|", TABLE.read_text(), re.MULTILINE)
    assert len(documented) == len(dict(documented))
    assert dict(documented) == exported


def test_the_labels_are_those_of_the_reference(token):
    rows = re.findall(r"^\| `(scry_\w+)` \| \w+ \| (.*?) ?\|", TABLE.read_text(), re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    metrics = [*GalleryState().collect(), *WEB.collect()]
    for metric in metrics:
        labels = {label for sample in metric.samples for label in sample.labels} - {"le"}
        assert labels <= documented[metric.name]


def test_rules_and_guides_name_metrics_that_exist():
    known = set(re.findall(r"`(scry_\w+)`", TABLE.read_text()))
    guide = TABLE.parents[1] / "how-to" / "monitor.md"
    named = set(re.findall(r"scry_\w+", guide.read_text()))
    parts = {name + part for name in known for part in ("_bucket", "_sum", "_count")}
    assert named
    assert named <= known | parts


# --- what it tells of requests --------------------------------------------------------------------


def count_of(name: str, **labels: str) -> float:
    return WEB.get_sample_value(f"{name}_count", labels) or 0.0


def test_a_search_is_split_into_its_stages(token, ada_client, reds):
    stages = ("encode", "index", "sql", "rank", "render")
    name = "scry_search_stage_duration_seconds"
    for path in ("/search", "/api/v1/search"):
        before = [count_of(name, stage=one) for one in stages]
        whole = count_of("scry_search_duration_seconds")
        spent = total(WEB, name), WEB.get_sample_value("scry_search_duration_seconds_sum") or 0.0
        assert ada_client.get(path, {"q": "red"}).status_code == 200
        assert [count_of(name, stage=one) for one in stages] == [count + 1 for count in before]
        assert count_of("scry_search_duration_seconds") == whole + 1
        parts = total(WEB, name) - spent[0]
        together = (WEB.get_sample_value("scry_search_duration_seconds_sum") or 0.0) - spent[1]
        assert 0 < parts <= together


def total(registry, name: str) -> float:
    samples = [sample for family in registry.collect() for sample in family.samples]
    return sum(sample.value for sample in samples if sample.name == f"{name}_sum")


def test_what_is_no_search_counts_as_none(ada_client, model):
    whole = count_of("scry_search_duration_seconds")
    for path in ("/", "/search", "/albums", "/api/v1/status"):
        assert ada_client.get(path).status_code == 200
    assert count_of("scry_search_duration_seconds") == whole


def test_stages_inside_stages_are_counted_once(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("gallery.metrics.stages.perf_counter", lambda: float(next(clock)))
    name = "scry_search_stage_duration_seconds_sum"
    labels: list[Stage] = ["encode", "rank", "sql"]
    before = {one: WEB.get_sample_value(name, {"stage": one}) or 0.0 for one in labels}
    with stage("encode"):  # Outside of a request nothing is counted.
        pass
    with request_stages(), stage("rank"), stage("encode"), connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    after = {one: WEB.get_sample_value(name, {"stage": one}) for one in labels}
    # The clock ticks at each look: rank 1 to 6, encode 2 to 5, sql 3 to 4.
    assert after == {one: before[one] + spent for one, spent in zip(labels, (2, 2, 1), strict=True)}


def test_an_upload_is_timed(ada_client, model):
    before = count_of("scry_upload_duration_seconds")
    upload(ada_client, picture())
    assert count_of("scry_upload_duration_seconds") == before + 1


@pytest.mark.parametrize(
    ("method", "path", "route", "counted_as", "status"),
    [
        ("GET", "/healthz", "healthz", "GET", "2xx"),
        ("GET", "/albums", "albums", "GET", "3xx"),
        ("GET", "/api/v1/search?q=secret", "api:search", "GET", "4xx"),
        ("GET", "/tags/secret", "tag", "GET", "3xx"),
        ("GET", "/secret.jpg", "none", "GET", "4xx"),
        ("GET", "/static/secret.css", "static", "GET", "4xx"),
        ("SECRET", "/healthz", "healthz", "other", "4xx"),
    ],
)
def test_requests_are_counted_by_route_method_and_status(
    token, ada, method, path, route, counted_as, status
):
    labels = {"route": route, "method": counted_as, "status": status}
    before = count_of("scry_http_request_duration_seconds", **labels)
    Client().generic(method, path)
    assert count_of("scry_http_request_duration_seconds", **labels) == before + 1
    assert "secret" not in ask().content.decode().lower()


@pytest.mark.slow
def test_nothing_that_people_wrote_is_told(token, ada_client, bob_client, model):
    """Words of queries, names of files, tags and people, wherever a request can carry them."""
    upload(ada_client, picture(), "zanzibar-picnic.png")
    drain()
    for path in ("/search", "/api/v1/search", "/search/facets", "/search/suggest", "/albums"):
        ada_client.get(path, {"q": "zanzibar picnic", "zanzibar": "picnic"})
    ada_client.get("/tags/zanzibar")
    ada_client.get("/zanzibar/picnic.png")
    ada_client.generic("ZANZIBAR", "/")
    text = ask().content.decode()
    assert not re.search("zanzibar|picnic|ada|bob", text, re.IGNORECASE)


def test_a_view_that_fails_is_counted(rf):
    """Django turns the exceptions of views into answers, before a middleware sees them."""
    answer = count_requests(lambda request: SimpleNamespace(status_code=503))(rf.get("/"))
    assert answer.status_code == 503
    labels = {"route": "none", "method": "GET", "status": "5xx"}
    assert count_of("scry_http_request_duration_seconds", **labels) >= 1
