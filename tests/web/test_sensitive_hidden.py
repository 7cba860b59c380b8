"""A photo that its owner keeps out of all lists is in none of them, whatever the route."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client

from gallery import albums, marks, sensitive, stacks
from gallery.models import Album, ApiToken, FileDamage, Photo, SkippedFile, Stack
from gallery.models.sensitive import Policy, State
from search import language
from search.duplicates.models import DuplicateGroup, Resolution
from search.duplicates.review import decisions
from search.engine import answer as engine
from search.facets.result_facets import facets
from search.language import Query
from search.understanding.models import Engine, Suspicion
from tests.alike import group
from tests.external import body
from tests.web.route_matrix import MATRIX
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NAME = "zanzibar-secret"
# Routes that are about one photo by its id, or about sensitive photos, or change something.
OF_ONE = re.compile(r"^(api/v1/)?(photos/<uuid:photo_id>|sensitive)")
ASKED = {
    "search": ["q=red", "q=date:2000..", f"q={NAME}", "q=tag:sea", "q=", "q=-blue"],
    "search/facets": ["q=red", "q=date:2000..", "q="],
    "search/suggest": ["q=zan", f"q={NAME}"],
    "search/filters": [""],
    "api/v1/search": ["q=red", f"q={NAME}", "q=date:2000..", "q=album:Trip", "q=-blue"],
    "api/v1/search/facets": ["q=red", "q=date:2000.."],
    "api/v1/search/suggest": ["q=zan"],
    "api/v1/duplicates": ["kind=same_picture", "kind=similar_shots"],
    "duplicates": ["kind=same_picture", "kind=same_file"],
    "albums": [""],
}


@pytest.fixture
def library(ada, ada_client, model) -> dict[str, Photo]:
    """Photos of which one is hidden; it is first in an album, a stack and a group, and tagged."""
    names = {NAME: (250, 0, 0), "other": (200, 20, 20), "third": (190, 30, 30), "blue": (0, 0, 200)}
    for name, colour in names.items():
        upload(ada_client, picture(colour, (80, 60), "PNG"), f"{name}.png")
    drain()
    photos = {photo.name.removesuffix(".png"): photo for photo in Photo.objects.all()}
    secret = photos[NAME]
    marks.update(secret, tags=["sea"], favourite=True, rating=5)
    Photo.objects.filter(pk=secret.pk).update(camera="Zenit", place="Zurich", place_id=2657896)
    trip = albums.create(ada, "Trip")
    for name in (NAME, "blue"):
        albums.add(trip, Photo.objects.filter(pk=photos[name].pk))
    stacks.create(Photo.objects.filter(pk__in=[secret.pk, photos["third"].pk]), secret)
    DuplicateGroup.objects.all().delete()
    group(secret, photos["other"])
    SkippedFile.objects.create(owner=ada, photo=secret, name=f"{NAME}-copy.png", source="upload")
    FileDamage.objects.create(photo=secret, kind=FileDamage.Kind.MISSING)
    sensitive.decide(ada, Photo.objects.filter(pk=secret.pk), "nudity", State.CONFIRMED)
    sensitive.set_policy(ada, "nudity", Policy.SHOW)
    return photos


def hide(user) -> None:
    sensitive.set_policy(user, "nudity", Policy.HIDE)


def addresses(photos: dict[str, Photo]) -> list[str]:
    """Return every address that lists photos, with ids of things that exist."""
    ids = {
        "album_id": Album.objects.get().pk,
        "stack_id": Stack.objects.get().pk,
        "group_id": DuplicateGroup.objects.get().pk,
        "photo_id": photos["blue"].pk,
    }
    found = []
    for path, (method, _who) in MATRIX.items():
        if method != "GET" or path.startswith(("api/v1/sensitive", "sensitive", "trash")):
            continue
        filled = re.sub(r"<uuid:(\w+)>", lambda m: str(ids.get(m[1], photos["blue"].pk)), path)
        filled = filled.replace("<str:name>", "sea")
        found += [f"/{filled}?{query}".rstrip("?") for query in ASKED.get(path, [""])]
    similar = [f"/photos/{photos['blue'].pk}/similar?strip=1", "/?stacks=all"]
    return found + similar


def leaks(client: Client, photos: dict[str, Photo]) -> list[str]:
    """Return the addresses whose answer names the hidden photo, by its id or its file name."""
    secret = photos[NAME]
    told = []
    for address in addresses(photos):
        for headers in ({}, {"HX-Request": "true"}):
            answer = client.get(address, headers=headers)
            assert answer.status_code < 500, address
            content = body(answer).decode(errors="ignore")
            # What was asked is repeated, which says nothing.
            content = content.replace(f"{NAME}&", "").replace(f'value="{NAME}"', "")
            if str(secret.pk) in content or f"{NAME}.png" in content or f"{NAME}-copy" in content:
                told.append(address)
    return told


def test_the_photo_is_in_lists_before_it_is_hidden(ada_client, library):
    """What the next test looks for is there, so that it cannot pass for another reason."""
    told = {address.partition("?")[0] for address in leaks(ada_client, library)}
    expected = {"/", "/search", "/favourites", "/tags/sea", "/albums", "/originals", "/duplicates",
                "/api/v1/photos", "/api/v1/search", "/api/v1/duplicates",
                "/api/v1/duplicates/skipped"}  # fmt: skip
    assert expected <= told


def test_no_route_lists_a_hidden_photo(ada, ada_client, library):
    hide(ada)
    assert leaks(ada_client, library) == []


def test_no_route_lists_a_hidden_photo_for_a_program(ada, library):
    hide(ada)
    program = Client(headers={"Authorization": f"Bearer {ApiToken.issue(ada)}"})
    assert leaks(program, library) == []


def test_lists_made_before_show_it_no_more(ada, ada_client, library):
    first = ada_client.get("/api/v1/search", {"q": "red", "limit": 1}).json()
    hide(ada)
    page = ada_client.get("/api/v1/search", {"q": "red", "limit": 9, "cursor": first["next"]})
    assert str(library[NAME].pk) not in body(page).decode()


def test_hidden_photos_are_not_counted(ada, ada_client, library):
    before = ada_client.get("/api/v1/status").json()
    hide(ada)
    assert ada_client.get("/api/v1/albums").json()["albums"][0]["photos"] == 1
    found = engine.search(ada, engine.SearchRequest(language.parse("red")))
    assert found.figures.total == 3
    values = {
        facet.name: {v.value: v.count for v in facet.values}
        for facet in facets(ada, engine.SearchRequest(Query()))
    }
    assert "tag" not in values
    assert values["album"] == {"Trip": 1}
    assert ada_client.get("/api/v1/status").json() != before


def test_a_change_of_policy_holds_at_once(ada, ada_client, library):
    listed = {photo["id"] for photo in ada_client.get("/api/v1/photos").json()["photos"]}
    answer = ada_client.put(
        "/api/v1/sensitive/kinds/nudity", {"policy": "hidden"}, content_type="application/json"
    )
    assert answer.json()["policy"] == "hidden"
    left = {photo["id"] for photo in ada_client.get("/api/v1/photos").json()["photos"]}
    assert listed - left == {str(library[NAME].pk)}
    sensitive.set_policy(ada, "nudity", Policy.SHOW)
    assert len(ada_client.get("/api/v1/photos").json()["photos"]) == len(listed)


def test_its_owner_opens_it_by_its_address_and_lists_it_on_purpose(ada, ada_client, library):
    hide(ada)
    secret = library[NAME]
    assert ada_client.get(secret.get_absolute_url()).status_code == 200
    assert body(ada_client.get(f"{secret.get_absolute_url()}/thumbnail"))
    assert ada_client.get(f"/api/v1/photos/{secret.pk}").json()["sensitive"] == ["nudity"]
    everything = ada_client.get("/api/v1/photos?sensitive=include").json()["photos"]
    assert str(secret.pk) in {photo["id"] for photo in everything}
    page = ada_client.get("/sensitive?state=confirmed")
    assert f"{NAME}.png" in page.content.decode()
    assert ada_client.get("/api/v1/photos?sensitive=no").status_code == 400


def test_a_stack_shows_another_cover(ada, ada_client, library):
    """Otherwise the photos under the hidden cover would be lost with it."""
    hide(ada)
    assert str(library["third"].pk) in ada_client.get("/").content.decode()


def test_a_decision_on_duplicates_never_speaks_of_it(ada, ada_client, library):
    hide(ada)
    made = DuplicateGroup.objects.get()
    answer = ada_client.post(
        f"/api/v1/duplicates/{made.pk}/resolve",
        json.dumps({"action": "keep", "seen": [], "keep": []}),
        content_type="application/json",
    )
    assert answer.status_code == 404
    decisions.resolve_many(ada, made.kind, Resolution.Action.KEEP, groups=None)
    assert not Photo.objects.exclude(trashed_at=None).exists()


def test_machines_hide_nothing(ada, ada_client, library):
    Suspicion.objects.create(
        photo=library["blue"], kind="nudity", engine=Engine.PROMPTS, score=99.0
    )
    hide(ada)
    assert str(library["blue"].pk) in ada_client.get("/").content.decode()
