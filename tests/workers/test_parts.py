"""Parts of photos are embedded after everything else, and follow their photo everywhere."""

from __future__ import annotations

import io
import signal
import uuid

import numpy as np
import pytest
from django.core.management import call_command
from PIL import Image

from gallery import files, trash
from gallery.models import Embedding, Photo, PhotoParts
from search.parts import boxes, nearest
from search.parts.nearest import closest
from search.vectors import embedders
from search.vectors.index import And, Eq, HasIds, IndexUnavailable, Not, Point, close_all
from tests.embedders import PALETTE
from tests.fake_qdrant import FakeQdrant
from tests.workers.conftest import add_photo, delete_for_ever, drain, row_of
from tests.workers.test_kill import run_worker
from workers import embed_parts, housekeeping, jobs
from workers.index_sync import projection, reconcile, removal
from workers.index_sync.sources import PARTS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _awake(settings):
    settings.PART_SEARCH = 1000
    jobs.PARTS.resume()


def never() -> bool:
    return False


def with_spot(colour: str, size: tuple[int, int] = (640, 480)) -> bytes:
    """Return a grey picture with a coloured square in its lower right corner."""
    image = Image.new("RGB", size, PALETTE["grey"])
    side = size[1] // 4
    image.paste(PALETTE[colour], (size[0] - side, size[1] - side, size[0], size[1]))
    image.putpixel((0, 0), tuple(np.random.default_rng().integers(0, 256, 3).tolist()))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def add(owner, colour: str = "red", size: tuple[int, int] = (640, 480)) -> Photo:
    photo = add_photo(owner, with_spot(colour, size))
    Photo.objects.filter(pk=photo.pk).update(width=size[0], height=size[1])
    return photo


def ask(model, owner, words: str = "red", *more) -> list:
    vector = embedders.embed_query_text(model.key, words)
    flt = And((Eq("owner", str(owner.pk)), *more))
    return [(hit.photo_id, hit.box) for hit in closest(model, vector, limit=10, flt=flt)]


def found(model, owner, words: str = "red") -> set:
    return {photo_id for photo_id, _ in ask(model, owner, words)}


def points(model) -> set:
    return {boxes.part_of(point.id)[0] for point in nearest.index_of(model).scroll()}


@pytest.fixture
def spots(ada, model) -> list[Photo]:
    """Two photos with a spot whose parts can be found."""
    photos = [add(ada, "red"), add(ada, "blue")]
    drain()
    assert embed_parts.make_due(model, stop=never) == 2
    return photos


def test_the_part_that_shows_it_is_found(ada, bob, model, spots):
    red, blue = spots
    assert ask(model, ada, "red")[0] == (red.pk, boxes.PLACES[3])
    assert ask(model, ada, "blue")[0] == (blue.pk, boxes.PLACES[3])
    assert ask(model, bob, "red") == []
    assert not jobs.PARTS.is_due()
    assert not PARTS.waiting(model).exists()


def test_a_server_finds_and_forgets_parts_too(ada, model, settings):
    with FakeQdrant(api_key="secret") as server:
        settings.QDRANT_URL, settings.QDRANT_API_KEY = server.url, "secret"
        close_all()
        red, blue = add(ada, "red"), add(ada, "blue")
        drain()
        embed_parts.make_due(model, stop=never)
        assert ask(model, ada, "red")[0] == (red.pk, boxes.PLACES[3])
        assert reconcile.differences(PARTS, model) == ([], [])
        only = HasIds.of({blue.pk})
        assert {one for one, _ in ask(model, ada, "red", only)} == {blue.pk}
        trash.trash(Photo.objects.filter(pk=red.pk))
        removal.withdraw()
        assert points(model) == {blue.pk}
        close_all()


def test_filters_of_photos_hold_for_their_parts(ada, model, spots):
    red, blue = spots
    only, never_red = HasIds.of({blue.pk}), Not(HasIds.of({red.pk}))
    for flt in (only, never_red, And((only, never_red)), Not(Not(only))):
        assert {one for one, _ in ask(model, ada, "red", flt)} == {blue.pk}


def test_a_photo_of_many_is_named_by_its_hits(ada, model, spots, monkeypatch):
    monkeypatch.setattr(nearest, "NAMED", 0)
    _, blue = spots
    assert {one for one, _ in ask(model, ada, "red", HasIds.of({blue.pk}))} == {blue.pk}


def test_large_and_long_photos_get_parts_of_their_own(ada, model):
    large, long = add(ada, size=(1200, 900)), add(ada, size=(900, 300))
    drain()
    embed_parts.make_due(model, stop=never)
    count = {row.embedding.photo_id: len(row.get_parts()[0]) for row in PhotoParts.objects.all()}
    assert count == {large.pk: 21, long.pk: 5}


def test_a_photo_is_searchable_before_its_parts_are_made(ada, model):
    photo = add(ada)
    assert embed_parts.make_due(model, stop=never) == 0
    drain()
    assert row_of(photo).state == "indexed"
    assert not PhotoParts.objects.exists()
    jobs.PARTS.resume()
    assert jobs.PARTS.is_due()
    assert jobs.is_work_due()


def test_what_is_due_elsewhere_comes_first(ada, model):
    photo = add(ada)
    drain()
    stops = iter([False, False, False, True])
    assert embed_parts.make_due(model, stop=lambda: next(stops, True)) == 0
    assert PhotoParts.objects.get(embedding__photo=photo).tries == 0, "no try was lost"
    assert embed_parts.make_due(model, stop=never) == 1


def test_off_makes_and_finds_nothing(ada, model, settings):
    settings.PART_SEARCH = 0
    add(ada)
    drain()
    assert not jobs.PARTS.is_due()
    assert embed_parts.make_due(model, stop=never) == 0
    assert ask(model, ada) == []
    assert not nearest.is_in_use(model)


def test_no_more_photos_get_parts_than_the_setting_says(ada, model, settings):
    settings.PART_SEARCH = 1
    _, newest = add(ada), add(ada)
    drain()
    embed_parts.make_due(model, stop=never)
    assert points(model) == {newest.pk}
    assert not jobs.PARTS.is_due()


def test_a_missing_original_costs_only_the_parts(ada, model):
    photo, other = add(ada), add(ada)
    drain()
    files.original(photo).unlink()
    embed_parts.make_due(model, stop=never)
    assert row_of(photo).state == "indexed"
    assert points(model) == {other.pk}
    assert not embed_parts.lacking(model).exists()


def test_a_photo_is_tried_a_few_times_only(ada, model):
    photo = add(ada)
    drain()
    row = row_of(photo)
    for _ in range(embed_parts.TRIES):
        assert embed_parts.lacking(model).count() == 1
        embed_parts._begin([Embedding.objects.select_related("parts").get(pk=row.pk)])
    assert not embed_parts.lacking(model).exists()
    Embedding.objects.filter(pk=row.pk).update(generation=2)
    assert embed_parts.lacking(model).count() == 1, "embedding it again begins anew"


def test_the_trash_takes_the_parts_along_and_restoring_brings_them_back(ada, model, spots):
    red, blue = spots
    trash.trash(Photo.objects.filter(pk=red.pk))
    removal.withdraw()
    assert points(model) == {blue.pk}
    trash.restore(Photo.objects.filter(pk=red.pk))
    drain()
    embed_parts.make_due(model, stop=never)
    assert points(model) == {red.pk, blue.pk}


def test_deleting_takes_the_parts_along(ada, model, spots):
    red, blue = spots
    delete_for_ever(red)
    removal.purge()
    assert points(model) == {blue.pk}
    assert PhotoParts.objects.count() == 1


def test_parts_that_arrive_after_their_photo_went_are_removed(ada, model, spots):
    red, blue = spots
    kept = list(nearest.index_of(model).scroll(with_vectors=True))
    trash.trash(Photo.objects.filter(pk=red.pk))
    removal.withdraw()
    nearest.index_of(model).upsert(kept)
    removal.remove_late_points()
    assert points(model) == {blue.pk}


def test_embedding_again_makes_the_parts_again(ada, model, spots):
    Embedding.objects.update(state="pending", generation=2)
    drain()
    assert embed_parts.make_due(model, stop=never) == 2
    assert set(PhotoParts.objects.values_list("generation", flat=True)) == {2}


def test_a_photo_that_is_indexed_again_has_its_parts_indexed_again(ada, bob, model, spots):
    red, _ = spots
    Photo.objects.filter(pk=red.pk).update(owner=bob)
    Embedding.objects.filter(photo=red).update(state="embedded")
    drain()
    embed_parts.make_due(model, stop=never)
    assert found(model, bob) == {red.pk}


def test_an_index_that_lost_parts_is_filled_again(ada, model, spots):
    nearest.index_of(model).drop()
    housekeeping.sweep()
    assert PARTS.waiting(model).count() == 2
    embed_parts.make_due(model, stop=never)
    assert points(model) == {photo.pk for photo in spots}


def test_reindex_fills_the_index_of_parts_too(ada, model, spots):
    call_command("reindex", verbosity=0, stdout=io.StringIO())
    embed_parts.make_due(model, stop=never)
    assert points(model) == {photo.pk for photo in spots}


def test_fsck_finds_lost_and_stray_parts_and_repairs_them(ada, model, spots):
    red, blue = spots
    index = nearest.index_of(model)
    (stray,) = index.fetch([boxes.point_id(blue.pk, 0)], with_vectors=True)
    index.delete([boxes.point_id(red.pk, 2)])
    index.upsert([Point(boxes.point_id(uuid.uuid4(), 0), stray.vector, stray.payload)])
    lost, extra = reconcile.differences(PARTS, model)
    assert (lost, len(extra)) == ([red.pk], 1)
    out = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("fsck", "--repair", "--index", "--force", "--json", stdout=out)
    embed_parts.make_due(model, stop=never)
    assert reconcile.differences(PARTS, model) == ([], [])
    assert ask(model, ada, "red")[0][0] == red.pk


def test_damaged_parts_are_made_again(ada, model, spots):
    PhotoParts.objects.update(crc=1, indexed_at=None)
    projection.project_waiting(PARTS, model, stop=never)
    embed_parts.make_due(model, stop=never)
    assert all(row.get_parts() for row in PhotoParts.objects.all())
    assert not PARTS.waiting(model).exists()


def test_parts_wait_for_an_index_that_is_away(ada, model, monkeypatch):
    photo = add(ada)
    drain()

    def away(*args, **kwargs):
        raise IndexUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(nearest.index_of(model), "upsert", away)
        jobs.PARTS.run()
    assert PARTS.waiting(model).count() == 1
    embed_parts.make_due(model, stop=never)
    assert points(model) == {photo.pk}


@pytest.mark.slow
@pytest.mark.parametrize("step", ["parts_begun", "parts_saved", "parts_upserted"])
def test_a_worker_killed_on_the_way_is_made_good(ada, model, settings, step):
    photos = [add(ada), add(ada)]
    assert run_worker(settings, **{step: "kill"}) == -signal.SIGKILL
    assert {row_of(photo).state for photo in photos} == {"indexed"}
    assert not PhotoParts.objects.exclude(indexed_at=None).exists()
    embed_parts.make_due(model, stop=never)
    assert points(model) == {photo.pk for photo in photos}
    assert reconcile.differences(PARTS, model) == ([], [])
