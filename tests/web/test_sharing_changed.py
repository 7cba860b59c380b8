"""Links and places of members are changed after they were made, and what holds from then on."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from gallery.models import AuditEntry, Deed, ShareLink, ShareMember, ShareRole
from gallery.sharing import contributions, links, shared_sets
from tests.external import body
from tests.shared import (
    ALL_ON,
    SERIAL,
    VIDEO,
    World,
    another,
    ids,
    media,
    member,
    names_in_zip,
    photos_of,
    send,
    text,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def page_of(world: World) -> str:
    return f"/albums/{world.album.pk}/share"


def change(client: Client, world: World, row: ShareLink, **form: object):
    given = {"do": "change-link", "link": str(row.pk), "days": "keep", "downloads": "none"}
    return client.post(page_of(world), given | form)


def change_member(client: Client, world: World, **form: object):
    row = ShareMember.objects.get()
    given = {"do": "change-member", "member": str(row.pk), "role": row.role, "days": "keep"}
    return client.post(page_of(world), given | form)


# --- links ----------------------------------------------------------------------------------------


def test_a_link_shows_more_and_less_under_the_same_address(world, ada_client, stranger):
    row, path = world.link()
    red = f"{path}/photos/{world.photos['red'].pk}"
    assert b"a secret caption" not in body(stranger.get(red))
    answer = change(ada_client, world, row, captions="on", places="on", label="Grandma")
    assert (answer.status_code, answer.headers["Location"]) == (302, page_of(world))
    shown = text(stranger.get(red))
    assert "a secret caption" in shown
    assert "Zurich" in shown
    assert "red.jpg" not in shown
    assert "Grandma" in text(ada_client.get(page_of(world)))
    change(ada_client, world, row)
    assert not any(word in text(stranger.get(red)) for word in ("a secret caption", "Zurich"))
    assert AuditEntry.objects.filter(deed=Deed.SHARED, detail__endswith="changed").count() == 2


def test_originals_end_and_come_back_with_the_terms(world, ada_client, stranger):
    row, path = world.link(downloads="originals", **ALL_ON)
    download = f"{path}/photos/{world.photos['red'].pk}/download"
    on = dict.fromkeys(ALL_ON, "on")
    assert SERIAL.encode() in body(stranger.get(download))
    change(ada_client, world, row, downloads="pictures", **on)
    assert SERIAL.encode() not in body(stranger.get(download))
    change(ada_client, world, row, downloads="none", **on)
    assert stranger.get(download).status_code == 404
    assert stranger.get(f"{path}/zip").status_code == 404
    change(ada_client, world, row, downloads="originals", **on)
    assert SERIAL.encode() in body(stranger.get(download))


def test_an_end_is_set_moved_and_taken_away(world, ada_client, stranger):
    row, path = world.link()
    change(ada_client, world, row, days="7")
    row.refresh_from_db()
    first = row.expires_at
    assert timedelta(days=6) < first - timezone.now() < timedelta(days=8)
    change(ada_client, world, row, captions="on")
    row.refresh_from_db()
    assert row.expires_at == first, "it stays where nothing is said of it"
    ShareLink.objects.update(expires_at=timezone.now() - timedelta(hours=1))
    assert stranger.get(path).status_code == 404
    assert change(ada_client, world, row, label="over").status_code == 302, "an old end may stay"
    assert stranger.get(path).status_code == 404
    change(ada_client, world, row, days="")
    assert stranger.get(path).status_code == 200


def test_a_new_password_is_asked_of_everybody(world, ada_client):
    row, path = world.link(password="open sesame")
    known = Client()
    known.post(f"{path}/unlock", {"password": "open sesame"})
    assert known.get(path).status_code == 200
    change(ada_client, world, row, captions="on")
    assert known.get(path).status_code == 200, "an empty field keeps the password"
    assert Client().get(path).status_code == 401
    ShareLink.objects.update(failures=links.MOST_FAILURES, failing_since=timezone.now())
    change(ada_client, world, row, password="another long one")
    assert known.get(path).status_code == 401
    known.post(f"{path}/unlock", {"password": "open sesame"})
    assert known.get(path).status_code == 401
    known.post(f"{path}/unlock", {"password": "another long one"})
    assert known.get(path).status_code == 200
    change(ada_client, world, row, no_password="on")
    assert Client().get(path).status_code == 200


def test_what_cannot_be_changes_nothing_and_is_told_in_its_form(world, ada_client, subtests):
    row, _path = world.link(label="kept", password="open sesame")
    before = ShareLink.objects.values().get()
    for name, value in (
        ("days", "x"), ("downloads", "all"), ("password", "short"), ("label", "\u202egnol")
    ):  # fmt: skip
        with subtests.test(name):
            answer = change(ada_client, world, row, captions="on", **{name: value})
            assert answer.status_code == 400
            assert '<details class="grant-terms" open>' in text(answer)
            assert ShareLink.objects.values().get() == before


def test_nobody_else_changes_a_link_or_a_member(world, ada_client, bob_client):
    row, _path = world.link()
    viewer = member(world, "vera")
    place = ShareMember.objects.get()
    for client in (bob_client, viewer):
        assert change(client, world, row, captions="on").status_code == 404
        for kind, pk in (("links", row.pk), ("members", place.pk)):
            path = f"/api/v1/shares/{kind}/{pk}"
            assert send(client, "PATCH", path, {"captions": True}).status_code == 404
    assert send(Client(), "PATCH", f"/api/v1/shares/links/{row.pk}", {}).status_code == 401
    assert not ShareLink.objects.get().captions


def test_a_program_changes_what_it_names_and_nothing_else(world, ada_client):
    row, _path = world.link(label="kept", password="open sesame", names=True)
    until = timezone.now() + timedelta(days=2)
    given = {"captions": True, "expires_at": until.isoformat()}
    told = send(ada_client, "PATCH", f"/api/v1/shares/links/{row.pk}", given).json()
    assert (told["label"], told["has_password"], told["names"]) == ("kept", True, True)
    assert told["captions"]
    assert told["expires_at"][:16] == until.isoformat()[:16]
    send(
        ada_client, "PATCH", f"/api/v1/shares/links/{row.pk}", {"expires_at": None, "password": ""}
    )
    row.refresh_from_db()
    assert (row.expires_at, row.password, row.captions) == (None, "", True)
    for wrong in ({"gps": True}, {"downloads": "all"}, {"expires_at": "2001-01-01T00:00:00Z"},
                  {"password": "short"}, {"captions": "yes"}):  # fmt: skip
        answer = send(ada_client, "PATCH", f"/api/v1/shares/links/{row.pk}", wrong)
        assert answer.status_code == 400
        assert set(answer.json()) == {"code", "message"}


# --- members --------------------------------------------------------------------------------------


def test_a_member_sees_less_and_more(world, ada_client):
    viewer = member(world, "vera")
    red = media(world.room, world.photos["red"])
    assert SERIAL.encode() in body(viewer.get(red["download"]))
    answer = change_member(ada_client, world)
    assert answer.status_code == 302
    told = b"".join(body(viewer.get(address)) for name, address in red.items() if name != "video")
    for secret in ("a secret caption", "red.jpg", "Zurich", SERIAL):
        assert secret.encode() not in told, secret
    assert viewer.get(red["video"]).status_code == 404
    page = text(ada_client.get(page_of(world)))
    assert all(words in page for words in ("no places", "no file names", "no captions"))
    change_member(ada_client, world, names="on", captions="on", places="on")
    assert SERIAL.encode() not in body(viewer.get(red["download"])), "originals stay off"
    assert "red.jpg" in text(viewer.get(red["photo page"]))
    change_member(ada_client, world, originals="on", names="on", captions="on", places="on")
    assert SERIAL.encode() in body(viewer.get(red["download"]))


@pytest.mark.parametrize("off", ["places", "captions"])
def test_a_member_gets_no_original_while_a_part_of_it_is_off(world, ada_client, off):
    viewer = member(world, "vera")
    on = dict.fromkeys({"originals", "places", "names", "captions"} - {off}, "on")
    change_member(ada_client, world, **on)
    for medium in ("download", "zip"):
        answer = viewer.get(media(world.room, world.photos["red"])[medium])
        assert SERIAL.encode() not in body(answer)


def test_a_place_expires_with_what_was_added_and_comes_back(world, ada_client, stranger):
    cora = member(world, "cora", ShareRole.CONTRIBUTOR)
    place = ShareMember.objects.get()
    given = another(cora, (0, 200, 0), "green.png")
    contributions.add(shared_sets.open_as(place.user, world.shared.pk), place.user, [given.pk])
    _row, path = world.link()
    whole = ids(world, "red", "crimson", "blue") | {str(given.pk)}
    assert photos_of(stranger, path) == photos_of(cora, world.room) == whole
    ShareMember.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert all(cora.get(one).status_code == 404 for one in media(world.room, given).values())
    assert "Trip" not in text(cora.get("/shared"))
    assert cora.post(f"{world.room}/add", {"photo": str(given.pk)}).status_code == 404
    assert photos_of(stranger, path) == whole - {str(given.pk)}
    change_member(ada_client, world, days="7")
    assert photos_of(cora, world.room) == whole


def test_a_role_changes_and_terms_stay_when_a_name_is_shared_with_again(world, ada_client):
    vera = member(world, "vera")
    change_member(ada_client, world, originals="on", names="on")
    ada_client.post(page_of(world), {"do": "member", "name": "vera", "role": "contributor"})
    row = ShareMember.objects.get()
    assert (row.role, row.originals, row.places, row.captions) == (
        "contributor",
        True,
        False,
        False,
    )
    path = f"/api/v1/shares/members/{row.pk}"
    told = send(ada_client, "PATCH", path, {"role": "viewer", "places": True}).json()
    assert (told["name"], told["role"], told["places"], told["captions"]) == (
        "vera", "viewer", True, False,
    )  # fmt: skip
    for wrong in ({"role": "owner"}, {"expires_at": "2001-01-01T00:00:00Z"}, {"name": "bob"}):
        assert send(ada_client, "PATCH", path, wrong).status_code == 400
    assert vera.get(world.room).status_code == 200


# --- videos ---------------------------------------------------------------------------------------


def test_a_video_goes_where_its_original_goes_and_a_sidecar_nowhere(world, ada_client, stranger):
    row, path = world.link(downloads="originals", **ALL_ON)
    one = media(path, world.photos["red"])
    assert body(stranger.get(one["video"])) == VIDEO
    part = stranger.get(one["video"], headers={"Range": "bytes=0-5"})
    assert (part.status_code, body(part)) == (206, VIDEO[:6])
    assert sorted(names_in_zip(stranger.get(f"{path}/zip"))) == [
        "blue.jpg", "crimson.jpg", "red.jpg", "red.mov",
    ]  # fmt: skip
    assert f'src="{one["video"]}"' in text(stranger.get(one["photo page"]))
    assert b"a secret sidecar" not in body(stranger.get(f"{path}/zip"))
    for terms in ({"downloads": "pictures", **ALL_ON}, {"downloads": "originals"}):
        changed = dict.fromkeys(ALL_ON, False) | terms
        send(ada_client, "PATCH", f"/api/v1/shares/links/{row.pk}", changed)
        assert stranger.get(one["video"]).status_code == 404
        assert VIDEO not in body(stranger.get(f"{path}/zip"))
        assert "<video" not in text(stranger.get(one["photo page"]))


def test_a_video_of_what_is_not_shared_or_withheld_is_not_there(world, ada, stranger):
    from tests.shared import confirm

    _row, path = world.link(downloads="originals", **ALL_ON)
    assert stranger.get(media(path, world.photos["lone"])["video"]).status_code == 404
    assert stranger.get(media(path, world.photos["blue"])["video"]).status_code == 404
    confirm(ada, world.photos["red"])
    assert stranger.get(media(path, world.photos["red"])["video"]).status_code == 404
    assert "red.mov" not in names_in_zip(stranger.get(f"{path}/zip"))
