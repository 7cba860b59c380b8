"""Checks that backups can be restored: every part is read, and every file of the store hashed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.apps import apps

from gallery.backup import file_list, manifest, parts, tables
from gallery.backup.file_list import address
from gallery.backup.manifest import Manifest, folder_of, table_of
from gallery.backup.refused import Damaged
from gallery.backup.targets import Target

EXAMPLES = 20


@dataclass
class Faults:
    """How many faults there are, and the sentences on them; only the first are kept."""

    faults: int = 0
    sentences: list[str] = field(default_factory=list)

    def add(self, sentence: str) -> None:
        """Add one fault."""
        self.faults += 1
        if len(self.sentences) < EXAMPLES:
            self.sentences.append(sentence)


@dataclass
class Findings(Faults):
    """What was looked at, and what is wrong with it."""

    generations: int = 0
    files: int = 0


def check_parts(target: Target, generation: str, made: Manifest) -> None:
    """Read a generation as a restore would; raise `Damaged` if it is not what its manifest says.

    The rows are decoded by the tables of this Scry, if it is the one that wrote them.
    """
    ours = tables.tables(apps)
    for name, part in made.parts.items():
        path = f"{folder_of(generation)}/{name}"
        label = table_of(name)
        model = ours.get(label)
        if model is not None and made.columns[label] == tables.columns(model):
            how = tables.decoders(model, made.columns[label])
            parts.check(target, path, part, partial(tables.decode, how=how))
        else:
            parts.check(target, path, part)


def verify(
    target: Target, *, quick: bool = False, on_file: Callable[[], object] = lambda: None
) -> Findings:
    """Check all generations, and each file that any of them needs, once.

    With `quick`, files are not read: only whether they are there with their size is checked.
    """
    findings, whole = Findings(), []
    for generation in manifest.generations(target, retired=True):
        findings.generations += 1
        try:
            check_parts(target, generation, manifest.read(target, generation))
        except (Damaged, OSError) as error:
            findings.add(str(error))
        else:
            whole.append(generation)
    _check_files(target, whole, findings, quick=quick, on_file=on_file)
    return findings


def _check_files(
    target: Target,
    generations: Sequence[str],
    findings: Findings,
    *,
    quick: bool,
    on_file: Callable[[], object],
) -> None:
    lists = [file_list.read(target, generation) for generation in generations]
    for sha256, size in file_list.contents(lists):
        findings.files += 1
        if fault := _fault(target, sha256, size, quick=quick):
            findings.add(fault)
        on_file()


def _fault(target: Target, sha256: str, size: int | None, *, quick: bool) -> str:
    """Return what is wrong with a file of the store, or ""."""
    path = address(sha256)
    try:
        found = target.size(path)
        if found is None:
            return f"{path} is missing."
        if size is not None and found != size:
            return f"{path} has {found} bytes instead of {size}."
        if not quick:
            with target.open(path) as file:
                if parts.sha256_of(file) != sha256:
                    return f"{path} is damaged: its content is not what its name says."
    except OSError as error:
        return f"{path} cannot be read: {error.strerror or error}."
    return ""
