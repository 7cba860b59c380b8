"""Pictures that people searched by, asked again."""

from __future__ import annotations

import errno
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from gallery import files
from search.engine import sent_pictures
from search.language import QueryError
from search.models import SentPicture
from search.vectors import embedders
from tests.web.test_api_photos import picture

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(ada_client, model) -> SentPicture:
    """A picture that ada sent, which no model has looked at yet."""
    file = SimpleUploadedFile("red.jpg", picture("red", (80, 60)))
    assert ada_client.post(reverse("search-by-image"), {"file": file}).status_code == 302
    return SentPicture.objects.get()


def test_a_picture_is_looked_at_once(ada, ada_client, model, sent):
    assert sent_pictures.needs_model(ada, model, str(sent.pk))
    assert ada_client.get(reverse("search"), {"q": f"picture:{sent.pk}"}).status_code == 200
    assert not sent_pictures.needs_model(ada, model, str(sent.pk))


def test_a_new_picture_waits_for_the_model_no_longer_than_words_do(
    ada_client, model, sent, monkeypatch
):
    monkeypatch.setattr(embedders, "wait_until_loaded", lambda *asked: False)
    answer = ada_client.get("/api/v1/search", {"q": f"picture:{sent.pk}"})
    assert (answer.status_code, answer.json()["code"]) == (503, "model_loading")


def test_use_is_noted_once_an_hour(ada, model, sent):
    sent_pictures.vector_of(ada, model, str(sent.pk))
    for ago, noted in ((timedelta(minutes=5), False), (timedelta(hours=2), True)):
        then = timezone.now() - ago
        SentPicture.objects.filter(pk=sent.pk).update(used_at=then)
        sent_pictures.vector_of(ada, model, str(sent.pk))
        assert (SentPicture.objects.get(pk=sent.pk).used_at > then) == noted


def test_nobody_else_searches_by_it(bob, bob_client, model, sent):
    assert not sent_pictures.needs_model(bob, model, str(sent.pk))
    answer = bob_client.get("/api/v1/search", {"q": f"picture:{sent.pk}"})
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_picture")
    assert bob_client.get(reverse("sent-picture", args=[sent.pk])).status_code == 404


def test_one_that_is_forgotten_meanwhile_is_not_kept_any_more(ada, model, sent, monkeypatch):
    monkeypatch.setattr(sent_pictures, "picture_of", lambda user, token: row)
    row = SentPicture.objects.defer("thumbnail").get()
    SentPicture.objects.all().delete()
    with pytest.raises(QueryError) as caught:
        sent_pictures.vector_of(ada, model, str(sent.pk))
    assert (caught.value.code, caught.value.status) == ("unknown_picture", 404)


def test_where_the_disk_is_full_it_says_so(ada_client, model, sent, monkeypatch):
    def no_room(path, data):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(files, "write_atomically", no_room)
    ada_client.raise_request_exception = False
    answer = ada_client.get("/api/v1/search", {"q": f"picture:{sent.pk}"})
    assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
    page = ada_client.get(reverse("search"), {"q": f"picture:{sent.pk}"})
    assert page.status_code == 507
    assert "Free some space" in page.content.decode()
