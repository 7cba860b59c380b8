"""Create an API token and print it once."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery.models import ApiToken


class Command(BaseCommand):
    help = "Create an API token for the account NAME and print it alone on the last line."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        owner = get_user_model().objects.filter(username=name, is_active=True).first()
        if owner is None:
            raise CommandError(f"There is no account named {name}; create it with create_owner.")
        self.stderr.write("Keep this token; it cannot be shown again.")
        self.stdout.write(ApiToken.issue(owner))
