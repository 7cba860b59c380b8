"""Which photos machines keep from leaving by a share: suspected ones, and those not looked at yet.

A photo that nobody has looked at may be anything. It was looked at if the texts were compared with
all photos of its owner after it was in the index; and by the network, where that is installed.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from gallery.models import Embedding
from search.understanding.models import Engine, PromptScan, Suspicion
from search.understanding.sensitive import nudity


def suspected_or_unseen() -> Q:
    """Return the condition on photos, for `gallery.models.sharing.suspects`."""
    rows = Suspicion.objects.undecided().filter(photo_id=OuterRef("pk"))
    return Q(Exists(rows)) | ~_looked_at()


def _looked_at() -> Q:
    # A point is written again when a date is corrected, and compared only once: either time tells
    # that the photo was in the index before.
    before = Q(indexed_at__lte=OuterRef("made_at")) | Q(compared_at__lte=OuterRef("made_at"))
    embedded = Embedding.objects.filter(before, photo_id=OuterRef(OuterRef("pk")))
    scans = PromptScan.objects.filter(owner_id=OuterRef("owner_id"))
    looked_at = Q(Exists(scans.filter(Exists(embedded))))
    if nudity.is_installed():
        seen = Suspicion.objects.filter(photo_id=OuterRef("pk"), engine=Engine.NETWORK)
        looked_at &= Q(Exists(seen))
    return looked_at
