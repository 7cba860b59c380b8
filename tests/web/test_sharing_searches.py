"""Searching in what is shared: captions where they may be read, and how often through a link."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from gallery.models import Photo, ShareMember
from gallery.sharing import link_searches
from tests.shared import ALL_ON, World, another, member, text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

FIRST = re.compile(r"/photos/([0-9a-f-]{36})/thumbnail")


@pytest.fixture(autouse=True)
def _forget():
    link_searches.forget()


@pytest.fixture
def captions(world) -> World:
    """Each photo has a caption of its own, which has nothing to do with what it shows."""
    words = {"red": "Die Großmutter am Geländer", "crimson": "quokka at dusk, far away from home",
             "blue": "ein Quokka", "lone": "a quokka that nobody else shall know of"}  # fmt: skip
    for name, caption in words.items():
        Photo.objects.filter(pk=world.photos[name].pk).update(caption=caption)
    return world


def found(client: Client, base: str, query: str) -> list[str]:
    return list(dict.fromkeys(FIRST.findall(text(client.get(base, {"q": query})))))


def name_of(world: World, pk: str) -> str:
    return next(name for name, photo in world.photos.items() if str(photo.pk) == pk)


def test_members_find_by_the_words_of_captions(captions, subtests):
    """The closest caption is first, in any spelling, before what only looks like the query."""
    viewer = member(captions, "vera")
    for query, first in (
        ("quokka", "blue"), ('"at dusk"', "crimson"), ("GROSSMUTTER", "red"), ("gelander", "red"),
        ("QUOKKA home", "crimson"),
    ):  # fmt: skip
        with subtests.test(query):
            pages = found(viewer, captions.room, query)
            assert name_of(captions, pages[0]) == first
            assert str(captions.photos["lone"].pk) not in pages


def test_members_leave_out_by_the_words_of_captions(captions):
    viewer = member(captions, "vera")
    whole = found(viewer, captions.room, "red")
    assert str(captions.photos["crimson"].pk) in whole
    assert str(captions.photos["crimson"].pk) not in found(viewer, captions.room, "red -quokka")


def test_who_may_not_read_captions_does_not_find_by_them(captions, stranger):
    """Not the order and not the length of what a search lists: captions change no byte."""
    _row, path = captions.link(places=True, names=True)
    viewer = member(captions, "vera")
    ShareMember.objects.update(captions=False)
    rooms = [(stranger, path), (viewer, captions.room)]
    asked = [(client, base, query) for client, base in rooms for query in ("quokka", "red -quokka")]
    before = [found(*one) for one in asked]
    Photo.objects.update(caption="")
    assert [found(*one) for one in asked] == before


def test_a_link_that_shows_captions_searches_in_them(captions, stranger):
    _row, path = captions.link(captions=True)
    assert name_of(captions, found(stranger, path, "quokka")[0]) == "blue"


@pytest.mark.parametrize("query", ["Zurich", "red.jpg", "Trip", "Zenit"])
def test_other_words_of_photos_are_not_searched(captions, query):
    """Names of files and albums, places and cameras: only the order of likeness is left."""
    viewer = member(captions, "vera")
    before = found(viewer, captions.room, f'"{query}"')
    Photo.objects.update(name="x.jpg", camera="", place="")
    assert found(viewer, captions.room, f'"{query}"') == before


def test_a_canary_with_the_very_caption_changes_no_byte(captions, stranger, bob_client, ada_client):
    """Of another account, and the owner's own outside of the album; however many there are."""
    _row, path = captions.link(**ALL_ON)
    viewer = member(captions, "vera")
    asked = [
        (client, f"{base}?q={query}")
        for client, base in ((stranger, path), (viewer, captions.room))
        for query in ("quokka", "-quokka", "%22ein+Quokka%22", "quokka&narrow=1", "red+-quokka")
    ]
    before = [changeless(client.get(address)) for client, address in asked]
    canaries = [another(bob_client), another(ada_client, (254, 1, 1), "mine.png")]
    Photo.objects.filter(pk__in=[one.pk for one in canaries]).update(caption="ein Quokka")
    link_searches.forget()
    after = [changeless(client.get(address)) for client, address in asked]
    assert after == before
    assert not any(str(one.pk) in page for page in after for one in canaries)


def changeless(answer) -> str:
    changing = r'name="csrfmiddlewaretoken" value="\w+"|name="csrf-token" content="\w+"'
    return re.sub(rf"{changing}|cursor=[\w%.-]+", "", text(answer))


# --- how often ------------------------------------------------------------------------------------


@pytest.fixture
def _few(monkeypatch):
    monkeypatch.setattr(link_searches, "FROM_ONE_ADDRESS", 3)
    monkeypatch.setattr(link_searches, "OF_ONE_LINK", 5)
    monkeypatch.setattr(link_searches.time, "time", lambda: 1_000_000.0 * 60 + 20)


def ask(path: str, address: str = "192.0.2.1", query: str = "red"):
    return Client().get(path, {"q": query}, REMOTE_ADDR=address)


@pytest.mark.usefixtures("_few")
def test_too_many_searches_from_one_address_wait_for_the_next_minute(world, monkeypatch):
    _row, path = world.link()
    assert [ask(path).status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = ask(path)
    assert answer.headers["Retry-After"] == "40"
    page = text(answer)
    assert "Too many searches" in page
    assert "thumbnail" not in page
    assert ask(path, "192.0.2.2").status_code == 200, "others go on"
    _other, second = world.link()
    assert ask(second).status_code == 200, "and so does another link"
    monkeypatch.setattr(link_searches.time, "time", lambda: 1_000_001.0 * 60)
    assert ask(path).status_code == 200


@pytest.mark.usefixtures("_few")
def test_many_addresses_share_the_limit_of_a_link(world):
    _row, path = world.link()
    told = [ask(path, f"192.0.2.{number}").status_code for number in range(7)]
    assert told == [200] * 5 + [429] * 2


@pytest.mark.usefixtures("_few")
def test_an_ipv6_network_is_one_address(world):
    _row, path = world.link()
    told = [ask(path, f"2001:db8::{number}").status_code for number in range(4)]
    assert told == [200, 200, 200, 429]


@pytest.mark.usefixtures("_few")
@pytest.mark.parametrize("given", [{"q": "red"}, {"like": "PHOTO"}, {"q": "red", "narrow": "1"},
                                   {"q": "colour:red"}, {"q": "x" * 900}])  # fmt: skip
def test_each_kind_of_search_counts(world, stranger, given):
    _row, path = world.link()
    given = {key: str(world.photos["red"].pk) if value == "PHOTO" else value
             for key, value in given.items()}  # fmt: skip
    assert [stranger.get(path, given).status_code for _ in range(4)] == [200, 200, 200, 429]


@pytest.mark.usefixtures("_few")
def test_looking_is_not_limited_and_neither_are_members(world, stranger):
    _row, path = world.link()
    viewer = member(world, "vera")
    for _ in range(8):
        assert stranger.get(path).status_code == 200
        assert viewer.get(world.room, {"q": "red"}).status_code == 200
    assert ask(path).status_code == 200


@pytest.mark.usefixtures("_few")
def test_an_unknown_link_counts_for_nothing(world):
    _row, path = world.link()
    for _ in range(9):
        assert ask("/s/" + "u" * 43).status_code == 404
    assert ask(path).status_code == 200
