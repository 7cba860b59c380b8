"""Which index a setting chooses, and that there is one of each in a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from search.vectors.index import IndexUnavailable, close_all, open_index, slug
from search.vectors.index.qdrant_edge import EdgeIndex
from search.vectors.index.qdrant_server import ServerIndex
from tests.contract.conftest import DIM, make_points
from tests.fake_qdrant import FakeQdrant

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def embedded(settings):
    settings.QDRANT_URL = ""
    settings.QDRANT_API_KEY = ""
    yield
    close_all()


def test_without_a_url_the_index_is_embedded_in_the_data_folder(settings):
    index = open_index("ViT-B-32/openai", DIM)
    assert isinstance(index, EdgeIndex)
    index.upsert(make_points(2))
    assert (settings.DATA_DIR / "index" / slug("ViT-B-32/openai") / "STAMP").exists()


def test_with_a_url_the_index_is_on_the_server(settings):
    with FakeQdrant(api_key="secret") as server:
        settings.QDRANT_URL, settings.QDRANT_API_KEY = server.url, "secret"
        index = open_index("model", DIM)
        assert isinstance(index, ServerIndex)
        index.upsert(make_points(2))
        assert index.count() == 2
        close_all()


def test_there_is_one_index_of_a_model_in_a_process():
    assert open_index("model", DIM) is open_index("model", DIM)
    assert open_index("other", DIM) is not open_index("model", DIM)


def test_after_closing_everything_the_index_can_be_opened_again():
    before = open_index("model", DIM)
    before.upsert(make_points(4))
    close_all()
    with pytest.raises(IndexUnavailable):
        before.count()
    assert open_index("model", DIM).count() == 4


def test_models_with_like_names_have_folders_of_their_own():
    keys = [
        "ViT-B-32/openai",
        "vit-b-32/openai",
        "ViT-B-32-openai",
        "ViT B 32/openai",
        "日本",
        "中国",
    ]
    assert len({slug(key) for key in keys}) == len(keys)
    assert all("/" not in slug(key) and slug(key).isascii() for key in keys)
    assert len(slug("x" * 500)) < 64


def test_importing_the_package_loads_no_engine():
    script = (
        "import sys, search.vectors.index\n"
        "print([name for name in ('qdrant_edge', 'qdrant_client', 'torch') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
