"""The results page: bands, the slider, chips, and refining."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from search.engine import rank
from search.engine.figures import Figures
from tests.web.conftest import WORDS
from tests.web.result_pages import HTMX, headings, link, query_of, shown, text
from tests.web.test_api_photos import picture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

SLIDER = HTMX | {"HX-Target": "found"}


# --- bands --------------------------------------------------------------------------------------


def test_only_what_matches_is_shown_and_the_rest_is_folded(ada_client, reds, bars):
    bars(2, 3)
    page = ada_client.get("/search", {"q": "red"})
    assert shown(page) == [one for one, _ in reds[:5]]
    assert "2 strong, 3 likely of 8 photos" in text(page)
    assert headings(page) == ["Strong 2", "Likely 3"]
    assert text(page).index('data-group="strong"') < text(page).index('class="tile"')
    assert re.findall(r'data-band="(\w+)"', text(page)) == ["strong"] * 2 + ["likely"] * 3
    assert "Show 3 weaker matches" in text(page)


def test_weaker_matches_come_alone_for_scripts_and_below_the_others_without(ada_client, reds, bars):
    bars(2, 3)
    page = ada_client.get("/search", {"q": "red"})
    (part,) = re.findall(r'hx-get="([^"]+)" hx-target="closest .divider"', text(page))
    alone = ada_client.get(part, headers=HTMX)
    assert shown(alone) == [one for one, _ in reds[5:]]
    assert headings(alone) == ["Weaker 3"]
    assert text(alone).index('data-group="weak"') < text(alone).index('class="tile"')
    whole = ada_client.get(link(page, "Show 3 weaker matches"))
    assert shown(whole) == [one for one, _ in reds]
    assert headings(whole) == ["Strong 2", "Likely 3", "Weaker 3"]
    before = text(whole)[: text(whole).index('data-group="weak"')]
    assert before.count('class="tile"') == 5
    assert "weaker match" not in text(whole)


def test_what_lies_above_a_divider_is_not_stretched(ada_client, reds, bars):
    bars(1, 0)
    for weak in ("", "1"):
        page = text(ada_client.get("/search", {"q": "red", "weak": weak}))
        divider = '<li class="divider band" data-group="weak"' if weak else '<li class="divider">'
        above = page[: page.index(divider)]
        assert above.count('class="tile"') == 1
        assert above.rstrip().endswith('<li class="filler" aria-hidden="true"></li>')


@pytest.mark.parametrize("size", [2, 3, 5])
def test_one_heading_for_each_band_however_the_pages_fall(
    ada_client, reds, bars, monkeypatch, size
):
    monkeypatch.setattr("search.views.results.PAGE", size)
    bars(2, 3)
    seen, found = [], []
    page = ada_client.get("/search", {"q": "red", "weak": "1"})
    while True:
        seen += shown(page)
        found += headings(page)
        following = re.search(r'hx-get="([^"]+)" hx-trigger="intersect', text(page))
        if not following:
            break
        page = ada_client.get(following.group(1), headers=HTMX)
    assert seen == [one for one, _ in reds]
    assert found == ["Strong 2", "Likely 3", "Weaker 3"]


def test_the_weaker_matches_of_a_photo_with_look_alikes_repeat_none(ada_client, ada, reds, bars):
    from tests.web.test_folding import group

    bars(2, 3)
    group(ada, [reds[0][0], reds[7][0]])
    address = f"/photos/{reds[0][0]}/similar"
    page = ada_client.get(address)
    parts = re.findall(r'hx-get="([^"]+)" hx-target="closest .divider"', text(page))
    rest = shown(ada_client.get(parts[0], headers=HTMX)) if parts else []
    assert sorted(shown(page) + rest) == sorted(one for one, _ in reds[1:])


def test_a_small_library_is_a_plain_list(ada_client, reds):
    page = ada_client.get("/search", {"q": "red"})
    assert len(shown(page)) == 8
    assert "8 photos, closest first" in text(page)
    assert 'type="range"' not in text(page)
    assert headings(page) == []


def test_newest_first_stays_inside_the_bands(ada_client, reds, bars):
    bars(2, 3)
    page = ada_client.get("/search", {"q": "red", "sort": "newest"})
    assert sorted(shown(page)) == sorted(one for one, _ in reds[:5])
    assert "2 strong, 3 likely of 8 photos, newest first" in text(page)
    assert headings(page) == []


@pytest.mark.parametrize("listed", [{}, {"weak": "1"}, {"fold": "0"}, {"sort": "newest"}])
def test_the_page_counts_what_the_api_counts(ada_client, reds, bars, listed):
    bars(2, 3)
    asked = {"q": "red type:png"}
    answer = ada_client.get("/api/v1/search", asked).json()
    page = ada_client.get("/search", asked | listed)
    strong, likely, total = answer["strong"], answer["likely"], answer["total"]
    rest = f", {total - strong - likely} weaker" if "weak" in listed else f" of {total} photos"
    assert f"{strong} strong, {likely} likely{rest}" in text(page)
    if "sort" not in listed:
        assert headings(page)[:2] == [f"Strong {strong}", f"Likely {likely}"]


def test_with_the_slider_each_band_counts_what_it_lists(ada_client, reds, bars):
    bars(2, 3)
    page = ada_client.get("/search", {"q": "red", "least": "0.1"})
    bands = re.findall(r'data-band="(\w+)"', text(page))
    weak = bands.count("weak")
    assert headings(page) == ["Strong 2", "Likely 3", *([f"Weaker {weak}"] if weak else [])]


# --- how sure -----------------------------------------------------------------------------------


def test_the_slider_knows_all_its_counts(ada_client, reds, bars):
    bars(2, 3)
    page = ada_client.get("/search", {"q": "red", "fold": "0"})
    (levels,) = re.findall(r'data-levels="([\d ]+)"', text(page))
    counts = [int(count) for count in levels.split()]
    assert len(counts) == 21
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (8, 1)
    assert '<output for="least" aria-live="polite">5 photos</output>' in text(page)
    # Without scripts it is a form that keeps the rest of the address.
    assert '<input type="hidden" name="fold" value="0">' in text(page)
    for step in (1, 8, 15, 20):
        answer = ada_client.get("/search", {"q": "red", "fold": "0", "least": step / 20})
        assert len(shown(answer)) == counts[step], step
        assert f"{counts[step]} photo" in text(answer)


def test_moving_the_slider_brings_only_the_results(ada_client, reds, bars):
    bars(2, 3)
    part = ada_client.get("/search", {"q": "red", "least": "1"}, headers=SLIDER)
    assert "<html" not in text(part)
    assert 'type="range"' not in text(part)
    assert shown(part) == [reds[0][0]]
    assert "1 photo of 8" in text(part)
    assert re.search(r'id="counted"[^>]*data-total="1"\s+hx-swap-oob="true"', text(part))


def test_the_lower_end_of_the_slider_is_everything(ada_client, reds, bars):
    bars(2, 3)
    assert len(shown(ada_client.get("/search", {"q": "red", "least": "0"}))) == 8


@pytest.mark.parametrize("least", ["", "x", "nan", "-1", "2", "1e9", "0.333", "inf"])
def test_made_up_positions_of_the_slider_do_no_harm(ada_client, reds, bars, least):
    bars(2, 3)
    assert ada_client.get("/search", {"q": "red", "least": least}).status_code == 200


# --- chips and refining -------------------------------------------------------------------------


def steps(page, name: str) -> dict[str, str]:
    """Return the queries that the steps of a chip lead to, by their labels."""
    found = re.findall(r'href="([^"]+)" title="[^"]+"\s+aria-label="([^"]+): ([^"]+)"', text(page))
    return {label: query_of(address) for address, label, of in found if of == name}


def test_chips_turn_weigh_and_remove(ada_client, reds):
    page = ada_client.get("/search", {"q": "red without blue orientation:landscape", "fold": "0"})
    assert steps(page, "blue") == {"More of this": "red +blue orientation:landscape"}
    assert steps(page, "red") == {
        "Less of this": "0.5:red -blue orientation:landscape",
        "More of this": "2:red -blue orientation:landscape",
    }
    assert "fold=0" in link(page, "only")
    assert query_of(link(page, "only")) == "red -blue -orientation:landscape"
    assert re.search(r'aria-label="Remove blue"', text(page))
    other = ada_client.get(link(page, "only"))
    assert re.search(r">not</a>", text(other))
    assert "orientation: landscape" in text(other)


@pytest.mark.parametrize(
    ("query", "less", "more"),
    [
        ("2:red +blue", "red +blue", "3:red +blue"),
        ("3:red +blue", "2:red +blue", None),
        ("0.5:red +blue", "-red +blue", "red +blue"),
        ("1.5:red +blue", "red +blue", "2:red +blue"),
        ("red", "-red", None),
    ],
)
def test_a_term_counts_more_or_less_step_by_step(ada_client, reds, query, less, more):
    page = ada_client.get("/search", {"q": query})
    found = steps(page, "red")
    assert found.get("More of this") == more
    assert (found.get("Less of this") or found.get("Less of this, leave it out")) == less
    assert ("Less of this, leave it out" in found) == less.startswith("-")
    assert "×1<" not in text(page)
    assert ("chip-counts" in text(page)) == query[0].isdigit()


def test_each_tile_leads_to_more_and_less_like_it(ada_client, reds):
    page = ada_client.get("/search", {"q": "red -blue orientation:landscape", "sort": "newest"})
    more = re.findall(r'href="([^"]+)" data-refine="more"', text(page))
    less = re.findall(r'href="([^"]+)" data-refine="less"', text(page))
    assert len(more) == len(less) == 8
    one = shown(page)[0]
    assert query_of(more[0]) == f"red -blue photo:{one} orientation:landscape"
    assert query_of(less[0]) == f"red -blue -photo:{one} orientation:landscape"
    assert "sort=newest" in more[0]
    after = ada_client.get(more[0])
    assert after.status_code == 200
    assert one not in shown(after)
    assert f"/photos/{one}/thumbnail" in text(after)
    twice = re.findall(r'href="([^"]+)" data-refine="less"', text(after))[0]
    assert ada_client.get(twice).status_code == 200


def test_a_full_query_offers_no_further_photos(ada_client, reds):
    words = " ".join(f"+word{n}" for n in range(16))
    page = ada_client.get("/search", {"q": words})
    assert page.status_code == 200
    assert "data-refine=" not in text(page)


def test_a_photo_with_words_is_one_query(ada_client, reds):
    photo = reds[0][0]
    answer = ada_client.get("/search", {"with": f"photo:{photo}", "q": "at night without people"})
    assert query_of(answer.headers["Location"]) == f"at night without people photo:{photo}"
    assert ada_client.get(answer.headers["Location"]).status_code == 200
    page = text(ada_client.get(f"/photos/{photo}"))
    assert f'name="with" value="photo:{photo}"' in page


@pytest.mark.parametrize(
    ("given", "status"),
    [({"with": "x"}, 302), ({"with": ""}, 302), ({"with": "photo:1", "q": "y" * 600}, 400)],
)
def test_a_made_up_photo_with_words_does_no_harm(ada_client, reds, given, status):
    assert ada_client.get("/search", given).status_code == status


def test_a_picture_joins_the_words_in_the_bar(ada_client, reds):
    sent = SimpleUploadedFile("leaf.png", picture((0, 120, 10), kind="PNG"))
    answer = ada_client.post("/search/by-image", {"file": sent, "q": "red -blue"}, follow=True)
    page = text(answer)
    assert answer.status_code == 200
    assert 'name="q" value="red -blue"' in page
    assert re.search(r'name="with" value="picture:[0-9a-f-]+"', page)
    assert "like leaf.png, remove" in page


def test_the_chips_tell_nothing_of_the_photos_of_others(bob_client, reds):
    page = bob_client.get("/search", {"q": f"red photo:{reds[0][0]}"})
    assert page.status_code == 404
    assert WORDS not in text(page)


def test_of_many_photos_that_pass_a_filter_the_number_is_an_estimate(
    ada_client, reds, bars, monkeypatch
):
    bars(2, 3)
    monkeypatch.setattr(rank, "WINDOW", 6)
    asked = {"q": "red type:png", "fold": "0"}
    assert "2 strong, 3 likely of about 8 photos" in text(ada_client.get("/search", asked))
    # All of a library is counted.
    asked = {"q": "red", "fold": "0"}
    assert "2 strong, 3 likely of 8 photos" in text(ada_client.get("/search", asked))


@pytest.mark.parametrize(("total", "shown_as"), [(7, 7), (1_249, 1_200), (40_122, 40_000)])
def test_an_estimate_keeps_two_digits(total, shown_as):
    assert Figures(total=total, about=True).rounded == shown_as
    assert Figures(total=total).rounded == total
