"""Who counts as the client behind proxies."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from gallery.sign_in_limits import client_address


@pytest.mark.parametrize(
    ("count", "forwarded", "expected"),
    [
        (0, "1.1.1.1", "127.0.0.1"),
        (1, "1.1.1.1", "1.1.1.1"),
        (1, "lies, 1.1.1.1", "1.1.1.1"),
        (2, "lies, 1.1.1.1, 2.2.2.2", "1.1.1.1"),
        (2, "2.2.2.2", "127.0.0.1"),
        (1, "", "127.0.0.1"),
    ],
)
def test_only_as_many_entries_are_believed_as_there_are_proxies(
    settings, count, forwarded, expected
):
    settings.PROXY_COUNT = count
    request = RequestFactory().get("/", headers={"X-Forwarded-For": forwarded})
    assert client_address(request) == expected
