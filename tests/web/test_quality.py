"""What people and programs read of the sharpness of photos."""

from __future__ import annotations

import pytest

from gallery.decoding.quality import Measured
from gallery.models.quality import save_quality
from tests.alike import photo

pytestmark = pytest.mark.django_db

SHARP = Measured(0.8, 0.9, 0.01, 0.02, 0.5, 120.0, 0.9)
SOFT = Measured(0.1, 0.1, 0.3, 0.0, 0.2, 220.0, 0.51)


def asked(client, one):
    answer = client.get(f"/api/v1/photos/{one.pk}/quality")
    assert answer.status_code == 200
    return answer.json()


def test_the_api_tells_numbers_from_waiting_and_from_none(ada, ada_client):
    measured, waiting, none = photo(ada), photo(ada), photo(ada)
    save_quality({measured.pk: SHARP, none.pk: None})
    assert asked(ada_client, measured) == {
        "state": "measured",
        "engine": "tiles-1",
        "words": "sharp",
        "sharpness": 0.8,
        "centre": 0.9,
        "clipped_lights": 0.01,
        "clipped_darks": 0.02,
        "noise": 0.5,
        "light": 120.0,
        "reach": 0.9,
    }
    assert asked(ada_client, waiting)["state"] == "waiting"
    assert asked(ada_client, waiting)["sharpness"] is None
    assert asked(ada_client, none)["state"] == "none"


def test_the_page_of_a_photo_says_it_in_words_with_the_numbers_behind(ada, ada_client):
    soft = photo(ada)
    save_quality({soft.pk: SOFT})
    page = ada_client.get(f"/photos/{soft.pk}").content.decode()
    assert "soft, bright, much pure white" in page
    assert "Sharpness 0.10, in the centre 0.10" in page


def test_what_was_saved_first_stays_and_deleted_photos_leave_nothing(ada, ada_client):
    one, gone = photo(ada), photo(ada)
    lost = gone.pk
    gone.delete()
    save_quality({one.pk: SHARP, lost: SHARP})
    save_quality({one.pk: SOFT})
    assert asked(ada_client, one)["sharpness"] == 0.8
