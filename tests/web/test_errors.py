"""What no route expected: said in words, in the shape of a page and in that of the API."""

from __future__ import annotations

import errno

import pytest
from django.db import OperationalError

from search.engine import answer as retrieval

pytestmark = pytest.mark.django_db(transaction=True)

FULL = (507, "storage_full")
BUSY = (503, "busy")
OURS = (500, "internal_error")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), FULL),
        (OSError(errno.EACCES, "Permission denied"), OURS),
        (OperationalError("database or disk is full"), FULL),
        (OperationalError('could not extend file "x": No space left on device'), FULL),
        (OperationalError("database is locked"), BUSY),
        (OperationalError("no such table: gallery_photo"), OURS),
        (RuntimeError("disk is full"), OURS),
    ],
)
def test_an_error_says_what_happened(ada_client, model, monkeypatch, error, expected):
    def fail(*asked):
        raise error

    monkeypatch.setattr(retrieval, "search", fail)
    ada_client.raise_request_exception = False
    answer = ada_client.get("/api/v1/search", {"q": "dog"})
    assert (answer.status_code, answer.json()["code"]) == expected
    page = ada_client.get("/search", {"q": "dog"})
    assert page.status_code == expected[0]
    assert "<h1>" in page.content.decode()
    assert ("Retry-After" in page) == (expected == BUSY)
