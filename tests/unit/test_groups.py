"""Groups in the database follow edges, photos, stacks and what people said."""

from __future__ import annotations

import random
import uuid
from itertools import combinations, pairwise

import pytest
from django.db import connection

from gallery import stacks, trash
from gallery.models import Photo
from search.duplicates.groups import groups
from search.duplicates.groups.criteria import criteria_of
from search.duplicates.models import DuplicateEdge, DuplicateGroup, GroupMember, Kind, NotTheSame
from search.duplicates.review import decisions, listing
from search.duplicates.review.history import undo_batch
from tests.alike import ADDED, alike, group, ids, member_sets, photo

pytestmark = pytest.mark.django_db

SHOTS = Kind.SIMILAR_SHOTS


def apart(first: Photo, second: Photo) -> None:
    low, high = sorted((first, second), key=lambda one: one.pk)
    NotTheSame.objects.create(owner_id=first.owner_id, first=low, second=high)


def regroup(*photos: Photo) -> None:
    groups.regroup(photos[0].owner_id, [member.pk for member in photos])


def test_an_edge_makes_a_group_with_its_facts(ada):
    large, small = photo(ada, width=800, size=5000), photo(ada, size=700)
    alike(large, small, 0.97, how="cropped")
    regroup(small)
    made = DuplicateGroup.objects.get()
    assert (made.kind, made.size, made.keeper, made.recoverable) == ("same_picture", 2, large, 700)
    assert made.closeness == 0.97
    assert set(made.members.values_list("photo_id", "how")) == {
        (made.medoid_id, ""),
        ((ids([large, small]) - {made.medoid_id}).pop(), "cropped"),
    }


def test_groups_do_not_chain(ada):
    chain = [photo(ada) for _ in range(5)]
    for first, second in pairwise(chain):
        alike(first, second)
        regroup(first, second)
    groups.regroup_all(ada.pk)
    # Three in the middle, or three at one end and the two at the other.
    assert sorted(map(len, member_sets(ada))) in ([3], [2, 3])
    edges = {frozenset(ids(pair)) for pair in pairwise(chain)}
    for member in GroupMember.objects.select_related("group"):
        if member.photo_id != member.group.medoid_id:
            assert {member.photo_id, member.group.medoid_id} in edges


def test_a_group_keeps_its_id_while_its_medoid_stays(ada):
    middle, first, second = photo(ada), photo(ada), photo(ada)
    made = group(middle, first)
    alike(middle, second)
    regroup(second)
    assert member_sets(ada) == [ids([middle, first, second])]
    assert set(DuplicateGroup.objects.values_list("pk", flat=True)) == {made.pk} or (
        made.medoid_id != middle.pk
    )


def test_a_group_that_loses_its_medoid_keeps_its_id_if_it_still_is_one(ada):
    four = [photo(ada) for _ in range(4)]
    made = group(*four)
    trash.trash(Photo.objects.filter(pk=made.medoid_id))
    groups.regroup_moved([made.medoid_id])
    (left,) = DuplicateGroup.objects.all()
    assert (left.pk, left.size) == (made.pk, 3)


def test_photos_in_the_trash_are_in_no_group_and_come_back(ada, django_capture_on_commit_callbacks):
    one, other = photo(ada), photo(ada)
    group(one, other)
    with django_capture_on_commit_callbacks(execute=True):
        trash.trash(Photo.objects.filter(pk=one.pk))
    assert member_sets(ada) == []
    with django_capture_on_commit_callbacks(execute=True):
        trash.restore(Photo.objects.filter(pk=one.pk))
    assert member_sets(ada) == [ids([one, other])]


def test_those_left_alone_find_others_a_step_further(ada):
    medoid, first, second, loner = (photo(ada) for _ in range(4))
    for other in (first, second):
        alike(medoid, other)
    alike(second, loner)
    groups.regroup_all(ada.pk)
    trash.trash(Photo.objects.filter(pk=medoid.pk))
    groups.regroup_moved([medoid.pk])
    assert member_sets(ada) == [ids([second, loner])]


def test_not_the_same_is_remembered_and_keeps_two_out_of_one_group(ada):
    one, other, third = photo(ada), photo(ada), photo(ada)
    apart(one, other)
    alike(one, other)
    regroup(one)
    assert member_sets(ada) == []
    alike(one, third)
    alike(other, third, 0.99)
    regroup(third)
    assert member_sets(ada) == [ids([other, third])]


def test_copies_are_settled_before_similar_shots(ada):
    large, small, shot = photo(ada, width=900), photo(ada), photo(ada)
    group(large, small)
    alike(large, shot, kind=SHOTS)
    alike(small, shot, kind=SHOTS)
    regroup(shot)
    assert member_sets(ada, SHOTS) == [ids([large, shot])]


def test_another_keeper_is_the_one_compared_with_similar_shots(ada):
    large, small, shot = photo(ada, width=900), photo(ada, size=9000), photo(ada)
    group(large, small)
    alike(large, shot, kind=SHOTS)
    alike(small, shot, kind=SHOTS)
    regroup(shot)
    groups.set_criteria(ada, ["file_size"], "")
    assert DuplicateGroup.objects.get(kind=Kind.SAME_PICTURE).keeper == small
    assert member_sets(ada, SHOTS) == [ids([small, shot])]


def test_a_stack_is_no_group_until_another_photo_joins(ada):
    one, other, third = photo(ada), photo(ada), photo(ada)
    stacks.create(Photo.objects.filter(pk__in=ids([one, other])), one)
    alike(one, other, kind=SHOTS)
    regroup(one)
    assert member_sets(ada, SHOTS) == []
    alike(one, third, kind=SHOTS)
    regroup(third)
    assert member_sets(ada, SHOTS) == [ids([one, other, third])]


def test_stacking_by_hand_ends_a_group_and_unstacking_brings_it_back(
    ada, django_capture_on_commit_callbacks
):
    one, other = photo(ada), photo(ada)
    group(one, other, kind=SHOTS)
    with django_capture_on_commit_callbacks(execute=True):
        made = stacks.create(Photo.objects.filter(pk__in=ids([one, other])), one)
    assert member_sets(ada, SHOTS) == []
    with django_capture_on_commit_callbacks(execute=True):
        stacks.unstack(made)
    assert member_sets(ada, SHOTS) == [ids([one, other])]


def test_new_criteria_choose_keepers_and_bytes_anew(ada):
    large, small = photo(ada, width=900, size=100), photo(ada, size=5000)
    made = group(large, small)
    assert (made.keeper, made.recoverable) == (large, 5000)
    groups.set_criteria(ada, ["file_size"], "")
    made.refresh_from_db()
    assert (made.keeper, made.recoverable) == (small, 100)
    assert criteria_of(ada.pk).order[:2] == ["file_size", "negative"]


def test_people_have_their_own_criteria_and_groups(ada, bob):
    groups.set_criteria(bob, ["name"], "*.png")
    assert criteria_of(ada.pk).pattern == ""
    group(photo(bob), photo(bob))
    assert listing.group_page(ada, Kind.SAME_PICTURE)[0] == []
    assert listing.totals_of(ada)["same_picture"].groups == 0
    assert listing.review_group(ada, DuplicateGroup.objects.get().pk) is None


def test_grouping_all_gives_the_same_as_piece_by_piece_and_changes_nothing_twice(ada):
    clique = [photo(ada) for _ in range(4)]
    made = group(*clique)
    lone = photo(ada), photo(ada)
    group(*lone)
    before = member_sets(ada), set(GroupMember.objects.values_list("pk", flat=True))
    groups.regroup_all(ada.pk)
    assert (member_sets(ada), set(GroupMember.objects.values_list("pk", flat=True))) == before
    assert DuplicateGroup.objects.filter(pk=made.pk).exists()


def test_only_what_lies_around_is_looked_at(ada, django_assert_max_num_queries):
    for _ in range(30):
        group(photo(ada), photo(ada))
    one, other = photo(ada), photo(ada)
    alike(one, other)
    with django_assert_max_num_queries(40):
        regroup(one)
    assert len(member_sets(ada)) == 31


def test_a_photo_trashed_while_its_group_is_read_is_left_out(ada):
    pair = [photo(ada), photo(ada)]
    group(*pair)
    moved = []

    def trash_after_members(execute, sql, *rest):
        answer = execute(sql, *rest)
        if 'FROM "duplicates_groupmember"' in sql and not moved:
            moved.append(pair[0].pk)
            Photo.objects.filter(pk=pair[0].pk).update(trashed_at=ADDED)
        return answer

    with connection.execute_wrapper(trash_after_members):
        assert len(listing.group_page(ada, Kind.SAME_PICTURE)[0]) <= 1
    assert moved
    assert not listing.group_page(ada, Kind.SAME_PICTURE)[0]


def test_a_fault_while_following_is_no_fault_of_the_move(monkeypatch, caplog):
    monkeypatch.setattr(groups, "regroup_moved", lambda ids: 1 / 0)
    groups.on_photos_moved([uuid.uuid4()])
    assert "do not know of 1 moved photos" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_groups_stay_sound(ada, seed):
    chance = random.Random(seed)
    photos = [photo(ada, size=chance.randrange(1, 999)) for _ in range(14)]
    happenings = [_new_edge, _new_edge, _new_edge, _to_the_trash, _back, _word, _stacked, _decided]
    for _ in range(40):
        touched = chance.choice(happenings)(chance, ada, photos)
        groups.regroup(ada.pk, touched)
        _check(ada)
    groups.regroup_all(ada.pk)
    _check(ada)


def _some(chance, ada, count):
    live = list(Photo.objects.visible_to(ada).order_by("sha256"))
    return chance.sample(live, count) if len(live) >= count else []


def _new_edge(chance, ada, photos):
    pair = _some(chance, ada, 2)
    known = DuplicateEdge.objects.filter(first__in=pair, second__in=pair)
    if len(pair) == 2 and not known.exists():
        alike(*pair, chance.random(), chance.choice(list(Kind)))
    return [member.pk for member in pair]


def _to_the_trash(chance, ada, photos):
    return trash.trash(Photo.objects.filter(pk__in=ids(_some(chance, ada, 1))))


def _back(chance, ada, photos):
    return trash.restore(Photo.objects.filter(pk=chance.choice(photos).pk))


def _word(chance, ada, photos):
    edge = DuplicateEdge.objects.order_by("closeness").first()
    if edge is not None:
        NotTheSame.objects.get_or_create(
            owner=ada, first_id=edge.first_id, second_id=edge.second_id
        )
    return [edge.first_id, edge.second_id] if edge else []


def _stacked(chance, ada, photos):
    some = _some(chance, ada, 2)
    if some:
        stacks.create(Photo.objects.filter(pk__in=ids(some)), some[0])
    return [member.pk for member in some]


def _decided(chance, ada, photos):
    made = DuplicateGroup.objects.order_by("recoverable").first()
    if made is not None:
        done = decisions.resolve_many(ada, made.kind, "keep", groups=[made.pk])
        if chance.random() < 0.5:
            undo_batch(ada, done.id)
    return []


def _check(ada):
    live = {member.pk: member for member in Photo.objects.visible_to(ada)}
    apart = set(NotTheSame.objects.values_list("first_id", "second_id"))
    edges = {(edge.first_id, edge.second_id): edge for edge in DuplicateEdge.objects.all()}
    copies = set()
    for made in DuplicateGroup.objects.order_by("kind").prefetch_related("members"):
        members = {member.photo_id for member in made.members.all()}
        assert {made.medoid_id, made.keeper_id} <= members <= live.keys()
        assert made.size == len(members) > 1
        assert made.recoverable == sum(live[pk].size for pk in members if pk != made.keeper_id)
        assert all(pair not in apart for pair in combinations(sorted(members), 2))
        for member in members - {made.medoid_id}:
            edge = edges[min(member, made.medoid_id), max(member, made.medoid_id)]
            assert edge.kind == made.kind
        assert len({live[pk].stack_id or pk for pk in members}) > 1
        if made.kind == Kind.SAME_PICTURE:
            copies |= members - {made.keeper_id}
        else:
            assert not members & copies
