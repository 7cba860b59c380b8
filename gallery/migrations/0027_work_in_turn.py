"""What waits to be looked at is found by owner, so that owners take turns at all work."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models
from django.db.models import F, OuterRef, Q, Subquery

ENGINE = "tiles-1"
TRIES = 3


def note_owners(apps: Any, schema_editor: Any) -> None:
    """Write the owner of its photo into each row that has none."""
    photos = apps.get_model("gallery", "Photo").objects.filter(pk=OuterRef("photo_id"))
    owner = Subquery(photos.values("owner_id")[:1])
    for name in ("Embedding", "Companion"):
        apps.get_model("gallery", name).objects.filter(owner_id=0).update(owner_id=owner)


def note_what_is_done(apps: Any, schema_editor: Any) -> None:
    """Mark photos that were measured, and rows whose parts were made or given up."""
    measured = apps.get_model("gallery", "PhotoQuality").objects.filter(engine=ENGINE)
    made = measured.filter(photo=OuterRef("pk")).values("measured_at")[:1]
    photos = apps.get_model("gallery", "Photo").objects
    photos.filter(pk__in=measured.values("photo")).update(measured_at=Subquery(made))
    parts = apps.get_model("gallery", "PhotoParts").objects
    done = parts.filter(~Q(boxes=b"") | ~Q(indexed_at=None) | Q(tries__gte=TRIES))
    generation = done.filter(pk=OuterRef("pk")).values("generation")[:1]
    rows = apps.get_model("gallery", "Embedding").objects.filter(pk__in=done.values("pk"))
    rows.update(parts_generation=Subquery(generation))


def waiting_for(mark: str) -> Q:
    return Q(deleted_at=None, trashed_at=None, decoded_at__isnull=False) & Q((mark, None))


class Migration(migrations.Migration):
    dependencies = [("gallery", "0026_passkeys")]

    operations = [
        migrations.AddField(
            model_name="companion",
            name="owner_id",
            field=models.BigIntegerField(
                default=0, editable=False, help_text="of the photo: repeated here for the index"
            ),
        ),
        migrations.AddField(
            model_name="embedding",
            name="parts_generation",
            field=models.PositiveIntegerField(
                default=0, help_text="the generation whose parts are saved, or were given up"
            ),
        ),
        migrations.AddField(
            model_name="photo",
            name="measured_at",
            field=models.DateTimeField(
                blank=True,
                help_text="when its sharpness was measured; see PhotoQuality",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="photo",
            name="screened_at",
            field=models.DateTimeField(
                blank=True, help_text="when the network for nudity looked at it", null=True
            ),
        ),
        migrations.RunPython(note_owners, migrations.RunPython.noop),
        migrations.RunPython(note_what_is_done, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="companion",
            name="read_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="companion",
            index=models.Index(fields=["read_at", "owner_id"], name="companion_read"),
        ),
        migrations.AddIndex(
            model_name="companion",
            index=models.Index(
                condition=Q(read_at=None), fields=["owner_id"], name="companion_to_read"
            ),
        ),
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(
                condition=Q(deleted_at=None, external=False, read_at=None),
                fields=["owner"],
                name="photo_to_read",
            ),
        ),
        migrations.RemoveIndex(model_name="embedding", name="embedding_to_compare"),
        migrations.AddIndex(
            model_name="embedding",
            index=models.Index(
                condition=Q(compared_at=None),
                fields=["model", "state", "owner_id", "-id"],
                name="embedding_to_compare",
            ),
        ),
        migrations.AddIndex(
            model_name="embedding",
            index=models.Index(
                condition=Q(parts_generation__lt=F("generation")),
                fields=["model", "state", "owner_id", "-id"],
                name="embedding_to_part",
            ),
        ),
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(
                condition=waiting_for("measured_at"),
                fields=["owner", "-created_at", "-id"],
                name="photo_to_measure",
            ),
        ),
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(
                condition=waiting_for("screened_at"),
                fields=["owner", "-created_at", "-id"],
                name="photo_to_screen",
            ),
        ),
    ]
