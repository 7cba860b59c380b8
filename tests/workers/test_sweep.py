"""The sweep at work while others are."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from search.engine import sent_pictures
from search.models import SavedSearch, SentPicture
from tests.lived import let_live
from tests.log_lines import of_this_thread
from workers import housekeeping

pytestmark = pytest.mark.django_db


def test_figures_that_sqlite_cannot_write_just_now_wait_for_the_next_round(caplog):
    asked = []

    def busy(execute, sql, *rest):
        asked.append(sql)
        raise OperationalError("database is locked")

    with connection.execute_wrapper(busy):
        housekeeping.refresh_statistics()
    assert len(asked) == (connection.vendor == "sqlite")
    assert not of_this_thread(caplog)


def test_pictures_searched_by_long_ago_go_unless_a_saved_search_names_them(ada):
    let_live(9)
    kept = timezone.now() - sent_pictures.KEPT

    def sent(age: timedelta) -> SentPicture:
        row = {"owner": ada, "thumbnail": b"", "used_at": kept - age}
        return SentPicture.objects.create(**row)

    old, named, new = sent(timedelta(hours=3)), sent(timedelta(days=99)), sent(-timedelta(hours=1))
    SavedSearch.objects.create(owner=ada, name="Like it", query=f"dog picture:{named.pk}")
    housekeeping.sweep()
    assert set(SentPicture.objects.all()) == {named, new}
    assert old not in SentPicture.objects.all()
