"""Forms that no page of the gallery sends: refused in words or read as little, never a 500."""

from __future__ import annotations

import uuid

import pytest

from tests.alike import group, photo

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.mark.parametrize("loaded", ["9" * 5000, "-1", "x", "", "1e9", "٣"])
def test_a_made_up_number_of_groups_unrolled_is_read_as_a_page(ada, ada_client, loaded):
    group(photo(ada), photo(ada))
    sent = {"order": ["resolution"], "kind": "same_picture", "loaded": loaded}
    answer = ada_client.post("/duplicates/criteria", sent, headers=HTMX)
    assert answer.status_code == 200
    assert answer.content.count(b"data-group=") == 1


@pytest.mark.parametrize("sure", [{}, {"sure": "1"}])
def test_a_list_longer_than_any_page_is_refused(ada_client, sure):
    made_up = ",".join(str(uuid.uuid4()) for _ in range(40_000))
    sent = {"kind": "same_picture", "scope": "page", "page": made_up, **sure}
    answer = ada_client.post("/duplicates/resolve", sent, headers=HTMX)
    assert answer.status_code == 400
