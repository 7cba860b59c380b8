"""How long backups of a gallery of small generated files take, and how much memory.

The gallery has varied facts, albums and tags (`benchmarks.photo_facts`), a vector for each photo,
and files of random bytes. Each command runs in a process of its own; the target is a folder of the
same disk.

Run: python -m benchmarks.backup_restore [--count 10000] [--kilobytes 20]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DIM = 512


def main() -> None:
    """Fill a gallery, run the commands, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--kilobytes", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="scry-backup-") as folder:
        home = Path(folder)
        first, other = _environment(home / "data"), _environment(home / "other")
        _fill(first, options.count, options.kilobytes)
        target = str(home / "backup")
        print(f"{options.count} photos of {options.kilobytes} kB")
        _measure("first backup", first, "backup", target)
        _measure("next backup, nothing new", first, "backup", target)
        _measure("verify", first, "verify_backup", target)
        _measure("restore, with the index", other, "restore", target)
        _measure("fsck --deep of it", other, "fsck", "--deep", "--repair", codes=(0, 1))


def _environment(data: Path) -> dict[str, str]:
    services = {"DATABASE_URL": "", "REDIS_URL": "", "QDRANT_URL": ""}
    return {**os.environ, **services, "DATA_DIR": str(data), "EMBEDDING_MODEL": "starter"}


def _fill(environment: dict[str, str], count: int, kilobytes: int) -> None:
    def run(*arguments: str, typed: str = "") -> None:
        command = [sys.executable, *arguments]
        subprocess.run(command, env=environment, cwd=ROOT, input=typed, text=True, check=True)

    run("manage.py", "migrate", "--verbosity", "0")
    run("manage.py", "create_owner", "ada", typed="correct horse battery\n")
    run("-m", "benchmarks.fill", "ada", str(count), str(DIM), "--facts")
    run("-m", "benchmarks.backup_restore_files", str(kilobytes))


def _measure(
    what: str, environment: dict[str, str], *arguments: str, codes: tuple[int, ...] = (0,)
) -> None:
    """Run a command, and print its seconds and the peak of its memory."""
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "manage.py", *arguments], env=environment, cwd=ROOT, stdout=sys.stderr
    )
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in codes, f"{what} ended with {process.returncode}"
    seconds, processor = time.monotonic() - started, usage.ru_utime + usage.ru_stime
    peak = usage.ru_maxrss / 1024
    print(f"{what:26} {seconds:7.1f} s  {processor:7.1f} s of CPU  {peak:6.0f} MB at the peak")


if __name__ == "__main__":
    main()
