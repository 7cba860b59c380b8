"""Send made-up requests to a gallery of its own, as its OpenAPI description allows and forbids.

`python -m tests.fuzz PROGRAM MINUTES [OPTION...]` runs Schemathesis against it for so long. Ends
with its status, or with 1 if the gallery's log has an error.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import django
import httpx

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from tests.e2e.conftest import ROOT, Gallery, start, stop  # noqa: E402 - it imports models

HOOKS = "tests.fuzz.hooks"
MAKE_ACCOUNTS = """
import json
from django.contrib.auth.models import User
from gallery.models import ApiToken, Tag
from search.understanding.models import EvaluationRun, Lesson, TaggingAct
fuzz = User.objects.create_superuser("fuzz")
bob = User.objects.create_user("bob")
# No request makes these within the time of a run.
lesson = Lesson.objects.create(owner=fuzz, tag=Tag.objects.create(owner=fuzz, name="family"))
acts = [TaggingAct.objects.create(owner=fuzz, lesson=lesson, by="person") for _ in range(3)]
runs = [
    EvaluationRun.objects.create(owner=fuzz, set_name="sorts", source="script", state="done")
    for _ in range(3)
]
print(json.dumps({
    "FUZZ_TOKEN": ApiToken.issue(fuzz),
    "FUZZ_FRIEND": ApiToken.issue(bob),
    "FUZZ_ACTS": " ".join(str(each.pk) for each in acts),
    "FUZZ_RUNS": " ".join(str(each.pk) for each in runs),
}))
"""


def accounts_in(gallery: Gallery) -> dict[str, str]:
    """Make an administrator and a friend of theirs; return what `hooks` needs to know."""
    command = [sys.executable, "manage.py", "shell", "--verbosity=0", "--command", MAKE_ACCOUNTS]
    made = subprocess.run(
        command, cwd=ROOT, env=gallery.environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return dict(json.loads(made.stdout))


def fuzz(program: str, minutes: float, options: list[str]) -> int:
    """Return 0 if nothing was found."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "gallery"
        process, gallery = start(data)
        try:
            known = accounts_in(gallery) | {"FUZZ_URL": gallery.url}
            known |= {"PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": HOOKS}
            # Made at the first request, for which the fuzzer waits no longer than ten seconds.
            httpx.get(f"{gallery.url}/api/v1/openapi.json", timeout=60).raise_for_status()
            checked = subprocess.run(
                [
                    program, "run", f"{gallery.url}/api/v1/openapi.json",
                    "--header", f"Authorization: Bearer {known['FUZZ_TOKEN']}",
                    "--max-time", str(round(minutes * 60)), "--continue-on-failure", "--no-color",
                    "--checks", "all", *options,
                ],
                check=False, cwd=folder, env=os.environ | known,
            )  # fmt: skip
        finally:
            stop(process)
        errors = [
            line for line in (data / "serve.log").read_text().splitlines() if " ERROR " in line
        ]
    for line in errors[:20]:
        sys.stdout.write(line + "\n")
    return checked.returncode or bool(errors)


if __name__ == "__main__":
    sys.exit(fuzz(sys.argv[1], float(sys.argv[2]), sys.argv[3:]))
