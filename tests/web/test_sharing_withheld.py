"""Sensitive, suspected and unseen photos never leave; what members add passes the same queue."""

from __future__ import annotations

import pytest

from gallery import albums
from gallery.models import (
    Contribution,
    Photo,
    Release,
    ShareRole,
)
from gallery.sharing import links, shared_sets
from search.understanding.models import PromptScan
from tests.shared import (
    ALL_ON,
    another,
    confirm,
    hide,
    ids,
    look,
    media,
    member,
    names_in_zip,
    not_seen,
    photos_of,
    suspect,
    text,
)
from tests.web.test_api_photos import picture
from tests.workers.conftest import drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


# --- sensitive photos -----------------------------------------------------------------------------


WAYS = [hide, confirm, suspect, not_seen]


@pytest.mark.parametrize("way", WAYS)
def test_sensitive_suspected_and_unseen_photos_never_leave(world, ada, stranger, way):
    _row, path = world.link(downloads="originals", **ALL_ON)
    viewer, secret = member(world, "vera"), world.photos["red"]
    way(ada, secret)
    for client, base in ((stranger, path), (viewer, world.room)):
        assert photos_of(client, base) == ids(world, "crimson", "blue")
        addresses = media(base, secret)
        for medium in ("photo page", "thumbnail", "preview", "download"):
            assert client.get(addresses[medium]).status_code == 404, medium
        for medium in ("page", "search", "json"):
            assert str(secret.pk) not in text(client.get(addresses[medium])), medium
        assert sorted(names_in_zip(client.get(addresses["zip"]))) == ["blue.jpg", "crimson.jpg"]
    assert shared_sets.withheld(world.shared, ada) == [secret]


@pytest.mark.parametrize("way", WAYS)
def test_their_owner_may_say_that_they_leave_all_the_same(world, ada, ada_client, stranger, way):
    _row, path = world.link()
    secret = world.photos["red"]
    way(ada, secret)
    page = f"/albums/{world.album.pk}/share"
    assert "1 photo is withheld" in text(ada_client.get(page))
    ada_client.post(page, {"do": "release", "photo": [str(secret.pk)]})
    assert photos_of(stranger, path) == ids(world, "red", "crimson", "blue")
    other = albums.create(ada, "Other")
    albums.add(other, Photo.objects.filter(pk=secret.pk))
    elsewhere, key = links.make(
        shared_sets.find_or_make(shared_sets.Thing.of_album(other)), links.Terms()
    )
    assert photos_of(stranger, f"/s/{key}") == set()
    assert elsewhere.shared != world.shared


def test_a_later_word_withholds_a_released_photo_again(world, ada, stranger):
    _row, path = world.link()
    secret = world.photos["red"]
    suspect(ada, secret)
    assert shared_sets.release(world.shared, ada, [secret.pk]) == 1
    confirm(ada, secret)
    assert str(secret.pk) not in photos_of(stranger, path)
    assert shared_sets.release(world.shared, ada, [secret.pk]) == 1
    assert str(secret.pk) in photos_of(stranger, path)


def test_nobody_releases_the_photos_of_others(world, ada, bob):
    suspect(ada, world.photos["red"])
    assert shared_sets.release(world.shared, bob, [world.photos["red"].pk]) == 0
    assert not Release.objects.exists()


def test_a_date_that_is_corrected_withholds_nothing(world, stranger):
    """The point is written again then, after the look."""
    from gallery.models import Embedding

    _row, path = world.link()
    Embedding.objects.project_again([photo.pk for photo in world.photos.values()])
    drain()
    made = PromptScan.objects.get().made_at
    assert Embedding.objects.filter(indexed_at__gt=made).exists()
    assert len(photos_of(stranger, path)) == 3


# --- contributions --------------------------------------------------------------------------------


def test_a_contributor_adds_photos_that_stay_theirs(world, ada, ada_client, stranger):
    _row, path = world.link()
    adder = member(world, "cora", ShareRole.CONTRIBUTOR)
    own = another(adder, (10, 160, 40), "green.png")
    before = photos_of(stranger, path)
    adder.post(f"{world.room}/add", {"photo": [str(own.pk), str(world.photos["lone"].pk)]})
    assert photos_of(stranger, path) == before | {str(own.pk)}
    assert ada_client.get(f"/photos/{own.pk}").status_code == 404
    assert not Photo.objects.visible_to(ada).filter(pk=own.pk).exists()
    # The owner of the album takes it out; the photo stays.
    ada_client.post(f"{world.room}/take-out", {"photo": [str(own.pk)]})
    assert photos_of(stranger, path) == before
    assert Photo.objects.get(pk=own.pk).owner.username == "cora"


def test_a_contributors_upload_passes_the_queue(world, ada, stranger):
    from django.core.files.uploadedfile import SimpleUploadedFile

    _row, path = world.link()
    adder = member(world, "cora", ShareRole.CONTRIBUTOR)
    file = SimpleUploadedFile("new.png", picture((0, 200, 0), (80, 60), "PNG"))
    before = photos_of(stranger, path)
    assert adder.post(f"{world.room}/add", {"file": [file]}).status_code == 302
    new = Photo.objects.get(name="new.png")
    assert new.owner.username == "cora"
    assert photos_of(stranger, path) == before  # nobody has looked at it yet
    look()
    assert photos_of(stranger, path) == before | {str(new.pk)}
    hide(new.owner, new)
    assert photos_of(stranger, path) == before
    assert shared_sets.release(world.shared, ada, [new.pk]) == 0  # not the album owner's word
    assert shared_sets.release(world.shared, new.owner, [new.pk]) == 1


def test_viewers_and_strangers_add_nothing(world, bob_client):
    viewer = member(world, "vera")
    own = another(viewer)
    assert viewer.post(f"{world.room}/add", {"photo": [str(own.pk)]}).status_code == 403
    assert bob_client.post(f"{world.room}/add", {"photo": [str(own.pk)]}).status_code == 404
    assert not Contribution.objects.exists()


def test_contributions_leave_with_their_member(world, stranger):
    _row, path = world.link()
    adder = member(world, "cora", ShareRole.CONTRIBUTOR)
    own = another(adder)
    adder.post(f"{world.room}/add", {"photo": [str(own.pk)]})
    assert str(own.pk) in photos_of(stranger, path)
    adder.post(f"{world.room}/leave")
    assert str(own.pk) not in photos_of(stranger, path)
    assert adder.get(world.room).status_code == 404


def test_a_member_takes_out_own_photos_alone(world):
    adder = member(world, "cora", ShareRole.CONTRIBUTOR)
    other = member(world, "olga", ShareRole.CONTRIBUTOR)
    mine, theirs = another(adder, (0, 200, 10)), another(other, (0, 10, 220))
    adder.post(f"{world.room}/add", {"photo": [str(mine.pk)]})
    other.post(f"{world.room}/add", {"photo": [str(theirs.pk)]})
    adder.post(f"{world.room}/take-out", {"photo": [str(mine.pk), str(theirs.pk)]})
    assert list(Contribution.objects.values_list("photo_id", flat=True)) == [theirs.pk]
