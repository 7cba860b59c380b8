"""The photo to keep is the one that holds the most, whichever arrived first and is larger."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image, ImageOps

from gallery.models import Photo
from search.duplicates.find import candidates, compare, prefilter
from search.duplicates.find.thresholds import CAREFUL
from search.duplicates.groups.edges import Judgement
from search.duplicates.models import DuplicateEdge, DuplicateGroup, Kind
from tests.images import camera_exif
from tests.unit.test_quality import blown_up, enlarged, grey, original, stamped
from tests.workers.conftest import add_photo, drain
from workers import jobs

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(candidates, "_hashes", {})
    monkeypatch.setattr(prefilter, "rejected_pairs", prefilter.RejectedPairs())
    monkeypatch.setattr(compare, "rejected_pairs", prefilter.rejected_pairs)
    jobs.COMPARE.resume()


@pytest.fixture(autouse=True)
def _all_the_same(monkeypatch):
    """Call every pair the same picture: what is tried here comes after the verdict."""

    def judge(pairs, *args, **options):
        return [Judgement(Kind.SAME_PICTURE, 0.99) for _ in pairs]

    monkeypatch.setattr(compare.judging, "judge", judge)
    # The model of the tests knows colours only, so that grey copies would not even be candidates.
    everything = replace(CAREFUL, candidate=-1.0)
    monkeypatch.setattr(compare, "thresholds_of", lambda model: everything)
    monkeypatch.setattr(
        prefilter, "_worth_judging", lambda cosines, *rest: dict.fromkeys(cosines, 1.0)
    )


def add(owner, image: Image.Image, **options) -> Photo:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92, **options)
    photo = add_photo(owner, buffer.getvalue())
    Photo.objects.filter(pk=photo.pk).update(
        width=image.width, height=image.height, format="JPEG", exif=photo.exif
    )
    return photo


COPIES: dict[str, tuple[Callable[[Image.Image], Image.Image], str]] = {
    "grey": (lambda image: enlarged(grey(image)), "in colour"),
    "blown up": (lambda image: blown_up(image, 0.3, 2.0), "real detail of 7"),
    "framed": (lambda image: ImageOps.expand(image, 60, "black"), "without a border"),
    "stamped": (lambda image: enlarged(stamped(image)), "nothing laid over it"),
}


@pytest.mark.parametrize("original_first", [True, False])
@pytest.mark.parametrize("copy", COPIES)
def test_the_original_is_kept(ada, ada_client, model, copy, original_first):
    change, reason = COPIES[copy]
    pictures = [original(), change(original())]
    added = [add(ada, picture) for picture in pictures[:: 1 if original_first else -1]]
    kept = added[0 if original_first else 1]
    drain()
    edge = DuplicateEdge.objects.get()
    assert edge.evidence["quality"]["colour"]
    assert DuplicateGroup.objects.get().keeper_id == kept.pk
    group = ada_client.get("/api/v1/duplicates", {"kind": "same_picture"}).json()["groups"][0]
    best = group["members"][0]
    assert (best["id"], best["keep"]) == (str(kept.pk), True)
    assert any(said.startswith(reason) for said in best["reasons"])
    page = ada_client.get("/duplicates").content.decode()
    assert reason in page


def test_a_copy_without_the_cameras_data(ada, model):
    own, copy = original(), enlarged(original(), 1.1)
    small = add(ada, own, exif=camera_exif())
    Photo.objects.filter(pk=small.pk).update(exif={"make": "Canon", "model": "EOS R5"})
    add(ada, copy)
    drain()
    assert DuplicateGroup.objects.get().keeper_id == small.pk
