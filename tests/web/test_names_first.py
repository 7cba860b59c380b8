"""Names first: what is called as the query comes first, whatever the grammar reads in its name."""

from __future__ import annotations

import io
import unicodedata

import pytest
from PIL import Image

from gallery.models import Album, Photo, Tag
from search import language
from search.engine import names
from search.fulltext.file_names import fold_whole_name, without_extension
from tests.alike import photo
from tests.embedders import PALETTE
from tests.web.test_api_photos import upload
from tests.workers.conftest import drain

NAMES = [
    "Screenshot_2023-11-30 at 07.08.09.png",
    "Bild vom 3. Mai 2011.jpg",
    "été 2018 (12).jpeg",
    "verano de 2020.jpg",
    "2021年5月1日.jpg",
    "last week.png",
    "yesterday.jpg",
    "Ich ohne Hut.jpg",
    "calle sin coches.JPG",
    "rue sans voiture.jpg",
    "没有人的海滩.jpg",
    "nobody but me, except Tom.jpg",
    "IMG 0042 -kopie.jpg",
    "a - b -c.jpg",
    "camera: roll.jpg",
    "date: 2020.jpg",
    "name:me.jpg",
    "size:large album:none.jpg",
    "camra:sony.jpg",
    "2:sunset.jpg",
    'My "best" shot.jpg',
    '"quoted".jpg',
    "[brackets] {and} (others).jpg",
    "🎉🥳.jpg",
    "party 🎉 without cake.jpg",
    "C++ +1 -20 °C.jpg",
    "10x -5 kg +3.jpg",
    "Ærø Übersee ohne Wolken.jpg",
    "no people.jpg",
    "photos",
    "-.jpg",
    "- copy.jpg",
    "--double--dash.jpg",
    f"{'0123456789abcdef' * 5} -x.jpg",
    "https: pictures of 2015.jpg",
    "AC/DC".replace("/", "-") + " in 1980.jpg",
    "e\u0301te\u0301 in 2009.jpg",
]


@pytest.fixture
def library(ada) -> dict[str, Photo]:
    """Photos of ada with odd names, by name; rows only."""
    return {name: photo(ada, name=unicodedata.normalize("NFC", name)) for name in NAMES}


@pytest.mark.slow
def test_a_name_is_found_as_it_is_without_case_accents_and_extension(ada, library):
    for name, row in library.items():
        stem = without_extension(name)
        spaced = f"  {name.replace(' ', '  ')} "
        for typed in {name, name.upper(), stem, spaced, fold_whole_name(name)}:
            query = names.read(ada, typed)
            assert row.pk in names.named(ada, typed).photos, typed
            assert not query.avoided, typed
            assert {flt.name for flt in query.filters} <= {"name"}, typed
            assert language.parse(language.to_text(query)) == query


def test_the_grammar_counts_for_all_other_texts(ada, library):
    for text in ("red -kopie", "dog without hat", "summer 2020", "album:none", "-5 kg"):
        assert names.read(ada, text) == language.parse(text)
    with pytest.raises(language.QueryError):
        names.read(ada, "camra:nikon")
    with pytest.raises(language.QueryError):
        names.read(ada, " ")


def test_punctuation_belongs_to_a_name(ada):
    photo(ada, name="dog cat.jpg")
    assert names.read(ada, "dog -cat") == language.parse("dog -cat")


def test_names_of_others_and_in_the_trash_do_not_count(ada, bob, library):
    assert names.read(bob, "no people") == language.parse("no people")
    Photo.objects.update(trashed_at="2024-01-01T00:00Z")
    assert names.read(ada, "no people") == language.parse("no people")


@pytest.mark.parametrize("name", ["June 2015", "Me without Tom", "date:2020", "Été -nord"])
def test_albums_and_tags_are_names_too(ada, name):
    Album.objects.create(owner=ada, name=name)
    assert names.read(ada, name.lower()).wanted[0].value == name.lower()
    Album.objects.all().delete()
    assert names.read(ada, name) == language.parse(name)
    Tag.objects.create(owner=ada, name=name)
    assert names.read(ada, f"{name} ").wanted[0].quoted


# --- what is found --------------------------------------------------------------------------------


def plain(colour: str) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (80, 60), PALETTE[colour]).save(out, "PNG")
    return out.getvalue()


ODD = ("Holiday in 2016.png", "Me without glasses.png", "red -green.png", "camera: red.png")


@pytest.fixture
def photos(ada_client, model) -> dict[str, str]:
    """Twelve indexed photos of ada, one of each colour, by name; four of them have odd names."""
    named = [*ODD, *(f"red {place}.png" for place in range(8))]
    ids = {
        name: upload(ada_client, plain(colour), name).json()["id"]
        for name, colour in zip(named, reversed(PALETTE), strict=True)
    }
    drain()
    return ids


def hits(client, query: str) -> list[dict]:
    answer = client.get("/api/v1/search", {"q": query})
    assert answer.status_code == 200, answer.content
    return answer.json()["hits"]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_the_file_comes_first_and_says_why(ada_client, photos):
    for name in ODD:
        for typed in (name, name.lower(), without_extension(name)):
            first = hits(ada_client, typed)[0]
            assert (first["id"], first["words"]) == (photos[name], f"file name: {name}")
        page = ada_client.get("/search", {"q": typed}).content.decode()
        assert page.index(f'data-id="{photos[name]}"') == page.index("data-id=")


@pytest.mark.django_db(transaction=True)
def test_an_album_comes_before_what_looks_like_its_name(ada_client, photos, ada):
    chosen = [photos["red 1.png"], photos["Holiday in 2016.png"]]
    Album.objects.create(owner=ada, name="Red").photos.set(chosen)
    found = hits(ada_client, "red")
    assert {hit["id"] for hit in found[:2]} == set(chosen)
    assert {hit["words"] for hit in found[:2]} == {"album: Red"}
    kept = hits(ada_client, "red name:2016")
    assert [hit["id"] for hit in kept] == [photos["Holiday in 2016.png"]]


@pytest.mark.django_db(transaction=True)
def test_a_saved_search_and_the_filters_keep_the_name(ada_client, photos):
    body = {"name": "Mine", "query": "Me without glasses"}
    saved = ada_client.post("/api/v1/searches", body, content_type="application/json").json()
    assert saved["query"] == '"Me without glasses"'
    found = ada_client.get(f"/api/v1/searches/{saved['id']}/photos").json()["hits"]
    assert found[0]["id"] == photos["Me without glasses.png"]
    asked = {"q": "Holiday in 2016", "type": "png"}
    assert photos["Holiday in 2016.png"] in ada_client.get("/search", asked).content.decode()
    shown = ada_client.get("/search/filters", asked | {"show": "1"})
    assert "%22Holiday+in+2016%22+type%3Apng" in shown.headers["Location"]
