"""Models are told apart by their weights, tested, and kept for a while after another took over.

The starter of the last version gets its new key, and keeps its vectors and indexes. The keys of
other models need their weight files; `workers.model_choice` gives them their new ones.
"""

from django.db import migrations, models
from django.utils import timezone

FORMER, PRESENT = "starter-a9d1866c", "starter@e8da4993abef368d"


def name_the_starter(apps, schema_editor):
    model = apps.get_model("gallery", "EmbeddingModel")
    known = model.objects.using(schema_editor.connection.alias)
    if not known.filter(key=PRESENT).exists():
        known.filter(key=FORMER).update(key=PRESENT, index_name=FORMER)
    known.filter(state="retired").update(retired_at=timezone.now())


def name_it_as_before(apps, schema_editor):
    model = apps.get_model("gallery", "EmbeddingModel")
    known = model.objects.using(schema_editor.connection.alias)
    known.filter(key=PRESENT, index_name=FORMER).update(key=FORMER)


class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0012_file_damage'),
    ]

    operations = [
        migrations.AddField(
            model_name='embeddingmodel',
            name='held',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='embeddingmodel',
            name='index_name',
            field=models.CharField(blank=True, help_text='name of its indexes if they were named before its key', max_length=200),
        ),
        migrations.AddField(
            model_name='embeddingmodel',
            name='retired_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='embeddingmodel',
            name='tested_at',
            field=models.DateTimeField(blank=True, help_text='when it passed its self-test', null=True),
        ),
        migrations.AlterField(
            model_name='embeddingmodel',
            name='state',
            field=models.CharField(choices=[('building', 'Building'), ('active', 'Active'), ('retired', 'Retired'), ('leaving', 'Leaving')], default='building', max_length=10),
        ),
        migrations.RunPython(name_the_starter, name_it_as_before),
    ]
