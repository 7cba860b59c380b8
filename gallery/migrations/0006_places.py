from django.db import migrations

from gallery import gazetteer

_STEP = 1000


def name_places(apps, schema_editor):
    """Give each photo with coordinates the nearest town."""
    photos = apps.get_model("gallery", "Photo").objects
    located = photos.filter(latitude__isnull=False, longitude__isnull=False, place_id=None)
    rows = located.order_by("pk").only("latitude", "longitude")
    batch = list(rows[:_STEP])
    while batch:
        _save(schema_editor.connection, [(photo, _town(photo)) for photo in batch])
        batch = list(rows.filter(pk__gt=batch[-1].pk)[:_STEP])


def _town(photo):
    return gazetteer.nearest(photo.latitude, photo.longitude)


def _save(connection, found):
    # `bulk_update` takes many times as long.
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE gallery_photo SET place = %s, place_id = %s WHERE id = %s",
            [
                [town.label, town.id, photo._meta.pk.get_db_prep_save(photo.pk, connection)]
                for photo, town in found
                if town is not None
            ],
        )


class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0005_external_folders'),
    ]

    operations = [
        migrations.RunPython(name_places, migrations.RunPython.noop, elidable=True),
    ]
