"""Whether the collected static files can be served in place of their sources."""

from __future__ import annotations

from pathlib import Path


def are_current(collected: Path, sources: Path) -> bool:
    """Tell whether static files were collected since the last change of their sources."""
    try:
        collected_at = (collected / "staticfiles.json").stat().st_mtime
    except FileNotFoundError:
        return False
    return all(path.stat().st_mtime <= collected_at for path in sources.rglob("*.*"))
