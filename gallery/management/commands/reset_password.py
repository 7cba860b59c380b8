"""Print a link with which somebody can choose a new password."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery import password_resets
from gallery.system_checks import BEFORE_COMMANDS


class Command(BaseCommand):
    help = "Print a link with which the account NAME can have a new password, for a day and once."
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account named {name}.")
        home = settings.PUBLIC_URL or f"http://{settings.HOST}:{settings.PORT}"
        self.stdout.write(password_resets.address_of(user, home))
