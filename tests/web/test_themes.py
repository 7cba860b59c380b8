"""The pages and the API of themes and the map."""

from __future__ import annotations

import struct
import uuid

import numpy as np
import pytest

from gallery.models import Photo, Tag
from search.understanding.models import MapRun, ThemeName
from tests.planted import draw, store, vectors

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

ROWS = vectors(4, 20)


@pytest.fixture
def drawn(ada, model) -> list[Photo]:
    """Eighty photos of ada in four groups, on a map."""
    photos = store(ada, model, ROWS)
    draw(model)
    return photos


def columns(content: bytes) -> tuple[int, str, np.ndarray]:
    magic, count, levels, zero, version = struct.unpack("<8sIHH16s", content[:32])
    assert (magic, zero) == (b"SCRYMAP1", 0)
    assert levels in {1, 2, 3}
    return count, version.decode(), np.frombuffer(content[32:], "<u2").reshape(4, count)


def trashed(photos: list[Photo]) -> None:
    from django.utils import timezone

    Photo.objects.filter(pk__in=[photo.pk for photo in photos]).update(trashed_at=timezone.now())


def test_pages_say_when_there_are_too_few_photos(ada_client, model):
    for page in ("/themes", "/map"):
        assert b"at least 30 searchable photos" in ada_client.get(page).content
    answer = ada_client.get("/api/v1/map")
    assert answer.status_code == 409
    assert answer.json()["code"] == "no_map"
    assert ada_client.get("/api/v1/themes").json()["levels"] == []


def test_the_page_says_how_far_the_first_drawing_is(ada, ada_client, model):
    MapRun.objects.create(owner=ada, model=model, progress=0.42)
    assert b"42 % done" in ada_client.get("/map").content
    part = ada_client.get("/themes", headers={"HX-Request": "true"})
    assert part.content.lstrip().startswith(b'<div id="drawing"')
    assert ada_client.get("/api/v1/map").json()["message"].startswith("The map is being drawn")


def test_themes_are_cards_that_open_as_grids(ada_client, drawn):
    page = ada_client.get("/themes?level=0").content.decode()
    listed = ada_client.get("/api/v1/themes").json()
    assert listed["state"] == "made"
    assert listed["share_placed"] == 1.0
    assert [len(level["themes"]) for level in listed["levels"]] == [8, 13]
    assert sum(theme["photos"] for theme in listed["levels"][0]["themes"]) == 80
    for theme in listed["levels"][0]["themes"]:
        assert f'href="{theme["url"]}"' in page
        grid = ada_client.get(theme["url"]).content.decode()
        assert grid.count('<li class="tile"') == theme["photos"]


@pytest.mark.parametrize("level", ["7", "-1", "x", "99999999999", "²"])
def test_unknown_levels_are_no_error(ada_client, drawn, level):
    assert ada_client.get(f"/themes?level={level}").status_code == 200


def test_a_theme_is_renamed_on_the_page_and_by_the_api(ada, ada_client, bob_client, drawn):
    path = f"/themes/0/{drawn[0].pk}"
    answer = ada_client.post(f"{path}/rename", {"name": "Garden"})
    assert answer.status_code == 302
    assert b"Garden" in ada_client.get("/themes?level=0").content
    assert b"<h1>Garden</h1>" in ada_client.get(path).content
    bad = ada_client.post(f"{path}/rename", {"name": "x" * 200})
    assert bad.status_code == 400
    assert b"longer than 120" in bad.content
    api = f"/api/v1{path}/name"
    named = ada_client.post(api, {"name": "Yard"}, content_type="application/json")
    assert named.json()["title"] == "Yard"
    assert [row.name for row in ThemeName.objects.all()] == ["Yard"]
    assert ada_client.post(api, {"name": ""}, content_type="application/json").json()["title"] == ""
    for address in (api, f"/api/v1/themes/9/{drawn[0].pk}/name"):
        client = bob_client if address == api else ada_client
        assert (
            client.post(address, {"name": "a"}, content_type="application/json").status_code == 404
        )


def test_the_map_comes_as_columns_and_ids(ada, ada_client, drawn):
    answer = ada_client.get("/api/v1/map")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    count, version, found = columns(answer.content)
    assert count == 80
    assert len(answer.content) == 32 + 8 * 80
    assert found[0].max() > 30_000
    ids = ada_client.get("/api/v1/map/ids").content
    assert ids[16:32].decode() == version
    listed = [uuid.UUID(bytes=ids[32 + 16 * n : 48 + 16 * n]) for n in range(80)]
    assert set(listed) == {photo.pk for photo in drawn}
    same = ada_client.get("/api/v1/map", headers={"If-None-Match": answer.headers["ETag"]})
    assert same.status_code == 304
    trashed(drawn[:3])
    fewer = ada_client.get("/api/v1/map", headers={"If-None-Match": answer.headers["ETag"]})
    assert fewer.status_code == 200
    assert columns(fewer.content)[0] == 77


def test_photos_in_view_have_thumbnails(ada_client, bob_client, drawn):
    whole = ada_client.get("/api/v1/map/photos").json()
    assert (whole["total"], len(whole["photos"])) == (80, 80)
    one = whole["photos"][0]
    area = {"west": one["x"] - 1e-4, "east": one["x"] + 1e-4}
    area |= {"north": one["y"] - 1e-4, "south": one["y"] + 1e-4}
    near = ada_client.get("/api/v1/map/photos", area).json()["photos"]
    assert one["id"] in [photo["id"] for photo in near]
    assert near[0]["thumbnail"].endswith("/thumbnail")
    assert ada_client.get("/api/v1/map/photos?limit=5").json()["total"] == 80
    for bad in ("west=a", "limit=0", "limit=9999", "north=nan", "east=1e9"):
        assert ada_client.get(f"/api/v1/map/photos?{bad}").status_code == 400
    assert bob_client.get("/api/v1/map/photos").status_code == 409


def test_another_person_sees_nothing_of_it(bob_client, drawn):
    assert bob_client.get(f"/themes/0/{drawn[0].pk}").status_code == 404
    assert bob_client.get("/api/v1/themes").json()["levels"] == []
    assert bob_client.post("/map/draw").status_code == 302
    assert not MapRun.objects.filter(asked=True).exists()


def test_the_map_page_works_without_a_script(ada_client, drawn):
    page = ada_client.get("/map").content.decode()
    assert "mean nothing" in page
    assert 'href="/themes"' in page
    assert 'data-columns="/api/v1/map"' in page


def test_a_person_may_have_it_drawn_anew(ada_client, drawn):
    ada_client.post("/map/draw")
    assert MapRun.objects.get().asked


def test_photos_are_tagged_together_and_untagged(ada, ada_client, bob_client, drawn):
    ids = [str(photo.pk) for photo in drawn[:3]]
    path = "/api/v1/tags/by the sea/photos"
    send = {"data": {"ids": ids}, "content_type": "application/json"}
    Tag.objects.create(owner=ada, name="by the sea").photos.add(drawn[0])
    assert sorted(ada_client.post(path, **send).json()["ids"]) == sorted(ids[1:])
    assert ada_client.post(path, **send).json()["changed"] == 0
    assert bob_client.post(path, **send).json()["changed"] == 0
    assert Photo.objects.filter(tags__name="by the sea").count() == 3
    assert bob_client.delete(path, **send).json()["changed"] == 0
    assert ada_client.delete(path, **send).json()["changed"] == 3
    long = ada_client.post(f"/api/v1/tags/{'x' * 200}/photos", **send)
    assert long.status_code == 400
