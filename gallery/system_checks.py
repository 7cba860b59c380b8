"""Which of Django's system checks come before a command.

Those that import every address are left out, since they take longer than most commands need to
begin, and so are the few without a tag. `manage.py check` runs all of them before a release.
"""

from __future__ import annotations

from django.core.checks import Tags

BEFORE_COMMANDS = (
    Tags.caches,
    Tags.compatibility,
    Tags.files,
    Tags.models,
    Tags.security,
    Tags.signals,
    Tags.staticfiles,
    Tags.templates,
    Tags.translation,
)
