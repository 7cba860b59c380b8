"""A camera that writes a RAW file and a picture of one shot: two photos, one tile."""

from __future__ import annotations

import pytest

from gallery.models import Photo
from tests import images
from tests.web.test_api_photos import upload

pytestmark = pytest.mark.django_db

WHEN, LATER = "2022:08:08 08:08:08", "2022:08:08 08:09:08"


def jpeg(model="D750", taken=WHEN, size=(800, 600)):
    exif = images.exif(
        {0x010F: "NIKON CORPORATION", 0x0110: model}, {0x9003: taken} if taken else {}
    )
    return images.encode(images.gradient(size), exif=exif)


def send(client, *sent):
    answers = [upload(client, data, name).json() for data, name in sent]
    return [Photo.objects.get(pk=answer["id"]) for answer in answers]


RAW, PICTURE = (images.raw(taken=WHEN), "DSC_0001.NEF"), (jpeg(), "DSC_0001.JPG")


@pytest.mark.parametrize("order", [(RAW, PICTURE), (PICTURE, RAW)])
def test_both_files_of_a_shot_are_one_stack_under_the_picture(ada_client, model, order):
    photos = {photo.format: photo for photo in send(ada_client, *order)}
    raw, picture = photos["NEF"], photos["JPEG"]
    assert raw.stack_id is not None
    assert raw.stack_id == picture.stack_id
    assert raw.stack.cover_id == picture.pk
    assert (raw.folded, picture.folded) == (True, False)


def test_a_third_file_of_the_shot_joins_the_stack(ada_client, model):
    raw, picture, other = send(
        ada_client, RAW, PICTURE, (images.raw(dng=True, taken=WHEN), "dsc_0001.dng")
    )
    raw.refresh_from_db()
    assert raw.stack_id == picture.stack_id == other.stack_id
    assert raw.stack.cover_id == picture.pk
    assert other.folded


def test_a_raw_file_without_a_time_needs_the_camera_and_the_shape(ada_client, model):
    timeless = (images.raw(), "DSC_0001.NEF")
    raw, _ = send(ada_client, timeless, PICTURE)
    raw.refresh_from_db()
    assert raw.stack_id is not None


@pytest.mark.parametrize(
    ("raw", "picture"),
    [
        (RAW, (jpeg(taken=LATER), "DSC_0001.JPG")),
        (RAW, (jpeg(), "DSC_0002.JPG")),
        (RAW, (jpeg(), "DSC_0001.edited.JPG")),
        (RAW, (jpeg(model="D850"), "DSC_0001.JPG")),
        ((images.raw(), "DSC_0001.NEF"), (jpeg(size=(600, 600)), "DSC_0001.JPG")),
        ((images.raw(), "DSC_0001.NEF"), (images.jpeg(), "DSC_0001.JPG")),
        ((jpeg(size=(400, 300)), "DSC_0001.jpeg"), (jpeg(), "DSC_0001.JPG")),
    ],
)
def test_what_may_be_another_shot_is_not_stacked(ada_client, model, raw, picture):
    for photo in send(ada_client, raw, picture):
        photo.refresh_from_db()
        assert photo.stack_id is None


def test_photos_of_others_and_of_the_trash_are_left_alone(ada_client, bob_client, model):
    (theirs,) = send(bob_client, RAW)
    (mine,) = send(ada_client, RAW)
    ada_client.delete(f"/api/v1/photos/{mine.pk}")
    (picture,) = send(ada_client, PICTURE)
    for photo in (theirs, mine, picture):
        photo.refresh_from_db()
        assert photo.stack_id is None


def test_all_kinds_of_raw_are_found_by_their_type(ada_client, model):
    raw, other, _ = send(ada_client, RAW, (images.raw(dng=True), "a.dng"), (jpeg(), "b.jpg"))

    def found(query):
        return {hit["id"] for hit in ada_client.get("/api/v1/search", {"q": query}).json()["hits"]}

    assert found("type:raw") == {str(raw.pk), str(other.pk)}
    assert found("type:nef") == {str(raw.pk)}
