"""Photos by the towns and countries where they were taken, in filters and in plain words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from gallery import gazetteer, places
from gallery.models import Photo
from search import fulltext
from search.duplicates.review import merging
from search.engine.answer import SearchRequest
from search.facets.result_facets import facets as facets_of
from search.filters.library import Library, library_names
from search.filters.places import Places, is_everyday, places_of
from search.filters.selection import apply_filters
from search.language import parse
from tests.alike import photo

pytestmark = pytest.mark.django_db

LISBON, PORTO, NICE, BEIJING = (38.71, -9.14), (41.15, -8.61), (43.70, 7.27), (39.91, 116.39)


def photo_at(owner, degrees, **fields) -> Photo:
    one = photo(owner, **fields)
    places.put_at(one, degrees)
    one.save()
    return one


@pytest.fixture
def travels(ada):
    return {
        "lisbon": photo_at(ada, LISBON, name="lisbon"),
        "porto": photo_at(ada, PORTO, name="porto", caption="a blue boat"),
        "nice": photo_at(ada, NICE, name="1"),
        "beijing": photo_at(ada, BEIJING, name="2"),
        "nowhere": photo(ada, name="3"),
    }


def passing(person, text: str) -> set[Photo]:
    return set(apply_filters(person, parse(text).filters).photos)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("place:lisbon", ["lisbon"]),
        ("place:LISBOA", ["lisbon"]),
        ("place:Lissabon", ["lisbon"]),
        ("place:里斯本", ["lisbon"]),
        ("place:pékin", ["beijing"]),
        ("place:北京", ["beijing"]),
        ('place:"Lisbon, Portugal"', ["lisbon"]),
        ("place:portugal", ["lisbon", "porto"]),
        ("country:pt", ["lisbon", "porto"]),
        ("city:porto,nice", ["porto", "nice"]),
        ("place:nice", ["nice"]),
        ("-place:portugal", ["nice", "beijing", "nowhere"]),
        ("place:madrid", []),
        ("-place:madrid", ["lisbon", "porto", "nice", "beijing", "nowhere"]),
    ],
)
def test_a_filter_takes_any_name_of_a_town_or_country(ada, travels, text, names):
    assert passing(ada, text) == {travels[name] for name in names}


def test_what_was_photographed_nowhere_is_said_with_a_hint(ada, travels):
    library = Library(ada)
    assert library.place_ids(["Lisbn"]) == set()
    assert library.notes == ["No photo was taken in “Lisbn”. Did you mean “Lisbon”?"]


def test_places_of_others_do_not_exist(ada, bob, travels):
    assert passing(bob, "place:lisbon") == set()
    assert library_names(bob)["place"] == []
    assert found(bob, "lisbon") == []


def test_the_most_photographed_places_come_first_and_countries_last(ada, travels):
    photo_at(ada, PORTO)
    names = library_names(ada)["place"]
    assert names[0] == "Porto"
    assert set(names[:4]) == {"Porto", "Lisbon", "Nice", "Beijing"}
    assert set(names[4:]) == {"Portugal", "France", "China"}


def test_towns_of_one_name_are_told_apart(ada):
    photo_at(ada, (41.3887, 2.1589))
    photo_at(ada, (10.1333, -64.6833))
    names = library_names(ada)["place"]
    assert {"Barcelona, Spain", "Barcelona, Venezuela"} <= set(names)
    assert "Barcelona" not in names
    assert len(passing(ada, "place:barcelona")) == 2
    assert len(passing(ada, 'place:"Barcelona, Spain"')) == 1


# --- plain words ----------------------------------------------------------------------------------


def found(person, text: str) -> list[str]:
    mentions = places_of(person).mentions
    query = fulltext.TextQuery.from_query(person.pk, parse(text), mentions)
    return [hit.reason for hit in fulltext.search(Photo.objects.visible_to(person), query)]


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("Porto", ["file name: porto"]),
        ("Oporto", ["place: Porto, Portugal"]),
        ("photos from Lissabon", ["place: Lisbon, Portugal"]),
        ("里斯本", ["place: Lisbon, Portugal"]),
        ("北京", ["place: Beijing, China"]),
        ("PEQUIM", ["place: Beijing, China"]),
        ("Lisboa, Portugal", ["place: Lisbon, Portugal"]),
        ("boat in Oporto", ["caption: a blue boat; place: Porto, Portugal"]),
        ("boat portugal", ["caption: a blue boat; place: Porto, Portugal"]),
        ("car in Oporto", []),
        ("portugal", ["place: Lisbon, Portugal", "place: Porto, Portugal"]),
        ("Nice", []),  # which nearly always means something else
        ("Nice, France", ["place: Nice, France"]),
        ("Madrid", []),
        ("PT", []),
        ('"Lissabon"', ["place: Lisbon, Portugal"]),
    ],
)
def test_words_find_photos_by_any_name_of_their_place(ada, travels, text, reasons):
    assert sorted(found(ada, text)) == reasons


def test_a_photo_that_moves_is_found_where_it_is(ada, travels):
    places.put_at(travels["nowhere"], PORTO)
    travels["nowhere"].save()
    assert len(found(ada, "portugal")) == 3
    places.put_at(travels["nowhere"], None)
    travels["nowhere"].save()
    assert len(found(ada, "portugal")) == 2


def test_excluded_places_are_left_out(ada, travels):
    query = fulltext.TextQuery.from_query(ada.pk, parse("boat -Lissabon"), places_of(ada).mentions)
    left_out = fulltext.photos_with_text(ada.pk, query.avoided)
    assert left_out == {travels["lisbon"].pk}


@pytest.fixture(scope="module")
def library():
    """Places of Lisbon, Beijing and Nice."""
    return Places(gazetteer.towns([2267057, 1816670, 2990440]))


@given(st.text(max_size=40), st.sampled_from(["Lissabon", "北京", "portugal", "nice france"]))
@settings(max_examples=100, deadline=None)
def test_a_mention_is_part_of_the_text_and_means_places_of_the_library(library, rest, name):
    text = f"{rest} {name}"
    mentions = library.mentions(text)
    assert mentions
    ends = [0, *(mention.end for mention in mentions)]
    for mention, end in zip(mentions, ends, strict=False):
        assert end <= mention.start < mention.end <= len(text)
        assert mention.towns <= library.towns.keys()
        assert mention.towns == library.called(text[mention.start : mention.end])


@pytest.mark.parametrize("word", ["bar", "best", "reading", "orange", "boot", "essen", "plage"])
def test_everyday_words_are_no_places(word):
    assert is_everyday(word)


@pytest.mark.parametrize("word", ["lisbon", "lisboa", "wien", "roma", "portugal", "cannes"])
def test_names_that_mean_the_place_are_no_everyday_words(word):
    assert not is_everyday(word)


def test_of_the_photos_that_look_like_it_those_from_there_come_first(ada_client, reds, bars):
    """Here "red" is what the photos show, and no word of them says so."""
    bars(strong=2, likely=4)
    for number in (3, 6):
        one = Photo.objects.get(pk=reds[number][0])
        places.put_at(one, LISBON)
        one.save()
    hits = ada_client.get("/api/v1/search", {"q": "red Lissabon"}).json()["hits"]
    assert (hits[0]["id"], hits[0]["band"]) == (reds[3][0], "strong")
    assert hits[0]["words"] == "place: Lisbon, Portugal"
    # The other one from there is not red.
    assert not any(hit["words"] for hit in hits[1:])


# --- merging --------------------------------------------------------------------------------------


def test_the_keeper_of_duplicates_gets_the_place_and_gives_it_back(ada, model):
    keeper = photo(ada)
    other = photo(ada, exif={"latitude": LISBON[0], "longitude": LISBON[1]})
    gains = merging.merge(keeper, [other], merging.AlbumsAndTags([keeper.pk, other.pk]))
    merging.save([(keeper, gains)])
    keeper.refresh_from_db()
    assert (keeper.place, keeper.place_id) == ("Lisbon, Portugal", 2267057)
    merging.take_back([(keeper, gains)])
    keeper.refresh_from_db()
    assert (keeper.latitude, keeper.place, keeper.place_id) == (None, "", None)


# --- pages ----------------------------------------------------------------------------------------


def test_the_place_is_told_on_the_page_and_by_the_api(ada, ada_client):
    one = photo_at(ada, LISBON, exif={"latitude": LISBON[0], "longitude": LISBON[1]})
    assert "Lisbon, Portugal · 38.7100° N" in ada_client.get(f"/photos/{one.pk}").content.decode()
    assert ada_client.get(f"/api/v1/photos/{one.pk}").json()["place"] == "Lisbon, Portugal"


def test_the_search_bar_and_the_form_offer_places(ada, ada_client, travels):
    offers = ada_client.get("/api/v1/search/suggest", {"q": "place:Lis"}).json()["completions"]
    assert [offer["insert"] for offer in offers] == ["place:Lisbon "]
    offers = ada_client.get("/api/v1/search/suggest", {"q": "lis"}).json()["completions"]
    assert ("place:Lisbon ", "place") in [(offer["insert"], offer["about"]) for offer in offers]
    form = ada_client.get("/search/filters", {"q": "place:lissabon"}).content.decode()
    assert 'value="lissabon" checked' in " ".join(form.split())
    assert 'value="Portugal"' in form


def test_facets_count_towns_and_narrow_countries(ada, travels):
    facets = {each.name: each for each in facets_of(ada, SearchRequest(parse("place:portugal")))}
    values = {value.value: (value.count, value.on) for value in facets["town"].values}
    assert values["Lisbon, Portugal"] == (1, True)
    assert values["Nice, France"] == (1, False)
    off = {value.value: value.query for value in facets["town"].values}
    assert off["Porto, Portugal"] == 'place:"Lisbon, Portugal"'
