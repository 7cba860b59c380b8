"""A backup that is killed at any moment harms no earlier one, and the next one goes on."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from gallery.backup import manifest
from gallery.backup.back_up import back_up
from gallery.backup.verify import verify
from tests.workers.conftest import add_photo

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
BACK_UP = """
import sys, django
from django.db import connection
from django.conf import settings
from pathlib import Path
django.setup()
data, name, target = sys.argv[1:]
settings.DATA_DIR = Path(data)
settings.MEDIA_DIR, settings.UPLOAD_TMP_DIR = Path(data) / "media", Path(data) / "tmp"
connection.settings_dict["NAME"] = name
from gallery.backup.back_up import back_up
from gallery.backup.targets import open_target
print("begins", flush=True)
back_up(open_target(target))
"""


def killed_after(seconds: float, target) -> bool:
    """Run a backup in a process of its own, and kill it; return whether it was still at work."""
    name = str(connection.settings_dict["NAME"])
    command = [sys.executable, "-c", BACK_UP, settings.DATA_DIR, name, target.root]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begins\n"
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    return process.returncode == -signal.SIGKILL


def test_a_backup_that_is_killed_harms_nothing(ada, model, target):
    for _ in range(20):
        add_photo(ada)
    began = time.monotonic()
    back_up(target)
    whole = time.monotonic() - began
    chance, killed = random.Random(11), 0
    for _ in range(6):
        for _ in range(30):
            add_photo(ada)
        before = {path: path.read_bytes() for path in target.root.glob("generations/*/**/*.*")}
        whole_before = manifest.generations(target)
        killed += killed_after(chance.uniform(0, whole), target)
        assert manifest.generations(target)[: len(whole_before)] == whole_before
        for path in before:
            if path.parts[-2] in whole_before or path.parts[-3] in whole_before:
                assert path.read_bytes() == before[path]
        assert verify(target).sentences == []
    assert killed >= 3
    copied = {path: path.stat().st_ino for path in target.root.glob("files/*/*")}
    last = back_up(target)
    assert last.manifest.files == {"kept": 200}
    assert verify(target).sentences == []
    # What the killed ones copied was not copied again.
    assert copied.items() <= {path: path.stat().st_ino for path in copied}.items()
