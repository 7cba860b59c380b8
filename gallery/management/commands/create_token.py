"""Create an API token and print it once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from gallery import audit
from gallery.models import ApiToken, Deed, Scope
from gallery.system_checks import BEFORE_COMMANDS


class Command(BaseCommand):
    help = "Create an API token for the account NAME and print it alone on the last line."
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--scope", choices=Scope.values, default=Scope.ALL)
        parser.add_argument("--days", type=int, help="how long it lasts; without it, for ever")

    def handle(self, *args: Any, name: str, scope: str, days: int | None, **options: Any) -> None:
        owner = get_user_model().objects.filter(username=name, is_active=True).first()
        if owner is None:
            raise CommandError(f"There is no account named {name}; create it with create_owner.")
        if days is not None and days < 1:
            raise CommandError("--days must be 1 or more.")
        expires_at = timezone.now() + timedelta(days=days) if days else None
        secret = ApiToken.issue(owner, scope=scope, expires_at=expires_at)
        audit.note(Deed.TOKEN_MADE, owner, detail=f"create_token ({scope})")
        self.stderr.write("Keep this token; it cannot be shown again.")
        self.stdout.write(secret)
