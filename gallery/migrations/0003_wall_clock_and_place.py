import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

_STEP = 1000
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")
_COLUMNS = ["wall_at", "utc_offset", "taken_at", "shown_at", "date_source", "offset_source"]


def keep_wall_clock(apps, schema_editor):
    """Give each photo the local time that its camera wrote, and its offset where it is known.

    Until now the times of cameras were taken as local to the gallery's zone. A photo without one
    was taken, as far as anyone can tell, when it was uploaded.
    """
    photos = apps.get_model("gallery", "Photo").objects
    zone = ZoneInfo(settings.TIME_ZONE)
    rows = photos.order_by("pk").only("shown_at", "taken_at", "exif")
    batch = list(rows[:_STEP])
    while batch:
        for photo in batch:
            _keep(photo, zone)
        _save(schema_editor.connection, batch)
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:_STEP])


def _keep(photo, zone):
    local = photo.shown_at.astimezone(zone)
    if photo.taken_at is not None:
        # TZ may have changed since the upload, and what the camera wrote has not.
        local = _camera_time(photo.exif, zone) or local
        offset = _camera_offset(photo.exif)
        photo.offset_source = "assumed" if offset is None else "camera"
        if offset is None:
            offset = round(local.utcoffset() / timedelta(minutes=1))
        photo.utc_offset, photo.date_source = offset, "camera"
        photo.taken_at = local.replace(tzinfo=UTC) - timedelta(minutes=offset)
        photo.shown_at = photo.taken_at
    photo.wall_at = local.replace(tzinfo=UTC)


def _camera_time(exif, zone):
    try:
        return datetime.fromisoformat(exif["taken_at"]).replace(tzinfo=zone)
    except (KeyError, TypeError, ValueError):
        return None


def _camera_offset(exif):
    match = _OFFSET.fullmatch(str(exif.get("offset", "")))
    if match is None:
        return None
    offset = int(match[2]) * 60 + int(match[3])
    offset = -offset if match[1] == "-" else offset
    return offset if -12 * 60 <= offset <= 14 * 60 else None


def _save(connection, batch):
    # `bulk_update` takes many times as long.
    fields = [batch[0]._meta.get_field(name) for name in (*_COLUMNS, "id")]
    values = ", ".join(f"{name} = %s" for name in _COLUMNS)
    with connection.cursor() as cursor:
        cursor.executemany(
            f"UPDATE gallery_photo SET {values} WHERE id = %s",
            [
                [field.get_db_prep_save(getattr(photo, field.attname), connection) for field in fields]
                for photo in batch
            ],
        )


def project_again(apps, schema_editor):
    """Have all points written again: the day in their payload is that of the wall clock now.

    The vectors stay, and so do the old points until the new ones replace them. The parts of a photo
    follow it.
    """
    embeddings = apps.get_model("gallery", "Embedding").objects
    waiting = embeddings.filter(
        state="indexed", photo__deleted_at=None, photo__trashed_at=None
    )
    waiting.update(state="embedded")


class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0002_flaw_and_motion'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='photo',
            name='date_source',
            field=models.CharField(blank=True, choices=[('', 'unknown, so the time of the upload'), ('camera', 'from the camera'), ('gps', 'from the satellites'), ('metadata', "from the file's description"), ('sidecar', 'from the file beside it'), ('name', 'from the file name'), ('file', "from the file's last change"), ('person', 'set by hand')], max_length=8),
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
        migrations.RunPython(project_again, migrations.RunPython.noop),
    ]
