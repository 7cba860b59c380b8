"""Find favourites and photos with stars without reading all photos."""

from __future__ import annotations

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("gallery", "0004_fill_facts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(
                condition=models.Q(("favourite", True)),
                fields=["owner", "deleted_at", "trashed_at", "id"],
                name="photo_favourite",
            ),
        ),
        migrations.AddIndex(
            model_name="photo",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("rating__gt", 0), ("trashed_at", None)),
                fields=["owner", "rating", "id"],
                name="photo_rating",
            ),
        ),
    ]
