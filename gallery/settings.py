"""Settings, all from the environment; every name is described in docs/reference/settings.md.

There is no mode flag: DATABASE_URL, REDIS_URL and QDRANT_URL each choose the embedded part when
empty and the real service when set.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from gallery import collected_files, env, private_files
from gallery.logs.console import console

# NumPy multiplies many small matrices here. More threads make that no faster and, next to a busy
# web server, several times slower. NumPy reads this at its first import; torch has its own setting.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

BASE_DIR = Path(__file__).resolve().parent.parent
# Collected static files are for everybody: the image is built by another user than runs it.
if not env.flag("COLLECT_STATIC"):
    private_files.keep_private()
DATA_DIR = env.folder("DATA_DIR", BASE_DIR / "data")
MEDIA_DIR = DATA_DIR / "media"
UPLOAD_TMP_DIR = DATA_DIR / "tmp"
for folder in (MEDIA_DIR, UPLOAD_TMP_DIR):
    folder.mkdir(parents=True, exist_ok=True)
private_files.close_outside(DATA_DIR)


def _secret_key() -> str:
    """Return SECRET_KEY, or one generated once into DATA_DIR with mode 0600."""
    key = env.text("SECRET_KEY") or env.secret_in(DATA_DIR / "secret_key", 50)
    if len(key) < 40 or key.startswith("django-insecure"):
        raise ImproperlyConfigured(
            "SECRET_KEY is too weak: use at least 40 random characters, or leave it empty to have "
            "one made in DATA_DIR."
        )
    return key


SECRET_KEY = _secret_key()
DEBUG = env.flag("DEBUG")

HOST = env.text("HOST") or "127.0.0.1"
PORT = env.port("PORT", 8000)
PUBLIC_URL = env.public_url("PUBLIC_URL")
_public_host = urlsplit(PUBLIC_URL).hostname
_https = PUBLIC_URL.startswith("https://")
LISTENS_EVERYWHERE = env.is_everywhere(HOST)
KNOWN_HOSTS = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    *([] if LISTENS_EVERYWHERE else [HOST]),
    *([_public_host] if _public_host else []),
    *env.names("ALLOWED_HOSTS"),
]
# Where the addresses are not known beforehand, gallery.hosts alone decides.
ALLOWED_HOSTS = ["*"] if LISTENS_EVERYWHERE else KNOWN_HOSTS
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL] if PUBLIC_URL else []

DATABASE_URL = env.service("DATABASE_URL")
REDIS_URL = env.service("REDIS_URL")
QDRANT_URL = env.service("QDRANT_URL")
QDRANT_API_KEY = env.text("QDRANT_API_KEY")
QDRANT_SHARDS = env.whole("QDRANT_SHARDS", 1, at_least=1)
QDRANT_REPLICAS = env.whole("QDRANT_REPLICAS", 1, at_least=1)
QDRANT_ON_DISK = env.flag("QDRANT_ON_DISK")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "ninja",
    "axes",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "gallery",
    "search",
    "search.duplicates",
    "search.understanding",
    "workers",
]

MIDDLEWARE = [
    "gallery.logs.access_log.follow_requests",
    "gallery.metrics.requests.count_requests",
    "gallery.response_headers.protect",
    "gallery.https_only.refuse_plain_http",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "gallery.hosts.known_hosts",
    "gallery.page_compression.CompressPages",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "gallery.api.errors.api_errors",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "gallery.permissions.viewers_only_look",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "gallery.urls"
WSGI_APPLICATION = "gallery.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "gallery.views.devices.page_context",
                "gallery.status.page_context",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "gallery.templatetags.dates",
                "gallery.templatetags.icons",
                "gallery.templatetags.numbers",
                "gallery.templatetags.phrases",
                "gallery.templatetags.renditions",
                "gallery.templatetags.style_sheets",
                "gallery.templatetags.veils",
            ],
        },
    },
]

_pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-4000;"
_database: Any = {
    "ENGINE": "gallery.sqlite",
    "NAME": str(DATA_DIR / "scry.sqlite3"),
    "CONN_MAX_AGE": None,
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": _pragmas},
}
if DATABASE_URL:
    try:
        _database = dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)
    except ValueError:
        raise ImproperlyConfigured(
            "DATABASE_URL names no database that Scry knows. Try postgres://user:password@host/name."
        ) from None
    if _database["ENGINE"].endswith("postgresql"):
        _database.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DATABASES = {"default": _database}
# Lists of results that people page through: in this process, or in Redis for several of them.
CACHES: dict[str, Any] = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    "results": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "results",
        "OPTIONS": {"MAX_ENTRIES": 200},
    },
}
if REDIS_URL:
    CACHES["results"] = {
        "BACKEND": "gallery.redis_cache.ForgivingRedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "scry",
        "OPTIONS": {
            "serializer": "django.core.signing.JSONSerializer",
            "socket_timeout": 2,
            "socket_connect_timeout": 2,
        },
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "gallery.account_backend.AccountBackend",
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "gallery.sign_in_limits.too_many"
AXES_WHITELIST_CALLABLE = "gallery.sign_in_limits.is_on_known_device"
PROXY_COUNT = env.whole("PROXY_COUNT", 0)
AXES_CLIENT_IP_CALLABLE = "gallery.sign_in_limits.counted_address"
AXES_VERBOSE = False

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},  # 8 characters
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "gallery.password_rules.ContextWords"},
    {"NAME": "gallery.password_rules.LeakedPasswords"},
]
LEAKED_HASHES = env.sorted_digests("LEAKED_HASHES")
LOGIN_URL = "sign-in"
OTP_TOTP_ISSUER = "Scry"
PASSWORD_RESET_TIMEOUT = 60 * 60 * 24

# Mails with links to new passwords, and nothing else. The links need PUBLIC_URL.
_mail = env.mail_server("MAIL_URL")
SENDS_MAIL = bool(_mail.host and PUBLIC_URL)
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_SSL, EMAIL_USE_TLS = _mail.ssl, _mail.tls
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM") or f"scry@{_public_host or 'localhost'}"

# Sign-in by another service (OpenID Connect). It sends people back to PUBLIC_URL.
OIDC_ISSUER = env.issuer("OIDC_ISSUER")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.text("OIDC_CLIENT_SECRET")
OIDC_NAME = env.text("OIDC_NAME") or urlsplit(OIDC_ISSUER).hostname or ""
OIDC_CREATE_ACCOUNTS = env.flag("OIDC_CREATE_ACCOUNTS")
SIGNS_IN_BY_OPENID = all((OIDC_ISSUER, OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, PUBLIC_URL))

# A language is offered once its catalogue is complete; CONTRIBUTING.md says how to add one.
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("zh-hans", "简体中文"),
]
FORMAT_MODULE_PATH = "gallery.formats"
LOCALE_PATHS = [BASE_DIR / "gallery" / "locale"]
TIME_ZONE = env.time_zone("TZ", "UTC")

STATIC_URL = "/static/"
# Collected files are hashed and compressed; without them, the sources are served directly.
_collected, _sources = BASE_DIR / "staticfiles", BASE_DIR / "static"
_collects = env.flag("COLLECT_STATIC") or collected_files.are_current(_collected, _sources)
STATIC_ROOT = _collected if _collects else None
STATICFILES_DIRS = [_sources]
WHITENOISE_USE_FINDERS = STATIC_ROOT is None
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False
_plain = "django.contrib.staticfiles.storage.StaticFilesStorage"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "gallery.static_storage.StaticStorage" if STATIC_ROOT else _plain},
}

# Security, where Django's own defaults are not strict enough. HTTPS-only cookies follow from
# PUBLIC_URL; a gallery on 127.0.0.1 speaks plain HTTP. Browsers take a cookie named __Host- from
# this host alone, and over HTTPS alone: another host of the domain cannot set it.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
_cookies = "__Host-scry" if _https else "scry"
SESSION_COOKIE_NAME = f"{_cookies}_session"
CSRF_COOKIE_NAME = f"{_cookies}_csrf"
LANGUAGE_COOKIE_NAME = f"{_cookies}_language"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_ENGINE = "gallery.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 90
SESSION_IDLE_HOURS = env.whole("SESSION_IDLE_HOURS", 24 * 30)
SECURE_SSL_REDIRECT = _https and env.flag("SSL_REDIRECT")
SECURE_SSL_HOST = urlsplit(PUBLIC_URL).netloc
SECURE_HSTS_SECONDS = env.whole("HSTS_SECONDS", 60 * 60 * 24 * 365 if _https else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.flag("HSTS_SUBDOMAINS")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if PROXY_COUNT else None
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "blob:", "data:"],
        # Style attributes carry the geometry of the grid (--w, --h); scripts may not be inline.
        "style-src": [SELF],
        "style-src-attr": ["'unsafe-inline'"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
# Checks that depend on HTTPS are silenced only if PUBLIC_URL says that there is none. Proxies
# redirect to HTTPS, and what other hosts of the domain speak is for HSTS_SUBDOMAINS to say.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W021"]
if not _https:
    SILENCED_SYSTEM_CHECKS += ["security.W004", "security.W012", "security.W016"]

# Tiles of a map server for the page of places, which has an outline of the world without them.
MAP_TILES_URL = env.tile_address("MAP_TILES_URL")
MAP_TILES_ATTRIBUTION = env.text("MAP_TILES_ATTRIBUTION")

# Limits. Bytes are counted while files stream in; pixels are read from the header.
MAX_FILE_BYTES = env.whole("MAX_FILE_MB", 200, at_least=1) * 1024 * 1024
MAX_PIXELS = env.whole("MAX_MEGAPIXELS", 250, at_least=1) * 1_000_000
MIN_FREE_BYTES = env.whole("MIN_FREE_MB", 512, at_least=1) * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FILES = 4
FILE_UPLOAD_HANDLERS = ["gallery.uploads.LimitedUploadHandler"]
FILE_UPLOAD_TEMP_DIR = UPLOAD_TMP_DIR
# To these addresses alone, and with a credential alone, the web server takes large bodies.
UPLOAD_PATHS = [
    "/upload",
    "/search/by-image",
    "/evaluations",
    "/shared/[0-9a-f-]+/add",
    "/api/v1/photos",
    "/api/v1/uploads/[0-9a-f-]+",
    "/api/v1/search/by-image",
    "/api/v1/model/uploads/[0-9a-f-]+",
]
# What each account may store, unless `set_quota` says something else; 0 is no limit.
QUOTA_BYTES = env.whole("QUOTA_MB", 0) * 1024 * 1024
QUOTA_FILES = env.whole("QUOTA_FILES", 0)
QUOTA_ROWS = env.whole("QUOTA_ROWS", 0)
DECODER_CHILDREN = env.whole("DECODER_CHILDREN", env.half_of_the_cores(2, 4), at_least=1)
PART_SEARCH = env.whole("PART_SEARCH", 10_000)

# Folders of the server. See docs/how-to/import-a-folder.md.
WATCH_FOLDERS = env.owned_folders("WATCH_FOLDERS")
IMPORT_ROOTS = env.folders("IMPORT_ROOTS")
SCRUB_DAYS = env.whole("SCRUB_DAYS", 90)
RESCAN_MINUTES = env.whole("RESCAN_MINUTES", 60)

# See docs/how-to/back-up-and-restore.md.
BACKUP_TARGET = env.text("BACKUP_TARGET")
BACKUP_HOURS = env.whole("BACKUP_HOURS", 24, at_least=1)

# The model. See docs/reference/models.md.
EMBEDDING_MODEL = env.text("EMBEDDING_MODEL", "auto")
EMBEDDING_WEIGHTS = env.text("EMBEDDING_WEIGHTS")
EMBEDDING_DEVICE = env.text("EMBEDDING_DEVICE")
EMBEDDING_BATCH = env.whole("EMBEDDING_BATCH", 0)
FORMER_MODEL_DAYS = env.whole("FORMER_MODEL_DAYS", 7)
EMBEDDER_FACTORY = "search.vectors.embedders.open_clip.load"
SWEEP_SECONDS = 60.0  # Tests sweep more often.

# See docs/how-to/monitor.md.
METRICS_TOKEN = env.token("METRICS_TOKEN")

MAX_QUERY_CHARACTERS = 512
MAX_WORD_CHARACTERS = 64

LOG_FORMAT = env.one_of("LOG_FORMAT", "text", "json")
ACCESS_LOG = env.flag("ACCESS_LOG")
LOGGING = {
    **console(LOG_FORMAT),
    "filters": {"expected": {"()": "gallery.logs.expected_answers.ExpectedAnswers"}},
    "root": {"handlers": ["console"], "level": env.log_level("LOG_LEVEL", "WARNING")},
    "loggers": {
        **{
            app: {"level": env.log_level("LOG_LEVEL", "INFO")}
            for app in ("gallery", "search", "workers")
        },
        "gallery.logs.access_log": {"level": "INFO"},
        "django.request": {"filters": ["expected"]},
        "axes": {"level": "ERROR"},
        "waitress.queue": {"level": "ERROR"},  # It tells of every request that waits.
    },
}
