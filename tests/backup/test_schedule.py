"""Backups on time, and what people are told when there is none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from gallery.backup import history, manifest, schedule
from gallery.backup.history import Run
from gallery.models import Photo
from workers.back_up_on_time import back_up_now

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scheduled(settings, target, photos):
    settings.BACKUP_TARGET, settings.BACKUP_HOURS = str(target.root), 24
    schedule.announce()


def let_pass(hours: float) -> None:
    """Let time pass, by putting all that is remembered back."""
    kept, span = history.read(), timedelta(hours=hours)
    last = kept.last and Run(kept.last.ended_at - span, kept.last.made, kept.last.sentence)
    made, since = kept.last_made, kept.scheduled_at
    kept = replace(kept, last=last, last_made=made and made - span)
    history.write(replace(kept, scheduled_at=since and since - span))


def test_without_a_target_none_is_due(photos):
    schedule.announce()
    assert not schedule.is_due()
    let_pass(1000)
    assert schedule.trouble() == ""


def test_a_backup_is_made_every_day(scheduled, target):
    assert schedule.is_due()
    back_up_now(lambda: False)
    assert not schedule.is_due()
    assert schedule.trouble() == ""
    let_pass(23.9)
    assert not schedule.is_due()
    let_pass(0.2)
    assert schedule.is_due()
    back_up_now(lambda: False)
    assert len(manifest.generations(target)) == 2


def test_a_backup_that_fails_is_told_and_tried_again(scheduled, target, ada_client, bob_client):
    back_up_now(lambda: False)
    Photo.objects.all().delete()
    let_pass(25)
    back_up_now(lambda: False)
    assert not schedule.is_due()
    let_pass(1.1)
    assert schedule.is_due()
    assert "failed" in schedule.trouble()
    assert "--force" in schedule.trouble()
    assert schedule.trouble() in ada_client.get("/").content.decode()
    assert ada_client.get("/api/v1/status").json()["backup_trouble"] == schedule.trouble()
    assert bob_client.get("/api/v1/status").json()["backup_trouble"] == ""


def test_a_backup_that_nobody_makes_is_told(scheduled):
    let_pass(48)
    assert schedule.trouble() == ""
    let_pass(2)
    assert "No backup was made for 50 hours" in schedule.trouble()


def test_a_clock_that_is_put_back_does_not_delay_backups(scheduled):
    back_up_now(lambda: False)
    let_pass(-1000)
    assert schedule.is_due()


def test_a_damaged_memory_is_told_and_harms_nothing(scheduled, target, data_dir):
    back_up_now(lambda: False)
    (data_dir / "backups.json").write_text("{")
    back_up_now(lambda: False)
    assert "backups.json" in schedule.trouble()
    assert len(manifest.generations(target)) == 1


def test_a_second_backup_at_once_is_no_failure(scheduled):
    with history.one_at_a_time():
        back_up_now(lambda: False)
    assert history.read().last is None
    assert timezone.now() - history.read().scheduled_at < timedelta(minutes=1)
