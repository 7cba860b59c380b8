"""The catalogues of interface texts in gallery/locale: collect, update, compile, check.

`make messages` takes the texts out of templates and Python into each django.po, and those of
JavaScript into djangojs.po, keeps what is translated, and compiles the .mo files. All of them are
committed, for a machine that runs Scry needs neither gettext nor Babel. With --check nothing is
written; it fails where a file is out of date. A new language starts with --add, as in
`python .ci/messages.py --add it`.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import django
from babel.messages import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation import to_locale
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "gallery" / "locale"
SETTINGS = ROOT / "gallery" / "settings.py"
PACKAGES = ("gallery", "search", "workers")
KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
NO_TIME = datetime(2026, 1, 1, tzinfo=UTC)  # so that a file changes only when its texts do


def main() -> None:
    """Write or check the catalogues; exits with 1 where one is out of date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if out of date")
    parser.add_argument("--add", metavar="LOCALE", help="start a catalogue, such as pt_BR")
    options = parser.parse_args()
    if not settings.configured:
        settings.configure(USE_I18N=False)
        django.setup()
    if options.add:
        (LOCALE / options.add / "LC_MESSAGES").mkdir(parents=True)
    missing = [text for folder in offered() for text in untranslated(folder)]
    if options.check and missing:
        sys.exit("\n  ".join(["Not translated:", *missing]))
    stale = [
        path
        for domain, texts in (("django", collected()), ("djangojs", collected_scripts()))
        for folder in catalogues()
        for path in refresh(folder / domain, texts, options.check)
    ]
    if options.check and stale:
        sys.exit("\n  ".join(["Out of date; run `make messages`:", *stale]))


def catalogues() -> list[Path]:
    """Return the folder of each catalogue."""
    return sorted(LOCALE.glob("*/LC_MESSAGES"))


def offered() -> list[Path]:
    """Return the folders of the languages that people can choose."""
    names = re.findall(r'\("([a-z-]+)", "[^"]+"\)', SETTINGS.read_text().split("LANGUAGES = ")[1])
    languages = {to_locale(name) for name in names}
    if "de" not in languages:
        sys.exit(f"No languages were found in {SETTINGS}.")
    return [folder for folder in catalogues() if folder.parent.name in languages]


def untranslated(folder: Path) -> Iterator[str]:
    """Yield each text of a language's catalogues that has no translation."""
    for path in sorted(folder.glob("*.po")):
        for text in read_po(io.BytesIO(path.read_bytes()), folder.parent.name):
            forms = text.string if isinstance(text.string, tuple) else (text.string,)
            if text.id and not all(forms):
                yield f"{path.relative_to(ROOT)}: {text.id}"


def collected() -> Catalog:
    """Return all texts of templates and Python, in the order of their files."""
    texts = Catalog()
    for path in sources():
        name = str(path.relative_to(ROOT))
        for _, message, comments, context in extract("python", source(path), KEYWORDS):
            texts.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return texts


def collected_scripts() -> Catalog:
    """Return all texts of JavaScript; Django serves them in a catalogue of their own."""
    texts = Catalog()
    for path in sorted((ROOT / "static" / "js").rglob("*.js")):
        name = str(path.relative_to(ROOT))
        for _, message, comments, context in extract("javascript", io.BytesIO(path.read_bytes())):
            texts.add(message, locations=[(name, 0)], auto_comments=comments, context=context)
    return texts


def sources() -> Iterator[Path]:
    """Return the templates and the modules that may hold texts."""
    yield from sorted((ROOT / "templates").rglob("*.html"))
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def source(path: Path) -> io.BytesIO:
    """Return a file as Python; of a template, Django leaves its texts and blanks out the rest."""
    text = path.read_text()
    if path.suffix == ".html":
        # The rest is no Python; only its indentation would be taken for an error.
        text = "\n".join(line.strip() for line in templatize(text, origin=str(path)).splitlines())
    return io.BytesIO(text.encode())


def refresh(path: Path, texts: Catalog, check: bool) -> list[str]:  # noqa: FBT001
    """Bring one catalogue up to date, or only find out; return the files that were not."""
    locale, po, mo = path.parent.parent.name, path.with_suffix(".po"), path.with_suffix(".mo")
    catalogue = Catalog(locale)
    if po.exists():
        catalogue = read_po(io.BytesIO(po.read_bytes()), locale)
    catalogue.update(texts, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    label(catalogue)
    # Babel also calls it a fault that a text is not translated yet.
    faults = [
        fault for text, found in catalogue.check() if any(text.string or ()) for fault in found
    ]
    if faults:
        sys.exit("\n".join(f"{po}: {fault}" for fault in faults))
    stale = []
    for file, content in ((po, written(catalogue)), (mo, compiled(written(catalogue), locale))):
        if not file.exists() or file.read_bytes() != content:
            stale.append(str(file.relative_to(ROOT)))
            if not check:
                file.write_bytes(content)
    return stale


def label(catalogue: Catalog) -> None:
    """Give a catalogue the header that all have."""
    catalogue.project, catalogue.version = "Scry", "0.1"
    catalogue.header_comment = f"# The interface of Scry: {catalogue.locale}."
    catalogue.creation_date = catalogue.revision_date = NO_TIME
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "Scry"
    catalogue.fuzzy = False


def written(catalogue: Catalog) -> bytes:
    """Return the bytes of django.po, without line numbers, which change too often."""
    file = io.BytesIO()
    write_po(file, catalogue, width=100, include_lineno=False, sort_by_file=True)
    return file.getvalue()


def compiled(po: bytes, locale: str) -> bytes:
    """Return the bytes of django.mo, made of those of django.po."""
    file = io.BytesIO()
    write_mo(file, read_po(io.BytesIO(po), locale))
    return file.getvalue()


if __name__ == "__main__":
    main()
