"""What workers say is kept so that it can be told in any language; models remember their speed."""

from __future__ import annotations

from django.db import migrations, models

import gallery.sentences


def _sentence(help_text: str = "") -> gallery.sentences.SentenceField:
    return gallery.sentences.SentenceField(blank=True, help_text=help_text)


class Migration(migrations.Migration):
    dependencies = [("gallery", "0030_facets_index")]

    operations = [
        migrations.AddField(
            "embeddingmodel",
            "photos_per_second",
            models.FloatField(
                blank=True,
                help_text="as a worker measured it last, with many photos",
                null=True,
            ),
        ),
        migrations.AlterField("embeddingmodel", "why", _sentence("why this model was chosen")),
        migrations.AlterField("embeddingmodel", "hint", _sentence("how to get a better one")),
        migrations.AlterField("indexcheck", "problem", _sentence()),
        migrations.AlterField("workerstatus", "detail", _sentence()),
        migrations.AlterField("workerstatus", "device_reason", _sentence()),
    ]
