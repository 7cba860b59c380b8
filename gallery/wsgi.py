"""The WSGI application of a web process."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

from gallery import startup

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
with startup.one_sentence():
    application = get_wsgi_application()
    startup.check_services()
    # Otherwise the first who asks waits for all views to be loaded.
    _ = get_resolver().url_patterns
