from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """What is kept by the database itself is made after all migrations: `search.words.schema`."""

    dependencies = [("search", "0002_searches")]

    operations = [
        migrations.AlterField("photowords", "words", models.TextField(blank=True)),
        migrations.AddField("photowords", "stale", models.BooleanField(default=True)),
        migrations.AddIndex(
            "photowords",
            models.Index(fields=["photo"], condition=models.Q(stale=True), name="words_to_refresh"),
        ),
    ]
