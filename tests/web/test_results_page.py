"""The results page: bands, the slider, chips, refining, and every way to find nothing."""

from __future__ import annotations

import html
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from search.duplicates.models import DuplicateEdge, DuplicateGroup
from search.engine import rank
from search.engine.answer import Figures
from search.relevance import Bands
from tests.web.test_api_photos import picture, upload
from tests.workers.conftest import drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

HTMX = {"HX-Request": "true"}
SLIDER = HTMX | {"HX-Target": "found"}
SHADES = [(220 - 12 * n, 30 + 6 * n, 30) for n in range(8)]
WORDS = "nothing"  # file names that no query of these tests has words of


@pytest.fixture
def reds(ada_client, model) -> list[tuple[str, float]]:
    """Ids and scores of eight photos from red to less red, by how well "red" finds them."""
    for n, shade in enumerate(SHADES):
        upload(ada_client, picture(shade, (80, 60), "PNG"), f"{WORDS}{n}.png")
    drain()
    # What the worker found alike would be folded.
    DuplicateEdge.objects.all().delete()
    DuplicateGroup.objects.all().delete()
    hits = ada_client.get("/api/v1/search", {"q": "red", "limit": 20}).json()["hits"]
    return [(hit["id"], hit["score"]) for hit in hits]


@pytest.fixture
def bars(monkeypatch, reds):
    """Set where the bands begin, by how many photos are Strong and how many Likely."""

    def at(place: int) -> float:
        return (reds[place - 1][1] + reds[place][1]) / 2 if place else reds[0][1] + 1

    def put(strong: int, likely: int, *, standing: float = 1.0) -> None:
        # The API rounds, so the best is put a little below what it says.
        typical, best = reds[-1][1] - 0.01, reds[0][1] - 0.0003
        cut = Bands(at(strong), at(strong + likely), typical, best, standing)
        monkeypatch.setattr(rank, "bands_of", lambda *_: cut)

    return put


def text(answer) -> str:
    return html.unescape(answer.content.decode())


def shown(answer) -> list[str]:
    return re.findall(r'class="tile"[^>]*data-id="([^"]+)"', answer.content.decode())


def link(answer, words: str) -> str:
    """Return the address of the link that has these words in it or in its title."""
    found = re.findall(r'<a [^>]*href="([^"]+)"[^>]*>(.*?)</a>', text(answer), re.DOTALL)
    (address, *_) = [href for href, inner in found if words in re.sub(r"<[^>]+>", "", inner)]
    return address


def query_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["q"][0]


# --- bands --------------------------------------------------------------------------------------


def test_only_what_matches_is_shown_and_the_rest_is_folded(ada_client, reds, bars):
    bars(2, 3)
    page = ada_client.get("/search", {"q": "red"})
    assert shown(page) == [one for one, _ in reds[:5]]
    assert "2 strong, 3 likely of 8 photos" in text(page)
    assert re.findall(r'data-band="(\w+)"', text(page)) == ["strong"] * 2 + ["likely"] * 3
    assert "Show 3 weaker matches" in text(page)


def test_weaker_matches_come_alone_for_scripts_and_below_the_others_without(ada_client, reds, bars):
    bars(2, 3)
    page = ada_client.get("/search", {"q": "red"})
    (part,) = re.findall(r'hx-get="([^"]+)" hx-target="closest .divider"', text(page))
    alone = ada_client.get(part, headers=HTMX)
    assert shown(alone) == [one for one, _ in reds[5:]]
    assert text(alone).index("Weaker matches") < text(alone).index('class="tile"')
    whole = ada_client.get(link(page, "Show 3 weaker matches"))
    assert shown(whole) == [one for one, _ in reds]
    before = text(whole)[: text(whole).index("Weaker matches")]
    assert before.count('class="tile"') == 5
    assert "weaker match" not in text(whole).replace("Weaker matches", "")


def test_what_lies_above_a_divider_is_not_stretched(ada_client, reds, bars):
    bars(1, 0)
    for weak in ("", "1"):
        page = text(ada_client.get("/search", {"q": "red", "weak": weak}))
        above = page[: page.index('<li class="divider"')]
        assert above.count('class="tile"') == 1
        assert above.rstrip().endswith('<li class="filler" aria-hidden="true"></li>')


@pytest.mark.parametrize("size", [2, 3, 5])
def test_one_divider_however_the_pages_fall(ada_client, reds, bars, monkeypatch, size):
    monkeypatch.setattr("search.views.results.PAGE", size)
    bars(2, 3)
    seen, dividers = [], 0
    page = ada_client.get("/search", {"q": "red", "weak": "1"})
    while True:
        seen += shown(page)
        dividers += text(page).count("Weaker matches")
        following = re.search(r'hx-get="([^"]+)" hx-trigger="intersect', text(page))
        if not following:
            break
        page = ada_client.get(following.group(1), headers=HTMX)
    assert seen == [one for one, _ in reds]
    assert dividers == 1


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
    assert "Weaker" not in text(page)


def test_newest_first_stays_inside_the_bands(ada_client, reds, bars):
    bars(2, 3)
    page = ada_client.get("/search", {"q": "red", "sort": "newest"})
    assert sorted(shown(page)) == sorted(one for one, _ in reds[:5])
    assert "2 strong, 3 likely of 8 photos, newest first" in text(page)


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


def test_the_lower_end_of_the_slider_is_everything(ada_client, reds, bars):
    bars(2, 3)
    assert len(shown(ada_client.get("/search", {"q": "red", "least": "0"}))) == 8


@pytest.mark.parametrize("least", ["", "x", "nan", "-1", "2", "1e9", "0.333", "inf"])
def test_made_up_positions_of_the_slider_do_no_harm(ada_client, reds, bars, least):
    bars(2, 3)
    assert ada_client.get("/search", {"q": "red", "least": least}).status_code == 200


# --- nothing ------------------------------------------------------------------------------------


def test_when_nothing_clears_the_bar_the_page_says_so(ada_client, reds, bars):
    bars(0, 0, standing=0.5)
    page = ada_client.get("/search", {"q": "red orientation:landscape"})
    assert shown(page) == []
    assert "Nothing here looks like <q>red</q>" in text(page)
    assert "None of the 8 photos that pass the filters match well" in text(page)
    assert query_of(link(page, "remove this filter")) == "red"
    anyway = ada_client.get(link(page, "Show the closest anyway"))
    assert len(shown(anyway)) == 8
    assert "These come closest" in text(anyway)
    assert "Weaker matches" not in text(anyway)


def test_a_strip_of_similar_photos_tells_when_none_is_alike(ada_client, reds, bars):
    bars(0, 0)
    path = f"/photos/{reds[0][0]}/similar"
    strip = ada_client.get(f"{path}?strip=1", headers=HTMX)
    assert "No other photo looks much like this one" in text(strip)
    closest = link(strip, "Show the closest")
    assert closest == f"{path}?weak=1"
    assert len(shown(ada_client.get(closest))) == len(reds) - 1


def test_look_alikes_are_spoken_of_only_where_there_are_some(ada_client, reds):
    assert "Look-alikes" not in text(ada_client.get("/search", {"q": "red"}))
    assert "Look-alikes" in text(ada_client.get("/search", {"q": "red", "fold": "0"}))


def test_a_slider_that_is_too_far_right_is_the_reason(ada_client, reds, bars):
    bars(0, 0, standing=0.5)
    page = ada_client.get("/search", {"q": "red", "least": "0.9"})
    assert "No match is this certain" in text(page)
    assert "least" not in link(page, "Choose automatically")


@pytest.mark.parametrize("words", ["red ", ""])
def test_filters_that_leave_nothing_can_be_removed_one_by_one(ada_client, reds, words):
    page = ada_client.get("/search", {"q": f"{words}orientation:portrait before:1990"})
    assert shown(page) == []
    assert "No photo passes all of these filters" in text(page)
    assert query_of(link(page, "portrait, remove")) == f"{words}before:1990"


def test_an_empty_gallery_says_so(bob_client, model, reds):
    page = bob_client.get("/search", {"q": "red"})
    assert "There are no photos here yet" in text(page)
    assert "Upload photos" in text(page)


def test_photos_that_wait_are_told_of(bob_client, reds):
    upload(bob_client, picture("red"))
    page = bob_client.get("/search", {"q": "red"})
    assert "still becoming searchable" in text(page)


def test_what_could_not_be_understood_is_marked(ada_client, reds):
    page = ada_client.get("/search", {"q": "red camra:sony"})
    assert page.status_code == 400
    assert "red <mark>camra:sony</mark>" in text(page)
    assert "camera" in text(page)


@pytest.mark.parametrize(
    "query", ["\u202ered camra:x", "<b> 99999:x", "camra:" + "y" * 600, "a\x00b", "x" * 5000]
)
def test_errors_are_shown_as_text(ada_client, reds, query):
    page = ada_client.get("/search", {"q": query})
    assert page.status_code in {200, 400}
    assert "<b> " not in page.content.decode()


# --- chips and refining -------------------------------------------------------------------------


def test_chips_turn_weigh_and_remove(ada_client, reds):
    page = ada_client.get("/search", {"q": "red without blue orientation:landscape", "fold": "0"})
    turned = link(page, "Without blue: look for it")
    assert query_of(turned) == "red +blue orientation:landscape"
    assert "fold=0" in turned
    assert query_of(link(page, "twice")) == "2:red -blue orientation:landscape"
    assert query_of(link(page, "only")) == "red -blue -orientation:landscape"
    assert re.search(r'aria-label="Remove blue"', text(page))
    other = ada_client.get(link(page, "only"))
    assert re.search(r">not</a>", text(other))
    assert "orientation: landscape" in text(other)


def test_a_term_alone_has_no_weight_to_choose(ada_client, reds):
    assert "chip-weight" not in text(ada_client.get("/search", {"q": "red"}))


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
    answer = ada_client.get("/search", {"with": photo, "q": "at night without people"})
    assert query_of(answer.headers["Location"]) == f"at night -people photo:{photo}"
    assert ada_client.get(answer.headers["Location"]).status_code == 200
    page = text(ada_client.get(f"/photos/{photo}"))
    assert f'name="with" value="{photo}"' in page


@pytest.mark.parametrize(
    ("given", "status"),
    [({"with": "x"}, 302), ({"with": ""}, 302), ({"with": "0" * 32, "q": "y" * 600}, 400)],
)
def test_a_made_up_photo_with_words_does_no_harm(ada_client, reds, given, status):
    assert ada_client.get("/search", given).status_code == status


def test_a_picture_joins_the_words_in_the_bar(ada_client, reds):
    sent = SimpleUploadedFile("leaf.png", picture((0, 120, 10), kind="PNG"))
    answer = ada_client.post("/search/by-image", {"file": sent, "q": "red -blue"}, follow=True)
    page = text(answer)
    assert answer.status_code == 200
    assert re.search(r"red -blue picture:[0-9a-f-]+", page)
    assert "leaf.png" in page


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
