"""Albums, favourites, tags and captions: the pages without scripts."""

from __future__ import annotations

import html
import re
import uuid

import pytest
from django.utils import timezone

from gallery import albums, marks, stacks
from gallery.models import Album, Photo, Tag
from gallery.views.tiles import PAGE
from tests.web.test_api_albums import HTMX, START, listed, new_album
from tests.web.test_api_photos import picture, upload
from tests.web.test_pages import rows, shown, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def photos(ada, model) -> list[Photo]:
    """Four photos of Ada, newest first."""
    rows(ada, 4, start=START)
    return list(Photo.objects.newest_first())


def test_the_albums_page_invites_to_make_one_and_then_shows_it(ada_client, photos):
    assert "No albums yet" in text(ada_client.get("/albums"))
    made = ada_client.post("/albums", {"name": "Summer <b>"}, follow=True)
    assert made.status_code == 200
    assert "This album is empty" in text(made)
    album = Album.objects.get()
    albums.add(album, Photo.objects.filter(pk__in=[photos[0].pk, photos[1].pk]))
    Photo.objects.update(decoded_at=timezone.now())
    page = text(ada_client.get("/albums"))
    assert "Summer &lt;b&gt;" in page
    assert "2 photos" in page
    assert f'<img src="/photos/{photos[0].pk}/thumbnail"' in page


@pytest.mark.parametrize(
    ("name", "status", "said"),
    [("Summer", 409, "already an album called Summer"), (" ", 400, "Enter a name")],
)
def test_a_name_that_cannot_be_taken_is_said_beside_the_field(ada_client, name, status, said):
    new_album(ada_client, "Summer")
    answer = ada_client.post("/albums", {"name": name})
    assert answer.status_code == status
    assert said in text(answer)
    assert f'value="{name}"' in text(answer)


def test_an_album_page_shows_its_photos_by_day_and_continues(ada, ada_client, model):
    rows(ada, 2 * PAGE + 7, start=START)
    chosen = [photo.pk for photo in Photo.objects.newest_first()][::2]
    more = [photo.pk for photo in Photo.objects.newest_first()][1:40:2]
    album_id = new_album(ada_client, "Long", *chosen, *more)
    seen, address = [], f"/albums/{album_id}"
    while address:
        answer = ada_client.get(address, headers=HTMX if seen else {})
        seen += shown(answer)
        following = re.search(r'href="(/albums/[^"]+\?after=[^"]+)">Older photos', text(answer))
        address = following.group(1) if following else ""
    in_it = Photo.objects.filter(albums=album_id).newest_first().values_list("pk", flat=True)
    assert seen == [str(pk) for pk in in_it]
    assert len(seen) > PAGE
    assert "data-grid" in text(ada_client.get(f"/albums/{album_id}"))


def test_album_pages_do_not_fold_stacks(ada, ada_client, photos):
    album_id = new_album(ada_client, "Summer", *[photo.pk for photo in photos])
    stacks.create(Photo.objects.filter(pk__in=[photos[0].pk, photos[1].pk]), photos[0])
    assert len(shown(ada_client.get(f"/albums/{album_id}"))) == 4


@pytest.mark.parametrize("page", ["/albums/{album}", "/favourites", "/tags/sea"])
def test_a_made_up_cursor_leads_back_to_the_page(ada_client, photos, page):
    marks.update(photos[0], favourite=True, tags=["sea"])
    address = page.format(album=new_album(ada_client))
    assert ada_client.get(f"{address}?after=x").headers["Location"] == address


def test_renaming_taking_out_and_removing_without_scripts(ada_client, photos):
    album_id = new_album(ada_client, "Summer", photos[0].pk, photos[1].pk)
    new_album(ada_client, "Taken")
    change = f"/albums/{album_id}/change"
    taken = ada_client.post(change, {"name": "Taken"})
    assert taken.status_code == 409
    assert "already an album called Taken" in text(taken)
    assert re.search(r"<h1>\s*Summer\s*</h1>", text(taken))
    assert ada_client.post(change, {"name": "Autumn"}).headers["Location"] == f"/albums/{album_id}"
    ada_client.post(change, {"photo": [str(photos[0].pk), "nonsense"]})
    assert listed(ada_client) == {"Autumn": 1, "Taken": 0}
    gone = ada_client.post(change, {"remove": "1"}, follow=True)
    assert gone.redirect_chain == [("/albums", 302)]
    assert "The album Autumn was removed" in text(gone)
    assert Photo.objects.live().count() == 4


def test_favourites_and_tags_have_pages_with_empty_states(ada, ada_client, photos):
    assert "No favourites yet" in text(ada_client.get("/favourites"))
    assert ada_client.get("/tags/sea").status_code == 404
    marks.update(photos[2], favourite=True, tags=["sea & sun?"])
    assert shown(ada_client.get("/favourites")) == [str(photos[2].pk)]
    page = ada_client.get("/albums")
    link = html.unescape(re.search(r'href="(/tags/[^"]+)"', text(page)).group(1))
    assert shown(ada_client.get(link)) == [str(photos[2].pk)]
    marks.update(photos[2], tags=[])
    assert "No photo has this tag" in text(ada_client.get(link))


def test_tags_of_others_are_nowhere(ada_client, bob_client, photos):
    marks.update(photos[0], tags=["secret"])
    assert bob_client.get("/tags/secret").status_code == 404
    assert "secret" not in text(bob_client.get("/albums"))


def test_a_tile_carries_a_heart_only_if_it_is_a_favourite(ada_client, photos):
    assert 'class="loved"' not in text(ada_client.get("/"))
    marks.update(photos[0], favourite=True)
    assert text(ada_client.get("/")).count('class="loved"') == 1


# --- marking on the photo page -------------------------------------------------------------------


def mark(client, photo: Photo, htmx: bool = False, **fields: str):
    return client.post(f"/photos/{photo.pk}/mark", fields, headers=HTMX if htmx else {})


def test_marking_without_scripts_goes_back_to_the_photo(ada_client, photos):
    photo = photos[0]
    for fields in (
        {"favourite": "1"},
        {"caption": "By the <sea>"},
        {"tag": "sea, sun ,"},
        {"album": "Summer"},
        {"album": "Summer"},
    ):
        assert mark(ada_client, photo, **fields).headers["Location"] == f"/photos/{photo.pk}"
    page = text(ada_client.get(f"/photos/{photo.pk}"))
    assert 'aria-pressed="true"' in page
    assert "By the &lt;sea&gt;</textarea>" in page
    assert re.findall(r'href="/tags/(\w+)"', page) == ["sea", "sun"]
    assert listed(ada_client) == {"Summer": 1}
    mark(ada_client, photo, favourite="0")
    mark(ada_client, photo, untag="sea")
    mark(ada_client, photo, unalbum=str(Album.objects.get().pk))
    found = ada_client.get(f"/api/v1/photos/{photo.pk}").json()
    assert (found["favourite"], found["tags"], found["albums"]) == (False, ["sun"], [])
    assert found["caption"] == "By the <sea>"


def test_marking_with_htmx_brings_the_marks_anew(ada_client, photos):
    answer = mark(ada_client, photos[0], htmx=True, favourite="1")
    assert answer.status_code == 200
    assert "<html" not in text(answer)
    assert text(answer).lstrip().startswith('<section class="marks"')
    assert 'data-favourite="1"' in text(answer)
    assert "HX-Request" in answer.headers["Vary"]


def test_what_cannot_be_taken_is_said_and_kept_in_the_field(ada_client, photos):
    for htmx, status in ((True, 200), (False, 400)):
        answer = mark(ada_client, photos[0], htmx=htmx, tag="a/b")
        assert answer.status_code == status
        assert "A tag cannot contain a slash" in text(answer)
        assert 'value="a/b"' in text(answer)
    assert not Tag.objects.exists()


def test_known_tags_and_albums_are_offered(ada_client, photos):
    marks.update(photos[1], tags=["sea"])
    new_album(ada_client, "Summer")
    page = text(ada_client.get(f"/photos/{photos[0].pk}"))
    assert '<option value="sea">' in page
    assert '<option value="Summer">' in page


def test_forms_that_make_no_sense_change_nothing(ada_client, photos):
    for fields in ({}, {"favourite": "maybe"}, {"unalbum": "x"}, {"untag": "never"}, {"tag": ","}):
        assert mark(ada_client, photos[0], **fields).status_code == 302
    unknown = mark(ada_client, photos[0], unalbum=str(uuid.uuid4()))
    assert unknown.status_code == 404


def test_another_persons_album_is_not_joined_by_its_name(ada, ada_client, bob, photos):
    theirs = albums.create(bob, "Summer")
    mark(ada_client, photos[0], album="Summer")
    assert not theirs.photos.exists()
    assert listed(ada_client) == {"Summer": 1}
    with_theirs = mark(ada_client, photos[0], unalbum=str(theirs.pk))
    assert with_theirs.status_code == 404


def test_the_drawer_of_the_lightbox_has_the_marks(ada_client, model):
    photo_id = upload(ada_client, picture()).json()["id"]
    part = text(ada_client.get(f"/photos/{photo_id}", headers=HTMX))
    assert f'data-photo="{photo_id}"' in part
