"""Create an account that owns photos; for unattended set-up."""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gallery import first_run
from gallery.system_checks import BEFORE_COMMANDS


class Command(BaseCommand):
    help = "Create the account NAME; the password is read from standard input."
    requires_system_checks = BEFORE_COMMANDS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        users = get_user_model()
        user = users(username=name)
        password = sys.stdin.readline().rstrip("\r\n")
        try:
            user.clean_fields(exclude=["password"])
            validate_password(password, user)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        if users.objects.filter(username=name).exists():
            raise CommandError(f"There is an account named {name} already.")
        user.set_password(password)
        # The first account is the administrator's, as with the address that the start prints.
        user.is_staff = user.is_superuser = first_run.is_first_run()
        user.save()
        first_run.remove_token()
        self.stdout.write(f"Created the account {name}.")
