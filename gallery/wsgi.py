"""The WSGI entry point for gunicorn."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

from gallery import startup

APP_LOAD_ERROR = 4
"""The exit status of a worker on which gunicorn (`Arbiter.APP_LOAD_ERROR`) ends as well, instead of
starting the worker again for ever."""

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
with startup.one_sentence(APP_LOAD_ERROR):
    application = get_wsgi_application()
    startup.check_services()
