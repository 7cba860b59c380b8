"""Recent and saved searches: pages and API."""

from __future__ import annotations

import pytest
from django.urls import reverse

from gallery.models import Photo
from search import language
from search.engine import saved_searches
from search.models import RecentSearch, SavedSearch
from search.suggest import recent_searches
from tests.alike import photo

pytestmark = pytest.mark.django_db
API = "/api/v1/searches"


def asked(person) -> list[str]:
    return [row.query for row in recent_searches.recent(person)]


def keep(person, name="Dogs", text="is:favourite") -> SavedSearch:
    return saved_searches.save(person, name, text)


def post(client, path, body, method="post"):
    return getattr(client, method)(path, body, content_type="application/json")


# --- recent ---------------------------------------------------------------------------------------


def test_queries_are_remembered_once_each_and_the_last_comes_first(ada, bob):
    for text in ["dog", "cat", "  dog "]:
        recent_searches.remember(ada, language.parse(text))
    assert asked(ada) == ["dog", "cat"]
    assert asked(bob) == []


def test_only_so_many_are_kept(ada, monkeypatch):
    monkeypatch.setattr(recent_searches, "RECENT_KEPT", 3)
    for text in ["one", "two", "three", "four"]:
        recent_searches.remember(ada, language.parse(text))
    assert asked(ada) == ["four", "three", "two"]
    assert RecentSearch.objects.count() == 3


def test_queries_with_pictures_are_not_remembered(ada):
    one = photo(ada)
    recent_searches.remember(ada, language.parse(f"photo:{one.pk} at night"))
    assert asked(ada) == []


def test_the_search_page_remembers_what_was_typed_and_can_forget_it(ada, ada_client, model):
    for q in ["is:favourite", "orientation:landscape", "orientation:portrait"]:
        ada_client.get("/search", {"q": q})
    ada_client.get("/search", {"q": "type:png"}, headers={"HX-Request": "true"})
    ada_client.get("/search", {"q": "unknown:thing"})
    assert asked(ada) == ["orientation:portrait", "orientation:landscape", "is:favourite"]
    ada_client.post("/search/forget", {"q": "orientation:landscape"})
    assert asked(ada) == ["orientation:portrait", "is:favourite"]
    ada_client.post("/search/forget", {})
    assert len(asked(ada)) == 2
    answer = ada_client.post("/search/forget", {"all": "1"}, headers={"HX-Request": "true"})
    assert answer.status_code == 204
    assert asked(ada) == []


# --- saved ----------------------------------------------------------------------------------------


def test_a_saved_search_shows_what_matches_now(ada, ada_client, model):
    photo(ada, name="first.jpg", favourite=True)
    answer = ada_client.post("/searches", {"name": " Favourites ", "q": "is:favourite"})
    row = SavedSearch.objects.get()
    assert (row.name, row.query) == ("Favourites", "is:favourite")
    assert answer.headers["Location"] == row.get_absolute_url()
    page = ada_client.get(row.get_absolute_url()).content.decode()
    assert "Favourites</h1>" in page
    assert "first.jpg" in page
    assert 'data-facets="/search/facets" data-query="is:favourite"' in page
    photo(ada, name="second.jpg", favourite=True)
    photo(ada, name="third.jpg")
    page = ada_client.get(row.get_absolute_url()).content.decode()
    assert "second.jpg" in page
    assert "third.jpg" not in page


def test_a_saved_search_is_renamed_edited_and_removed(ada, ada_client, model):
    photo(ada, name="stays.jpg", favourite=True)
    row = keep(ada)
    path = reverse("change-search", args=[row.pk])
    assert ada_client.post(path, {"name": "Best"}).status_code == 302
    assert ada_client.post(path, {"q": "-is:favourite"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.query) == ("Best", "-is:favourite")
    assert ada_client.post(path, {"remove": "1"}).headers["Location"] == "/albums"
    assert not SavedSearch.objects.exists()
    assert Photo.objects.live().count() == 1


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"name": ""}, "Enter a name"),
        ({"name": "Cats"}, "already have a saved search called Cats"),
        ({"name": "x" * 121}, "longer than 120"),
        ({"q": "unknown:thing"}, "unknown:thing"),
        ({"q": ""}, "Type what the photo shows"),
    ],
)
def test_what_cannot_be_kept_is_said_in_the_form(ada, ada_client, model, sent, said):
    keep(ada, "Cats")
    row = keep(ada, "Dogs")
    answer = ada_client.post(reverse("change-search", args=[row.pk]), sent)
    assert answer.status_code in {400, 409}
    assert said in answer.content.decode()
    assert 'role="alert"' in answer.content.decode()
    row.refresh_from_db()
    assert (row.name, row.query) == ("Dogs", "is:favourite")
    full = {"name": "New", "q": "is:favourite"} | sent
    answer = ada_client.post("/searches", full)
    assert answer.status_code in {400, 409}
    assert said in answer.content.decode()
    part = ada_client.post("/searches", full, headers={"HX-Request": "true"})
    assert part.status_code == 200
    assert said in part.content.decode()
    assert "<html" not in part.content.decode()
    assert SavedSearch.objects.count() == 2


def test_htmx_goes_to_the_page_of_what_was_saved(ada, ada_client, model):
    sent = {"name": "Dogs", "q": "is:favourite"}
    answer = ada_client.post("/searches", sent, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == SavedSearch.objects.get().get_absolute_url()


def test_saved_searches_stand_among_the_albums_and_fill_in_later(
    ada, ada_client, bob_client, model
):
    photo(ada, name="first.jpg", favourite=True)
    photo(ada, name="second.jpg", favourite=True)
    row = keep(ada, "<Dogs>")
    page = ada_client.get("/albums").content.decode()
    assert "&lt;Dogs&gt;" in page
    assert f"{row.get_absolute_url()}?glance=1" in page
    part = ada_client.get(row.get_absolute_url(), {"glance": "1"}).content.decode()
    assert "2 photos" in part
    Photo.objects.update(favourite=False)
    assert "no photos yet" in ada_client.get(f"{row.get_absolute_url()}?glance=1").content.decode()
    assert "Dogs" not in bob_client.get("/albums").content.decode()


def test_a_search_that_became_bad_says_so(ada, ada_client, model):
    row = keep(ada)
    SavedSearch.objects.update(query="unknown:thing")
    answer = ada_client.get(row.get_absolute_url())
    assert answer.status_code == 400
    assert "unknown:thing" in answer.content.decode()
    assert ada_client.get(f"{row.get_absolute_url()}?glance=1").status_code == 200


def test_one_person_saves_so_many(ada, bob, monkeypatch):
    monkeypatch.setattr(saved_searches, "SAVED_EACH", 1)
    keep(ada, "One")
    with pytest.raises(saved_searches.TooMany):
        keep(ada, "Two")
    keep(bob, "One")


# --- API ------------------------------------------------------------------------------------------


def test_the_api_keeps_changes_lists_and_removes_searches(ada, ada_client, model):
    made = post(ada_client, API, {"name": "Best", "query": " is:favourite "})
    assert made.status_code == 201
    row = made.json()
    assert (row["name"], row["query"]) == ("Best", "is:favourite")
    path = f"{API}/{row['id']}"
    post(ada_client, API, {"name": "all", "query": "-is:favourite"})
    names = [one["name"] for one in ada_client.get(API).json()["searches"]]
    assert names == ["all", "Best"]
    assert post(ada_client, path, {"name": "Better"}, "patch").json()["name"] == "Better"
    assert post(ada_client, path, {"query": "type:png"}, "patch").json()["query"] == "type:png"
    assert ada_client.get(path).json()["name"] == "Better"
    assert ada_client.delete(path).status_code == 204
    assert ada_client.get(path).status_code == 404


def test_the_api_lists_the_photos_of_a_search(ada, ada_client, model):
    one = photo(ada, favourite=True)
    photo(ada)
    row = keep(ada)
    answer = ada_client.get(f"{API}/{row.pk}/photos").json()
    assert [hit["id"] for hit in answer["hits"]] == [str(one.pk)]
    assert answer["query"] == "is:favourite"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"name": "", "query": "dog"}, 400, "bad_name"),
        ({"name": "Dogs", "query": "dog"}, 409, "name_taken"),
        ({"name": "New", "query": "unknown:thing"}, 400, "unknown_filter"),
        ({"name": "New", "query": ""}, 400, "query_empty"),
        ({"name": "New"}, 400, "bad_parameter"),
        ({"name": "New", "query": "dog", "more": 1}, 400, "bad_parameter"),
    ],
)
def test_the_api_says_what_is_wrong(ada, ada_client, body, status, code):
    keep(ada)
    answer = post(ada_client, API, body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_api_lists_and_forgets_recent_queries(ada, ada_client):
    for text in ["dog", "cat", "bird"]:
        recent_searches.remember(ada, language.parse(text))
    listed = ada_client.get(f"{API}/recent").json()["searches"]
    assert [one["query"] for one in listed] == ["bird", "cat", "dog"]
    assert ada_client.delete(f"{API}/recent?query=cat").status_code == 400
    assert len(asked(ada)) == len(listed)
    assert ada_client.delete(f"{API}/recent?q=cat").status_code == 204
    assert asked(ada) == ["bird", "dog"]
    assert ada_client.delete(f"{API}/recent").status_code == 204
    assert asked(ada) == []


def test_changes_made_at_once_do_not_undo_each_other(ada):
    row = saved_searches.save(ada, "Sea", "sea")
    here, there = (SavedSearch.objects.get(pk=row.pk) for _ in range(2))
    saved_searches.change(here, name="Ocean")
    saved_searches.change(there, text="waves")
    kept = SavedSearch.objects.get(pk=row.pk)
    assert (kept.name, kept.query) == ("Ocean", "waves")
    kept.delete()
    saved_searches.change(here, name="Gone")
    assert not SavedSearch.objects.exists()
