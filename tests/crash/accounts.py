"""Makes accounts and prints a token for each, in one process: `python -m tests.crash.accounts ada`.

A person would use the commands create_owner and create_token.
"""

from __future__ import annotations

import sys

import django

if __name__ == "__main__":
    django.setup()
    from django.contrib.auth import get_user_model

    from gallery.models import ApiToken

    for name in sys.argv[1:]:
        user = get_user_model().objects.create_user(name, password="correct horse battery")
        print(ApiToken.issue(user))  # noqa: T201
