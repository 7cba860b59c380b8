"""Regular expressions that are compiled when they are first used.

Those of a few languages at once take as long to compile as a tenth of the start.
"""

from __future__ import annotations

import re
from functools import partial
from typing import cast

from django.utils.functional import SimpleLazyObject


def later(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Return what `re.compile` returns, which happens with the first use."""
    return cast("re.Pattern[str]", SimpleLazyObject(partial(re.compile, pattern, flags)))
