"""The trash and all other deletions by age, with clocks that do what they want."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gallery import lived_time, trash
from gallery.models import LivedHour, LivedTime, Photo, Tombstone
from tests.alike import photo
from tests.lived import let_live

pytestmark = pytest.mark.django_db

DAY = 24 * 60 * 60.0
KEPT = trash.KEPT_DAYS * DAY


@dataclass
class World:
    """True time in seconds, and a clock on the wall that may show anything."""

    true: float = 1e6
    ahead: float = 0.0
    trashed: dict[object, float] = field(default_factory=dict)
    other: lived_time._Reading = field(default_factory=lived_time._Reading)

    def clock(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.true + self.ahead)

    def pass_time(self, seconds: float, *, running: bool = True) -> None:
        """Let time pass, in steps that a process may add if the gallery runs."""
        step = lived_time.LONGEST_STEP.total_seconds()
        while running and seconds > step:
            self.true, seconds = self.true + step, seconds - step
            lived_time.tick()
        self.true += seconds
        if running:
            lived_time.tick()

    def trash(self, one: Photo) -> None:
        if trash.trash(Photo.objects.filter(pk=one.pk)):
            self.trashed[one.pk] = self.true

    def sweep(self) -> None:
        trash.purge_old()
        gone = set(Photo.objects.exclude(deleted_at=None).values_list("pk", flat=True))
        for pk in gone:
            assert self.true - self.trashed[pk] >= KEPT, "purged too early"


@pytest.fixture
def world(monkeypatch):
    """The world, in which this process has just been started."""
    lived_time.forget()
    world = World()
    monkeypatch.setattr(lived_time, "monotonic", lambda: world.true)
    monkeypatch.setattr("django.utils.timezone.now", world.clock)
    return world


@pytest.fixture
def long_steps(monkeypatch):
    """Steps of a day instead of an hour, so that months take no minutes."""
    monkeypatch.setattr(lived_time, "LONGEST_STEP", timedelta(days=1))


def everything_again(world: World, owner) -> list[Photo]:
    for model in (Tombstone, LivedHour, LivedTime, Photo):
        model.objects.all().delete()
    lived_time.forget()
    world.true, world.ahead, world.trashed = 1e6, 0.0, {}
    world.other = lived_time._Reading()
    return [photo(owner, name=f"{number}.jpg") for number in range(3)]


JUMPS = st.floats(-400 * DAY, 400 * DAY)
EVENTS = st.one_of(
    st.tuples(st.just("runs"), st.floats(0, 3 * DAY)),
    st.tuples(st.just("rests"), st.floats(0, 90 * DAY)),
    st.tuples(st.just("jumps"), JUMPS),
    st.tuples(st.just("restarts"), st.just(0.0)),
    st.tuples(st.just("trashes"), st.integers(0, 2)),
    st.tuples(st.just("trashes while it jumps"), JUMPS),
    st.tuples(st.just("freezes"), st.floats(0, 90 * DAY)),
    st.tuples(st.just("another process goes on"), st.just(0.0)),
)


def swap_processes(world: World) -> None:
    """Let the other of two processes of the gallery go on, with what it read last."""
    lived_time._last, world.other = world.other, lived_time._last


def let_happen(world: World, what: str, how: float, photos: list[Photo]) -> None:
    if what == "runs":
        world.pass_time(how)
    elif what == "rests":
        world.pass_time(how, running=False)
        lived_time.forget()
    elif what == "freezes":  # The process is stopped, but its clock goes on.
        world.pass_time(how, running=False)
    elif what == "jumps":
        world.ahead += how
    elif what == "another process goes on":
        swap_processes(world)
    elif what == "restarts":
        lived_time.forget()
    elif what == "trashes":
        world.trash(photos[int(how)])
    else:
        world.ahead += how
        world.trash(photos[0])
        world.ahead -= how


@pytest.mark.slow
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(EVENTS, max_size=30))
def test_no_photo_is_purged_before_its_days_whatever_the_clock_does(long_steps, world, ada, events):
    photos = everything_again(world, ada)
    for what, how in events:
        let_happen(world, what, how, photos)
        world.sweep()
    for one in photos:
        world.trash(one)
    world.pass_time(KEPT - 60)
    world.sweep()
    world.pass_time(2 * DAY)
    world.sweep()
    assert not Photo.objects.not_deleted().exists(), "a sane clock purges in the end"


def test_a_clock_that_jumps_forty_days_ahead_purges_nothing(world, ada):
    photos = [photo(ada, name=f"{number}.jpg") for number in range(25)]
    for one in photos:
        world.trash(one)
    world.pass_time(60)
    world.ahead += 40 * DAY
    world.pass_time(60)
    world.sweep()
    assert Photo.objects.trashed().count() == 25
    assert {trash.days_left(one, lived_time.total()) for one in Photo.objects.all()} == {30}


@pytest.mark.parametrize("jump", [-400 * DAY, -40 * DAY, 40 * DAY])
def test_ages_are_those_of_lived_time(world, jump):
    """What was marked within the age stays, whatever the clock showed when it was marked."""
    let_live(10)
    before = world.clock()
    world.pass_time(1.5 * DAY)
    world.ahead += jump
    lived_time.tick()
    after = world.clock()
    world.pass_time(0.4 * DAY)
    cutoff = lived_time.older_than(timedelta(days=1))
    assert cutoff <= after
    assert (before < cutoff) is (jump > 0)
    world.pass_time(2.5 * DAY)
    assert after < lived_time.older_than(timedelta(days=1))


def test_a_gallery_that_has_not_run_for_long_removes_nothing(world):
    lived_time.tick()
    world.pass_time(0.9 * DAY)
    assert lived_time.older_than(timedelta(days=1)).year == 1970


def test_days_in_which_nothing_runs_do_not_count(world):
    lived_time.tick()
    world.pass_time(3600)
    lived_time.forget()
    world.pass_time(50 * DAY, running=False)
    lived_time.tick()
    assert LivedTime.objects.get().seconds == 3600


def test_short_steps_add_up(world):
    lived_time.tick()
    for _ in range(100):
        world.pass_time(0.5)
    assert LivedTime.objects.get().seconds == 50


@pytest.mark.slow
def test_photos_in_the_trash_before_the_upgrade_begin_to_count_then(world, ada):
    one = photo(ada, trashed_at=world.clock() - timedelta(days=300))
    world.trashed[one.pk] = world.true
    world.sweep()
    world.pass_time(29 * DAY)
    world.sweep()
    assert Photo.objects.trashed().exists()
    world.pass_time(2 * DAY)
    world.sweep()
    assert not Photo.objects.trashed().exists()


# --- too many at once -----------------------------------------------------------------------------


@pytest.fixture
def many(world, ada):
    """A gallery of 60 photos, of which a person put 25 into the trash 31 days ago."""
    photos = [photo(ada, name=f"{number}.jpg") for number in range(60)]
    for one in photos[:25]:
        world.trash(one)
    let_live(31)
    return photos


def test_many_at_once_wait_until_their_owner_says_so(world, many, ada, ada_client, bob_client):
    world.sweep()
    assert Photo.objects.trashed().count() == trash.overdue(ada).count() == 25
    for page in ("/problems", "/trash"):
        assert "25 photos have been in the trash" in ada_client.get(page).content.decode()
        assert "have been in the trash" not in bob_client.get(page).content.decode()
    bob_client.post("/trash/empty", {"overdue": "1", "sure": "1"})
    sure = ada_client.post("/trash/empty", {"overdue": "1"})
    assert 'name="overdue"' in sure.content.decode()
    assert Photo.objects.trashed().count() == 25
    ada_client.post("/trash/empty", {"overdue": "1", "sure": "1"})
    assert not Photo.objects.trashed().exists()
    assert Tombstone.objects.count() == 25


def test_the_photos_of_others_are_purged_meanwhile(world, many, bob):
    theirs = photo(bob, name="b.jpg")
    Photo.objects.filter(pk=theirs.pk).update(trashed_at=world.clock(), trashed_lived=0)
    trash.purge_old()
    assert Photo.objects.exclude(deleted_at=None).get().owner == bob
