"""Succeed if this container's worker has been heard of lately; Docker's health check runs this.

`python docker/worker_health.py index` asks for the worker of that queue.

Asking the worker itself (`celery inspect ping`) would not do: one that is busy with a batch answers
nobody, and is all the healthier for it.
"""

from __future__ import annotations

import os
import socket
import sys
from datetime import timedelta
from pathlib import Path

import django

SILENCE = timedelta(minutes=1)  # a worker writes at least every 10 s


def main() -> None:
    """Exit with 0 if the queue's worker of this host wrote its status lately, else with 1."""
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    django.setup()
    from django.utils import timezone

    from gallery.models import WorkerStatus

    heard = WorkerStatus.objects.filter(
        name__startswith=f"{socket.gethostname()}:",
        queues__contains=sys.argv[1],
        seen_at__gt=timezone.now() - SILENCE,
    )
    sys.exit(0 if heard.exists() else 1)


if __name__ == "__main__":
    main()
