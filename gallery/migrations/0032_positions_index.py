from django.conf import settings
from django.db import migrations, models


def count(apps, schema_editor):
    """Let SQLite count the index, which it otherwise takes for better than those it has counted."""
    if schema_editor.connection.vendor == "sqlite":
        schema_editor.execute("ANALYZE gallery_photo")


class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0031_sentences_and_speed'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='photo',
            index=models.Index(condition=models.Q(('deleted_at', None), ('trashed_at', None), ('latitude__isnull', False)), fields=['owner', 'deleted_at', 'trashed_at', 'latitude', 'longitude', 'id'], name='photo_position'),
        ),
        migrations.RunPython(count, migrations.RunPython.noop, elidable=True),
    ]
