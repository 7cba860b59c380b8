"""What `make crash` would notice, each promise broken by hand, and how it goes on."""

from __future__ import annotations

import httpx
import pytest

from tests.crash.load import GONE, LIVE, TRASHED, Kept, NoAnswer, Person
from tests.crash.tally import Tally
from tests.crash.verify import promises

SHA = Kept(b"x", "red").sha256


@pytest.fixture
def person():
    """Somebody at a gallery that answers as `person.says` tells, by path."""
    person = Person("ada", "http://gallery", "token", seed=1)
    person.http.close()
    person.says = {
        "/api/v1/photos": {"photos": [{"id": "1", "state": "indexed"}], "next": None},
        "/api/v1/trash": {"photos": [{"id": "2"}], "next": None},
        "/api/v1/search": {"hits": [{"id": "1"}], "model": "colours"},
        "/api/v1/photos/1": {"sha256": SHA, "state": "indexed", "reason": ""},
    }

    def answer(request: httpx.Request) -> httpx.Response:
        said = person.says.get(request.url.path)
        return httpx.Response(404) if said is None else httpx.Response(200, json=said)

    transport = httpx.MockTransport(answer)
    person.http = httpx.Client(base_url="http://gallery", transport=transport)
    person.photos = [
        Kept(b"x", "red", "1", {LIVE}),
        Kept(b"x", "red", "2", {TRASHED}),
        Kept(b"x", "red", "3", {GONE}),
    ]
    yield person
    person.http.close()


def test_a_gallery_that_keeps_its_promises_has_no_faults(person):
    assert promises([person]) == []


BROKEN = {
    "a photo is lost": ("I4", lambda it: it.says["/api/v1/photos"].update(photos=[])),
    "a photo left the trash": ("I4", lambda it: it.says["/api/v1/trash"].update(photos=[])),
    "a photo came back": ("I5", lambda it: it.says["/api/v1/photos"]["photos"].append({"id": "3"})),
    "trash is found": ("I5", lambda it: it.says["/api/v1/search"]["hits"].append({"id": "2"})),
    "it is another's": ("I6", lambda it: it.others.add("1")),
    "it is another file": ("I4", lambda it: it.says["/api/v1/photos/1"].update(sha256="0")),
    "it still waits": ("I1", lambda it: it.says["/api/v1/photos/1"].update(state="pending")),
    "it failed in silence": ("I1", lambda it: it.says["/api/v1/photos/1"].update(state="failed")),
    "search is away": ("", lambda it: it.says.pop("/api/v1/search")),
}  # fmt: skip


@pytest.mark.parametrize(("name", "break_it"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_promise_is_noticed(person, name, break_it):
    break_it(person)
    assert any(fault.startswith(name) for fault in promises([person]))


def test_what_got_no_answer_may_have_happened_or_not(person):
    person.photos[0].may_be = {LIVE, TRASHED}
    person.photos[1].may_be = {TRASHED, GONE}
    assert promises([person]) == []
    assert person.photos[0].may_be == {LIVE}


def test_no_connection_is_no_answer(person):
    person.http.close()
    person.http = httpx.Client(
        base_url="http://gallery",
        transport=httpx.MockTransport(_refuse),
    )
    with pytest.raises(NoAnswer):
        person.search()
    person.http.close()


def _refuse(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused", request=request)


def test_a_run_goes_on_with_its_tally(tmp_path):
    path = tmp_path / "build" / "tally.json"
    tally = Tally.read(path, seed=7)
    tally.count_kill("services", "web")
    tally.count_kill("embedded", "gallery")
    tally.count_answers({"2xx": 3})
    tally.write(path)
    again = Tally.read(path, seed=8)
    assert (again.seed, again.total, again.answers) == (7, 2, {"2xx": 3})
    assert "2 kills" in again.table()
