#!/usr/bin/env python
"""Run a management command."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gallery.settings")
    from django.core.management import execute_from_command_line

    from gallery import startup

    with startup.one_sentence():
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
