"""Edges say what was measured, and verdicts by the old rules go, so that all photos wait anew."""

from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def forget_verdicts(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Delete edges and open groups; what people decided stays."""
    apps.get_model("duplicates", "DuplicateGroup").objects.all().delete()
    apps.get_model("duplicates", "DuplicateEdge").objects.all().delete()
    apps.get_model("duplicates", "Sweep").objects.update(finished_at=None)
    embeddings = apps.get_model("gallery", "Embedding").objects.exclude(compared_at=None)
    embeddings.update(compared_at=None)


class Migration(migrations.Migration):
    dependencies = [
        ("duplicates", "0001_initial"),
        ("gallery", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="duplicateedge",
            name="evidence",
            field=models.JSONField(blank=True, default=dict),
        ),
        migrations.RunPython(forget_verdicts, migrations.RunPython.noop),
    ]
