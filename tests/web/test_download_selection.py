"""The photos that somebody selected, as one ZIP."""

from __future__ import annotations

import io
import zipfile

import pytest

from gallery import files
from gallery.views import archives
from tests.external import body

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def names_of(answer) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(body(answer))) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def ask(client, *photos):
    return client.post("/photos/zip", {"photos": ",".join(str(photo.pk) for photo in photos)})


def test_it_holds_the_originals_byte_for_byte(world, ada_client):
    answer = ask(ada_client, world.photos["red"], world.photos["lone"])
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(body(answer))) as archive:
        for photo in (world.photos["red"], world.photos["lone"]):
            assert archive.read(photo.name) == files.original(photo).read_bytes()
        assert "red.mov" in archive.namelist()  # The moving part of the Live Photo.


def test_photos_of_others_are_no_part_of_it(world, bob_client):
    answer = ask(bob_client, *world.photos.values())
    assert answer.status_code == 302


def test_what_is_in_the_trash_is_no_part_of_it(world, ada_client):
    ada_client.post(f"/photos/{world.photos['lone'].pk}/delete")
    assert "lone.jpg" not in names_of(ask(ada_client, *world.photos.values()))


def test_a_file_that_cannot_be_read_is_named_at_the_end(world, ada_client):
    files.original(world.photos["lone"]).unlink()
    names = names_of(ask(ada_client, world.photos["lone"], world.photos["blue"]))
    assert {"blue.jpg", "not included.txt"} <= set(names)
    assert "lone.jpg" not in names


def test_too_many_at_once_are_refused_with_a_reason(world, ada_client):
    running = [ask(ada_client, world.photos["red"]) for _number in range(archives.ZIPS_AT_ONCE)]
    refused = ada_client.post("/photos/zip", {"photos": world.photos["red"].pk}, follow=True)
    assert "Too many downloads are under way." in refused.text
    for answer in running:
        answer.close()
    assert names_of(ask(ada_client, world.photos["blue"])) == ["blue.jpg"]


@pytest.mark.parametrize("sent", ["", "x", "0b1c0a4e-1111-4222-8333-abcdefabcdef"])
def test_ids_that_name_nothing_lead_back(ada_client, sent):
    answer = ada_client.post("/photos/zip", {"photos": sent}, follow=True)
    assert answer.redirect_chain[-1][0] == "/"
    assert "These photos no longer exist." in answer.text
