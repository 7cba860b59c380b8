"""The gallery app, and its system checks: services that cannot work together, and open files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db.models.signals import pre_save

from gallery import private_files
from gallery.logs import json_lines
from gallery.paths import shown


class GalleryConfig(AppConfig):
    name = "gallery"

    def ready(self) -> None:
        from gallery import sign_ins  # noqa: F401 - it listens

        if settings.LOG_FORMAT == "json":
            json_lines.catch_the_rest()
        # It needs the models.
        from gallery.quotas import check_rows

        pre_save.connect(check_rows, dispatch_uid="gallery.quotas")


@register(Tags.compatibility)
def services(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """The embedded index can be opened by one process only, so a broker needs a Qdrant server."""
    messages: list[CheckMessage] = []
    if settings.REDIS_URL and not settings.QDRANT_URL:
        problem = (
            "REDIS_URL is set but QDRANT_URL is empty: workers in other processes could not open "
            "the embedded index."
        )
        hint = (
            "Set QDRANT_URL to a Qdrant server, or empty REDIS_URL to run everything in one "
            "process."
        )
        messages.append(Error(problem, hint=hint, id="scry.E001"))
    if settings.REDIS_URL and not settings.DATABASE_URL:
        problem = (
            "REDIS_URL is set but DATABASE_URL is empty: several processes will share one SQLite "
            "file."
        )
        hint = "Set DATABASE_URL to a Postgres database."
        messages.append(Warning(problem, hint=hint, id="scry.W001"))
    if settings.QDRANT_URL and not settings.QDRANT_API_KEY:
        problem = (
            "QDRANT_API_KEY is empty: a Qdrant server without a key is open to everyone who can "
            "reach it."
        )
        hint = "Give the server an API key and set QDRANT_API_KEY to it."
        messages.append(Warning(problem, hint=hint, id="scry.W002"))
    if settings.PUBLIC_URL and not settings.PROXY_COUNT:
        problem = (
            "PUBLIC_URL is set but PROXY_COUNT is 0: behind a reverse proxy, all clients have its "
            "address, so one who fails to sign in too often locks all others out."
        )
        hint = "Set PROXY_COUNT to the number of proxies in front; usually that is 1."
        messages.append(Warning(problem, hint=hint, id="scry.W003"))
    return messages


@register(Tags.compatibility)
def mails_have_an_address(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Mails hold links to the gallery, and what a request says of its host may be made up."""
    if not settings.EMAIL_HOST or settings.PUBLIC_URL:
        return []
    problem = "MAIL_URL is set but PUBLIC_URL is empty: no links to new passwords are mailed."
    hint = "Set PUBLIC_URL to the address at which people reach the gallery."
    return [Warning(problem, hint=hint, id="scry.W011")]


@register(Tags.compatibility)
def openid_is_whole(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """Sign-in by a provider needs all of its settings; with some of them it stays off."""
    needed = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "PUBLIC_URL")
    missing = [name for name in needed if not getattr(settings, name)]
    asked_for = any(getattr(settings, name) for name in needed[:3]) or settings.OIDC_CREATE_ACCOUNTS
    if not missing or not asked_for:
        return []
    problem = f"Nobody can sign in by OpenID Connect, because {' and '.join(missing)} is empty."
    hint = "Set it, or empty all settings that begin with OIDC_."
    return [Warning(problem, hint=hint, id="scry.W012")]


@register(Tags.security)
def files_are_private(app_configs: Any, **kwargs: Any) -> Sequence[CheckMessage]:
    """The settings close DATA_DIR; what is still open belongs to another user, or has no modes."""
    found = private_files.open_to_others(settings.DATA_DIR)
    if not found:
        return []
    problem = f"Other users of this machine can read {shown(found[0])}."
    hint = (
        "Run `chmod -R go= DATA_DIR` as its owner, and keep DATA_DIR on a file system that has "
        "owners and modes."
    )
    return [Warning(problem, hint=hint, id="scry.W010")]
