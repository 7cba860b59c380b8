"""Pages of the grid in both directions, as a browser without scripts and htmx get them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from gallery.models import Photo
from gallery.paging import BadCursor, cursor_from, page_after, page_before
from gallery.views import tiles
from gallery.views.tiles import AT_ONCE, PAGE
from tests.web.test_pages import rows, shown, text

pytestmark = pytest.mark.django_db

START = datetime(2024, 6, 1, 12, tzinfo=UTC)
HTMX = {"HX-Request": "true"}


def link(answer, words: str) -> str:
    found = re.search(rf'href="(/\?[^"]+)">{words}', text(answer))
    return found[1].replace("&amp;", "&") if found else ""


@pytest.fixture
def ids(ada, model) -> list[str]:
    """Photos of two pages and a bit, newest first; some of them were taken at the same moment."""
    rows(ada, 2 * PAGE + 7, start=START)
    moment = Photo.objects.newest_first()[PAGE].shown_at
    near = list(Photo.objects.newest_first()[PAGE - 3 : PAGE + 3].values_list("pk", flat=True))
    Photo.objects.filter(pk__in=near).update(shown_at=moment, taken_at=moment, wall_at=moment)
    return [str(pk) for pk in Photo.objects.newest_first().values_list("pk", flat=True)]


def test_from_any_photo_the_grid_goes_on_both_ways(ada_client, ids):
    middle = Photo.objects.get(pk=ids[PAGE + 1])
    answer = ada_client.get(f"/?after={cursor_from(middle)}")
    assert shown(answer) == ids[PAGE + 1 : 2 * PAGE + 1]
    newer = ada_client.get(link(answer, "Newer photos"))
    assert shown(newer) == ids[1 : PAGE + 1]
    assert shown(ada_client.get(link(newer, "Older photos"))) == shown(answer)
    newest = ada_client.get(link(newer, "Newer photos"))
    assert shown(newest) == ids[:1]
    assert link(newest, "Newer photos") == ""


def test_a_part_brings_only_the_link_that_the_page_lacks(ada_client, ids):
    middle = Photo.objects.get(pk=ids[PAGE + 2])
    whole = ada_client.get(f"/?after={cursor_from(middle)}")
    above = ada_client.get(link(whole, "Newer photos"), headers=HTMX)
    below = ada_client.get(link(whole, "Older photos"), headers=HTMX)
    assert "<html" not in text(above) + text(below)
    assert (bool(link(above, "Newer photos")), link(above, "Older photos")) == (True, "")
    assert link(below, "Newer photos") == ""


def test_the_newest_page_has_nothing_above(ada_client, ids):
    assert link(ada_client.get("/"), "Newer photos") == ""
    first = Photo.objects.get(pk=ids[0])
    assert link(ada_client.get(f"/?after={cursor_from(first)}"), "Newer photos") == ""
    none = f"/?before={cursor_from(first)}"
    assert ada_client.get(none).headers["Location"] == "/"
    assert shown(ada_client.get(none, headers=HTMX)) == []


def test_a_page_says_where_it_begins(ada_client, ids):
    second = ada_client.get(link(ada_client.get("/"), "Older photos"), headers=HTMX)
    start = re.search(r'data-start="([^"]+)"', text(second))
    assert start
    assert shown(ada_client.get(f"/?after={start[1]}")) == shown(second)


@pytest.mark.parametrize("cursor", ["nonsense", "1_2", "", "9" * 30])
def test_made_up_cursors_lead_to_the_grid_or_show_it(ada_client, ids, cursor):
    assert ada_client.get(f"/?before={cursor}").status_code in {200, 302}
    if cursor:
        with pytest.raises(BadCursor):
            page_before(Photo.objects.all(), cursor, 3)


def test_no_page_before_looks_at_more_photos_than_it_shows(ada, ids):
    """As many rows are read wherever the page is: the index is walked, and nothing is sorted."""
    photos = Photo.objects.visible_to(ada)
    cursor = cursor_from(photos.newest_first()[PAGE])
    with CaptureQueriesContext(connection) as queries:
        found, newer = page_before(photos, cursor, 5)
    plan = connection.cursor().execute(f"EXPLAIN QUERY PLAN {queries[0]['sql']}").fetchall()
    assert len(found) == 5
    assert newer
    assert len(queries) == 1
    assert "photo_grid" in str(plan)
    assert "TEMP B-TREE" not in str(plan)


def test_an_album_goes_both_ways_too(ada, ada_client, ids):
    Photo.objects.update(favourite=True)
    middle = Photo.objects.get(pk=ids[PAGE + 1])
    answer = ada_client.get(f"/favourites?after={cursor_from(middle)}")
    assert re.search(r'href="/favourites\?before=[^"]+">Newer photos', text(answer))


def test_both_directions_meet(ada, ids):
    photos = Photo.objects.visible_to(ada)
    for place in (0, 1, PAGE - 2, PAGE, 2 * PAGE):
        cursor = cursor_from(photos.get(pk=ids[place]))
        before, after = page_before(photos, cursor, 4)[0], page_after(photos, cursor, 4)[0]
        assert [str(photo.pk) for photo in before + after] == ids[max(place - 4, 0) : place + 4]


# --- which rendition a tile shows -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("width", "height", "srcset"),
    [
        (4000, 3000, (["320w", "512w"], ["117px", "155px", "272px"])),
        (300, 200, (["300w"], ["132px", "174px", "306px"])),
        (1080, 2160, (["160w", "256w"], ["44px", "58px", "102px"])),
        (16382, 3628, (["320w", "512w", "1440w"], ["397px", "524px", "921px"])),
        (300, 4000, (["24w", "38w", "108w"], ["44px", "58px", "102px"])),
        (1, 4000, (["1w"], ["44px", "58px", "102px"])),
        (1000, 100, (["320w", "512w", "1000w"], ["880px", "1160px", "2040px"])),
    ],
)
def test_a_tile_offers_renditions_and_a_panorama_its_preview(
    ada, ada_client, model, width, height, srcset
):
    rows(ada, 1, start=START)
    Photo.objects.update(width=width, height=height, decoded_at=START)
    found = re.search(r'srcset="([^"]+)"\s+sizes="([^"]+)"', text(ada_client.get("/")))
    sources, sizes = found.groups()
    assert (re.findall(r" (\d+w)", sources), re.findall(r" (\d+px)(?:,|$)", sizes)) == srcset
    assert ("/preview" in sources) == (len(srcset[0]) == 3)


def test_a_tile_is_as_wide_as_the_size_that_was_chosen(ada, ada_client, model):
    rows(ada, 1, start=START)
    Photo.objects.update(width=400, height=400, decoded_at=START)
    for chosen, widths in (("small", "72 72 128"), ("large", "190 190 300"), ("odd", "88 116 204")):
        ada_client.cookies["scry_tiles"] = chosen
        (told,) = re.findall(r'sizes="([^"]+)"', text(ada_client.get("/")))
        assert re.findall(r" (\d+)px(?:,|$)", told) == widths.split()


def test_the_rows_are_as_high_as_the_style_sheet_says():
    css = (settings.BASE_DIR / "static/css/grid.css").read_text()
    heights = [int(height) for height in re.findall(r"--r: (\d+);", css)]
    (phone, small, other), few, many = (tiles._ROWS[name] for name in ("", "small", "large"))
    assert heights == [other, few[2], many[2], small, few[1], many[1], phone]
    # On a phone, the rules for the other sizes are those of small screens.
    assert (few[0], many[0]) == (few[1], many[1])


def test_only_tiles_that_load_later_leave_the_width_to_the_browser(ada, ada_client, model):
    rows(ada, AT_ONCE + 2, start=START)
    Photo.objects.update(width=400, height=300, decoded_at=START)
    images = re.findall(r"<img [^>]*sizes=[^>]*>", text(ada_client.get("/")))
    assert len(images) == AT_ONCE + 2
    assert ['sizes="auto' in image for image in images] == [False] * AT_ONCE + [True] * 2
    assert all(('loading="lazy"' in image) == ('sizes="auto' in image) for image in images)
