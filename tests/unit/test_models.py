"""What the tables promise by themselves."""

from __future__ import annotations

import threading
from datetime import timedelta

import numpy as np
import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from gallery import trash
from gallery.models import Embedding, EmbeddingModel, Photo, Tombstone
from gallery.models.claims import LEASE
from gallery.models.embeddings import retry
from gallery.paging import page_after

pytestmark = pytest.mark.django_db


def delete(photos) -> None:
    """Delete photos for ever, the only way there is: through the trash."""
    trash.trash(photos)
    trash.empty(photos)


def photo(owner, **fields) -> Photo:
    number = Photo.objects.count()
    defaults = {"sha256": f"{number:064d}", "size": 1, "format": "JPEG", "extension": "jpg"}
    defaults |= {"name": f"{number}.jpg", "width": 4, "height": 3}
    return Photo.objects.create(owner=owner, **(defaults | fields))


def waiting(owner, model, count) -> list[Embedding]:
    return [Embedding.objects.create(photo=photo(owner), model=model) for _ in range(count)]


def test_only_the_owners_live_photos_are_visible(ada, bob):
    mine, gone, trashed = photo(ada), photo(ada), photo(ada)
    photo(bob)
    delete(Photo.objects.filter(pk=gone.pk))
    trash.trash(Photo.objects.filter(pk=trashed.pk))
    assert list(Photo.objects.visible_to(ada)) == [mine]
    assert list(Photo.objects.in_trash_of(ada)) == [trashed]
    assert not Photo.objects.in_trash_of(bob).exists()
    for nothing in (Photo.objects.visible_to, Photo.objects.in_trash_of):
        assert not nothing(AnonymousUser()).exists()


def test_nothing_is_deleted_for_ever_but_out_of_the_trash(ada):
    kept = photo(ada)
    assert trash.empty(Photo.objects.filter(pk=kept.pk)) == 0
    assert Photo.objects.live().get() == kept
    assert not Tombstone.objects.exists()


def test_one_live_copy_for_each_owner(ada, bob):
    first = photo(ada, sha256="a" * 64)
    photo(bob, sha256="a" * 64)
    with pytest.raises(IntegrityError), transaction.atomic():
        photo(ada, sha256="a" * 64)
    delete(Photo.objects.filter(pk=first.pk))
    photo(ada, sha256="a" * 64)
    assert Tombstone.objects.get().photo_id == first.pk


def test_only_one_model_is_active(model):
    with pytest.raises(IntegrityError), transaction.atomic():
        EmbeddingModel.objects.create(key="other", dim=4, state="active")
    other = EmbeddingModel.objects.create(key="other", dim=4)
    other.activate()
    assert EmbeddingModel.objects.active() == other
    model.refresh_from_db()
    assert model.state == EmbeddingModel.State.RETIRED


def test_a_failed_row_must_have_a_reason(ada, model):
    row = waiting(ada, model, 1)[0]
    row.state = Embedding.State.FAILED
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()


def test_a_claim_leases_rows_and_counts_the_attempt_first(ada, model):
    rows = waiting(ada, model, 3)
    claimed = Embedding.objects.claim(model, 2)
    assert [row.pk for row in claimed] == [row.pk for row in rows[:2]]
    assert {row.attempts for row in claimed} == {1}
    assert [row.pk for row in Embedding.objects.claim(model, 9)] == [rows[2].pk]
    assert Embedding.objects.claim(model, 9) == []


def test_an_expired_lease_is_claimed_again_and_counts_as_a_crash(ada, model):
    waiting(ada, model, 1)
    first = Embedding.objects.claim(model, 1)[0]
    Embedding.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    again = Embedding.objects.claim(model, 1)[0]
    assert again.pk == first.pk
    assert again.lease_token != first.lease_token
    assert (again.attempts, again.crashes) == (2, 1)
    assert again.lease_until > timezone.now() + LEASE / 2


def test_rows_wait_for_their_time_and_deleted_photos_are_left_alone(ada, model):
    later, doomed = waiting(ada, model, 2)
    Embedding.objects.filter(pk=later.pk).update(not_before=timezone.now() + timedelta(hours=1))
    delete(Photo.objects.filter(pk=doomed.photo_id))
    assert Embedding.objects.claim(model, 9) == []


def test_new_uploads_come_before_a_backfill(ada, model):
    old, new = waiting(ada, model, 2)
    Embedding.objects.filter(pk=old.pk).update(priority=0)
    assert Embedding.objects.claim(model, 1)[0].pk == new.pk


@pytest.mark.django_db(transaction=True)
def test_no_row_is_claimed_twice_by_workers_racing(ada, model):
    rows, claimed = waiting(ada, model, 40), []

    def work() -> None:
        while batch := Embedding.objects.claim(model, 3):
            claimed.extend(row.pk for row in batch)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(row.pk for row in rows)


def test_missing_rows_are_added_once(ada, model):
    photo(ada), photo(ada)
    assert Embedding.objects.add_missing(model) == 2
    assert Embedding.objects.add_missing(model) == 0


def test_a_vector_comes_back_as_it_was_to_half_precision(ada, model):
    row = waiting(ada, model, 1)[0]
    vector = np.random.default_rng(1).normal(size=16).astype(np.float32)
    vector /= np.linalg.norm(vector)
    row.set_vector(vector)
    row.save()
    row.refresh_from_db()
    assert np.abs(row.get_vector() - vector).max() < 1e-3
    assert np.isclose(np.linalg.norm(row.get_vector()), 1)


def test_a_damaged_vector_is_not_used(ada, model):
    row = waiting(ada, model, 1)[0]
    row.set_vector(np.eye(1, 16, dtype=np.float32)[0])
    row.vector = b"\x01" + bytes(row.vector)[1:]
    assert row.get_vector() is None


def test_retry_starts_afresh(ada, model):
    row = waiting(ada, model, 1)[0]
    Embedding.objects.update(state="failed", reason="corrupt", attempts=5, crashes=2)
    row.refresh_from_db()
    assert retry(Embedding.objects.filter(pk=row.pk)) == 1
    row.refresh_from_db()
    assert (row.state, row.attempts, row.crashes, row.reason) == ("pending", 0, 0, "")
    assert row.generation == 2


def test_pages_are_stable_while_photos_arrive(ada):
    old = [photo(ada) for _ in range(4)]
    rows, cursor = page_after(Photo.objects.visible_to(ada), "", 2)
    photo(ada)
    rest, end = page_after(Photo.objects.visible_to(ada), cursor, 9)
    assert {row.pk for row in rows + rest} == {row.pk for row in old}
    assert end is None
