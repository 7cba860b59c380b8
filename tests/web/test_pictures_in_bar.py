"""Pictures in the search bar: chips with names, never ids in the text field."""

from __future__ import annotations

import re

import pytest

from gallery import sensitive
from gallery.models import Photo
from tests.web.conftest import WORDS
from tests.web.result_pages import query_of, text

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

NOBODYS = "0198c0de-0000-7000-8000-000000000001"


def field(page) -> str:
    """Return the text in the search field."""
    (found,) = re.findall(r'id="q" type="search" name="q" value="([^"]*)"', text(page))
    return found


def pictures(page) -> list[str]:
    return re.findall(r'<input type="hidden" name="with" value="([^"]+)">', text(page))


def named(page) -> list[str]:
    return re.findall(r'class="token-name" title="([^"]+)"', text(page))


@pytest.mark.parametrize("address", ["/search", "/search/filters"])
def test_a_picture_is_a_chip_and_the_text_is_what_was_typed(ada_client, reds, address):
    one, other = reds[0][0], reds[1][0]
    typed = f"a street photo:{one} without cars -photo:{other}@0.1,0.1,0.5,0.5"
    page = ada_client.get(address, {"q": typed})
    assert page.status_code == 200
    assert "photo:" not in field(page)
    assert field(page).startswith("a street")
    assert pictures(page) == [f"photo:{one}", f"-photo:{other}@0.1,0.1,0.5,0.5"]
    assert named(page) == [f"like {WORDS}0.png", f"unlike a part of {WORDS}1.png"]
    assert f"/photos/{one}/thumbnail" in text(page)
    if address == "/search":
        assert field(page) == "a street without cars"


def test_a_covered_photo_is_named_in_the_bar_and_not_shown(ada, ada_client, reds):
    one = reds[0][0]
    sensitive.decide(ada, Photo.objects.filter(pk=one), "nudity", "confirmed")
    page = ada_client.get("/search/filters", {"q": f"a street photo:{one}"})
    assert named(page) == [f"like {WORDS}0.png"]
    assert f"{one}/thumbnail" not in text(page)
    results = text(ada_client.get("/search", {"q": f"a street photo:{one}"}))
    assert f'src="/photos/{one}/thumbnail"' not in results.replace("data-src", "")


def test_the_form_alone_asks_for_the_same_query(ada_client, reds):
    one, other = reds[0][0], reds[1][0]
    given = {"q": "red without blue", "with": [f"photo:{one}", f"-photo:{other}"]}
    answer = ada_client.get("/search", given)
    wanted = f"red without blue photo:{one} -photo:{other}"
    assert query_of(answer.headers["Location"]) == wanted
    page = ada_client.get(answer.headers["Location"])
    assert (field(page), pictures(page)) == (given["q"], given["with"])
    less = ada_client.get("/search", given | {"drop": f"photo:{one}"})
    assert query_of(less.headers["Location"]) == f"red without blue -photo:{other}"
    nothing = ada_client.get("/search", {"with": f"photo:{one}", "drop": f"photo:{one}"})
    assert nothing.headers["Location"] == "/"


def test_a_name_stays_a_name_beside_a_picture(ada_client, reds):
    answer = ada_client.get("/search", {"q": f"{WORDS}3.png -x", "with": f"photo:{reds[0][0]}"})
    assert query_of(answer.headers["Location"]).endswith(f"photo:{reds[0][0]}")


def test_similar_photos_show_the_photo_in_the_bar(ada_client, reds):
    page = ada_client.get(f"/photos/{reds[0][0]}/similar")
    assert (field(page), named(page)) == ("", [f"like {WORDS}0.png"])


def test_a_pasted_query_becomes_chips(ada_client, reds):
    answer = ada_client.get("/search/bar", {"q": f"red 2:photo:{reds[0][0]} -blue"})
    assert 'data-text="red -blue"' in text(answer)
    assert pictures(answer) == [f"2:photo:{reds[0][0]}"]
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("typed", ["", "red", "\x00", "photo:1", f"photo:{NOBODYS} " * 20])
def test_what_is_no_picture_stays_text(ada_client, typed):
    answer = ada_client.get("/search/bar", {"q": typed})
    assert answer.status_code == 200
    assert pictures(answer) == []


def test_nobody_is_told_the_names_of_others(bob_client, reds):
    for address in ("/search", "/search/bar"):
        page = bob_client.get(address, {"q": f"red photo:{reds[0][0]}"})
        assert named(page) == ["A photo that is not in the gallery"]
        assert WORDS not in text(page)
    missing = bob_client.get("/search", {"q": f"picture:{NOBODYS}"})
    assert named(missing) == ["A picture that is no longer kept"]
    assert "photo:" not in field(missing)


def test_the_query_of_a_saved_search_is_edited_beside_its_pictures(ada_client, reds):
    one = f"photo:{reds[0][0]}"
    saved = ada_client.post("/searches", {"name": "Red", "q": f"red {one}"})
    path = saved.headers["Location"]
    page = ada_client.get(path)
    assert 'value="red" maxlength' in text(page)
    assert pictures(page) == [one, one]
    ada_client.post(f"{path}/change", {"q": "blue", "with": one})
    assert pictures(ada_client.get(path)) == [one, one]
    ada_client.post(f"{path}/change", {"q": "blue", "with": one, "drop": one})
    page = ada_client.get(path)
    assert (field(page), pictures(page)) == ("blue", [])
