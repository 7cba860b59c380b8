"""Camera, lens and place of photos that were taken in before there were columns for them.

The main colours are in the pixels, so the workers fill them in while the gallery runs.
"""

from __future__ import annotations

from typing import Any

from django.db import migrations

from gallery.facts import Facts, facts

BATCH = 1000


def fill(apps: Any, schema_editor: Any) -> None:
    """Write the facts of all photos that have any, in batches by key, so that memory stays flat."""
    photo = apps.get_model("gallery", "Photo")
    rows = photo.objects.using(schema_editor.connection.alias).order_by("pk")
    page = list(rows.only("exif")[:BATCH])
    while page:
        changed = []
        for row in page:
            found = facts(row.exif if isinstance(row.exif, dict) else {})
            if found != Facts():
                row.camera, row.lens = found.camera, found.lens
                row.latitude, row.longitude = found.latitude, found.longitude
                changed.append(row)
        rows.bulk_update(changed, ["camera", "lens", "latitude", "longitude"], 100)
        page = list(rows.filter(pk__gt=page[-1].pk).only("exif")[:BATCH])


class Migration(migrations.Migration):
    dependencies = [("gallery", "0003_search_facts")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
