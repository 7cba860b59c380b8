"""Files that belong to a photo: the videos of Live Photos, and sidecars of all makers."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from gallery import companions, files, trash
from gallery.models import Companion, Photo
from tests import companion_files, images
from tests.companion_files import IDENTIFIER, aae, live_picture, takeout, video, xmp
from tests.web.test_api_photos import media_files, picture, upload

pytestmark = pytest.mark.django_db

SHOT = datetime(2024, 5, 31, 16, 30, 15, tzinfo=UTC)


def send(client, data: bytes, name: str, beside: dict[str, Any] | None = None):
    fields: dict[str, Any] = {"file": SimpleUploadedFile(name, data)}
    if beside is not None:
        fields["beside"] = json.dumps({key: str(value) for key, value in beside.items()})
    return client.post("/api/v1/photos", fields)


def take(client, data: bytes, name: str) -> Photo:
    answer = upload(client, data, name)
    assert answer.status_code == 201, answer.content
    return Photo.objects.get(pk=answer.json()["id"])


def body(response) -> bytes:
    return b"".join(response.streaming_content)


@pytest.fixture
def photo(ada_client, model) -> Photo:
    return take(ada_client, live_picture(), "IMG_1.HEIC")


# --- Live Photos ----------------------------------------------------------------------------------


def test_the_video_of_a_live_photo_is_kept_with_its_picture(ada_client, bob_client, photo):
    data, name = video(), "IMG_1.MOV"
    answer = send(ada_client, data, name)
    assert answer.status_code == 201
    sent = answer.json()
    assert sent["companion_of"] == sent["id"] == str(photo.pk)
    assert (sent["name"], sent["duplicate"]) == ("IMG_1.HEIC", False)
    shown = ada_client.get(f"/api/v1/photos/{photo.pk}").json()
    (kept,) = shown["companions"]
    assert shown["motion"] == "beside"
    assert (kept["kind"], kept["name"], kept["size"]) == ("video", name, len(data))
    assert Photo.objects.count() == 1
    played = ada_client.get(f"/photos/{photo.pk}/video", headers={"Range": "bytes=10-19"})
    assert (played.status_code, body(played)) == (206, data[10:20])
    assert body(ada_client.get(kept["url"])) == data
    assert "Play the video" in ada_client.get(f"/photos/{photo.pk}").content.decode()
    for path in (f"/photos/{photo.pk}/video", kept["url"]):
        assert bob_client.get(path).status_code == 404


def test_a_pair_that_comes_again_is_a_copy(ada_client, photo):
    data = video()
    send(ada_client, data, "IMG_1.MOV")
    before = sorted(media_files())
    upload(ada_client, live_picture(), "IMG_1.HEIC")
    answer = send(ada_client, data, "IMG_1.MOV")
    assert (answer.status_code, answer.json()["duplicate"]) == (200, True)
    assert sorted(media_files()) == before
    assert Companion.objects.count() == 1
    # The name is not asked when the file is known.
    assert send(ada_client, data, "other.mov").json()["companion_of"] == str(photo.pk)


def test_an_identifier_ties_more_surely_than_a_name(ada_client, photo):
    named = take(ada_client, picture("blue"), "IMG_2.JPG")
    film = video(14, content_id=IDENTIFIER, date="2024-05-31T18:30:15+0200")
    assert send(ada_client, film, "IMG_2.MOV").json()["companion_of"] == str(photo.pk)
    named.refresh_from_db()
    assert named.motion == ""


def test_a_video_of_another_live_photo_does_not_belong_to_a_name(ada_client, photo):
    other = "00000000-0000-0000-0000-000000000000"
    beside = {"IMG_1.HEIC": photo.pk}
    answer = send(ada_client, video(content_id=other), "IMG_1.MOV", beside)
    assert (answer.status_code, answer.json()["code"]) == (415, "no_photo_for_companion")


def test_a_long_video_of_the_name_is_refused_as_any_video(ada_client, photo):
    for seconds in (6.5, 30, 4000):
        answer = send(ada_client, video(seconds), "IMG_1.MOV", {"IMG_1.HEIC": photo.pk})
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_type")
    assert Companion.objects.count() == 0


def test_of_a_video_of_unknown_length_the_size_decides(ada_client, photo, monkeypatch):
    monkeypatch.setattr(companions, "_LIVE_BYTES", 1000)
    long = video(0) + companion_files.box(b"free", bytes(1000))
    assert send(ada_client, long, "IMG_1.MOV").json()["code"] == "unsupported_type"
    assert send(ada_client, video(0), "IMG_1.MOV").status_code == 201


def test_a_video_of_another_year_does_not_belong_to_a_name_of_the_library(ada_client, photo):
    film = video(created=datetime(2019, 5, 31, tzinfo=UTC))
    assert send(ada_client, film, "IMG_1.MOV").status_code == 415
    assert send(ada_client, video(created=SHOT), "IMG_1.MOV").status_code == 201


@pytest.mark.parametrize("year", ["0001-01-01", "9999-12-31"])
def test_a_video_from_the_ends_of_the_calendar_goes_by_its_other_ties(ada_client, photo, year):
    foreign = video(content_id="0" * 36, date=f"{year}T00:00:00+00:00")
    assert send(ada_client, foreign, "IMG_1.MOV").status_code == 415
    film = video(content_id=IDENTIFIER, date=f"{year}T00:00:00+00:00")
    assert send(ada_client, film, "IMG_1.MOV").json()["companion_of"] == str(photo.pk)


def test_a_video_beside_its_picture_may_have_any_date(ada_client, photo):
    film = video(created=datetime(2026, 1, 1, tzinfo=UTC))
    assert send(ada_client, film, "IMG_1.MOV", {"IMG_1.HEIC": photo.pk}).status_code == 201


def test_a_motion_photo_keeps_what_it_has_inside(ada_client, model):
    inside = images.mp4(3000)
    photo = take(ada_client, images.encode(images.gradient()) + inside, "PXL_1.MP.jpg")
    assert send(ada_client, video(), "PXL_1.MP").status_code == 201
    photo.refresh_from_db()
    assert photo.motion == "inside"
    assert body(ada_client.get(f"/photos/{photo.pk}/video")) == inside


def test_the_phones_own_picture_is_preferred(ada_client, model):
    raw = take(ada_client, images.raw(), "IMG_1.DNG")
    jpeg = take(ada_client, picture("blue"), "IMG_1.JPG")
    heic = take(ada_client, live_picture("", heic=True), "IMG_1.HEIC")
    beside = {photo.name: photo.pk for photo in (raw, jpeg, heic)}
    answer = send(ada_client, video(), "IMG_1.MOV", beside)
    assert answer.json()["companion_of"] == str(heic.pk)


# --- whose it is ----------------------------------------------------------------------------------

FILES = {
    "video": (video(), "IMG_1.MOV"),
    "xmp": (xmp(xmp__Rating="3"), "IMG_1.xmp"),
    "aae": (aae(), "IMG_1.AAE"),
    "json": (takeout("IMG_1.HEIC"), "IMG_1.HEIC.json"),
}


def test_files_without_their_photo_are_refused_in_words(ada_client, photo, bob_client):
    for data, name in FILES.values():
        answer = send(bob_client, data, name)
        assert (answer.status_code, answer.json()["code"]) == (415, "no_photo_for_companion")
        assert "Add the photo first" in answer.json()["message"]


def test_every_kind_is_kept_and_given_back(ada_client, photo):
    for kind, (data, name) in FILES.items():
        assert send(ada_client, data, name).status_code == 201
        companion = photo.companions.get(kind=kind)
        assert files.companion(companion).read_bytes() == data
        answer = ada_client.get(companion.get_absolute_url())
        assert body(answer) == data
        assert name in answer.headers["Content-Disposition"]
        assert answer.headers["Content-Security-Policy"].endswith("sandbox")
    page = ada_client.get(f"/photos/{photo.pk}").content.decode()
    assert all(name in page for _, name in FILES.values())


def test_of_several_photos_of_a_name_the_one_beside_is_meant(ada_client, model):
    first, second = (take(ada_client, picture(c), "IMG_1.JPG") for c in ("red", "blue"))
    data = xmp(xmp__Rating="3")
    assert send(ada_client, data, "IMG_1.xmp").json()["code"] == "no_photo_for_companion"
    assert Companion.objects.count() == 0
    answer = send(ada_client, data, "IMG_1.xmp", {"IMG_1.JPG": second.pk})
    assert answer.json()["companion_of"] == str(second.pk)
    first.refresh_from_db()
    assert first.rating == 0


def test_of_several_photos_of_a_name_the_time_may_decide(ada_client, model):
    take(ada_client, live_picture("", taken="2019:01:01 12:00:00"), "IMG_1.JPG")
    photo = take(ada_client, live_picture(""), "IMG_1.JPG")
    data = takeout("IMG_1.JPG", int(SHOT.timestamp()))
    assert send(ada_client, data, "IMG_1.JPG.json").json()["companion_of"] == str(photo.pk)


def test_a_raw_file_and_its_picture_share_a_sidecar(ada_client, model):
    when = "2022:08:08 08:08:08"
    raw = take(ada_client, images.raw(taken=when), "DSC_1.NEF")
    exif = images.exif({0x010F: "NIKON CORPORATION", 0x0110: "D750"}, {0x9003: when})
    jpeg = take(ada_client, images.encode(images.gradient((800, 600)), exif=exif), "DSC_1.JPG")
    assert send(ada_client, xmp(xmp__Rating="4"), "DSC_1.xmp").status_code == 201
    for photo in (raw, jpeg):
        photo.refresh_from_db()
        assert (photo.rating, photo.companions.count()) == (4, 1)
    send(ada_client, xmp(xmp__Rating="5"), "DSC_1.NEF.xmp")
    assert (jpeg.companions.count(), raw.companions.count()) == (1, 2)


def test_takeouts_title_stands_in_for_a_name(ada_client, model):
    photo = take(ada_client, picture(), "Sunset over the bay.jpg")
    data = takeout("Sunset over the bay.jpg", description="Bay")
    assert send(ada_client, data, "Sunset.json").json()["companion_of"] == str(photo.pk)


def test_pictures_of_others_beside_a_file_do_not_count(ada_client, bob_client, photo):
    theirs = take(bob_client, picture(), "IMG_7.JPG")
    answer = send(ada_client, xmp(xmp__Rating="3"), "IMG_7.xmp", {"IMG_7.JPG": theirs.pk})
    assert answer.status_code == 415
    answer = send(ada_client, xmp(xmp__Rating="3"), "IMG_7.xmp", {"IMG_7.JPG": uuid.uuid4()})
    assert answer.status_code == 415


def test_nonsense_about_what_lies_beside_is_refused(ada_client):
    for beside in ("[1]", '{"a": "b"}', "{", '{"a": null}'):
        fields = {"file": SimpleUploadedFile("IMG_1.xmp", xmp()), "beside": beside}
        answer = ada_client.post("/api/v1/photos", fields)
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter")


BAD = {
    "xmp with a document type": (b"<!DOCTYPE x>" + xmp(), "IMG_1.xmp", "bad_companion"),
    "xmp that is cut": (xmp()[:-9], "IMG_1.xmp", "bad_companion"),
    "json of something else": (b'{"name": "x"}', "IMG_1.HEIC.json", "bad_companion"),
    "aae that is none": (b"hello", "IMG_1.AAE", "bad_companion"),
    "empty": (b"", "IMG_1.xmp", "empty"),
    "video that is none": (b"hello", "IMG_1.MOV", "unsupported_type"),
    "sound": (video(sound_only=True), "IMG_1.MOV", "unsupported_type"),
    "other ending": (b"hello", "IMG_1.txt", "unsupported_type"),
}


def test_bad_files_are_refused_and_leave_nothing(ada_client, photo):
    before = sorted(media_files())
    for what, (data, name, code) in BAD.items():
        answer = send(ada_client, data, name)
        assert 400 <= answer.status_code < 500, what
        assert answer.json()["code"] == code, what
    assert sorted(media_files()) == before
    assert Companion.objects.count() == 0


def test_a_picture_is_a_picture_whatever_its_name(ada_client, model):
    answer = send(ada_client, picture(), "IMG_1.MOV")
    assert (answer.status_code, answer.json()["companion_of"]) == (201, None)


def test_two_requests_for_one_file_keep_it_once(ada, photo, tmp_path, monkeypatch):
    path = images.write(tmp_path, "IMG_1.xmp", xmp(xmp__Rating="3"))
    real = companions._record

    def be_late(companion, contents):
        monkeypatch.setattr(companions, "_record", real)
        companions.keep(ada, path, path.name)
        real(companion, contents)

    monkeypatch.setattr(companions, "_record", be_late)
    assert companions.keep(ada, path, path.name).duplicate
    assert len([file for file in media_files() if "companions" in file.parts]) == 1


def test_the_form_without_scripts_takes_pictures_first(ada_client, model):
    sent = [SimpleUploadedFile("IMG_1.MOV", video()), SimpleUploadedFile("IMG_1.JPG", picture())]
    page = ada_client.post("/upload", {"file": sent}).content.decode()
    assert "kept with IMG_1.JPG" in page
    assert Photo.objects.get().motion == "beside"


# --- gone and back --------------------------------------------------------------------------------


def test_a_photo_in_the_trash_gets_no_files_and_keeps_its_own(ada_client, photo):
    send(ada_client, video(), "IMG_1.MOV")
    address = photo.companions.get().get_absolute_url()
    trash.trash(Photo.objects.filter(pk=photo.pk))
    assert send(ada_client, xmp(xmp__Rating="3"), "IMG_1.xmp").status_code == 415
    assert ada_client.get(address).status_code == 404
    trash.restore(Photo.objects.filter(pk=photo.pk))
    assert body(ada_client.get(address)) == video()


def test_what_belonged_to_half_a_file_goes_over_to_the_whole_one(ada_client, model):
    whole = images.encode(images.gradient((600, 400)).effect_spread(9))
    half = take(ada_client, images.cut(whole, 0.5), "IMG_1.JPG")
    send(ada_client, video(), "IMG_1.MOV")
    photo = take(ada_client, whole, "IMG_1.JPG")
    assert photo.companions.count() == 1
    assert photo.motion == "beside"
    assert half.companions.count() == 0


def test_long_names_are_kept(ada_client, model):
    stem = "n" * 180
    photo = take(ada_client, picture(), f"{stem}.jpg")
    answer = send(ada_client, companion_files.takeout(f"{stem}.jpg"), f"{stem[:46]}.json")
    assert answer.json()["companion_of"] == str(photo.pk)
