"""Give each photo of DATA_DIR an original of random bytes.

Run by `benchmarks.backup_restore`: DATA_DIR=... python -m benchmarks.backup_restore_files KILOBYTES
"""

from __future__ import annotations

import hashlib
import os
import sys


def main(kilobytes: int) -> None:
    """Write the files, and their sizes and checksums into the rows."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    import django

    django.setup()
    from django.db import transaction

    from gallery import files
    from gallery.models import Photo

    with transaction.atomic():
        for photo in Photo.objects.all():
            data = os.urandom(kilobytes * 1024)
            path = files.own_copy(photo)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            photo.sha256, photo.size = hashlib.sha256(data).hexdigest(), len(data)
            photo.save(update_fields=["sha256", "size"])


if __name__ == "__main__":
    main(int(sys.argv[1]))
