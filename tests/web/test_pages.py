"""The pages as a browser without scripts gets them: grid, photo, problems, uploading."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from gallery.models import Embedding, Photo
from gallery.reasons import Reason
from gallery.signals import photos_changed
from gallery.views.tiles import PAGE
from tests.web.test_api_photos import picture, upload

pytestmark = pytest.mark.django_db


@pytest.fixture
def photo(ada_client, model) -> Photo:
    return Photo.objects.get(pk=upload(ada_client, picture(), "beach.jpg").json()["id"])


def rows(owner, count: int, *, start: datetime, step: timedelta = timedelta(hours=5)) -> None:
    Photo.objects.bulk_create(
        Photo(
            owner=owner,
            sha256=f"{place:064x}",
            size=1,
            format="JPEG",
            extension="jpg",
            name=f"photo-{place}.jpg",
            width=400,
            height=300,
            shown_at=start - place * step,
            taken_at=start - place * step,
            wall_at=start - place * step,
        )
        for place in range(count)
    )


def shown(answer) -> list[str]:
    return re.findall(r'class="tile"[^>]*data-id="([^"]+)"', answer.content.decode())


def text(answer) -> str:
    return answer.content.decode()


def test_an_empty_gallery_invites_to_drop_photos(ada_client):
    answer = ada_client.get("/")
    assert answer.status_code == 200
    assert "Drop photos here" in text(answer)


def test_the_grid_knows_every_shape_and_colour_before_a_picture_arrives(ada_client, photo):
    Photo.objects.update(colour="#aa1020")
    page = text(ada_client.get("/"))
    assert "--w:64;--h:48;--c:#aa1020" in page
    assert f'href="/photos/{photo.pk}"' in page
    assert "Today" in page


def test_a_thumbnail_that_is_not_made_yet_is_not_asked_for_as_a_picture(ada_client, photo):
    page = text(ada_client.get("/"))
    assert f'<img src="/photos/{photo.pk}/thumbnail"' not in page
    assert f'data-src="/photos/{photo.pk}/thumbnail"' in page
    Photo.objects.update(decoded_at=timezone.now())
    assert f'<img src="/photos/{photo.pk}/thumbnail"' in text(ada_client.get("/"))


def test_scrolling_to_the_end_shows_every_photo_once_newest_first(ada, ada_client, model):
    rows(ada, 2 * PAGE + 7, start=datetime(2024, 6, 1, 12, tzinfo=UTC))
    seen, address = [], "/"
    while address:
        answer = ada_client.get(address, headers={"HX-Request": "true"} if seen else {})
        seen += shown(answer)
        following = re.search(r'href="(/\?after=[^"]+)">Older photos', text(answer))
        address = following.group(1) if following else ""
    expected = Photo.objects.newest_first().values_list("pk", flat=True)
    assert seen == [str(pk) for pk in expected]


def test_the_next_page_is_a_part_for_htmx_and_a_page_for_everyone_else(ada, ada_client, model):
    rows(ada, PAGE + 1, start=datetime(2024, 6, 1, tzinfo=UTC))
    after = re.search(r"\?after=[^\"]+", text(ada_client.get("/"))).group()
    part = ada_client.get(f"/{after}", headers={"HX-Request": "true"})
    whole = ada_client.get(f"/{after}")
    assert "<html" not in text(part)
    assert "<html" in text(whole)
    assert shown(part) == shown(whole)
    assert "HX-Request" in part.headers["Vary"]


def test_a_made_up_cursor_leads_back_to_the_grid(ada_client):
    assert ada_client.get("/?after=nonsense").headers["Location"] == "/"


def test_each_year_links_to_its_first_photo(ada, ada_client, model):
    rows(ada, 4, start=datetime(2024, 3, 1, tzinfo=UTC), step=timedelta(days=400))
    page = text(ada_client.get("/"))
    years = re.findall(r'<a href="([^"]+)"\s+data-year="(\d+)">', page)
    assert [year for _, year in years] == ["2024", "2023", "2021", "2020"]
    for address, year in years:
        first = re.search(r'class="day[^>]*data-year="(\d+)"', text(ada_client.get(address)))
        assert first.group(1) == year


def test_the_photo_page_tells_what_is_known(ada_client, photo):
    Photo.objects.update(
        exif={
            "make": "FUJIFILM",
            "model": "X-T4",
            "exposure": 0.004,
            "f_number": 2.8,
            "iso": 200,
            "latitude": 48.2,
            "longitude": -16.37,
        }
    )
    page = text(ada_client.get(photo.get_absolute_url()))
    for part in ("beach.jpg", "64 × 48", "FUJIFILM X-T4", "1/250 s, f/2.8, ISO 200"):
        assert part in page
    assert "48.2000° N, 16.3700° W" in page


def test_the_lightbox_gets_the_details_alone(ada_client, photo):
    part = ada_client.get(photo.get_absolute_url(), headers={"HX-Request": "true"})
    assert "<html" not in text(part)
    assert "beach.jpg" in text(part)


def test_neighbours_follow_the_order_of_the_grid(ada, ada_client, model):
    rows(ada, 3, start=datetime(2024, 6, 1, tzinfo=UTC))
    newest, middle, oldest = Photo.objects.newest_first()
    page = text(ada_client.get(middle.get_absolute_url()))
    assert f'rel="prev" href="/photos/{newest.pk}"' in page
    assert f'rel="next" href="/photos/{oldest.pk}"' in page


def test_names_are_shown_as_text(ada_client, photo):
    Photo.objects.update(name='<script>alert("x")</script>.jpg')
    for address in ("/", photo.get_absolute_url()):
        assert "<script>alert" not in text(ada_client.get(address))


def test_deleting_asks_nothing_more_and_goes_back_to_the_grid(ada_client, photo):
    answer = ada_client.post(f"/photos/{photo.pk}/delete", follow=True)
    assert answer.redirect_chain == [("/", 302)]
    assert "<b>beach.jpg</b> is in the trash." in text(answer)
    assert ada_client.get(photo.get_absolute_url()).status_code == 404


def test_deleting_needs_the_csrf_token(ada, photo):
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(ada)
    assert careful.post(f"/photos/{photo.pk}/delete").status_code == 403
    assert Photo.objects.live().count() == 1


@pytest.fixture
def failed(photo) -> Photo:
    photo.embeddings.update(state=Embedding.State.FAILED, reason=Reason.CORRUPT, attempts=1)
    return photo


def test_a_failed_photo_is_listed_with_its_reason(ada_client, failed):
    page = text(ada_client.get("/problems"))
    assert "beach.jpg" in page
    assert str(Reason.CORRUPT.label) in page
    assert str(Reason.CORRUPT.label) in text(ada_client.get(failed.get_absolute_url()))
    assert "1 with a problem" in text(ada_client.get("/status-strip"))


def test_problems_of_others_are_not_listed(bob_client, failed):
    assert "No problems" in text(bob_client.get("/problems"))


def test_retry_starts_the_work_anew_and_rings(
    ada_client, failed, django_capture_on_commit_callbacks
):
    rung = []
    photos_changed.connect(ring := lambda **_: rung.append(1))
    try:
        with django_capture_on_commit_callbacks(execute=True):
            answer = ada_client.post(f"/photos/{failed.pk}/retry")
    finally:
        photos_changed.disconnect(ring)
    assert answer.headers["Location"] == "/problems"
    assert failed.embeddings.get().state == Embedding.State.PENDING
    assert rung


def test_the_strip_says_how_much_is_searchable(ada_client, photo):
    assert "0 of 1 photos searchable" in text(ada_client.get("/status-strip"))
    photo.embeddings.update(state=Embedding.State.INDEXED)
    assert "1 photo, all searchable" in text(ada_client.get("/status-strip"))


def test_a_full_disk_is_told_on_the_page(ada_client, photo, settings):
    settings.MIN_FREE_BYTES = 10**18
    assert "The disk is nearly full" in text(ada_client.get("/"))


def test_the_plain_form_takes_files_and_says_what_became_of_each(ada_client, model):
    files = [
        SimpleUploadedFile("one.jpg", picture("red")),
        SimpleUploadedFile("again.jpg", picture("red")),
        SimpleUploadedFile("notes.txt", b"just text, long enough to be looked at"),
    ]
    page = text(ada_client.post("/upload", {"file": files}))
    assert Photo.objects.count() == 1
    for part in ("added, searchable in a moment", "already here", "cannot read this file"):
        assert part in page


def test_the_plain_form_without_a_file_says_so(ada_client):
    answer = ada_client.post("/upload")
    assert answer.status_code == 400
    assert "Choose at least one picture" in text(answer)


def test_no_page_has_inline_scripts_or_reaches_elsewhere(ada_client, photo):
    for address in ("/", photo.get_absolute_url(), "/settings", "/problems", "/upload", "/search"):
        page = text(ada_client.get(address))
        assert not re.search(r"<script(?![^>]*\bsrc=)", page), address
        assert not re.search(r"\son[a-z]+=", page), address
        assert not re.search(r"""(?:src|href)="(?:https?:)?//""", page), address


@pytest.mark.parametrize("language", ["de", "ar", "fr-CH"])
def test_numbers_in_styles_stay_numbers_in_every_language(ada_client, photo, language):
    page = text(ada_client.get("/", headers={"Accept-Language": language}))
    assert re.search(r"--sum:1\.33\b", page)


def test_a_tile_says_when_a_photo_was_taken_by_the_clock_on_the_wall(ada_client, photo, settings):
    settings.TIME_ZONE = "Europe/Berlin"
    wall = datetime(2024, 5, 31, 23, 30, tzinfo=UTC)
    Photo.objects.filter(pk=photo.pk).update(taken_at=wall, wall_at=wall)
    assert 'data-taken="2024-05-31T23:30"' in text(ada_client.get("/"))
    assert 'data-wall="2024-05-31T23:30:00"' in text(ada_client.get(photo.get_absolute_url()))
