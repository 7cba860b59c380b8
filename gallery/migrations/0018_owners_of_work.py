"""The queue of photos to embed is ordered by owner, too, so that owners take turns."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def note_owners(apps: Any, schema_editor: Any) -> None:
    """Write the owner of its photo into each row."""
    photos = apps.get_model("gallery", "Photo").objects.filter(pk=OuterRef("photo_id"))
    rows = apps.get_model("gallery", "Embedding").objects.all()
    rows.update(owner_id=Subquery(photos.values("owner_id")[:1]))


class Migration(migrations.Migration):
    dependencies = [("gallery", "0017_sensitive")]

    operations = [
        migrations.AddField(
            model_name="embedding",
            name="owner_id",
            field=models.BigIntegerField(
                default=0,
                editable=False,
                help_text="of the photo: repeated here for the queue's index",
            ),
        ),
        migrations.RunPython(note_owners, migrations.RunPython.noop),
        migrations.RemoveIndex(model_name="embedding", name="embedding_queue"),
        migrations.AddIndex(
            model_name="embedding",
            index=models.Index(
                fields=["model", "state", "-priority", "owner_id", "id"], name="embedding_queue"
            ),
        ),
    ]
