"""The scripts and style sheets of the pages: collected, imported and layered as they should be."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from django.core.files.storage import FileSystemStorage

from gallery.collected_files import are_current
from gallery.static_storage import StaticStorage

STATIC = Path(__file__).resolve().parents[2] / "static"
TEMPLATES = STATIC.parent / "templates"


def test_collected_modules_import_each_other_by_hashed_names(tmp_path):
    sources = FileSystemStorage(STATIC)
    paths = {
        str(path.relative_to(STATIC)): (sources, str(path.relative_to(STATIC)))
        for path in STATIC.rglob("*.js")
    }
    for name in paths:
        target = tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((STATIC / name).read_bytes())
    storage = StaticStorage(location=tmp_path, base_url="/static/")
    problems = [done for _, _, done in storage.post_process(paths) if isinstance(done, Exception)]
    assert problems == []
    hashed = 0
    for name in paths:
        text = (tmp_path / storage.hashed_files[name]).read_text()
        imports = re.findall(
            r'(?:^import .*from |^} from |import\()"(\.[^"]+)"', text, re.MULTILINE
        )
        assert all(re.search(r"\.[0-9a-f]{12}\.js$", target) for target in imports), name
        hashed += len(imports)
    assert hashed > 50


def test_each_style_sheet_is_the_layer_of_its_name():
    base = (STATIC / "css" / "base.css").read_text()
    declared = re.findall(r"\w+", re.search(r"@layer ([\w,\s]+);", base)[1])
    layers = {path.stem: path.read_text() for path in (STATIC / "css").glob("*.css")}
    # PhotoSwipe's own style sheet is in no layer, so what changes it cannot be in one.
    del layers["lightbox"]
    assert sorted(layers) == sorted(declared)
    for name, text in layers.items():
        assert re.findall(r"@layer (\w+) \{", text) == [name]


def test_templates_load_every_style_sheet_and_the_base_none_twice():
    loaded = [
        name
        for template in TEMPLATES.rglob("*.html")
        if template.name not in {"bare.html", "frame.html"}
        for name in re.findall(r"'css/([\w-]+)\.css'", template.read_text())
    ]
    base = (TEMPLATES / "base.html").read_text()
    assert set(loaded) == {path.stem for path in (STATIC / "css").glob("*.css")}
    assert [name for name in loaded if base.count(f"css/{name}.css") > 1] == []


@pytest.mark.parametrize("own", ["shared", "account"])
def test_the_sheets_of_single_pages_begin_with_classes_of_their_own(own):
    """All sheets are on every page, so a common word would restyle what others have."""
    sheets = {path.stem: path.read_text() for path in (STATIC / "css").glob("*.css")}
    begun = {
        name: set(re.findall(r"^\s+\.([\w-]+)[^{}]*\{", text, re.M))
        for name, text in sheets.items()
    }
    others = set().union(*(classes for name, classes in begun.items() if name != own))
    assert begun[own] & others == set()


def test_collected_files_are_served_until_a_source_is_newer(tmp_path):
    collected, sources = tmp_path / "collected", tmp_path / "sources"
    for folder in (collected, sources / "css"):
        folder.mkdir(parents=True)
    source, made = sources / "css" / "base.css", collected / "staticfiles.json"
    source.touch()
    assert not are_current(collected, sources)
    made.touch()
    os.utime(source, (1000, 1000))
    assert are_current(collected, sources)
    os.utime(made, (999, 999))
    assert not are_current(collected, sources)
