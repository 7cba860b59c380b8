from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """What is kept by the database itself is made after all migrations: `search.words.schema`."""

    dependencies = [
        ("search", "0002_searches"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Nothing has written words before; a row of every photo is made afterwards.
        migrations.RunSQL("DELETE FROM search_photowords", migrations.RunSQL.noop),
        migrations.AddField(
            "photowords",
            "owner",
            models.ForeignKey(
                db_index=False,
                default=0,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
            preserve_default=False,
        ),
        migrations.AlterField("photowords", "words", models.TextField(blank=True)),
        migrations.AddField("photowords", "stale", models.BooleanField(default=True)),
        migrations.AddIndex(
            "photowords",
            models.Index(fields=["owner"], condition=models.Q(stale=True), name="words_to_refresh"),
        ),
    ]
