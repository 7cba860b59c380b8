"""Decisions about groups: what they do, what the kept photo gets, and how they are undone."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from django.db import connection

from gallery import stacks, trash
from gallery.models import Album, Embedding, EmbeddingModel, Photo, Stack, Tag
from search.duplicates.groups import groups
from search.duplicates.models import DuplicateGroup, Kind, NotTheSame, Resolution
from search.duplicates.review import decisions
from search.duplicates.review.history import UndoResult, history_page, undo_batch
from tests.alike import ADDED, alike, group, ids, member_sets, photo

pytestmark = pytest.mark.django_db

SHOTS = Kind.SIMILAR_SHOTS
TAKEN = datetime(2019, 7, 1, 9, tzinfo=UTC)
PLACE = {"latitude": 48.1, "longitude": 11.5, "altitude": 520.0}


def resolve(user, made, action="keep", *, keep=(), seen=None):
    """Decide a group as somebody who sees it as it is."""
    members = set(made.members.values_list("photo_id", flat=True))
    return decisions.resolve(
        user, made.pk, action, seen=members if seen is None else seen, keep=ids(keep)
    )


def live(user) -> set[uuid.UUID]:
    return ids(Photo.objects.visible_to(user))


def facts(one: Photo) -> dict[str, object]:
    """Return everything of a photo that merging may touch."""
    row = Photo.objects.get(pk=one.pk)
    return {
        "row": {
            name: getattr(row, name)
            for name in ("favourite", "caption", "taken_at", "shown_at", "exif", "trashed_at")
        },
        "albums": ids(row.albums.all()),
        "tags": set(row.tags.values_list("name", flat=True)),
    }


@pytest.fixture
def marked(ada):
    """A poor copy with everything that people put on photos, and a good copy without."""
    poor = photo(
        ada, taken_at=TAKEN, exif=PLACE | {"model": "X100"}, favourite=True, caption="At the lake"
    )
    good = photo(ada, width=4000, height=3000, exif={"software": "Editor"})
    album = Album.objects.create(owner=ada, name="Holiday")
    album.photos.add(poor)
    poor.tags.add(Tag.objects.create(owner=ada, name="sea"))
    return group(poor, good), poor, good


def test_the_kept_photo_gets_what_the_other_had(ada, marked):
    made, poor, good = marked
    done = resolve(ada, made, keep=[good])
    assert live(ada) == {good.pk}
    assert facts(good) == {
        "row": {
            "favourite": True,
            "caption": "At the lake",
            "taken_at": TAKEN,
            "shown_at": TAKEN,
            "exif": PLACE | {"software": "Editor"},
            "trashed_at": None,
        },
        "albums": ids(Album.objects.all()),
        "tags": {"sea"},
    }
    assert (done.photos, done.trashed, done.freed, done.keeper) == (2, 1, poor.size, good)
    assert ids(Photo.objects.in_trash_of(ada)) == {poor.pk}
    assert not DuplicateGroup.objects.exists()


def test_undoing_gives_back_exactly_what_was(ada, marked):
    made, poor, good = marked
    before = facts(poor), facts(good)
    done = resolve(ada, made, keep=[good])
    assert undo_batch(ada, done.batch) == UndoResult(1, 0)
    assert (facts(poor), facts(good)) == before
    assert member_sets(ada) == [ids([poor, good])]
    assert undo_batch(ada, done.batch) == UndoResult(0, 0)
    assert (facts(poor), facts(good)) == before


def test_undoing_leaves_what_the_person_changed_since(ada, marked):
    made, _, good = marked
    done = resolve(ada, made, keep=[good])
    Photo.objects.filter(pk=good.pk).update(
        caption="Better words", taken_at=ADDED, shown_at=ADDED, exif=PLACE | {"latitude": 1.0}
    )
    mine = Album.objects.create(owner=ada, name="Mine")
    mine.photos.add(good)
    undo_batch(ada, done.batch)
    row = facts(good)["row"]
    assert (row["caption"], row["taken_at"]) == ("Better words", ADDED)
    assert row["exif"] == PLACE | {"latitude": 1.0}
    assert facts(good)["albums"] == {mine.pk}


@pytest.mark.slow
def test_a_new_day_goes_into_the_index_again(ada, model, marked):
    made, _, good = marked
    Embedding.objects.create(photo=good, model=model, state="indexed", compared_at=ADDED)
    done = resolve(ada, made, keep=[good])
    assert Embedding.objects.get(photo=good).state == "embedded"
    Embedding.objects.filter(photo=good).update(state="indexed")
    undo_batch(ada, done.batch)
    assert Embedding.objects.get(photo=good).state == "embedded"


def test_what_the_keeper_has_itself_stays(ada):
    good = photo(ada, width=4000, taken_at=ADDED, exif={"latitude": 1.0, "longitude": 2.0})
    good.caption = "Mine"
    good.save()
    poor = photo(ada, taken_at=TAKEN, exif=PLACE, caption="Theirs")
    third = photo(ada, caption="Mine")
    resolve(ada, group(good, poor, third), keep=[good])
    row = facts(good)["row"]
    assert (row["taken_at"], row["shown_at"]) == (ADDED, ADDED)
    assert row["exif"] == {"latitude": 1.0, "longitude": 2.0}
    assert row["caption"] == "Mine\nTheirs"


def test_several_kept_photos_get_nothing_from_each_other(ada):
    best, other, poor = photo(ada, width=4000), photo(ada, favourite=True), photo(ada, caption="x")
    done = resolve(ada, group(best, other, poor), keep=[best, other])
    assert live(ada) == ids([best, other])
    assert facts(best)["row"]["caption"] == "x"
    assert not facts(best)["row"]["favourite"]
    assert facts(other)["row"]["caption"] == ""
    # They were kept side by side on purpose, and are not asked about again.
    groups.regroup_all(ada.pk)
    assert member_sets(ada) == []
    undo_batch(ada, done.batch)
    assert member_sets(ada) == [ids([best, other, poor])]


def test_keeping_all_trashes_and_merges_nothing(ada):
    one, other = photo(ada, favourite=True), photo(ada, caption="x")
    done = resolve(ada, group(one, other), keep=[one, other])
    assert (done.trashed, done.freed) == (0, 0)
    assert live(ada) == ids([one, other])
    assert [facts(one)["row"]["caption"], facts(other)["row"]["favourite"]] == ["", False]


def test_nothing_kept_is_refused(ada, bob):
    one, other, stranger = photo(ada), photo(ada), photo(bob)
    made = group(one, other)
    for keep in ([], [stranger], [one, stranger]):
        with pytest.raises(decisions.NothingKept):
            resolve(ada, made, keep=keep)
    assert member_sets(ada) == [ids([one, other])]
    assert live(ada) == ids([one, other])


def test_an_unknown_action_is_refused(ada):
    with pytest.raises(ValueError, match="shred"):
        resolve(ada, group(photo(ada), photo(ada)), "shred")


def test_a_stack_is_made_under_the_best_photo_and_taken_apart_again(ada):
    best, *others = photo(ada, width=4000), photo(ada), photo(ada)
    done = resolve(ada, group(best, *others, kind=SHOTS), "stack")
    made = Stack.objects.get()
    assert made.cover == best
    assert set(Photo.objects.unfolded().visible_to(ada)) == {best}
    groups.regroup_all(ada.pk)
    assert member_sets(ada, SHOTS) == []
    undo_batch(ada, done.batch)
    assert not Stack.objects.exists()
    assert Photo.objects.unfolded().visible_to(ada).count() == 3
    assert member_sets(ada, SHOTS) == [ids([best, *others])]


def test_undoing_a_stack_builds_the_ones_before_again(ada):
    one, other, third, fourth = (photo(ada) for _ in range(4))
    stacks.create(Photo.objects.filter(pk__in=ids([one, third])), third)
    stacks.create(Photo.objects.filter(pk__in=ids([other, fourth])), other)
    done = resolve(ada, group(one, other, kind=SHOTS), "stack")
    undo_batch(ada, done.batch)
    found = {made.cover_id: ids(made.photos.all()) for made in Stack.objects.all()}
    assert found == {third.pk: ids([one, third]), other.pk: ids([other, fourth])}


def test_dismissing_is_remembered_for_every_pair_and_forgotten_when_undone(ada):
    three = [photo(ada) for _ in range(3)]
    said_before = sorted(three, key=lambda one: one.pk)[:2]
    made = group(*three)
    NotTheSame.objects.create(owner=ada, first=said_before[0], second=said_before[1])
    done = resolve(ada, made, "dismiss")
    assert NotTheSame.objects.count() == 3
    groups.regroup_all(ada.pk)
    assert member_sets(ada) == []
    assert live(ada) == ids(three)
    undo_batch(ada, done.batch)
    word = NotTheSame.objects.get()
    assert [word.first, word.second] == said_before


def test_a_group_that_changed_is_not_decided(ada):
    one, other, third = photo(ada), photo(ada), photo(ada)
    made = group(one, other, third)
    seen = ids([one, other, third])
    trash.trash(Photo.objects.filter(pk=third.pk))
    with pytest.raises(decisions.GroupChanged, match="1 photo is gone"):
        resolve(ada, made, keep=[one], seen=seen)
    groups.regroup_moved([third.pk])
    fourth = photo(ada)
    alike(one, fourth)
    alike(other, fourth)
    groups.regroup(ada.pk, [fourth.pk])
    with pytest.raises(decisions.GroupChanged, match="1 photo is gone, 1 photo is new"):
        resolve(ada, DuplicateGroup.objects.get(), keep=[one], seen=seen)
    assert live(ada) == ids([one, other, fourth])


def test_whoever_comes_second_is_told(ada):
    one, other = photo(ada), photo(ada)
    made = group(one, other)
    resolve(ada, made, keep=[one])
    with pytest.raises(decisions.GroupChanged, match="already decided"):
        resolve(ada, made, "dismiss", seen=ids([one, other]))
    assert live(ada) == {one.pk}
    assert Resolution.objects.count() == 1


def test_a_group_whose_photos_are_gone_is_told_and_an_unknown_one_is_unknown(ada, bob):
    one, other = photo(ada), photo(ada)
    made = group(one, other)
    trash.trash(Photo.objects.filter(pk=one.pk))
    groups.regroup_moved([one.pk])
    with pytest.raises(decisions.GroupChanged, match="no longer exists"):
        resolve(ada, made, keep=[one], seen=ids([one, other]))
    for user, group_id, seen in [(ada, uuid.uuid4(), []), (bob, made.pk, ids([one, other]))]:
        with pytest.raises(DuplicateGroup.DoesNotExist):
            decisions.resolve(user, group_id, "dismiss", seen=seen)


def test_another_persons_group_and_history_are_unknown(ada, bob):
    one, other = photo(ada), photo(ada)
    made = group(one, other)
    with pytest.raises(DuplicateGroup.DoesNotExist):
        resolve(bob, made, keep=[one])
    assert decisions.resolve_many(bob, made.kind, "keep", groups=[made.pk]).groups == 0
    done = resolve(ada, made, keep=[one])
    with pytest.raises(Resolution.DoesNotExist):
        undo_batch(bob, done.batch)
    assert history_page(bob) == ([], None)
    assert live(ada) == {one.pk}


def test_photos_deleted_for_ever_are_counted_when_undone(ada):
    best, *others = photo(ada, width=4000), photo(ada), photo(ada)
    done = resolve(ada, group(best, *others), keep=[best])
    trash.empty(Photo.objects.filter(pk=others[0].pk))
    assert undo_batch(ada, done.batch) == UndoResult(1, 1)
    assert live(ada) == ids([best, others[1]])


def test_restoring_by_hand_first_is_no_loss(ada):
    best, other = photo(ada, width=4000), photo(ada, favourite=True)
    done = resolve(ada, group(best, other), keep=[best])
    trash.restore(Photo.objects.filter(pk=other.pk))
    assert undo_batch(ada, done.batch) == UndoResult(0, 0)
    assert not facts(best)["row"]["favourite"]


def test_many_groups_are_decided_together_and_undone_together(ada):
    pairs = [(photo(ada, width=4000), photo(ada, size=10)) for _ in range(5)]
    made = [group(*pair) for pair in pairs]
    shots = group(photo(ada), photo(ada), kind=SHOTS)
    batch = decisions.resolve_many(ada, "same_picture", "keep", groups=None)
    assert (batch.groups, batch.photos, batch.freed, batch.skipped) == (5, 5, 50, 0)
    assert {pair[0].pk for pair in pairs} < live(ada)
    assert set(DuplicateGroup.objects.all()) == {shots}
    (entry,), following = history_page(ada)
    assert (entry.batch, entry.groups, entry.photos, entry.freed) == (batch.id, 5, 5, 50)
    assert (entry.action, entry.undone, following) == ("keep", False, None)
    assert len(entry.covers) == 4
    assert undo_batch(ada, batch.id) == UndoResult(5, 0)
    assert len(member_sets(ada)) == len(made)
    assert history_page(ada)[0][0].undone


def test_only_the_groups_named_are_decided_and_those_that_are_gone_are_counted(ada):
    first, second = group(photo(ada), photo(ada)), group(photo(ada), photo(ada))
    resolve(ada, first, "dismiss")
    batch = decisions.resolve_many(
        ada, "same_picture", "dismiss", groups=[first.pk, second.pk, uuid.uuid4()]
    )
    assert (batch.groups, batch.photos, batch.freed, batch.skipped) == (1, 2, 0, 2)


@pytest.mark.django_db(transaction=True)
def test_a_photo_kept_in_one_group_is_not_trashed_with_the_next(ada, monkeypatch):
    monkeypatch.setattr(decisions, "_CHUNK", 1)
    # A chain of stars: each keeper is alike to a member of the following group.
    stars = [[photo(ada, width=100 * (9 - star)), photo(ada), photo(ada)] for star in range(5)]
    for star in stars:
        alike(star[1], star[0])
        alike(star[1], star[2])
    for one, following in pairwise(stars):
        alike(one[0], following[2], 0.5)
    groups.regroup_all(ada.pk)
    before = [
        (set(made.members.values_list("photo_id", flat=True)), made.keeper_id)
        for made in DuplicateGroup.objects.all()
    ]
    decisions.resolve_many(ada, "same_picture", "keep", groups=None)
    for members, keeper in before:
        assert members & live(ada) == {keeper}


def test_the_history_has_pages(ada):
    batches = []
    for _ in range(5):
        made = group(photo(ada), photo(ada))
        batches.append(resolve(ada, made, "dismiss").batch)
    first, cursor = history_page(ada, limit=3)
    rest, end = history_page(ada, limit=3, cursor=cursor or "")
    assert [entry.batch for entry in first + rest] == batches[::-1]
    assert end is None


@pytest.mark.django_db(transaction=True)
def test_of_two_tabs_one_wins(ada):
    one, other = photo(ada, width=4000), photo(ada)
    made = group(one, other)
    start, outcomes = threading.Barrier(2), []

    def tab(keep: Photo) -> None:
        start.wait()
        try:
            resolve_here = decisions.resolve(
                ada, made.pk, "keep", seen=ids([one, other]), keep=[keep.pk]
            )
            outcomes.append(resolve_here.keeper_id)
        except decisions.GroupChanged as changed:
            outcomes.append(changed.message)
        finally:
            connection.close()

    tabs = [threading.Thread(target=tab, args=[keep]) for keep in (one, other)]
    for thread in tabs:
        thread.start()
    for thread in tabs:
        thread.join()
    (won,) = [outcome for outcome in outcomes if isinstance(outcome, uuid.UUID)]
    (lost,) = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert live(ada) == {won}
    assert "already decided" in lost
    assert Resolution.objects.count() == 1
    assert EmbeddingModel.objects.exists()
