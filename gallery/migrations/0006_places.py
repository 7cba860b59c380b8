from django.db import migrations

from gallery import gazetteer

_STEP = 1000


def name_places(apps, schema_editor):
    """Give each photo with coordinates the nearest town."""
    photos = apps.get_model("gallery", "Photo").objects
    located = photos.filter(latitude__isnull=False, longitude__isnull=False, place_id=None)
    batch = []
    for photo in located.only("latitude", "longitude").iterator(chunk_size=_STEP):
        town = gazetteer.nearest(photo.latitude, photo.longitude)
        if town is None:
            continue
        photo.place, photo.place_id = town.label, town.id
        batch.append(photo)
        if len(batch) == _STEP:
            photos.bulk_update(batch, ["place", "place_id"])
            batch = []
    photos.bulk_update(batch, ["place", "place_id"])


class Migration(migrations.Migration):

    dependencies = [
        ('gallery', '0005_external_folders'),
    ]

    operations = [
        migrations.RunPython(name_places, migrations.RunPython.noop, elidable=True),
    ]
