from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("gallery", "0018_owners_of_work")]

    operations = [
        migrations.CreateModel(
            name="AccountQuota",
            fields=[
                (
                    "owner",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "bytes",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="of originals that Scry keeps, with files beside them",
                        null=True,
                    ),
                ),
                (
                    "files",
                    models.PositiveBigIntegerField(
                        blank=True, help_text="photos, with files beside them", null=True
                    ),
                ),
                (
                    "rows",
                    models.PositiveBigIntegerField(
                        blank=True,
                        help_text="albums, tags, saved searches and the like",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(
                condition=Q(deleted_at=None, size__gte=0),
                fields=["owner", "external", "size"],
                name="photo_size",
            ),
        ),
    ]
