"""Duplicates are found as photos arrive, whatever happens on the way."""

from __future__ import annotations

import io
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image

from gallery import files, trash
from gallery.decoding.fingerprint import fingerprint_of
from gallery.models import Embedding, EmbeddingModel, Fingerprint, Photo
from search.duplicates.find import candidates, compare, judging, prefilter
from search.duplicates.groups.edges import Judgement
from search.duplicates.models import DuplicateEdge, DuplicateGroup, Kind, NotTheSame, Sweep
from search.vectors.index import IndexUnavailable, open_index
from tests.workers.conftest import add_photo, drain
from tests.workers.test_kill import run_worker
from workers import compare_photos, jobs, tasks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def scene(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """Return a picture of smooth blobs that is like no other."""
    cells = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(cells).resize(size, Image.Resampling.BICUBIC)


def file_of(image: Image.Image, format_name: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def add(owner, image: Image.Image, format_name: str = "PNG", **options) -> Photo:
    return add_photo(owner, file_of(image, format_name, **options))


def add_pair(owner, seed: int = 1) -> tuple[Photo, Photo]:
    """Add a picture and a smaller JPEG of it."""
    small = scene(seed).resize((80, 60))
    return add(owner, scene(seed)), add(owner, small, "JPEG", quality=60)


def edges() -> set[frozenset]:
    return {frozenset((edge.first_id, edge.second_id)) for edge in DuplicateEdge.objects.all()}


def waiting(model: EmbeddingModel) -> int:
    return Embedding.objects.to_compare(model).count()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(candidates, "_hashes", {})
    monkeypatch.setattr(prefilter, "rejected_pairs", prefilter.RejectedPairs())
    monkeypatch.setattr(compare, "rejected_pairs", prefilter.rejected_pairs)
    jobs.COMPARE.resume()


@pytest.fixture
def verdict(monkeypatch):
    """Decide by correlation of the fingerprints in any position, or by what the test sets."""

    class Verdict:
        asked: list[frozenset] = []

        def of(self, pair: judging.Pair) -> Judgement | None:
            turns = [np.rot90(grey, k) for grey in (pair.second.grey, pair.second.grey.T)
                     for k in range(4)]  # fmt: skip
            best = max(np.corrcoef(pair.first.grey.ravel(), t.ravel())[0, 1] for t in turns)
            return Judgement(Kind.SAME_PICTURE, float(best)) if best > 0.9 else None

        def judge(self, pairs, thresholds, detail, *, fine):
            self.asked += [frozenset((p.first.photo_id, p.second.photo_id)) for p in pairs]
            return [self.of(pair) for pair in pairs]

    verdict = Verdict()
    verdict.asked = []
    monkeypatch.setattr(judging, "judge", verdict.judge)
    return verdict


@pytest.mark.usefixtures("verdict")
class TestFinding:
    def test_a_drain_finds_what_is_alike(self, ada, model):
        one, other = add_pair(ada)
        add(ada, scene(2))
        drain()
        edge = DuplicateEdge.objects.get()
        assert {edge.first_id, edge.second_id} == {one.pk, other.pk}
        assert edge.first_id < edge.second_id
        assert (edge.owner_id, edge.model_id, edge.kind) == (ada.pk, model.pk, "same_picture")
        assert waiting(model) == 0
        assert Fingerprint.objects.count() == 3

    def test_what_is_alike_waits_in_a_group(self, ada, model):
        pair = add_pair(ada)
        drain()
        group = DuplicateGroup.objects.get()
        assert set(group.members.values_list("photo", flat=True)) == {photo.pk for photo in pair}

    @pytest.mark.parametrize("turn", list(Image.Transpose), ids=lambda turn: turn.name)
    def test_turned_and_mirrored_copies_are_candidates(self, ada, model, turn):
        one = add(ada, scene(3))
        drain()
        # The index knows nothing of the first one's likes, so that the hash alone finds it.
        open_index(model.key, model.dim).delete([one.pk])
        other = add(ada, scene(3).transpose(turn))
        drain()
        assert edges() == {frozenset((one.pk, other.pk))}

    def test_a_copy_without_colour_is_found(self, ada, model):
        one, other = add(ada, scene(4)), add(ada, scene(4).convert("L").convert("RGB"))
        drain()
        assert edges() == {frozenset((one.pk, other.pk))}

    def test_photos_of_two_owners_are_never_compared(self, ada, bob, model, verdict):
        add(ada, scene(1))
        add(bob, scene(1, (80, 60)))
        drain()
        assert verdict.asked == []
        assert not DuplicateEdge.objects.exists()

    def test_a_photo_in_the_trash_is_not_compared(self, ada, model):
        one, other = add(ada, scene(1)), add(ada, scene(1, (80, 60)))
        drain()
        DuplicateEdge.objects.all().delete()
        trash.trash(Photo.objects.filter(pk=one.pk))
        compare.request_sweep(model)
        compare_photos.compare_due(model)
        assert edges() == set()
        trash.restore(Photo.objects.filter(pk=one.pk))
        drain()
        compare_photos.compare_due(model)
        assert edges() == {frozenset((one.pk, other.pk))}

    def test_photos_without_fingerprints_get_them(self, ada, model):
        pair = add_pair(ada)
        drain()
        DuplicateEdge.objects.all().delete()
        before = {row.pk: row.pixels() for row in Fingerprint.objects.all()}
        Fingerprint.objects.all().delete()
        compare.request_sweep(model)
        compare_photos.compare_due(model)
        assert edges() == {frozenset(photo.pk for photo in pair)}
        for row in Fingerprint.objects.filter(pk__in=before):
            assert np.abs(row.pixels().astype(int) - before[row.pk]).mean() < 2

    def test_a_photo_that_cannot_be_looked_at_is_left_out(self, ada, model):
        one, _ = add_pair(ada)
        drain()
        DuplicateEdge.objects.all().delete()
        Fingerprint.objects.filter(pk=one.pk).delete()
        files.thumbnail(one.pk).write_bytes(b"no picture")
        compare.request_sweep(model)
        assert compare_photos.compare_due(model) == 2
        assert edges() == set()
        assert waiting(model) == 0

    def test_a_deletion_while_a_pair_is_judged_does_no_harm(self, ada, model, verdict):
        pair = add_pair(ada)

        def delete(_: judging.Pair) -> Judgement:
            trash.empty(Photo.objects.filter(pk=pair[0].pk))
            Photo.objects.filter(pk=pair[0].pk).delete()
            return Judgement(Kind.SAME_PICTURE, 1.0)

        verdict.of = delete
        drain()
        assert edges() == set()
        assert waiting(model) == 0


class TestAgain:
    def test_an_edge_is_judged_once(self, ada, model, verdict):
        add_pair(ada)
        drain()
        add(ada, scene(1, (60, 45)))
        drain()
        assert len(edges()) == 3
        assert len(verdict.asked) == len(set(verdict.asked)) == 3

    def test_a_sweep_judges_everything_anew(self, ada, model, verdict):
        add_pair(ada)
        drain()
        found_at = DuplicateEdge.objects.get().found_at
        assert compare.request_sweep(model) == 2
        assert compare_photos.compare_due(model) == 2
        assert len(verdict.asked) == 2
        assert DuplicateEdge.objects.get().found_at > found_at

    def test_a_sweep_drops_what_is_alike_no_more(self, ada, model, verdict):
        add_pair(ada)
        drain()
        verdict.of = lambda pair: None
        compare.request_sweep(model)
        compare_photos.compare_due(model)
        assert edges() == set()
        assert not DuplicateGroup.objects.exists()

    def test_what_is_not_found_any_more_is_dropped(self, ada, model, verdict):
        one, other = add(ada, scene(1)), add(ada, scene(2))
        drain()
        first, second = sorted((one.pk, other.pk))
        DuplicateEdge.objects.create(
            owner=ada, first_id=first, second_id=second, kind=Kind.SAME_PICTURE, closeness=1,
            model=model,
        )  # fmt: skip
        compare.request_sweep(model)
        compare_photos.compare_due(model)
        assert edges() == set()

    def test_a_word_of_a_person_outlives_every_sweep(self, ada, model, verdict):
        pair = add_pair(ada)
        drain()
        first, second = sorted(photo.pk for photo in pair)
        NotTheSame.objects.create(owner=ada, first_id=first, second_id=second)
        verdict.asked.clear()
        compare.request_sweep(model)
        compare_photos.compare_due(model)
        assert verdict.asked == []
        assert len(edges()) == 1, "the edge waits for the word to be taken back"

    def test_progress_is_told_to_each_owner(self, ada, bob, model, verdict):
        add_pair(ada)
        drain()
        compare.request_sweep(model)
        asked = compare.progress(ada)
        assert (asked.total, asked.compared, asked.running) == (2, 0, True)
        assert asked.finished_at is None
        compare_photos.compare_due(model)
        done = compare.progress(ada)
        assert (done.total, done.compared, done.running) == (2, 2, False)
        assert done.finished_at is not None
        assert compare.progress(bob).total == 0

    def test_stopping_ends_after_a_batch_and_the_rest_follows(
        self, ada, model, verdict, monkeypatch
    ):
        monkeypatch.setattr(compare_photos, "BATCH", 2)
        photos = [add(ada, scene(seed)) for seed in range(5)]
        drain()
        compare.request_sweep(model)
        assert compare_photos.compare_due(model, stop=lambda: True) == 2
        assert waiting(model) == 3
        assert Sweep.objects.get(model=model).finished_at is None
        assert compare_photos.compare_due(model) == 3
        assert Embedding.objects.exclude(compared_at=None).count() == len(photos)

    def test_stopping_after_the_last_batch_ends_the_search(self, ada, model, verdict):
        add_pair(ada)
        drain()
        compare.request_sweep(model)
        assert compare_photos.compare_due(model, stop=lambda: True) == 2
        assert Sweep.objects.get(model=model).finished_at is not None

    def test_the_task_goes_through_everything(self, ada, model, verdict):
        pair = add_pair(ada)
        drain()
        DuplicateEdge.objects.all().delete()
        compare.request_sweep(model)
        tasks.compare_photos()
        assert edges() == {frozenset(photo.pk for photo in pair)}


class TestAnotherModel:
    @pytest.fixture
    def newer(self, ada, model, verdict):
        """A model that took over from `model` after it had found a pair."""
        add_pair(ada)
        drain()
        newer = EmbeddingModel.objects.create(key="colours-2", dim=model.dim)
        Embedding.objects.add_missing(newer)
        drain()
        newer.activate()
        return newer

    def test_everything_is_compared_by_it(self, newer, verdict):
        assert waiting(newer) == 2
        compare_photos.compare_due(newer)
        assert DuplicateEdge.objects.get().model == newer

    def test_similar_shots_of_the_old_one_go_at_the_end(self, newer, model, verdict, monkeypatch):
        DuplicateEdge.objects.update(kind=Kind.SIMILAR_SHOTS)
        monkeypatch.setattr(prefilter, "near_hashes", lambda *_: set())
        monkeypatch.setattr(prefilter, "near_embeddings", lambda *_: {})
        compare_photos.compare_due(newer)
        assert edges() == set()
        assert waiting(model) == 2, "it would compare anew if it came back"

    def test_the_same_picture_stays_the_same(self, newer, model, verdict, monkeypatch):
        monkeypatch.setattr(prefilter, "near_hashes", lambda *_: set())
        monkeypatch.setattr(prefilter, "near_embeddings", lambda *_: {})
        compare_photos.compare_due(newer)
        assert DuplicateEdge.objects.get().model == model


class TestFaults:
    @pytest.mark.slow
    @pytest.mark.parametrize("step", ["comparing", "compared"])
    def test_a_killed_worker_loses_and_doubles_nothing(self, ada, model, settings, verdict, step):
        pair = add_pair(ada)
        assert run_worker(settings, **{step: "kill"}) == -signal.SIGKILL
        drain()
        assert waiting(model) == 0
        compare.request_sweep(model)
        compare_photos.compare_due(model)
        assert edges() == {frozenset(photo.pk for photo in pair)}

    def test_one_photo_that_breaks_the_comparing_harms_no_other(
        self, ada, model, verdict, monkeypatch, caplog
    ):
        pair, poison = add_pair(ada), add(ada, scene(9))
        compare_batch = compare.compare

        def break_for_poison(model, rows, detail, **options):
            if poison.pk in {row.photo_id for row in rows}:
                raise ValueError("a bug")
            return compare_batch(model, rows, detail, **options)

        monkeypatch.setattr(compare, "compare", break_for_poison)
        drain()
        assert edges() == {frozenset(photo.pk for photo in pair)}
        assert waiting(model) == 0
        assert str(poison.pk) in caplog.text

    def test_comparing_waits_for_the_index(self, ada, model, verdict, monkeypatch):
        index = open_index(model.key, model.dim)

        def away(*args, **kwargs):
            raise IndexUnavailable("The index is away.")

        with monkeypatch.context() as patch:
            patch.setattr(index, "query_batch", away)
            add_pair(ada)
            drain()
            assert waiting(model) == 2
            assert not jobs.COMPARE.is_due(), "asking again would be too soon"
        jobs.COMPARE.resume()
        assert jobs.COMPARE.is_due()
        assert compare_photos.compare_due(model) == 2
        assert len(edges()) == 1

    def test_two_at_once_are_harmless(self, ada, model, verdict, monkeypatch):
        """A lock serves one process; these two go round it, as two processes would."""
        for seed in range(6):
            add_pair(ada, seed)
        drain()
        DuplicateEdge.objects.all().delete()
        compare.request_sweep(model)
        rows = list(Embedding.objects.to_compare(model).select_related("photo"))
        together = threading.Barrier(2)

        def compare_rows():
            from django.db import connections

            together.wait()
            try:
                return compare.compare(model, rows, lambda photo_id: None, expect=lambda ids: None)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as threads:
            for future in [threads.submit(compare_rows) for _ in range(2)]:
                future.result()
        assert len(edges()) == 6
        assert DuplicateGroup.objects.count() == 6


def test_a_fingerprint_shows_what_the_photo_shows(ada, model):
    photo = add(ada, scene(1))
    drain()
    stored = Fingerprint.objects.get(pk=photo.pk).pixels()
    expected = fingerprint_of(np.asarray(scene(1)))
    assert stored.shape == (32, 32)
    assert np.abs(stored.astype(int) - expected).max() <= 2
    assert Embedding.objects.get().compared_at <= timezone.now()
