"""What the search bar offers, and the form of all filters."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlparse

import pytest
from django.core.cache import cache
from django.utils import timezone

from gallery.models import Album, Photo, Tag
from search import language
from search.models import RecentSearch, SavedSearch
from search.views import filter_form
from tests.alike import photo

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _fresh_names():
    cache.clear()


def asked(user, *queries: str) -> None:
    for place, query in enumerate(queries):
        used_at = timezone.now() - timezone.timedelta(minutes=place)
        RecentSearch.objects.create(owner=user, query=query, digest=query[:64], used_at=used_at)


def offered(client, text: str = "", at: int | None = None) -> dict[str, list[str]]:
    """Return what is offered: queries, names of saved searches, and texts to insert."""
    answer = client.get("/search/suggest", {"q": text} | ({} if at is None else {"at": at}))
    assert answer.status_code == 200
    html = answer.content.decode()
    return {
        "recent": re.findall(r'data-query="([^"]*)"', html),
        "saved": re.findall(r'aria-label="([^"]*), saved search"', html),
        "inserts": re.findall(r'data-insert="([^"]*)"', html),
    }


def test_an_empty_bar_offers_what_was_asked_and_saved(ada, bob, ada_client):
    asked(ada, "dog", "cat")
    asked(bob, "secret")
    SavedSearch.objects.create(owner=ada, name="Pets", query="dog or cat")
    SavedSearch.objects.create(owner=bob, name="Hidden", query="secret")
    assert offered(ada_client) == {"recent": ["dog", "cat"], "saved": ["Pets"], "inserts": []}


def test_typing_narrows_what_was_asked(ada, ada_client):
    asked(ada, "dog on a beach", "cat", "a big dog")
    assert offered(ada_client, "dog")["recent"] == ["dog on a beach", "a big dog"]
    assert offered(ada_client, "cat")["recent"] == []


@pytest.mark.parametrize(
    ("text", "insert"),
    [
        ("orie", "orientation:"),
        ("dog -ori", "-orientation:"),
        ("orientation:la", "orientation:landscape "),
        ("dog colour:red,bl", "colour:red,blue "),
        ("camera:ni", "camera:&quot;Nikon D750&quot; "),
        ("lisb", "album:&quot;Lisbon trip&quot; "),
        ("tri", "album:&quot;Lisbon trip&quot; "),
        ("dog -lisb", "-album:&quot;Lisbon trip&quot; "),
        ("fam", "tag:family "),
    ],
)
def test_filters_and_names_are_completed(ada, ada_client, text, insert):
    one = photo(ada, camera="Nikon D750")
    one.albums.add(Album.objects.create(owner=ada, name="Lisbon trip"))
    one.tags.add(Tag.objects.create(owner=ada, name="family"))
    assert insert in offered(ada_client, text)["inserts"]


def test_names_of_others_are_not_offered(ada, bob, bob_client):
    photo(ada, camera="Nikon D750").tags.add(Tag.objects.create(owner=ada, name="family"))
    Album.objects.create(owner=ada, name="Lisbon trip")
    for text in ("fam", "tag:", "camera:", "album:", "lisb"):
        assert not {"tag:family ", "camera:&quot;Nikon D750&quot; "} & set(
            offered(bob_client, text)["inserts"]
        )
        assert "Lisbon" not in str(offered(bob_client, text))


def test_completions_are_those_of_the_cursor(ada_client):
    assert offered(ada_client, "ori dog", 3)["inserts"] == ["orientation:"]
    assert offered(ada_client, "ori dog", 7)["inserts"] == []


@pytest.mark.parametrize(
    "text", ["", "\x00", '"', "a" * 5000, "💡:💡", "::", "-", '"tag:fa', "\u202e"]
)
@pytest.mark.parametrize("at", ["", "-1", "9" * 30, "x", "3"])
def test_any_text_and_place_is_answered(ada_client, text, at):
    assert ada_client.get("/search/suggest", {"q": text, "at": at}).status_code == 200


def test_what_was_asked_is_shown_as_text(ada, ada_client):
    asked(ada, '"><script>alert(1)</script>')
    html = ada_client.get("/search/suggest").content.decode()
    assert "<script>" not in html


# --- the form of all filters ---------------------------------------------------------------------


def form(client, q: str = "", **params) -> str:
    answer = client.get("/search/filters", {"q": q} | params)
    assert answer.status_code == 200
    return answer.content.decode()


class Fields(HTMLParser):
    """What a browser would send of a form."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self._select = ""

    @classmethod
    def of(cls, html: str) -> dict[str, list[str]]:
        reader = cls()
        reader.feed(html)
        return {name: values for name, values in reader.sent.items() if name != "show"}

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self._select = given.get("name", "") if tag == "select" else self._select
        if tag == "option" and self._select and "selected" in given:
            self._add(self._select, given["value"])
        elif tag == "input" and (given["type"] != "checkbox" or "checked" in given):
            self._add(given["name"], given.get("value", ""))

    def handle_endtag(self, tag):
        self._select = "" if tag == "select" else self._select

    def _add(self, name: str, value: str) -> None:
        self.sent.setdefault(name, []).append(value)


def checked(html: str) -> set[tuple[str, str]]:
    boxes = re.findall(r'<input type="checkbox"[^>]*name="([^"]+)"\s+value="([^"]*)"([^>]*)>', html)
    return {(name, value) for name, value, rest in boxes if "checked" in rest}


def goes_to(client, **params) -> str:
    """Return the query that sending the form leads to."""
    answer = client.get("/search/filters", {"show": "1"} | params)
    assert answer.status_code == 302
    address = urlparse(answer["Location"])
    assert address.path == "/search"
    return parse_qs(address.query)["q"][0]


def test_the_form_is_filled_from_the_query(ada, ada_client):
    photo(ada, camera="Nikon D750")
    html = form(ada_client, 'dog camera:"Nikon D750" -colour:red is:favourite rating:>=4')
    assert checked(html) == {
        ("camera", "Nikon D750"),
        ("-colour", "red"),
        ("is", "favourite"),
    }
    assert '<option value="&gt;=4" selected' in html
    assert 'name="q" value="dog"' in html


@pytest.mark.parametrize(
    "query",
    [
        "dog -people 2:sunset",
        "date:2020-01-01..2020-06-30",
        "date:2020-06..",
        "date:summer-2023",
        "date:2019,2021 -date:last-year",
        "after:2020 before:2021-03",
        "near:38.72,-9.14,5km",
        "near:38.72,-9.14,7.5km",
        "-near:38.72,-9.14,5km",
        "camera:Nikon,Canon -camera:Leica",
        'album:"a, b","c \\"d\\""',
        "tag:sea -tag:night",
        "colour:#aabbcc",
        "colour:red,#aabbcc",
        "is:favourite is:untagged -is:stacked has:gps -in:album",
        "size:>10MB size:>=12mp",
        "size:1MB..3MB",
        "aspect:>=2:1 orientation:landscape",
        "rating:>=4",
        "rating:2..3",
        "type:heif,jpeg",
        "name:IMG_2231",
        "name:a,b -name:c",
    ],
)
def test_the_form_sends_what_it_was_filled_from(ada, ada_client, query):
    html = ada_client.get("/search/filters", {"q": query}, headers=HTMX).content.decode()
    sent = Fields.of(html)
    assert meaning(goes_to(ada_client, **sent)) == meaning(query)


def meaning(query: str) -> tuple[frozenset, frozenset]:
    """Return the parts of a query, with dates as the days that they are from and to."""
    read = language.parse(query)
    form, others = filter_form.FilterForm("", {}), set()
    for one in read.filters:
        in_days = one.name in {"date", "after", "before"} and not one.excluded
        if not (
            in_days and len(one.values) == 1 and filter_form.in_dates(form, one.name, one.values[0])
        ):
            others.add((one.name, frozenset(one.values), one.excluded))
    return frozenset(read.terms), frozenset([*others, (form.first, form.last)])


def test_first_and_last_day_are_both_within(ada_client):
    assert goes_to(ada_client, q="dog", **{"from": "2020-01-01", "to": "2020-06-30"}) == (
        "dog date:2020-01-01..2020-06-30"
    )


@pytest.mark.parametrize(
    "point",
    [
        "38.72, -9.14",
        "38.72 -9.14",
        "https://www.openstreetmap.org/#map=15/38.72/-9.14",
        "https://maps.example/place/@38.72,-9.14,15z",
        "https://maps.example/?q=38.72%2C-9.14",
    ],
)
def test_a_point_and_a_radius_become_one_filter(ada_client, point):
    assert goes_to(ada_client, point=point, radius="25") == "near:38.72,-9.14,25km"


def test_a_form_that_asks_for_nothing_leads_to_all_photos(ada_client):
    answer = ada_client.get("/search/filters", {"show": "1", "q": "", "rating": "", "radius": "5"})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_how_results_are_shown_is_passed_on(ada_client):
    answer = ada_client.get("/search/filters", {"show": "1", "q": "dog", "sort": "newest"})
    assert answer["Location"] == "/search?q=dog&sort=newest"


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("point", "Lisbon", "latitude and longitude"),
        ("point", '"; drop', "latitude and longitude"),
        ("from", "yesterdayish", "Write days as 2020"),
        ("colour", "shiny", "does not take"),
        ("q", "camra:x", "did you mean camera"),
    ],
)
def test_what_cannot_be_understood_is_said_in_the_form(ada_client, field, value, says):
    answer = ada_client.get("/search/filters", {"show": "1", "type": "jpeg", field: value})
    html = answer.content.decode()
    assert answer.status_code == 400
    assert says in html
    count = ada_client.get("/search/filters", {"count": "1", field: value})
    assert count.status_code == 200
    assert says in count.content.decode()


def test_the_form_counts_what_passes(ada, ada_client):
    photo(ada, favourite=True)
    photo(ada)
    said = ada_client.get("/search/filters", {"count": "1", "is": "favourite"}, headers=HTMX)
    assert "1 photo" in said.content.decode()


def test_the_dialog_gets_the_form_alone(ada_client):
    html = ada_client.get("/search/filters", headers=HTMX).content.decode()
    assert "filter-form" in html
    assert "topbar" not in html


def test_names_of_others_are_not_in_the_form(ada, bob_client):
    photo(ada, camera="Nikon D750")
    Album.objects.create(owner=ada, name="Lisbon trip")
    html = form(bob_client)
    assert "Nikon" not in html
    assert "Lisbon" not in html


def test_the_page_of_search_lists_what_was_asked(ada, bob, ada_client):
    asked(ada, "dog")
    asked(bob, "secret")
    SavedSearch.objects.create(owner=ada, name="Pets", query="dog or cat")
    html = ada_client.get("/search").content.decode()
    assert "Recent searches" in html
    assert "Pets" in html
    assert "secret" not in html
    assert Photo.objects.count() == 0


# --- the API -------------------------------------------------------------------------------------


def test_the_api_suggests_the_same(ada, ada_client):
    asked(ada, "dog")
    saved = SavedSearch.objects.create(owner=ada, name="Pets", query="dog or cat")
    said = ada_client.get("/api/v1/search/suggest").json()
    assert said["recent"] == ["dog"]
    assert said["saved"][0]["name"] == "Pets"
    assert said["saved"][0]["url"] == f"/searches/{saved.pk}"
    said = ada_client.get("/api/v1/search/suggest", {"q": "💡 dog orie -x", "at": 10}).json()
    assert said["completions"][0] == {
        "label": "orientation:",
        "insert": "orientation:",
        "start": 6,
        "end": 10,
        "about": "landscape, portrait or square",
    }


@pytest.mark.parametrize(
    ("params", "code"),
    [({"q": "x" * 5000}, "query_too_long"), ({"cursor": "1"}, "bad_parameter")],
)
def test_the_api_refuses_what_it_does_not_understand(ada_client, params, code):
    answer = ada_client.get("/api/v1/search/suggest", params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
