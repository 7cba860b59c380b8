"""What the log says of refused requests, without the access log."""

from __future__ import annotations

import json

import pytest

from tests.web.test_api_photos import picture, upload
from tests.web.test_logs import written

__all__ = ["written"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/photos/{}", 404), ("/api/v1/photos/{}", 404), ("/photos/{}/original", 404),
        ("/photos/{}/thumbnail", 404), ("/api/v1/search?zanzibar=1", 400), ("/people", 403),
    ],
)  # fmt: skip
def test_a_refused_request_is_one_line_with_who_asked(
    written, ada_client, bob, bob_client, model, path, status
):
    """16.3.2, 16.3.3: without the access log, and without the words of a query."""
    photo = upload(ada_client, picture()).json()["id"]
    assert bob_client.get(path.format(photo)).status_code == status
    (line,) = [line for line in written.lines if line["level"] == "WARNING"]
    assert line["user"] == bob.pk
    assert len(line["request"]) == 16
    assert path.format(photo).partition("?")[0] in line["message"]
    assert "zanzibar" not in json.dumps(line)
