"""Parts of photos as terms, and where in a photo a query matches."""

from __future__ import annotations

import io
import uuid

import pytest
from django.urls import reverse
from PIL import Image

from gallery import files
from search.language import QueryError
from search.parts import boxes, crops
from search.relevance import library
from search.vectors import embedders
from tests.embedders import PALETTE
from tests.workers.conftest import add_photo, drain
from workers import jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _fresh(settings):
    settings.PART_SEARCH = 1000
    embedders.unload_all()
    crops.forget()
    jobs.PARTS.resume()


def picture(colour: str, corner: tuple[int, int], size: tuple[int, int] = (800, 600)) -> bytes:
    """Return a grey picture with a square of a colour that begins at `corner`."""
    image = Image.new("RGB", size, PALETTE["grey"])
    image.paste(PALETTE[colour], (*corner, corner[0] + 200, corner[1] + 200))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def photo(ada, model):
    """A photo with a red square in its lower left corner."""
    made = add_photo(ada, picture("red", (0, 400)))
    made.width, made.height = 800, 600
    made.save(update_fields=["width", "height"])
    add_photo(ada, colour="blue")
    drain()
    return made


def why(client, photo, **params):
    return client.get(reverse("why", args=[photo.pk]), params)


def test_the_heat_is_where_the_thing_is(ada_client, photo):
    data = ada_client.get(f"/api/v1/photos/{photo.pk}/why", {"q": "red"}).json()
    assert (data["rows"], data["columns"]) == (9, 12)
    assert len(data["values"]) == 9
    hottest = max((v, y, x) for y, row in enumerate(data["values"]) for x, v in enumerate(row))
    assert hottest[0] == pytest.approx(1)
    assert hottest[1] >= 6
    assert hottest[2] <= 3
    assert data["values"][0][11] < 0.2
    left, top, _width, height = data["box"]
    assert left < 0.1
    assert top + height > 0.9
    assert data["part_score"] > data["score"]


def test_without_a_place_that_stands_out_the_page_and_the_api_show_none(ada_client, photo, model):
    library.embed_texts(model.key)
    data = ada_client.get(f"/api/v1/photos/{photo.pk}/why", {"q": "zebra"}).json()
    assert data["box"] is None
    assert data["part_score"] is None
    assert {value for row in data["values"] for value in row} == {0}
    page = why(ada_client, photo, q="zebra").content.decode()
    assert "No single place in this photo stands out" in page
    assert "why-box" not in page
    assert "why-layer" not in page


def test_what_stands_out_is_shown_when_there_is_something_to_compare_with(ada_client, photo, model):
    library.embed_texts(model.key)
    assert "in the lower left" in why(ada_client, photo, q="red").content.decode()


@pytest.mark.parametrize(("others", "stands_out"), [(["blue", "green"], True), (["red"], False)])
def test_a_picture_stands_out_if_few_photos_of_the_library_would(
    ada_client, ada, model, photo, others, stands_out
):
    library.embed_texts(model.key)
    example = add_photo(ada, picture("red", (0, 0), size=(250, 250)))
    for place in range(12):
        add_photo(ada, colour=others[place % len(others)])
    drain()
    library.forget()
    query = {"q": f"photo:{example.pk}"}
    data = ada_client.get(f"/api/v1/photos/{photo.pk}/why", query).json()
    assert (data["box"] is not None) == stands_out
    words = ada_client.get(f"/api/v1/photos/{photo.pk}/why", {"q": "red"}).json()
    assert words["box"] is not None


def test_what_is_excluded_does_not_heat(ada_client, photo):
    one = ada_client.get(f"/api/v1/photos/{photo.pk}/why", {"q": "red"}).json()
    other = ada_client.get(f"/api/v1/photos/{photo.pk}/why", {"q": "red -blue"}).json()
    assert one["values"] == other["values"]


def test_the_page_says_it_in_words(ada_client, photo):
    page = why(ada_client, photo, q="red").content.decode()
    assert "in the lower left" in page
    assert page.count("<i style=") == 108
    part = ada_client.get(
        reverse("why", args=[photo.pk]), {"q": "red"}, headers={"HX-Request": "true"}
    )
    assert "<html" not in part.content.decode()


@pytest.mark.parametrize("query", ["photo:{id}", "photo:{id}@0,0.6,0.3,0.4", "red photo:{id}"])
def test_pictures_and_mixes_heat_too(ada_client, photo, query):
    assert why(ada_client, photo, q=query.format(id=photo.pk)).status_code == 200


@pytest.mark.parametrize(
    ("params", "status"),
    [({}, 400)] + [({"q": text}, 400) for text in ("", "99:red", "after:2020", "-red")],
)
def test_what_has_no_reason_is_answered_with_a_sentence(ada_client, photo, params, status):
    answer = ada_client.get(reverse("why", args=[photo.pk]), params)
    assert answer.status_code == status
    assert 'role="status"' in answer.content.decode()
    part = ada_client.get(reverse("why", args=[photo.pk]), params, headers={"HX-Request": "true"})
    assert part.status_code == 200


def test_the_photo_of_another_is_not_explained(bob_client, photo):
    unknown = bob_client.get(reverse("why", args=[uuid.uuid4()]), {"q": "red"})
    theirs = why(bob_client, photo, q="red")
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert bob_client.get(f"/api/v1/photos/{photo.pk}/why?q=red").status_code == 404


def test_a_photo_without_picture_is_explained_by_its_thumbnail_or_not_at_all(ada_client, photo):
    files.original(photo).unlink()
    assert why(ada_client, photo, q="red").status_code == 200
    crops.forget()
    files.thumbnail(photo.pk).unlink()
    assert why(ada_client, photo, q="red").status_code == 409


def test_a_part_is_found_by_what_it_shows(ada_client, ada, model, photo):
    red = add_photo(ada, colour="red")
    drain()
    term = f"photo:{photo.pk}@0,0.667,0.25,0.333"
    hits = ada_client.get("/api/v1/search", {"q": term}).json()["hits"]
    assert hits[0]["id"] == str(red.pk)


def test_boxes_are_cut_to_the_photo(model, photo):
    whole = crops.crop_vector(model, photo, (0, 0, 1, 1))
    assert crops.crop_vector(model, photo, (-1, -1, 3, 3)) @ whole == pytest.approx(1)


@pytest.mark.parametrize(
    "box", [(0, 0, 0.001, 0.5), (0.5, 0.5, 0, 0), (2, 2, 1, 1), (float("nan"), 0, 1, 1)]
)
def test_a_box_without_anything_in_it_is_refused(model, photo, box):
    with pytest.raises(QueryError) as error:
        crops.crop_vector(model, photo, box)
    assert error.value.code == "bad_part"


def test_point_ids_say_whose_part_it_is():
    photo_id = uuid.uuid4()
    ids = boxes.all_points(photo_id)
    assert len({photo_id, *ids}) == len(boxes.PLACES) + 1
    assert [boxes.part_of(one) for one in ids] == [(photo_id, n) for n in range(len(ids))]
    assert boxes.numbers_of(boxes.boxes(range(len(ids))).astype("<f2").astype("f4")) == tuple(
        range(len(ids))
    )
