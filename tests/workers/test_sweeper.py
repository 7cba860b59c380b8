"""The sweeper at work while others are."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from workers import sweeper

pytestmark = pytest.mark.django_db


def test_figures_that_sqlite_cannot_write_just_now_wait_for_the_next_round(caplog):
    asked = []

    def busy(execute, sql, *rest):
        asked.append(sql)
        raise OperationalError("database is locked")

    with connection.execute_wrapper(busy):
        sweeper.refresh_statistics()
    assert len(asked) == (connection.vendor == "sqlite")
    assert not caplog.records
