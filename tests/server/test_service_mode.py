"""The service mode from upload to answer, and through the loss of each of its parts."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.embedders import ColourEmbedder
from tests.fault_proxy import Status
from tests.server.processes import ROOT, Postgres, eventually, manage
from tests.server.stack import picture

pytestmark = pytest.mark.server

RED, GREEN, BLUE = (220, 30, 30), (30, 160, 40), (30, 60, 220)


@pytest.fixture(autouse=True)
def _logs_of_failures(request, stack):
    """Show what the processes printed when a test fails."""
    before = request.session.testsfailed
    yield
    if request.session.testsfailed > before:
        print(stack.logs())  # noqa: T201 - pytest shows it with the failure


def sql(stack, statement, *values):
    with psycopg.connect(stack.postgres.url) as connection:
        return connection.execute(statement, values)


def let_leases_expire(stack):
    """Move the clock for the database alone: what a killed worker held is due now."""
    sql(
        stack,
        "UPDATE gallery_embedding SET lease_until = now() - interval '1 second' "
        "WHERE state = 'leased'",
    )


def worker_health(stack):
    """Return what Docker's health checks of the two workers say: 0 is healthy."""
    command = [sys.executable, ROOT / "docker" / "worker_health.py"]
    queues = ("index", "maintenance")
    return [subprocess.run([*command, queue], env=stack.environment).returncode for queue in queues]


def indexed_photos(stack, photos):
    with psycopg.connect(stack.postgres.url) as connection:
        found = connection.execute(
            "SELECT count(*) FROM gallery_embedding WHERE state = 'indexed' AND photo_id = ANY(%s)",
            [photos],
        )
        return found.fetchone()[0]


def test_upload_to_answer(stack):
    grace = stack.owner("grace")
    red, green, blue = (
        grace.add(picture(colour), f"{name}.png")
        for name, colour in [("red", RED), ("green", GREEN), ("blue", BLUE)]
    )
    grace.wait_until_indexed(red, green, blue)
    assert grace.found("red")[0] == red
    assert grace.found("blue")[0] == blue
    assert set(grace.found("green")) == {red, green, blue}

    again = grace.upload(picture(RED), "the same.png")
    assert (again.status_code, again.json()["id"], again.json()["duplicate"]) == (200, red, True)

    darker = grace.add(picture((190, 25, 25), format="JPEG"), "darker red.jpg")
    grace.wait_until_indexed(darker)
    similar = grace.http.get(f"/api/v1/photos/{red}/similar").json()["hits"]
    assert similar[0]["id"] == darker
    by_image = grace.http.post("/api/v1/search/by-image", files={"file": picture(GREEN, mark=9)})
    assert by_image.json()["hits"][0]["id"] == green

    assert grace.http.delete(f"/api/v1/photos/{green}").status_code == 204
    assert green not in grace.found("green")
    assert grace.http.get(f"/api/v1/photos/{green}").status_code == 404
    restored = grace.http.post("/api/v1/trash/restore", json={"ids": [green]}).json()
    assert restored["ids"] == [green]
    eventually("the restored photo is found", lambda: grace.found("green")[0] == green)
    grace.http.delete(f"/api/v1/photos/{green}")
    assert grace.http.delete(f"/api/v1/trash/{green}").status_code == 204
    originals = stack.folder / "data" / "media"
    eventually(
        "the deleted photo's files are gone",
        lambda: not [path for path in originals.rglob("*") if green in path.name],
    )


def test_one_owner_never_sees_the_photos_of_another(stack, owner):
    hers = owner.add(picture(RED, mark=77))
    owner.wait_until_indexed(hers)
    stranger = stack.owner("stranger")
    assert stranger.found("red") == []
    assert stranger.http.get(f"/api/v1/photos/{hers}").status_code == 404


def test_the_same_file_uploaded_many_times_at_once_is_one_photo(owner):
    same = picture(BLUE, mark=1234)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: owner.upload(same), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1


def test_the_status_tells_of_the_worker(owner):
    status = eventually(
        "the worker has said that it is alive",
        lambda: (found := owner.http.get("/api/v1/status").json())["worker_alive"] and found,
    )
    assert status["model_key"] == "colours"
    # Its checks have half a second each, which a busy machine may exceed.
    eventually("it is ready", lambda: owner.http.get("/readyz").status_code == 200)


def test_the_metrics_tell_of_all_processes(stack, owner):
    """The workers tell theirs by the database; the web server reads Postgres and counts its own."""
    owner.add(picture(GREEN, mark=77))
    token = {"Authorization": f"Bearer {stack.environment['METRICS_TOKEN']}"}

    def told():
        return owner.http.get("/metrics", headers=token).text

    assert owner.http.get("/metrics").status_code == 401
    for said in (
        'scry_workers_alive{device="cpu",queue="index"} 1.0',
        'queue="maintenance"} 1.0',
        'scry_queue_photos{model="colours",state="pending"} 0.0',
        "scry_database_answers 1.0",
        "scry_upload_duration_seconds_count ",
    ):
        # The maintenance process may still be starting.
        eventually(f"the metrics say {said}", lambda said=said: said in told(), patience=90)


def test_a_worker_killed_in_the_middle_of_its_work_loses_nothing(stack, owner):
    stack.worker.kill()
    photos = [owner.add(picture(RED, mark=1000 + n)) for n in range(16)]
    stack.worker.start(EMBEDDING_DELAY="4")
    eventually("the first batch is done", lambda: indexed_photos(stack, photos))
    stack.worker.kill()
    assert 0 < indexed_photos(stack, photos) < len(photos)
    let_leases_expire(stack)
    stack.worker.start()
    owner.wait_until_indexed(*photos)


def test_a_worker_that_is_asked_to_stop_ends_well_and_goes_on_later(stack, owner):
    assert stack.worker.stop() == 0
    photo = owner.add(picture(GREEN, mark=2000))
    stack.worker.start()
    owner.wait_until_indexed(photo)


def test_without_redis_uploads_are_taken_and_indexed_later(stack, owner):
    stack.redis.kill()
    try:
        photo = owner.add(picture(GREEN, mark=3000))
        assert owner.state(photo) == "pending"
    finally:
        stack.redis.start()
        stack.redis.ready()
    owner.wait_until_indexed(photo)


def test_while_qdrant_fails_search_says_so_and_uploads_wait(stack, owner):
    before = owner.add(picture(BLUE, mark=4000))
    owner.wait_until_indexed(before)
    stack.to_qdrant.suffer(Status(500))
    try:
        answer = owner.http.get("/api/v1/search", params={"q": "blue"})
        assert answer.status_code == 503
        assert set(answer.json()) == {"code", "message"}
        assert owner.http.get(f"/api/v1/photos/{before}").status_code == 200
        waiting = owner.add(picture(BLUE, mark=4001))
        time.sleep(1)
        assert owner.state(waiting) == "pending"
    finally:
        stack.to_qdrant.suffer(None)
    owner.wait_until_indexed(waiting)
    assert {before, waiting} <= set(owner.found("blue"))


def test_a_vector_server_that_lost_everything_is_filled_from_the_database(stack, owner):
    photo = owner.add(picture(GREEN, mark=5000))
    owner.wait_until_indexed(photo)
    if not stack.is_qdrant_ours:
        pytest.skip("the Qdrant of QDRANT_TEST_URL is not to be killed and emptied")
    stack.qdrant.kill()
    shutil.rmtree(stack.folder / "points")
    assert owner.http.get("/api/v1/search", params={"q": "green"}).status_code == 503
    stack.qdrant.start()
    stack.qdrant.ready()
    manage(stack.environment, "reindex")
    eventually("the photo is found again", lambda: photo in owner.found("green"))


def test_a_dump_of_the_database_can_be_restored(stack, owner, tmp_path):
    photo = owner.add(picture(RED, mark=7000))
    owner.wait_until_indexed(photo)
    dump = tmp_path / "scry.dump"
    stack.postgres.dump(dump)
    elsewhere = Postgres(tmp_path)
    try:
        elsewhere.create()
        elsewhere.restore(dump)
        with psycopg.connect(elsewhere.url) as connection:
            query = "SELECT state, vector FROM gallery_embedding WHERE photo_id = %s"
            state, vector = connection.execute(query, [photo]).fetchone()
    finally:
        elsewhere.remove()
    assert (state, len(vector)) == ("indexed", 2 * ColourEmbedder.dim)


def test_the_gallery_stops_when_it_is_asked_to_and_starts_again(stack, owner):
    photo = owner.add(picture(RED, mark=6000))
    owner.wait_until_indexed(photo)
    eventually("the workers are healthy", lambda: worker_health(stack) == [0, 0])
    try:
        assert stack.stop() == {"web": 0, "worker": 0, "maintenance": 0}
        sql(stack, "DELETE FROM gallery_workerstatus")  # those of workers killed by other tests
        assert worker_health(stack) == [1, 1]
        for program in (stack.web, stack.worker, stack.maintenance):
            eventually("its children have ended", lambda program=program: not program.left_behind())
    finally:
        stack.start_gallery()
    assert photo in owner.found("red")
