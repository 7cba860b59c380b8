"""Every file of a folder of broken and odd pictures ends read or refused with a reason.

Run with `SCRY_CORPORA=FOLDER pytest -m corpora`: FOLDER may hold any files, in any folders, for
example the test images of Pillow, libjpeg-turbo's seed corpora and exif-samples.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gallery.decoding import Decoded, DecodeError, DecoderPool
from gallery.reasons import Reason
from tests import images

pytestmark = pytest.mark.corpora

# A child may die of a file; one that does so often would be a bug in how it is asked.
MAX_DEATHS_PER_THOUSAND = 2


@pytest.fixture(scope="module")
def files():
    folder = os.environ.get("SCRY_CORPORA")
    if not folder:
        pytest.skip("SCRY_CORPORA names no folder of pictures")
    found = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    if not found:
        pytest.skip(f"SCRY_CORPORA names {folder}, which holds no files")
    return found


def outcome(pool, path):
    """Return (reason or "read", seconds) of one file, after checking what was read."""
    begin = time.monotonic()
    try:
        probe, decoded = pool.probe(path), pool.decode(path)
    except DecodeError as error:
        return Reason(error.reason).value, time.monotonic() - begin
    _check(probe, decoded)
    return "read", time.monotonic() - begin


def _check(probe, decoded):
    assert isinstance(decoded, Decoded)
    assert (probe.width, probe.height) == (decoded.width, decoded.height)
    height, width, bands = decoded.pixels.shape
    assert bands == 3
    assert 1 <= max(height, width) <= 512
    assert decoded.thumbnail[8:12] == b"WEBP"
    assert all(str(value).isprintable() for value in decoded.exif.values())


def test_every_file_ends_read_or_refused_with_a_reason(files, tmp_path):
    pool = DecoderPool(size=2)
    try:
        with ThreadPoolExecutor(2) as executor:
            outcomes = list(executor.map(lambda path: outcome(pool, path), files))
        assert pool.probe(images.write(tmp_path, "good", images.png())).width == 64
        assert len(pool.children()) <= 2
    finally:
        pool.close()
    counts = Counter(result for result, _ in outcomes)
    print(f"{len(files)} files: {dict(counts)}; slowest {max(s for _, s in outcomes):.2f} s")  # noqa: T201
    deaths = counts["decoder_crashed"] + counts["decode_timeout"] + counts["decode_oom"]
    assert deaths <= max(1, len(files) * MAX_DEATHS_PER_THOUSAND // 1000), counts
    assert max(seconds for _, seconds in outcomes) < 25
