"""The log of a process: lines on its error stream, for people or for programs."""

from __future__ import annotations

from typing import Any


def console(log_format: str) -> dict[str, Any]:
    """Return the part of a logging configuration that all processes share.

    `log_format` is text or json, as LOG_FORMAT says.
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {"()": "gallery.logs.text_lines.TextLines"},
            "json": {"()": "gallery.logs.json_lines.JsonLines"},
        },
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": log_format}},
    }
