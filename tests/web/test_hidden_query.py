"""The query for hidden photos is made once, and what it finds is never kept."""

from __future__ import annotations

import pytest

from gallery import sensitive
from gallery.models import Photo, hidden_photos
from gallery.models.sensitive import Policy, State
from tests.alike import photo

pytestmark = pytest.mark.django_db


def test_what_is_hidden_is_read_anew_and_of_each_person(ada, bob):
    first, second = photo(ada), photo(bob)
    for owner in (ada, bob):
        sensitive.set_policy(owner, "nudity", Policy.HIDE)
        assert not list(hidden_photos(owner))
    said = sensitive.decide(ada, Photo.objects.filter(pk=first.pk), "nudity", State.CONFIRMED)
    assert [each["photo_id"] for each in hidden_photos(ada)] == [first.pk]
    assert not list(hidden_photos(bob))
    assert not Photo.objects.visible_to(ada).exists()
    assert Photo.objects.visible_to(bob).get() == second
    sensitive.undo(ada, said.batch)
    assert not list(hidden_photos(ada))
    assert Photo.objects.visible_to(ada).get() == first
