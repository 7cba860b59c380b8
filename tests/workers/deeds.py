"""One deed in a process of its own, which a failpoint may kill on the way.

    python -m tests.workers.deeds upload ada picture.png

The gallery is that of the environment. Each deed can be done again after it was interrupted.
"""

from __future__ import annotations

import sys
from pathlib import Path
from shutil import copyfile

import django


def upload(owner: str, path: str) -> None:
    """Take in a copy of a file; a sidecar is kept with its photo."""
    from django.contrib.auth import get_user_model

    from gallery import companions, files

    copy = files.temporary_path()
    copyfile(path, copy)
    companions.take_in(get_user_model().objects.get(username=owner), copy, Path(path).name)


def send_pieces(owner: str, path: str) -> None:
    """Send a file in two pieces, or go on with the upload that is there."""
    from django.contrib.auth import get_user_model

    from gallery import companions, partial_uploads

    user, data = get_user_model().objects.get(username=owner), Path(path).read_bytes()
    begun = partial_uploads.kept_uploads()
    upload = begun[0] if begun else partial_uploads.begin(user.pk, len(data), "new.png", "")

    def take_in(upload):
        photo = companions.take_in(user, upload.path, upload.name).photo
        return {"id": str(photo.pk)}

    for end in (len(data) // 2, len(data)):
        if upload.offset < end:
            pieces = [data[upload.offset : end]]
            partial_uploads.receive(upload, upload.offset, pieces, take_in)


def scan() -> None:
    from gallery.folders.scan_folder import Scan
    from gallery.models import ExternalFolder

    for folder in ExternalFolder.objects.all():
        Scan(folder, lambda line: None).run()


def trash(photo: str) -> None:
    from gallery import trash
    from gallery.models import Photo

    trash.trash(Photo.objects.filter(pk=photo))


def restore(photo: str) -> None:
    from gallery import trash
    from gallery.models import Photo

    trash.restore(Photo.objects.filter(pk=photo))


def delete(photo: str) -> None:
    from gallery import trash
    from gallery.models import Photo

    trash.empty(Photo.objects.filter(pk=photo))


def work() -> None:
    """Do all that workers have to do, once."""
    from workers import jobs

    for job in jobs.JOBS:
        job.run()


def promote() -> None:
    from workers import model_choice

    model_choice.promote()


def remove_former() -> None:
    from workers import model_choice

    model_choice.remove_former()


def check_index() -> None:
    from threading import Event

    from workers.check_index import check_if_asked

    check_if_asked(Event())


def back_up(target: str) -> None:
    from gallery.backup.back_up import back_up
    from gallery.backup.targets import open_target

    back_up(open_target(target))


DEEDS = (
    upload, send_pieces, scan, trash, restore, delete, work, promote, remove_former, check_index,
    back_up,
)  # fmt: skip

if __name__ == "__main__":
    django.setup()
    from gallery import decoders
    from workers import look_ahead

    {deed.__name__: deed for deed in DEEDS}[sys.argv[1]](*sys.argv[2:])
    look_ahead.close()
    decoders.close()
