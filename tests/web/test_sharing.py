"""What is shared: who sees it, and what a link leaves out."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from gallery.models import (
    SharedSet,
)
from gallery.sharing import links
from tests.external import body
from tests.shared import (
    ALL_ON,
    MAKE,
    SERIAL,
    World,
    another,
    ids,
    look,
    media,
    member,
    photos_of,
    status,
    text,
)
from tests.web.test_api_photos import picture, upload

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


# --- who sees what --------------------------------------------------------------------------------


def test_a_link_shows_the_album_and_nothing_else(world, stranger):
    _row, path = world.link(downloads="pictures")
    assert photos_of(stranger, path) == ids(world, "red", "crimson", "blue")
    for medium, address in media(path, world.photos["red"]).items():
        assert status(stranger, address) == (404 if medium == "video" else 200), medium
    outside = media(path, world.photos["lone"])
    for medium in ("similar", "photo page", "thumbnail", "preview", "video", "download"):
        assert stranger.get(outside[medium]).status_code == 404, medium


def test_search_and_similar_work_over_what_is_shared(world, stranger):
    _row, path = world.link()
    found = text(stranger.get(path, {"q": "red"}))
    assert str(world.photos["red"].pk) in found
    assert str(world.photos["lone"].pk) not in found
    alike = text(stranger.get(path, {"like": str(world.photos["red"].pk)}))
    assert str(world.photos["crimson"].pk) in alike
    assert str(world.photos["lone"].pk) not in alike


def test_filters_tell_a_link_nothing_that_is_not_shared(world, stranger, subtests):
    for asked in (
        "tag:sea", "album:Trip", "is:favourite", "rating:5", "has:gps", "place:Zurich", "name:red",
        "near:47,8,100km", "label:dog", "in:album",
    ):  # fmt: skip
        with subtests.test(asked):
            _row, path = world.link()
            answer = text(stranger.get(path, {"q": asked}))
            assert "There is no filter" in answer
            assert "thumbnail" not in answer


def test_words_of_photos_are_not_searched_for_a_link(world, stranger, subtests):
    for asked in ("a secret caption", "red.jpg", "Zurich", "Trip", MAKE):
        with subtests.test(asked):
            _row, path = world.link()
            page = text(stranger.get(path, {"q": f'"{asked}"'}))
            assert not re.search(r"caption: |file name: |place: |album: |camera: ", page)


def test_facets_count_what_is_shared_alone(world, stranger):
    _row, path = world.link()
    page = text(stranger.get(path, {"q": "colour:red", "narrow": "1"}))
    assert "Colour" in page
    counts = re.findall(r'Red <span class="quiet">(\d+)', page)
    assert counts == ["2"]
    for private in ("Album", "Label", "Rating", "Town", "Favourites"):
        assert f"<summary>{private}" not in page


def test_a_member_opens_it_with_session_and_token_and_others_do_not(world, bob, bob_client):
    viewer = member(world, "vera")
    for medium, address in media(world.room, world.photos["red"]).items():
        assert status(viewer, address) == 200, medium
        assert bob_client.get(address).status_code == 404, medium
        assert Client().get(address).status_code == 302, medium
    assert photos_of(viewer, world.room) == ids(world, "red", "crimson", "blue")
    assert "Trip" in text(viewer.get("/shared"))
    assert "Trip" not in text(bob_client.get("/shared"))


def test_a_canary_of_another_person_changes_no_byte(world, stranger, bob, bob_client, ada_client):
    """Another account's best match, and the owner's own outside of the album."""
    _row, path = world.link(**ALL_ON)
    viewer = member(world, "vera")
    asked = [
        (client, address)
        for client, base in ((stranger, path), (viewer, world.room))
        for address in (
            base, f"{base}?q=red", f"{base}?q=-blue", f"{base}?q=colour:red&narrow=1",
            f"{base}?like={world.photos['red'].pk}", f"{base}/photos.json",
        )
    ]  # fmt: skip
    changing = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|cursor=[\w%.-]+')
    before = [changing.sub("", text(client.get(address))) for client, address in asked]
    canary = another(bob_client)
    mine = another(ada_client, (254, 1, 1), "mine.png")
    after = [changing.sub("", text(client.get(address))) for client, address in asked]
    assert after == before
    assert not any(str(one.pk) in page for page in after for one in (canary, mine))


# --- what a link leaves out -----------------------------------------------------------------------


def secrets_of(world: World) -> list[str]:
    lone = world.photo("red")
    return ["a secret caption", "red.jpg", "crimson.jpg", "Zurich", str(lone.latitude), SERIAL]


def test_a_link_tells_no_place_name_caption_or_serial_number(world, stranger):
    _row, path = world.link(downloads="originals")
    addresses = [*media(path, world.photos["red"]).values(), f"{path}?q=blue&narrow=1"]
    told = b"".join(body(stranger.get(address)) for address in addresses)
    for secret in secrets_of(world):
        assert secret.encode() not in told, secret
    assert not re.search(rb"GPS|gps|Exif\0\0|http://ns.adobe.com/xap", told)


def test_each_switch_shows_its_own(world, stranger):
    photo = world.photo("red")
    _row, path = world.link(places=True, names=True, captions=True)
    told = stranger.get(f"{path}/photos.json").json()["photos"]
    one = next(each for each in told if each["id"] == str(photo.pk))
    assert (one["name"], one["caption"], one["place"]) == ("red.jpg", "a secret caption", "Zurich")
    assert one["latitude"] == pytest.approx(47.37, abs=0.01)
    assert str(photo.pk) in text(stranger.get(path, {"q": "place:Zurich"}))
    page = text(stranger.get(f"{path}/photos/{photo.pk}"))
    assert "Zurich" in page
    assert "a secret caption" in page


@pytest.mark.parametrize("medium", ["download", "zip"])
def test_an_original_leaves_only_where_all_that_it_holds_is_on(world, stranger, subtests, medium):
    for terms, expected, original in (
        ({}, 404, False),
        ({"downloads": "none", **ALL_ON}, 404, False),
        ({"downloads": "pictures", **ALL_ON}, 200, False),
        ({"downloads": "originals"}, 200, False),
        ({"downloads": "originals", **ALL_ON, "places": False}, 200, False),
        ({"downloads": "originals", **ALL_ON, "serials": False}, 200, False),
        ({"downloads": "originals", **ALL_ON, "captions": False}, 200, False),
        ({"downloads": "originals", **ALL_ON}, 200, True),
    ):
        with subtests.test(terms=terms):
            _row, path = world.link(**terms)
            answer = stranger.get(media(path, world.photos["red"])[medium])
            assert answer.status_code == expected
            if expected == 200:
                assert (SERIAL.encode() in body(answer)) == original


def test_a_stripped_picture_is_whole(world, stranger):
    import io

    from PIL import Image

    _row, path = world.link(downloads="pictures")
    answer = stranger.get(f"{path}/photos/{world.photos['red'].pk}/download")
    opened = Image.open(io.BytesIO(body(answer)))
    assert (opened.size, dict(opened.getexif())) == ((80, 60), {})
    assert "red" not in answer.headers["Content-Disposition"]


# --- saved searches -------------------------------------------------------------------------------


@pytest.fixture
def reds(world, ada, ada_client) -> str:
    """The id of a saved search that finds everything red of Ada's."""
    from search.engine import saved_searches

    return str(saved_searches.save(ada, "Reds", "colour:red").pk)


def test_a_saved_search_is_shared_as_what_it_finds(world, reds, ada_client, stranger):
    made = text(ada_client.post(f"/searches/{reds}/share", {"do": "link", "days": "7"}))
    path = re.search(r"/s/[\w-]{43}", made)[0]  # type: ignore[index]
    stranger.get(path)
    assert photos_of(stranger, path) == ids(world, "red", "crimson", "lone")
    assert "Reds" in text(stranger.get(path))
    ada_client.post(f"/searches/{reds}/change", {"q": "colour:blue"})
    gone = media(path, world.photos["red"])["thumbnail"]
    assert stranger.get(gone).status_code == 404
    stranger.get(path)
    assert photos_of(stranger, path) == ids(world, "blue")
    ada_client.post(f"/searches/{reds}/change", {"remove": "1"})
    assert stranger.get(path).status_code == 404
    assert not SharedSet.objects.filter(search_id=reds).exists()


def test_a_new_photo_joins_a_shared_search_once_it_was_looked_at(world, reds, ada, ada_client):
    from gallery.models import SharedSet as Shared

    ada_client.post(f"/searches/{reds}/share", {"do": "link", "days": ""})
    shared = Shared.objects.get(search_id=reds)
    row, secret = links.make(shared, links.Terms())
    Client().get(f"/s/{secret}")
    upload(ada_client, picture((251, 3, 3), (80, 60), "PNG"), "later.png")
    look()
    Shared.objects.update(matched_at=None)
    assert len(photos_of(Client(), f"/s/{secret}")) == 4
    assert row.shared == shared


# --- the cover ------------------------------------------------------------------------------------


def test_the_cover_is_a_photo_and_no_page_or_screen(ada, ada_client, model):
    """The newest of the fittest: measured as fine, from a camera, wider than high."""
    from gallery.models import Photo, PhotoQuality
    from gallery.sharing.covers import cover_of

    assert cover_of(Photo.objects.visible_to(ada)) is None
    made = {}
    shown = [("screen", (60, 120), ""), ("page", (120, 80), ""), ("portrait", (60, 90), "X"),
             ("wide", (90, 60), "X"), ("burnt", (90, 60), "X"), ("meme", (90, 60), "")]  # fmt: skip
    for number, (name, size, camera) in enumerate(shown):
        sent = upload(ada_client, picture((40 * number, 90, 20), size, "PNG"), f"{name}.png").json()
        made[name] = sent["id"]
        Photo.objects.filter(pk=sent["id"]).update(camera=camera)
    look()
    photos = Photo.objects.visible_to(ada)
    for name, pk in made.items():
        lights = {"page": 0.7, "burnt": 0.9}.get(name, 0.0)
        figures = {"sharpness": 0.6, "centre": 0.6, "noise": 1.0, "clipped_darks": 0.0}
        PhotoQuality.objects.filter(photo=pk).delete()
        PhotoQuality.objects.create(
            photo_id=pk, engine="tiles-1", clipped_lights=lights, light=90, reach=0.6, **figures
        )
    order = []
    while (cover := cover_of(photos.exclude(pk__in=order))) is not None:
        order.append(str(cover.pk))
    named = {pk: name for name, pk in made.items()}
    assert [named[pk] for pk in order] == ["wide", "portrait", "meme", "screen", "burnt", "page"]
