"""Looks into watched and external folders, in a thread of its own."""

from __future__ import annotations

import logging
import threading
from functools import partial
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import close_old_connections, connections
from django.utils.translation import gettext_noop

from gallery import database_outages, files
from gallery.folders import external
from gallery.folders.scan_folder import Scan
from gallery.folders.watch_folder import LOOK_SECONDS, QUIET_SECONDS, Watch
from gallery.models import WorkKind
from gallery.paths import shown
from gallery.request_priority import lower_thread_priority
from gallery.sentences import Sentence
from gallery.work import pauses
from workers import activity, heartbeat

logger = logging.getLogger(__name__)

_watches: dict[tuple[str, Path], Watch] = {}


def run(stop: threading.Event) -> None:
    """Look until `stop` is set. What fails is tried again in the next round."""
    lower_thread_priority()
    try:
        while not stop.wait(LOOK_SECONDS):
            try:
                close_old_connections()
                if not pauses.is_paused(WorkKind.FOLDERS):
                    look(stop)
                    rescan(stop)
            except Exception as error:
                # Nobody would start this thread again.
                if not database_outages.is_told(error):
                    logger.exception("Looking into folders was cut short and is tried again.")
    finally:
        _watches.clear()
        connections.close_all()


def look(stop: threading.Event) -> None:
    """Take in what has settled in the watched folders. One that fails rests, and the others go on.

    The owner is asked for before each look, since accounts may be removed meanwhile.
    """
    for owner, folder in settings.WATCH_FOLDERS:
        known = _watches.get((owner, folder))
        if known is not None and not known.is_due():
            continue
        watch = _watch(owner, folder)
        if watch is not None:
            _look_with(watch, stop)


def _look_with(watch: Watch, stop: threading.Event) -> None:
    try:
        with activity.at(WorkKind.FOLDERS):
            watch.look(partial(_has_to_rest, stop))
    except Exception as error:
        # Whatever a file or a library raises concerns this folder alone.
        if not database_outages.is_told(error):
            logger.exception("Looking into %s failed; it is tried again.", shown(watch.folder))
        watch.pause()
        return
    heartbeat.tell(f"watching {watch.folder}", watch.trouble)


def rescan(stop: threading.Event) -> None:
    """Scan the external folders that are due: every `RESCAN_MINUTES`, or each minute while away."""
    for folder in external.due():
        if _has_to_rest(stop) or not external.claim(folder):
            continue
        scan = Scan(folder, logger.info, partial(_has_to_rest, stop), quiet_seconds=QUIET_SECONDS)
        try:
            with activity.at(WorkKind.FOLDERS):
                scan.run()
        except files.CannotStore as error:
            heartbeat.tell("disk", str(error))
        except Exception as error:
            # The folder was claimed, so that it comes again after the others.
            if not database_outages.is_told(error):
                logger.exception("The scan of %s failed and is repeated later.", folder)
            continue
        _report(scan)


def _has_to_rest(stop: threading.Event) -> bool:
    return stop.is_set() or pauses.is_paused(WorkKind.FOLDERS)


def _report(scan: Scan) -> None:
    """Log what is news, and show people which folders are away."""
    folder, away = scan.folder, ""
    if folder.away_since is not None:
        text = gettext_noop("The folder %(folder)s is away. Its photos stay.")
        away = Sentence(text, folder=str(folder))
    heartbeat.tell(f"external folder {folder.pk}", away)
    for problem in scan.unreadable:
        logger.warning("Cannot be read: %s", problem)
    if scan.counts.keys() - {"unchanged", "left out"}:
        logger.info("%s: %s", folder, scan.report())


def _watch(owner: str, folder: Path) -> Watch | None:
    """Return the watch of a folder; None, and a word about it, without its account."""
    user = get_user_model().objects.filter(username=owner).first()
    text = gettext_noop("WATCH_FOLDERS names %(owner)s, but there is no such account.")
    sentence = "" if user else Sentence(text, owner=owner)
    heartbeat.tell(f"the owner of {shown(folder)}", sentence)
    watch = _watches.get((owner, folder))
    if watch is not None and watch.user == user:
        return watch
    _watches.pop((owner, folder), None)
    if user is None:
        return None
    _watches[owner, folder] = Watch(user, folder.resolve(), logger.info)
    return _watches[owner, folder]
