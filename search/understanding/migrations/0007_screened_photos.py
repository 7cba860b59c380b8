"""Photos that the network for nudity has seen are marked, since the photo itself says so now."""

from __future__ import annotations

from typing import Any

from django.db import migrations
from django.utils import timezone


def note_what_is_done(apps: Any, schema_editor: Any) -> None:
    """Mark the photos that have a row of the network."""
    seen = apps.get_model("understanding", "Suspicion").objects.filter(engine="open-nsfw")
    photos = apps.get_model("gallery", "Photo").objects.filter(pk__in=seen.values("photo"))
    photos.update(screened_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("understanding", "0006_themes"), ("gallery", "0027_work_in_turn")]

    operations = [migrations.RunPython(note_what_is_done, migrations.RunPython.noop)]
