"""The change of a model without a gap: who answers meanwhile, who decides, and what stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gallery import failpoints, model_change
from gallery.models import Embedding, EmbeddingModel
from gallery.user_errors import UserError
from search.duplicates.models import DuplicateEdge
from search.understanding import library_vectors
from search.vectors.index import slug
from tests.workers.conftest import add_photo, assert_settled, delete_for_ever, drain, points
from tests.workers.test_models import settle, state_of
from workers import heartbeat, model_choice

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def changing(ada, settings) -> EmbeddingModel:
    """A gallery of four photos that changes from `colours` to `other`; return the new model."""
    settle(settings, "colours")
    for colour in ("red", "green", "blue", "yellow"):
        add_photo(ada, colour=colour)
    drain()
    settle(settings, "other")
    return EmbeddingModel.objects.get(key="other")


def fail(model: EmbeddingModel, count: int) -> None:
    """Let the model have processed all photos, and so many of them in vain."""
    drain()
    keys = Embedding.objects.filter(model=model).values_list("pk", flat=True)[:count]
    rows = Embedding.objects.filter(pk__in=list(keys))
    rows.update(state="failed", reason="bad_vector")


# --- who goes first -------------------------------------------------------------------------------


def test_new_photos_come_first_for_the_model_that_answers(ada, changing):
    photo = add_photo(ada)
    order = []
    claim = type(Embedding.objects.all()).claim

    def claimed(self, model, limit):
        rows = claim(self, model, 1)
        order.extend((model.key, row.photo_id) for row in rows)
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(Embedding.objects.all()), "claim", claimed)
        drain()
    assert order[0] == ("colours", photo.pk)
    assert order[1] == ("other", photo.pk)
    assert {key for key, _ in order[1:]} == {"other"}
    assert len(order) == 6


def test_progress_is_told_in_the_status_line_and_on_the_settings_page(ada_client, changing):
    said = ada_client.get("/api/v1/status").json()
    assert (said["next_model"], said["next_done"], said["next_photos"]) == ("other", 0, 4)
    assert "Next model: 0 of 4 photos" in " ".join(ada_client.get("/").content.decode().split())
    page = ada_client.get("/settings").content.decode()
    assert "0 of 4 so far" in " ".join(page.split())


# --- photos that the new model fails on -----------------------------------------------------------


@pytest.mark.parametrize(("photos", "failed", "takes_over"), [(4, 1, False), (100, 1, True)])
def test_a_model_that_loses_photos_asks_a_person(ada, settings, photos, failed, takes_over):
    settle(settings, "colours")
    for _ in range(4):
        add_photo(ada)
    drain()
    settle(settings, "other")
    new = EmbeddingModel.objects.get(key="other")
    fail(new, failed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model_change, "MOST_LOST", failed / photos if takes_over else 0.01)
        patch.setattr(model_change, "MOST_LOST", 0.25 if takes_over else 0.01)
        promoted = model_choice.promote()
    assert (promoted is not None) == takes_over


def test_the_page_says_which_photos_are_lost_and_a_person_decides(admin, changing):
    Embedding.objects.update(priority=0)
    fail(changing, 2)
    assert model_choice.promote() is None
    EmbeddingModel.objects.get(key="other")
    page = admin.get("/settings/models")
    text = " ".join(page.content.decode().split())
    assert "2 photos that colours finds failed with it" in text
    assert "only your own photos are shown to you" in text
    settings_page = " ".join(admin.get("/settings").content.decode().split())
    assert "2 photos that search finds now failed with it" in settings_page

    again = admin.post("/settings/models/switch", {"model": changing.pk, "retry": "1"})
    assert again.status_code == 302
    assert Embedding.objects.filter(model=changing, state="pending").count() == 2
    fail(changing, 2)
    admin.post("/settings/models/switch", {"model": changing.pk})
    assert (state_of("colours"), state_of("other")) == ("retired", "active")


def test_photos_that_no_model_can_read_keep_none_back(ada, changing):
    fail(changing, 3)
    Embedding.objects.filter(
        model__key="colours", photo__in=model_change.lost(changing).values("photo_id")
    ).update(state="failed", reason="corrupt")
    assert model_choice.promote() == changing


# --- one click to switch, one to go back ----------------------------------------------------------


def test_a_person_switches_early_and_goes_back_at_once(ada, changing):
    old = EmbeddingModel.objects.get(key="colours")
    model_change.switch_to(changing.pk)
    assert (state_of("colours"), state_of("other")) == ("retired", "active")
    late = add_photo(ada)
    drain()
    assert_settled(changing)

    model_change.switch_to(old.pk)
    assert (state_of("colours"), state_of("other")) == ("active", "retired")
    model_choice.add_missing_rows()
    drain()
    assert late.pk in points(old)
    assert_settled(EmbeddingModel.objects.get(key="colours"))


def test_who_went_back_is_not_overruled(changing, settings):
    drain()
    model_choice.promote()
    model_change.switch_to(EmbeddingModel.objects.get(key="colours").pk)
    assert model_choice.promote() is None
    assert settle(settings, "other")  # the next start
    assert (state_of("colours"), state_of("other")) == ("active", "retired")
    model_change.switch_to(changing.pk)
    assert (state_of("colours"), state_of("other")) == ("retired", "active")
    assert not EmbeddingModel.objects.filter(held=True).exists()


def test_another_setting_is_a_new_word(changing, settings):
    drain()
    model_choice.promote()
    model_change.switch_to(EmbeddingModel.objects.get(key="colours").pk)
    model_change.release_holds()
    assert settle(settings, "other")
    assert state_of("other") == "building"


def test_a_model_that_is_gone_is_no_choice(admin, changing):
    with pytest.raises(UserError, match="here no more"):
        model_change.switch_to(0)
    for text in ("0", "", "x", "9" * 30, "-1"):
        answer = admin.post("/settings/models/switch", {"model": text})
        assert answer.status_code == 404
    EmbeddingModel.objects.filter(pk=changing.pk).update(state="leaving")
    with pytest.raises(UserError, match="here no more"):
        model_change.switch_to(changing.pk)


# --- the end of a former model --------------------------------------------------------------------


def days_pass(days: float) -> None:
    for model in EmbeddingModel.objects.exclude(retired_at=None):
        earlier = model.retired_at - timedelta(days=days)
        EmbeddingModel.objects.filter(pk=model.pk).update(retired_at=earlier)


def index_folder(key: str) -> Path:
    from django.conf import settings

    return Path(settings.DATA_DIR) / "index" / slug(key)


def test_a_former_model_is_removed_after_a_week_and_not_before(ada, changing):
    drain()
    model_choice.promote()
    days_pass(6.9)
    former = EmbeddingModel.objects.get(key="colours")
    library_vectors.library_vectors(ada, former)
    vectors = library_vectors.folder_of("colours")
    assert model_choice.remove_former() == 0
    assert index_folder("colours").is_dir()
    assert any(vectors.iterdir())
    days_pass(0.2)
    assert model_choice.remove_former() == 1
    assert not index_folder("colours").exists()
    assert not any(vectors.iterdir())
    assert list(EmbeddingModel.objects.values_list("key", flat=True)) == ["other"]
    assert_settled(changing)


@pytest.mark.parametrize("point", ["former_rows_removed", "former_index_removed"])
def test_a_removal_that_was_interrupted_is_resumed(changing, arm, point):
    drain()
    model_choice.promote()
    days_pass(8)
    arm(**{point: "raise"})
    with pytest.raises(failpoints.FailpointReached):
        model_choice.remove_former()
    arm()
    assert state_of("colours") == "leaving"
    assert model_choice.remove_former() == 1
    assert not index_folder("colours").exists()
    assert_settled(changing)


def test_a_model_that_is_being_removed_is_built_only_afterwards(changing, settings):
    drain()
    model_choice.promote()
    EmbeddingModel.objects.filter(key="colours").update(state="leaving")
    assert not settle(settings, "colours")
    assert "are being removed" in heartbeat.detail()
    model_choice.remove_former()
    assert settle(settings, "colours")
    assert state_of("colours") == "building"


def test_duplicates_survive_the_model_that_found_them(ada, changing):
    first, second = sorted(ada.photos.all()[:2], key=lambda photo: photo.pk)
    old = EmbeddingModel.objects.get(key="colours")
    DuplicateEdge.objects.all().delete()
    DuplicateEdge.objects.create(
        owner=ada, first=first, second=second, kind="same_picture", closeness=1, model=old
    )
    drain()
    model_choice.promote()
    days_pass(8)
    model_choice.remove_former()
    assert DuplicateEdge.objects.get().model == changing


def test_the_word_of_who_went_back_outlives_the_vectors(changing, settings):
    drain()
    model_choice.promote()
    model_change.switch_to(EmbeddingModel.objects.get(key="colours").pk)
    days_pass(8)
    assert model_choice.remove_former() == 1
    assert settle(settings, "other")
    assert (state_of("colours"), state_of("other")) == ("active", "retired")
    assert not Embedding.objects.filter(model=changing).exists()
    model_change.switch_to(changing.pk)
    assert (state_of("colours"), state_of("other")) == ("active", "building")
    model_choice.add_missing_rows()
    drain()
    assert model_choice.promote() == changing


# --- side by side ---------------------------------------------------------------------------------


def test_ones_own_last_searches_are_shown_with_both_models(admin, changing, ada_client):
    drain()
    ada_client.get("/search?q=green")
    admin.get("/search?q=red+square")
    page = admin.get("/settings/models")
    (pair,) = page.context["pairs"]
    assert pair.query == "red square"
    assert [side.model.key for side in pair.sides] == ["colours", "other"]
    assert "green" not in page.content.decode()
    asked = admin.get("/settings/models?q=blue").context["pairs"]
    assert [pair.query for pair in asked] == ["blue"]


def test_without_another_model_there_is_nothing_to_compare(admin, model):
    assert "There is one model only" in admin.get("/settings/models").content.decode()


def test_a_model_that_was_never_tested_does_not_take_over(changing):
    drain()
    EmbeddingModel.objects.update(tested_at=None)
    assert model_choice.promote() is None


def test_photos_deleted_meanwhile_leave_every_model(ada, changing):
    drain()
    model_choice.promote()
    photo = ada.photos.first()
    delete_for_ever(photo)
    from workers.index_sync import removal

    removal.withdraw()
    removal.purge()
    for model in EmbeddingModel.objects.all():
        assert photo.pk not in points(model)
