"""Settings of the test suite: everything embedded, in a folder of its own, with a fake model."""

from __future__ import annotations

import os
import tempfile

for name in (
    "DATABASE_URL",
    "REDIS_URL",
    "QDRANT_URL",
    "QDRANT_API_KEY",
    "PUBLIC_URL",
    "WATCH_FOLDERS",
    "IMPORT_ROOTS",
    "BACKUP_TARGET",
):
    os.environ.pop(name, None)
os.environ["DATA_DIR"] = tempfile.mkdtemp(prefix="scry-test-")
os.environ["EMBEDDING_MODEL"] = "colours"
os.environ["SECRET_KEY"] = "only-for-tests-only-for-tests-only-for-tests"
os.environ["MIN_FREE_MB"] = "1"
# Tests of what is due would find the parts of photos to be due too.
os.environ["PART_SEARCH"] = "0"
# Nor shall originals be due to be read.
os.environ["SCRUB_DAYS"] = "0"
os.environ["TZ"] = "UTC"

from gallery.settings import *  # noqa: E402, F403 - the environment above must come first
from gallery.settings import DATA_DIR, DATABASES, MIDDLEWARE  # noqa: E402

EMBEDDER_FACTORY = "tests.embedders.load"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A file, because worker threads open connections of their own; no syncing, because no test
# pulls the plug.
DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
MIDDLEWARE[MIDDLEWARE.index("whitenoise.middleware.WhiteNoiseMiddleware")] = (
    "tests.static_files.FoundOnce"
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
