"""Let somebody sign in by password alone, who lost the app, the passkeys and the recovery codes."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery import audit, second_step
from gallery.models import Deed
from gallery.system_checks import BEFORE_COMMANDS


class Command(BaseCommand):
    help = "Ask for no code and no passkey when the account NAME signs in; its password stays."
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        user = get_user_model().objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is no account named {name}.")
        if not second_step.is_on(user):
            raise CommandError(f"The account {name} signs in with its password alone.")
        second_step.switch_off(user)
        audit.note(Deed.CODE_OFF, user, detail="switch_off_code")
        self.stdout.write(f"The account {name} signs in with its password alone now.")
