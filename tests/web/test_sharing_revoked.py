"""Revoking takes effect at once; passwords and secrets of links."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model

from gallery import albums, trash
from gallery.models import (
    Photo,
    ShareLink,
    ShareMember,
)
from gallery.sharing import links, shared_sets
from gallery.views import archives
from tests.external import body
from tests.shared import (
    ALL_ON,
    World,
    ids,
    media,
    member,
    names_in_zip,
    photos_of,
    status,
    text,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

# --- revoking -------------------------------------------------------------------------------------


def revoke(world: World, row: ShareLink) -> None:
    assert links.revoke(world.shared.owner, row.pk)


def expire(world: World, row: ShareLink) -> None:
    from datetime import timedelta

    from django.utils import timezone

    ShareLink.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))


def remove_album(world: World, row: ShareLink) -> None:
    albums.remove(world.album)


def close_account(world: World, row: ShareLink) -> None:
    get_user_model().objects.filter(pk=world.shared.owner_id).update(is_active=False)


@pytest.mark.parametrize("ending", [revoke, expire, remove_album, close_account])
def test_a_link_that_ends_opens_nothing_at_once(world, stranger, subtests, ending):
    row, path = world.link(downloads="originals", **ALL_ON)
    seen = {}
    for medium, address in media(path, world.photos["red"]).items():
        with subtests.test(medium, when="before"):
            seen[address] = first = stranger.get(address)
            assert first.status_code == 200
            body(first)
            assert "immutable" not in first.headers["Cache-Control"]
            age = re.search(r"max-age=(\d+)", first.headers["Cache-Control"])
            assert age is None or int(age[1]) <= 60
    ending(world, row)
    for address, first in seen.items():
        with subtests.test(address, when="after"):
            headers = {"If-None-Match": first.headers.get("ETag", '"x"'), "Range": "bytes=0-1"}
            for again in (stranger.get(address), stranger.get(address, headers=headers),
                          stranger.head(address)):  # fmt: skip
                assert again.status_code == 404
            unknown = re.sub(r"^/s/[^/?]+", "/s/" + "x" * 43, address)
            assert body(stranger.get(unknown)) == body(stranger.get(address))


def test_a_member_who_is_removed_sees_nothing_at_once(world, subtests):
    viewer = member(world, "vera")
    addresses = media(world.room, world.photos["red"])
    for address in addresses.values():
        body(viewer.get(address))
    assert shared_sets.remove_member(world.shared.owner, ShareMember.objects.get().pk)
    for medium, address in addresses.items():
        with subtests.test(medium):
            assert viewer.get(address).status_code == 404


def test_a_photo_taken_out_or_trashed_is_gone_at_once(world, stranger, subtests):
    _row, path = world.link(downloads="pictures")
    red, blue = world.photos["red"], world.photos["blue"]
    albums.take_out(world.album, Photo.objects.filter(pk=red.pk))
    trash.trash(Photo.objects.filter(pk=blue.pk))
    for medium in ("photo page", "thumbnail", "preview", "download"):
        with subtests.test(medium):
            for photo in (red, blue):
                assert stranger.get(media(path, photo)[medium]).status_code == 404
    assert photos_of(stranger, path) == ids(world, "crimson")


def test_an_archive_that_is_being_sent_ends_where_it_is_revoked(world, stranger):
    row, path = world.link(downloads="originals", **ALL_ON)
    answer = stranger.get(f"{path}/zip")
    pieces = iter(answer.streaming_content)
    next(pieces)
    revoke(world, row)
    rest = b"".join(pieces)
    answer.close()
    assert rest.count(b"PK\x01\x02") == 1  # one photo in the directory at the end


def test_archives_are_sent_to_a_few_at_once(world, stranger):

    _row, path = world.link(downloads="pictures")
    running = [stranger.get(f"{path}/zip") for _number in range(archives.ZIPS_AT_ONCE)]
    refused = stranger.get(f"{path}/zip")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
    for answer in running:
        answer.close()
    assert len(names_in_zip(stranger.get(f"{path}/zip"))) == 3


# --- passwords and secrets ------------------------------------------------------------------------


def test_a_password_comes_before_everything(world, stranger, subtests):
    _row, path = world.link(password="open sesame", downloads="originals", **ALL_ON)
    addresses = media(path, world.photos["red"])
    for asked_after_a_wrong_one in (False, True):
        for medium, address in addresses.items():
            with subtests.test(medium, wrong=asked_after_a_wrong_one):
                locked = stranger.get(address)
                closed = 401 if medium in {"page", "search", "similar"} else 404
                assert locked.status_code == closed
                assert "Trip" not in text(locked)
        assert stranger.post(f"{path}/unlock", {"password": "wrong"}).status_code == 401
    right = stranger.post(f"{path}/unlock", {"password": "open sesame"})
    assert (right.status_code, right.headers["Location"]) == (302, path)
    cookie = next(iter(right.cookies.values()))
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (path, True, "Lax")
    for medium, address in addresses.items():
        with subtests.test(medium, unlocked=True):
            assert status(stranger, address) == 200
    _other, elsewhere = world.link(password="open sesame")
    assert stranger.get(elsewhere).status_code == 401


def test_passwords_cannot_be_tried_without_end(world, stranger):
    row, path = world.link(password="open sesame")
    ShareLink.objects.filter(pk=row.pk).update(password="plain$$" + "x")  # quick to refuse
    answers = [
        stranger.post(f"{path}/unlock", {"password": "wrong"}).status_code
        for _try in range(links.MOST_FAILURES + 1)
    ]
    assert answers == [401] * links.MOST_FAILURES + [429]


def test_the_secret_is_kept_and_told_nowhere(world, ada_client, stranger, caplog):
    page = f"/albums/{world.album.pk}/share"
    made = text(ada_client.post(page, {"do": "link", "days": "7"}))
    secret = re.search(r"/s/([\w-]{43})", made)[1]  # type: ignore[index]
    assert secret not in text(ada_client.get(page))
    assert secret not in text(ada_client.get("/api/v1/shares"))
    row = ShareLink.objects.get()
    assert secret not in str(vars(row))
    assert row.digest == links.digest_of(secret)
    assert stranger.get(f"/s/{secret}").status_code == 200
    assert ShareLink.objects.get().opened == 1


def test_pages_are_kept_out_of_search_engines_and_caches(world, stranger):
    _row, path = world.link(downloads="originals", **ALL_ON)
    for address in media(path, world.photos["red"]).values():
        answer = stranger.get(address)
        body(answer)
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert "public" not in answer.headers["Cache-Control"]
    assert 'name="robots" content="noindex' in text(stranger.get(path))
