from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

_STEP = 1000


def keep_wall_clock(apps, schema_editor):
    """Give each photo the local time that its camera wrote.

    Until now the times of cameras were taken as local to the gallery's zone. A photo without one
    was taken, as far as anyone can tell, when it was uploaded.
    """
    photos = apps.get_model("gallery", "Photo").objects
    zone = ZoneInfo(settings.TIME_ZONE)
    batch = []
    for photo in photos.only("shown_at", "taken_at").iterator(chunk_size=_STEP):
        local = photo.shown_at.astimezone(zone)
        photo.wall_at = local.replace(tzinfo=UTC)
        if photo.taken_at is not None:
            photo.utc_offset = round(local.utcoffset() / timedelta(minutes=1))
            photo.date_source, photo.offset_source = "camera", "assumed"
        batch.append(photo)
        if len(batch) == _STEP:
            _save(photos, batch)
    _save(photos, batch)


def _save(photos, batch):
    photos.bulk_update(batch, ["wall_at", "utc_offset", "date_source", "offset_source"])
    batch.clear()



class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0002_flaw_and_motion'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='photo',
            name='date_source',
            field=models.CharField(blank=True, choices=[('', 'unknown, so the time of the upload'), ('camera', 'from the camera'), ('gps', 'from the satellites'), ('metadata', "from the file's description"), ('sidecar', 'from the file beside it'), ('name', 'from the file name'), ('file', "from the file's date"), ('person', 'set by hand')], max_length=8),
        ),
        migrations.AddField(
            model_name='photo',
            name='offset_source',
            field=models.CharField(blank=True, choices=[('', 'unknown'), ('camera', 'from the camera'), ('gps', 'from the satellites'), ('place', 'of the place'), ('assumed', "the gallery's, assumed"), ('person', 'set by hand')], max_length=8),
        ),
        migrations.AddField(
            model_name='photo',
            name='place',
            field=models.CharField(blank=True, help_text='the nearest town, for people', max_length=200),
        ),
        migrations.AddField(
            model_name='photo',
            name='place_id',
            field=models.IntegerField(blank=True, help_text='its number in GeoNames', null=True),
        ),
        migrations.AddField(
            model_name='photo',
            name='utc_offset',
            field=models.SmallIntegerField(blank=True, help_text='minutes east of UTC', null=True),
        ),
        migrations.AddField(
            model_name='photo',
            name='wall_at',
            field=models.DateTimeField(default=django.utils.timezone.now, help_text='local time, kept as if UTC'),
        ),
        migrations.AddIndex(
            model_name='photo',
            index=models.Index(condition=models.Q(('deleted_at', None), ('trashed_at', None)), fields=['owner', 'wall_at'], name='photo_wall'),
        ),
        migrations.AddIndex(
            model_name='photo',
            index=models.Index(condition=models.Q(('deleted_at', None), ('trashed_at', None)), fields=['owner', 'place_id'], name='photo_place'),
        ),
        migrations.RunPython(keep_wall_clock, migrations.RunPython.noop),
    ]
