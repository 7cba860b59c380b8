"""Runs blocks of kills until there were enough; see the package."""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from tests.crash.apps import LEASE_SECONDS
from tests.crash.galleries import KINDS, Gallery
from tests.crash.load import NoAnswer, Person
from tests.crash.tally import Tally
from tests.crash.verify import FAILED, promises, sound_at_rest, wait_until_settled
from tests.server.processes import ROOT, eventually, missing_programs

PEOPLE = ("ada", "grace", "mary")
BETWEEN = (0.2, 1.5)
"""Seconds between two kills; what was killed comes back after up to half a second."""


class Run:
    """One gallery, the people who use it, and the kills that it suffers."""

    def __init__(self, gallery: Gallery, tally: Tally, kind: type[Person] = Person) -> None:
        self.gallery, self.tally, self.kind = gallery, tally, kind
        self.people: list[Person] = []

    def start(self) -> None:
        self.gallery.start()
        command = [sys.executable, "-m", "tests.crash.accounts", *PEOPLE]
        made = subprocess.run(
            command, env=self.gallery.environment, cwd=ROOT, capture_output=True, text=True
        )
        assert made.returncode == 0, made.stderr
        for number, (name, token) in enumerate(zip(PEOPLE, made.stdout.split(), strict=True)):
            self.people.append(self.kind(name, self.gallery.url, token, self.tally.seed + number))
        eventually("search answers", self._search_answers, patience=600)

    def _search_answers(self) -> bool:
        with suppress(NoAnswer):
            return self.people[0].ask("GET", "/api/v1/search", params={"q": "red"}).is_success
        return False

    def block(self, kills: int) -> list[str]:
        """Kill so often under load, let the gallery settle, and return what does not hold."""
        chance = random.Random(f"{self.tally.seed} {self.tally.blocks}")
        self.people = [person.resume() for person in self.people]
        for person in self.people:
            person.others = set().union(*(one.known for one in self.people if one is not person))
            person.start()
        for _ in range(kills):
            time.sleep(chance.uniform(*BETWEEN))
            victim = chance.choice(sorted(self.gallery.victims))
            self.gallery.kill(victim)
            time.sleep(chance.uniform(0, 0.5))
            self.gallery.revive(victim)
            self.tally.count_kill(self.gallery.mode, victim)
        for person in self.people:
            person.stop()
        return self._look(gently=chance.random() < 0.5)

    def _look(self, *, gently: bool) -> list[str]:
        seconds, faults = wait_until_settled(self.gallery, LEASE_SECONDS)
        longest = self.tally.longest
        longest[self.gallery.mode] = max(longest.get(self.gallery.mode, 0.0), round(seconds, 1))
        self.people = [person.resume() for person in self.people]
        eventually("search answers", self._search_answers, patience=60)
        faults += promises(self.people)
        # Files that were sent again just now.
        faults += wait_until_settled(self.gallery, LEASE_SECONDS)[1]
        self.tally.failed_photos = max(self.tally.failed_photos, self.gallery.count(FAILED))
        for person in self.people:
            person.known.intersection_update({one.photo_id for one in person.photos})
            self.tally.uploads += person.uploads
            person.uploads = 0
            self.tally.count_answers(person.counts)
            person.counts.clear()
        faults += sound_at_rest(self.gallery, gently=gently)
        self.gallery.wake()
        return faults


def main() -> int:
    options = _options()
    tally = Tally.read(options.tally, options.seed)
    modes = ("services", "embedded") if options.mode == "both" else (options.mode,)
    turn = tally.blocks
    while tally.total < options.kills:
        mode = modes[turn % len(modes)]
        turn += 1
        _run(mode, options, tally)
        if tally.violations and options.stop:
            break
    print(tally.table())  # noqa: T201
    return 2 if tally.violations else 0


def _run(mode: str, options: argparse.Namespace, tally: Tally) -> None:
    """Make a gallery, run some blocks on it, and remove it unless something is wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"scry-crash-{mode}-"))
    extra = {"CRASH_REAL_MODEL": "1", "EMBEDDING_MODEL": ""} if options.real else {}
    run = Run(KINDS[mode](folder, extra), tally)
    faults: list[str] = []
    try:
        run.start()
        for _ in range(options.blocks):
            kills = min(options.block, options.kills - tally.total)
            if kills <= 0:
                break
            faults = run.block(kills)
            tally.blocks += 1
            tally.real_model_kills += kills if options.real else 0
            tally.violations += [f"block {tally.blocks} ({mode}): {one}" for one in faults]
            tally.write(options.tally)
            told = f"block {tally.blocks} ({mode}): {tally.total} kills, {faults or 'sound'}"
            print(told, flush=True)  # noqa: T201
            if faults:
                print(f"its logs and photos are kept in {folder}", flush=True)  # noqa: T201
                break
    finally:
        run.gallery.remove()
        if not faults:
            shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how many there should be in all")
    parser.add_argument("--tally", type=Path, default=Path("build/crash/tally.json"))
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--block", type=int, default=25, help="kills between two checks")
    parser.add_argument("--blocks", type=int, default=4, help="blocks of one gallery")
    parser.add_argument("--mode", choices=("services", "embedded", "both"), default="both")
    parser.add_argument("--real", action="store_true", help="with the model of the settings")
    parser.add_argument("--stop", action="store_true", help="stop after the first violation")
    options = parser.parse_args()
    if options.mode != "embedded" and (missing := missing_programs()):
        parser.error(f"these programs are not installed: {', '.join(missing)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
