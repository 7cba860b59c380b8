"""Storage of the collected static files: hashed names, compressed copies, style sheets in one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from whitenoise.storage import CompressedManifestStaticFilesStorage

from gallery import style_sheets

_IMPORTS = (
    (r'(?P<matched>from "(?P<url>\.[^"]+)")', 'from "%(url)s"'),
    (r'(?P<matched>import\("(?P<url>\.[^"]+)"\))', 'import("%(url)s")'),
)


class StaticStorage(CompressedManifestStaticFilesStorage):  # type: ignore[misc]  # untyped
    """Also put the hashed names into the imports of our JavaScript modules.

    Browsers keep hashed files for ever. After an upgrade, a module that is imported by its plain
    name could be older than the module that imports it. Django has a switch for this, which fails
    on the extensions of htmx: they import a file that is not there.
    """

    patterns = (*CompressedManifestStaticFilesStorage.patterns, ("js/*.js", _IMPORTS))

    def post_process(self, paths: dict[str, Any], *args: Any, **options: Any) -> Iterator[Any]:
        """Finish the collected files of `paths`, and one more that holds all style sheets."""
        names = style_sheets.names(settings.BASE_DIR / "templates")
        if paths.keys() >= set(names) and not options.get("dry_run"):
            whole = "\n".join(Path(self.path(name)).read_text("utf-8") for name in names)
            Path(self.path(style_sheets.JOINED)).write_text(whole, "utf-8")
            paths = paths | {style_sheets.JOINED: (self, style_sheets.JOINED)}
        yield from super().post_process(paths, *args, **options)
