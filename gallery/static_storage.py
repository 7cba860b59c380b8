"""Storage of the collected static files: hashed names, compressed copies."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage

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
