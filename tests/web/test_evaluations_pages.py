"""The pages of evaluations: where the truth comes from, what came out, and the photos behind it."""

from __future__ import annotations

import csv
import re
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from gallery.models import Album, ExternalFile, ExternalFolder, Photo, Tag
from search.understanding.evaluation import runs
from search.understanding.models import EvaluationRun, Kind, Label, LabelSet
from tests.web.test_evaluations_api import COLOURS, _fresh, make_set  # noqa: F401
from tests.workers.conftest import add_photo, drain

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def colours(ada, model) -> LabelSet:
    return make_set(ada)


@pytest.fixture
def photos(ada, colours) -> dict[str, list[Photo]]:
    """Four photos of each colour."""
    made = {name: [add_photo(ada, colour=name) for _ in range(4)] for name in COLOURS}
    drain()
    return made


@pytest.fixture
def albums(ada, photos):
    """Albums of the colours, and a green photo in the one of the blue ones."""
    for name, shown in photos.items():
        Album.objects.create(owner=ada, name=name.upper()).photos.add(*shown)
    Album.objects.get(name="GREEN").photos.remove(photos["green"][0])
    Album.objects.get(name="BLUE").photos.add(photos["green"][0])


def ask(client, label_set, source="albums", file: bytes | None = None):
    body = {"set": str(label_set.pk), "source": source}
    if file is not None:
        body["file"] = SimpleUploadedFile("truth.csv", file)
    return client.post(reverse("evaluations"), body)


def figures(client, answer) -> dict[str, float]:
    """Return the share of right labels by wording, as the page shows it."""
    page = client.get(answer.headers["Location"]).content.decode()
    rows = re.findall(
        r'<a href="\?column=\d+#mistakes">([^<]+)</a>.*?<b>([\d.]+) %</b>', page, re.S
    )
    return {name: float(share) for name, share in rows}


def test_albums_tell_the_truth(ada_client, colours, albums):
    found = figures(ada_client, ask(ada_client, colours))
    assert list(found) == [
        "The bare name",
        "“This is a photo of …”",
        "Several wordings",
        "With its meaning in a dictionary",
        "As Scry labels",
    ]
    assert found["The bare name"] == 91.6


def test_tags_tell_the_truth(ada, ada_client, colours, photos):
    for name in COLOURS:
        Tag.objects.create(owner=ada, name=name).photos.add(*photos[name])
    assert set(figures(ada_client, ask(ada_client, colours, "tags")).values()) == {100}


def test_folders_tell_the_truth(ada, ada_client, colours, photos, tmp_path):
    folder = ExternalFolder.objects.create(owner=ada, path=str(tmp_path))
    for name, shown in photos.items():
        for photo in shown:
            file = ExternalFile.at(folder, tmp_path.relative_to(tmp_path) / "Red" / name / "a.jpg")
            file.key, file.photo = photo.pk.hex, photo
            file.size = file.modified_ns = 1
            file.save()
    assert set(figures(ada_client, ask(ada_client, colours, "folders")).values()) == {100}


@pytest.mark.parametrize("head", ["", "file,label\n", "sha256;label\n", "\ufeffsha256\tlabel\n"])
def test_a_file_tells_the_truth(ada_client, colours, photos, head):
    mark = next((mark for mark in ";\t" if mark in head), ",")
    lines = [f"{p.sha256.upper()}{mark}{name}" for name in COLOURS for p in photos[name]]
    answer = ask(ada_client, colours, "file", (head + "\r\n".join(lines)).encode())
    assert set(figures(ada_client, answer).values()) == {100}


def test_a_file_may_name_paths(ada_client, colours, photos):
    Photo.objects.filter(pk=photos["red"][0].pk).update(name="one.png")
    answer = ask(ada_client, colours, "file", b"C:\\x\\one.png,RED\nred.png,red\nnone.png,red\n")
    page = ada_client.get(answer.headers["Location"]).content.decode()
    assert "1 photo of the truth is not in this gallery: none.png." in page
    assert "1 file name belongs to several photos: red.png." in page
    assert "1 photo." in page


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (b"", "The file is empty."),
        (b"\xff\xfe\x00", "The file is no CSV file in UTF-8."),
        (b"only one column", "Line 1 of the file has no two columns"),
        (b"a.jpg,red\n", "No photo is left to evaluate. 1 photo of the truth is not in"),
        (None, "Choose a CSV file."),
    ],
)
def test_a_file_that_says_nothing_is_refused(ada_client, colours, file, sentence):
    answer = ask(ada_client, colours, "file", file)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not EvaluationRun.objects.exists()


def test_made_up_forms_are_refused(ada_client, bob, colours):
    theirs = make_set(bob)
    for body in ({}, {"set": "x"}, {"set": theirs.pk}, {"set": colours.pk, "source": "script"}):
        assert ada_client.post(reverse("evaluations"), body).status_code == 400
    assert ask(ada_client, colours).status_code == 400  # There is no album.


def test_photos_with_two_labels_are_left_out(ada, ada_client, colours, albums, photos):
    Album.objects.get(name="RED").photos.add(photos["blue"][0])
    page = ada_client.get(ask(ada_client, colours).headers["Location"]).content.decode()
    assert "1 photo has several labels in the truth." in page


def test_a_cell_opens_its_photos(ada_client, colours, albums, photos):
    address = ask(ada_client, colours).headers["Location"]
    page = ada_client.get(address).content.decode()
    assert "blue, taken for green" in page
    cell = next(
        link for link in re.findall(r'href="([^"]+)"', page) if "truth=2&amp;said=1" in link
    ).replace("&amp;", "&")
    shown = ada_client.get(cell).content.decode()
    assert str(photos["green"][0].pk) in shown
    assert str(photos["blue"][0].pk) not in shown
    for bad in ("", "?column=9&truth=0&said=0", "?column=x", "?column=0&truth=0&said=99"):
        assert ada_client.get(f"{address}/photos{bad}").status_code == 404


def test_the_csv_has_every_photo(ada_client, colours, albums):
    address = ask(ada_client, colours).headers["Location"]
    content = b"".join(ada_client.get(f"{address}/csv").streaming_content).decode()
    rows = list(csv.DictReader(content.splitlines()))
    assert len(rows) == 12
    assert [row["label"] for row in rows if row["bare, colours"] != row["label"]] == ["blue"]
    assert {row["as Scry labels, colours"] for row in rows} == set(COLOURS)


def test_formulas_in_names_stay_text(ada, ada_client, model):
    label_set = LabelSet.objects.create(owner=ada, name="x", kind=Kind.ONE_OF)
    Label.objects.create(set=label_set, name="=red()")
    Album.objects.create(owner=ada, name="=red()").photos.add(add_photo(ada))
    drain()
    address = ask(ada_client, label_set).headers["Location"]
    content = b"".join(ada_client.get(f"{address}/csv").streaming_content).decode()
    assert "'=red()" in content


def test_a_style_is_used_from_then_on(ada_client, colours, albums):
    address = ask(ada_client, colours).headers["Location"]
    ada_client.post(f"{address}/use", {"style": "bare"})
    colours.refresh_from_db()
    assert colours.style == "bare"
    ada_client.post(f"{address}/use", {"style": "haiku"})
    colours.refresh_from_db()
    assert colours.style == "bare"
    assert "in use" in ada_client.get(address).content.decode()
    colours.delete()
    assert ada_client.post(f"{address}/use", {"style": "bare"}).status_code == 302
    assert ada_client.get(address).status_code == 200


def test_an_evaluation_that_is_computed_shows_how_far_it_is(
    ada_client, colours, albums, monkeypatch
):
    monkeypatch.setattr(runs, "begin", lambda run_id: None)
    address = ask(ada_client, colours).headers["Location"]
    page = ada_client.get(address).content.decode()
    assert "being evaluated" in page
    assert "hx-trigger" in page
    EvaluationRun.objects.update(state="failed", reason="The set went.")
    assert "The set went." in ada_client.get(address).content.decode()


def test_a_photo_that_went_to_the_trash_is_not_shown(ada_client, colours, albums, photos):
    address = ask(ada_client, colours).headers["Location"]
    gone = photos["green"][0]
    gone.delete()
    assert (
        str(gone.pk)
        not in ada_client.get(f"{address}/photos?column=0&truth=2&said=1").content.decode()
    )
    content = b"".join(ada_client.get(f"{address}/csv").streaming_content).decode()
    assert str(gone.pk) not in content


def test_evaluations_are_their_owners(ada_client, bob_client, colours, albums):
    address = ask(ada_client, colours).headers["Location"]
    for path in ("", "/csv", "/photos?column=0&truth=0&said=0"):
        assert bob_client.get(address + path).status_code == 404
    for path in ("/use", "/remove"):
        assert bob_client.post(address + path).status_code == 404
    assert colours.name not in bob_client.get(reverse("evaluations")).content.decode()
    assert ada_client.post(address + "/remove").status_code == 302
    assert not EvaluationRun.objects.exists()


def test_the_oldest_evaluations_go(ada_client, colours, albums, monkeypatch):
    monkeypatch.setattr(runs, "KEPT", 2)
    kept = [ask(ada_client, colours).headers["Location"] for _ in range(3)]
    assert [ada_client.get(address).status_code for address in kept] == [404, 200, 200]


def test_a_large_matrix_shows_the_labels_with_mistakes(ada, ada_client, model):
    label_set = LabelSet.objects.create(owner=ada, name="many", kind=Kind.ONE_OF)
    for place in range(60):
        Label.objects.create(set=label_set, name=f"thing {place}", position=place)
        Album.objects.create(owner=ada, name=f"thing_{place}").photos.add(add_photo(ada))
    drain()
    page = ada_client.get(ask(ada_client, label_set).headers["Location"]).content.decode()
    assert page.count('<th scope="row">thing') <= 30 + 60
    assert "not shown; the CSV has them" in page


def test_the_page_of_an_unknown_evaluation_is_a_404(ada_client):
    assert ada_client.get(reverse("evaluation", args=[uuid.uuid4()])).status_code == 404
