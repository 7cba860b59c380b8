"""Correcting the dates of photos: over the API and by the form, with undo, for many at once."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings as hypothesis_settings, strategies as st

from gallery import corrections, trash
from gallery.models import DateCorrection, Embedding, Photo
from gallery.taken_time import TIME_COLUMNS, TakenTime
from tests.dated import WALL, assert_consistent, clock, dated

pytestmark = pytest.mark.django_db

DATES = "/api/v1/photos/dates"
UNDO = f"{DATES}/undo"
HAD = "2024-05-31T18:30:15 +120"


def send(client: Client, photos: list[Photo], path: str = DATES, **correction: object):
    body = {"ids": [str(photo.pk) for photo in photos], **correction}
    return client.post(path, json.dumps(body), "application/json")


def undo(client: Client, batch: object):
    return client.post(UNDO, json.dumps({"undo": str(batch)}), "application/json")


@pytest.fixture
def photos(ada) -> list[Photo]:
    """Two photos with dates and one without."""
    return [dated(ada), dated(ada, datetime(2024, 6, 2, 9, 5), offset=60), dated(ada, None)]


@pytest.mark.parametrize(
    ("said", "changed", "clocks"),
    [
        (
            {"set": {"local": "2023-01-02T08:05", "zone": "+01:00"}},
            3,
            ["2023-01-02T08:05:00 +60"] * 3,
        ),
        (
            {"set": {"local": "2023-01-02"}},
            3,
            ["2023-01-02T18:30:15 +120", "2023-01-02T09:05:00 +60", "2023-01-02T12:00:00 +0"],
        ),
        (
            {"set": {"zone": "Asia/Tokyo"}},
            2,
            ["2024-05-31T18:30:15 +540", "2024-06-02T09:05:00 +540", "unknown"],
        ),
        (
            {"set": {"zone": "Asia/Tokyo", "keep": "instant"}},
            2,
            ["2024-06-01T01:30:15 +540", "2024-06-02T17:05:00 +540", "unknown"],
        ),
        (
            {"shift": {"years": -1, "hours": 6}},
            2,
            ["2023-06-01T00:30:15 +120", "2023-06-02T15:05:00 +60", "unknown"],
        ),
        ({"unknown": True}, 2, ["unknown"] * 3),
        ({"reset": True}, 0, [HAD, "2024-06-02T09:05:00 +60", "unknown"]),
    ],
)
def test_dates_of_many_are_corrected_and_undone(ada_client, photos, said, changed, clocks):
    before = [clock(photo) for photo in photos]
    preview = send(ada_client, photos, f"{DATES}/preview", **said).json()
    assert preview["changed"] == changed
    assert [clock(photo) for photo in photos] == before
    answer = send(ada_client, photos, **said).json()
    assert (answer["changed"], answer["undo"] is None) == (changed, changed == 0)
    assert [clock(photo) for photo in photos] == clocks
    for photo in photos:
        assert_consistent(photo)
    assert undo(ada_client, answer["undo"] or uuid.uuid4()).json() == {"changed": changed}
    assert [clock(photo) for photo in photos] == before
    assert not DateCorrection.objects.exists()


def test_reset_brings_back_what_the_file_said_and_can_be_undone(ada_client, photos):
    one = photos[0]
    send(ada_client, photos, shift={"hours": 1})
    send(ada_client, photos, set={"local": "2020-02-02T02:02"})
    send(ada_client, photos, unknown=True)
    answer = send(ada_client, photos, reset=True).json()
    assert answer["changed"] == 2  # the third is unknown again already
    assert [clock(photo) for photo in photos] == [HAD, "2024-06-02T09:05:00 +60", "unknown"]
    assert (one.date_source, one.wall_at.microsecond) == (Photo.DateSource.CAMERA, 250_000)
    undo(ada_client, answer["undo"])
    assert [clock(photo) for photo in photos] == ["unknown"] * 3


def test_what_was_corrected_again_since_is_not_undone(ada_client, photos):
    first = send(ada_client, photos, shift={"hours": 1}).json()["undo"]
    later = send(ada_client, photos[:1], shift={"hours": 1}).json()["undo"]
    assert undo(ada_client, first).json() == {"changed": 1}
    assert clock(photos[0]) == "2024-05-31T20:30:15 +120"
    assert undo(ada_client, first).json() == {"changed": 0}
    assert undo(ada_client, later).json() == {"changed": 1}
    assert undo(ada_client, first).json() == {"changed": 1}
    assert clock(photos[0]) == HAD


def test_photos_of_others_and_in_the_trash_are_not_in_the_selection(ada_client, bob_client, photos):
    trash.trash(Photo.objects.filter(pk=photos[0].pk))
    assert send(ada_client, photos[:1], shift={"hours": 1}).json() == {"changed": 0, "undo": None}
    assert send(bob_client, photos, unknown=True).json() == {"changed": 0, "undo": None}
    batch = send(ada_client, photos, shift={"hours": 1}).json()["undo"]
    assert undo(bob_client, batch).json() == {"changed": 0}
    assert [clock(photo) for photo in photos[:2]] == [HAD, "2024-06-02T10:05:00 +60"]


def test_if_one_photo_would_leave_the_calendar_none_changes(ada_client, photos, ada):
    old = dated(ada, datetime(1827, 1, 1), name="view.jpg")
    answer = send(ada_client, [*photos, old], shift={"years": -2})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_date")
    assert "view.jpg would be from before 1826" in answer.json()["message"]
    assert clock(photos[0]) == HAD
    assert not DateCorrection.objects.exists()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({}, "bad_parameter"),
        ({"unknown": True, "reset": True}, "bad_parameter"),
        ({"set": {}}, "bad_parameter"),
        ({"set": {"local": "2024-01-01", "keep": "instant"}}, "bad_parameter"),
        ({"set": {"keep": "both", "zone": "+01:00"}}, "bad_parameter"),
        ({"set": {"when": "2024"}}, "bad_parameter"),
        ({"set": {"local": "2024-02-30"}}, "bad_date"),
        ({"set": {"local": "2024-05-31T18:30+02:00"}}, "bad_date"),
        ({"set": {"local": "9999-12-31T23:59"}}, "bad_date"),
        ({"set": {"local": 1717173015}}, "bad_parameter"),
        ({"set": {"local": "\ud800"}}, "bad_date"),
        ({"set": {"zone": "Nowhere/Here"}}, "bad_date"),
        ({"set": {"zone": "Europe\0"}}, "bad_date"),
        ({"shift": {}}, "bad_date"),
        ({"shift": {"hours": 0}}, "bad_date"),
        ({"shift": {"hours": 1.5}}, "bad_parameter"),
        ({"shift": {"hours": "1"}}, "bad_parameter"),
        ({"shift": {"days": 10**40}}, "bad_date"),
        ({"shift": {"months": 1}}, "bad_parameter"),
        ({"unknown": "yes"}, "bad_parameter"),
    ],
)
def test_nonsense_is_refused_in_words(ada_client, photos, said, code):
    for path in (DATES, f"{DATES}/preview"):
        answer = send(ada_client, photos, path, **said)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
        assert len(answer.json()["message"]) > 10
    assert clock(photos[0]) == HAD


@pytest.mark.parametrize("body", ["[]", "{}", '{"ids": 3, "reset": true}', "x", '{"undo": "x"}'])
def test_made_up_bodies_are_refused(ada_client, body):
    for path in (DATES, f"{DATES}/preview", UNDO):
        assert ada_client.post(path, body, "application/json").status_code == 400


texts = st.text(max_size=30) | st.sampled_from(["2024-05-31", "+02:00", "18:30", "-1", "٣"])


@hypothesis_settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.fixed_dictionaries(
        {"what": st.sampled_from(["set", "shift", "zone", "unknown", "reset", "x"])},
        optional=dict.fromkeys(
            ["day", "clock", "zone", "to_zone", "keep", "direction", "years", "minutes"], texts
        ),
    )
)
def test_whatever_a_form_holds_the_answer_is_a_page(ada_client, ada, form):
    one = Photo.objects.filter(owner=ada).first() or dated(ada)
    answer = ada_client.post(f"/photos/{one.pk}/date", form)
    assert answer.status_code in {302, 400}
    one.refresh_from_db()
    assert_consistent(one)


def test_new_dates_reach_the_index(ada_client, photos, model):
    states = Embedding.State
    for photo, state in zip(photos, [states.INDEXED, states.PENDING, states.INDEXED], strict=True):
        Embedding.objects.create(photo=photo, model=model, state=state)
    send(ada_client, photos[:2], shift={"hours": 1})
    assert [Embedding.objects.get(photo=photo).state for photo in photos] == [
        states.EMBEDDED,
        states.PENDING,
        states.INDEXED,
    ]


def test_one_table_of_columns(ada):
    """All that says when a photo was taken changes together, and comes back together."""
    columns = TakenTime(WALL, 0, "camera", "camera").columns()
    assert set(columns) == set(TIME_COLUMNS)
    assert set(corrections.Unknown().columns(dated(ada))) == set(TIME_COLUMNS)


# --- the sentence --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        (
            {"shift": {"days": 1}},
            "2 photos move from 31 May 2024, 18:30 – 2 June 2024, 09:05"
            " to 1 June 2024, 18:30 – 3 June 2024, 09:05.",
        ),
        (
            {"set": {"local": "2023-01-02T08:05"}},
            "2 photos move from 31 May 2024, 18:30 – 2 June 2024, 09:05 to 2 January 2023, 08:05."
            " 1 photo without a date gets 2 January 2023, 08:05.",
        ),
        ({"set": {"zone": "+05:45"}}, "2 photos keep their local time."),
        ({"unknown": True}, "2 photos will have no date."),
        ({"reset": True}, "No date changes."),
    ],
)
def test_the_preview_says_what_would_happen(ada_client, photos, said, sentence):
    answer = send(ada_client, photos, f"{DATES}/preview", **said).json()
    assert answer["message"] == sentence


def test_a_difference_of_seconds_is_said(ada_client, photos):
    said = {"set": {"local": "2024-05-31T18:30:20"}}
    message = send(ada_client, photos[:1], f"{DATES}/preview", **said).json()["message"]
    assert message == ("1 photo moves from 31 May 2024, 18:30:15 to 31 May 2024, 18:30:20.")


# --- the form ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "then"),
    [
        ({"what": "set", "day": "2023-01-02", "clock": ""}, "2023-01-02T18:30:15 +120"),
        ({"what": "set", "day": "2023-01-02", "clock": "08:05"}, "2023-01-02T08:05:00 +120"),
        (
            {"what": "set", "day": "2023-07-02", "clock": "08:05:06", "zone": "Asia/Tokyo"},
            "2023-07-02T08:05:06 +540",
        ),
        (
            {"what": "shift", "direction": "earlier", "hours": "20", "minutes": ""},
            "2024-05-30T22:30:15 +120",
        ),
        ({"what": "shift", "direction": "later", "years": "1"}, "2025-05-31T18:30:15 +120"),
        ({"what": "zone", "to_zone": "+05:30"}, "2024-05-31T18:30:15 +330"),
        (
            {"what": "zone", "to_zone": "+05:30", "keep": "instant"},
            "2024-05-31T22:00:15 +330",
        ),
        ({"what": "unknown"}, "unknown"),
        ({"what": "reset"}, HAD),
    ],
)
def test_the_form_corrects_one_photo_and_offers_undo(ada_client, photos, form, then):
    one = photos[0]
    path = f"/photos/{one.pk}/date"
    assert path in ada_client.get(one.get_absolute_url()).content.decode()
    assert 'value="2024-05-31"' in ada_client.get(path).content.decode()
    answer = ada_client.post(path, form, follow=True)
    assert answer.redirect_chain == [(one.get_absolute_url(), 302)]
    assert clock(one) == then
    page = answer.content.decode()
    offered = re.search(r'name="undo" value="([^"]+)"', page)
    if form["what"] == "reset":
        assert "No date changed." in page
        assert offered is None
        return
    assert "1 date corrected." in page
    assert offered
    back = ada_client.post(
        "/photos/dates/undo", {"undo": offered[1], "photo": str(one.pk)}, follow=True
    )
    assert back.redirect_chain == [(one.get_absolute_url(), 302)]
    assert clock(one) == HAD


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ({}, "Choose what to correct."),
        ({"what": "set"}, "Enter a date."),
        ({"what": "set", "day": "2024-02-30"}, "There is no day 2024-02-30."),
        ({"what": "set", "day": "1700-02-03"}, "would be from before 1826"),
        ({"what": "shift"}, "Enter by how much"),
        ({"what": "shift", "hours": "-1"}, "whole numbers"),
        ({"what": "shift", "years": "9" * 9}, "would be from before 1826"),
        ({"what": "zone"}, "There is no time zone"),
        ({"what": "zone", "to_zone": "<b>"}, "There is no time zone &lt;b&gt;"),
    ],
)
def test_a_refused_form_says_why_and_keeps_what_was_typed(ada_client, photos, form, why):
    answer = ada_client.post(f"/photos/{photos[0].pk}/date", form)
    assert answer.status_code == 400
    page = answer.content.decode()
    assert why in page
    for typed in ("2024-02-30", "1700-02-03"):
        assert (f'value="{typed}"' in page) == (form.get("day") == typed)
    assert clock(photos[0]) == HAD


@pytest.mark.parametrize("batch", ["", "x", "f8f6600c-cd4e-48fa-9ce8-49ac3f00bbca"])
def test_undoing_what_is_not_there_says_so(ada_client, ada, batch):
    answer = ada_client.post("/photos/dates/undo", {"undo": batch}, follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert "There is nothing to undo." in answer.content.decode()
