"""The secrets of links stay out of the log, wherever in a line they are."""

from __future__ import annotations

import base64
import json
import logging
import random

import pytest

from gallery.logs.json_lines import JsonLines
from gallery.logs.text_lines import TextLines

SECRETS = [
    base64.urlsafe_b64encode(random.Random(number).randbytes(32)).decode().rstrip("=")
    for number in range(20)
]
"""As `secrets.token_urlsafe` makes them, but the same for all processes of a test run."""


def record(message: str, *args: object, error: BaseException | None = None) -> logging.LogRecord:
    info = (type(error), error, None) if error else None
    return logging.LogRecord("django.request", 30, "x.py", 1, message, args, info)  # type: ignore[arg-type]


@pytest.mark.parametrize("formatter", [TextLines(), JsonLines()])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_line_holds_a_secret(formatter, secret):
    lines = [
        record("Not Found: %s", f"/s/{secret}"),
        record("Not Found: %s", f"/s/{secret}/photos/1/thumbnail"),
        record("came from http://x.example/s/%s?q=red", secret),
        record("cut short: %s", f"/s/{secret[:30]}"),
        record("with more: %s", f"/s/{secret}xyz"),
        record("next=%%2Fs%%2F%s", secret),
        record("failed", error=ValueError(f"/s/{secret}")),
    ]
    for line in lines:
        assert secret[4:30] not in formatter.format(line)


def test_other_paths_stay_as_they_are():
    text = TextLines().format(record("Not Found: %s", "/photos/1/s/short"))
    assert "/photos/1/s/short" in text
    assert json.loads(JsonLines().format(record("a %s", "b")))["message"] == "a b"
