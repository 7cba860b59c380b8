"""The worker keeps the hits of label sets in step with photos, and can be stopped at any time."""

from __future__ import annotations

import pytest

from gallery.models import EmbeddingModel
from search.understanding.labels import label_sets, projection
from search.understanding.labels.pasting import NewLabel
from search.understanding.models import Kind, LabelHit, LabelProjection
from tests.workers.conftest import add_photo, drain
from workers import jobs, label_photos

pytestmark = pytest.mark.django_db


def hits(name: str) -> int:
    return LabelHit.objects.filter(projection__label__name=name).count()


@pytest.fixture
def hues(ada, model):
    """A one-of set of two colours."""
    labels = [NewLabel("red"), NewLabel("blue")]
    return label_sets.make(ada, "Hues", Kind.ONE_OF, labels)


def test_photos_that_come_get_a_label(ada, hues):
    for colour in ("red", "red", "blue"):
        add_photo(ada, colour=colour)
    drain()
    assert (hits("red"), hits("blue")) == (2, 1)
    add_photo(ada, colour="blue")
    drain()
    assert (hits("red"), hits("blue")) == (2, 2)
    assert not label_photos.is_due()


@pytest.mark.slow
def test_work_that_is_stopped_goes_on_where_it_was(ada, model):
    add_photo(ada, colour="red")
    names = [NewLabel(f"thing {n}") for n in range(40)]
    made = label_sets.make(ada, "Many", Kind.ANY_OF, names)
    drain()
    LabelProjection.objects.all().delete()
    looks = iter([False, True])
    assert projection.follow(made, stop=lambda: next(looks, True)) == 16
    assert LabelProjection.objects.count() == 16
    jobs.LABELS.run()
    assert LabelProjection.objects.exclude(library="").count() == 40


def test_a_new_model_labels_all_photos_anew(ada, hues, model):
    add_photo(ada, colour="red")
    drain()
    before = set(LabelProjection.objects.values_list("pk", flat=True))
    EmbeddingModel.objects.filter(pk=model.pk).update(state=EmbeddingModel.State.RETIRED)
    assert not label_photos.is_due()
    EmbeddingModel.objects.filter(pk=model.pk).update(state=EmbeddingModel.State.ACTIVE)
    assert set(LabelProjection.objects.values_list("pk", flat=True)) == before


def test_a_set_that_was_deleted_meanwhile_harms_nothing(ada, hues, model):
    add_photo(ada, colour="red")
    drain()
    snapshot = projection.Snapshot(hues, model)
    hues.delete()
    add_photo(ada, colour="blue")
    drain()
    library = projection.library_vectors(ada, model)
    projection.score(snapshot, library)
    assert not LabelHit.objects.exists()
