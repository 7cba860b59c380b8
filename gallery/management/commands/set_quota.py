"""Limit what one account may store, or lift its limits."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery import quotas
from gallery.models import AccountQuota
from gallery.system_checks import BEFORE_COMMANDS

_MB = 1024 * 1024


class Command(BaseCommand):
    help = "Limit what the account NAME may store; without limits, print them and what is used."
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        for name, help_text in (
            ("--mb", "MiB of originals; 0 for no limit"),
            ("--files", "photos with the files beside them; 0 for no limit"),
            ("--rows", "albums, tags, saved searches and the like; 0 for no limit"),
        ):
            parser.add_argument(name, type=int, help=help_text)
        parser.add_argument(
            "--default", action="store_true", help="use the limits of the settings again"
        )

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        owner = get_user_model().objects.filter(username=name).first()
        if owner is None:
            raise CommandError(f"There is no account named {name}.")
        asked = {key: options[key] for key in ("mb", "files", "rows") if options[key] is not None}
        if any(limit < 0 for limit in asked.values()):
            raise CommandError("A limit is 0 (none) or more.")
        if options["default"]:
            AccountQuota.objects.filter(owner=owner).delete()
        if "mb" in asked:
            asked["bytes"] = asked.pop("mb") * _MB
        if asked:
            AccountQuota.objects.update_or_create(owner=owner, defaults=asked)
        self._report(owner.pk)

    def _report(self, owner_id: int) -> None:
        quota, used = quotas.quota_of(owner_id), quotas.used_by(owner_id)
        self.stdout.write(f"MiB: {used.bytes // _MB} of {_limit(quota.bytes // _MB)}")
        self.stdout.write(f"files: {used.files} of {_limit(quota.files)}")
        self.stdout.write(f"rows: {used.rows} of {_limit(quota.rows)}")


def _limit(limit: int) -> str:
    return str(limit) if limit else "any number"
