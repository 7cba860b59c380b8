"""`make run` with TORCH_INDEX: torch for CPUs, from a local index of wheels that hold nothing."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


def wheel(folder: Path, name: str, version: str, content: str = "") -> Path:
    """Write a wheel with one module."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n{content}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = []
    with zipfile.ZipFile(path, "w") as packed:
        for file, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())
            rows.append(f"{file},sha256={digest.rstrip(b'=').decode()},{len(text)}")
            packed.writestr(file, text)
        packed.writestr(f"{info}/RECORD", "\n".join([*rows, f"{info}/RECORD,,"]))
    return path


@pytest.fixture
def project(tmp_path):
    """A project whose lock names torch, torchvision, a library of CUDA and another one."""
    project = tmp_path / "project"
    (project / "docker").mkdir(parents=True)
    shutil.copy(ROOT / "Makefile", project)
    for name in ("torch-index", "install-libraries"):
        shutil.copy(ROOT / "docker" / name, project / "docker")
    usual = tmp_path / "usual"
    names = {"torch": "9.1", "torchvision": "8.2", "nvidia-nothing": "1.0", "other": "1.0"}
    lines = []
    for name, version in names.items():
        file = wheel(usual, name.replace("-", "_"), version)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines.append(f"{name}=={version} \\\n    --hash=sha256:{digest}\n")
    (project / "requirements.lock").write_text("".join(lines))
    return project


@pytest.fixture
def index(tmp_path):
    """The address of an index of CPU wheels, whose folder is `tmp_path / "cpu"`."""
    (tmp_path / "cpu").mkdir()
    handler = partial(QuietHandler, directory=str(tmp_path / "cpu"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def install(project: Path, index: str) -> subprocess.CompletedProcess[str]:
    """Run what `make run` runs first, with pip, in an environment of its own."""
    programs = project.parent / "programs"
    programs.mkdir()
    for name in ("sh", "sed", "grep", "mktemp", "rm", "touch", "cat", "env"):
        (programs / name).symlink_to(shutil.which(name))
    environment = {
        "PATH": str(programs),
        "HOME": str(project.parent),
        "PIP_FIND_LINKS": str(project.parent / "usual"),
        "PIP_NO_CACHE_DIR": "1",
        "TORCH_INDEX": index,
    }
    command = [shutil.which("make"), ".venv/installed", f"PYTHON={sys.executable}"]
    # What is not on the index for torch comes from the folder, never from a public index.
    environment |= {"PIP_INDEX_URL": f"{index}/none"} if index else {"PIP_NO_INDEX": "1"}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def installed(project: Path) -> dict[str, str]:
    """Return what was installed, by name."""
    found = (project / ".venv").glob("lib/*/site-packages/*.dist-info")
    names = dict(path.name.removesuffix(".dist-info").split("-") for path in found)
    return {name: version for name, version in names.items() if name not in ("pip", "setuptools")}


USUAL = {"torch": "9.1", "torchvision": "8.2", "nvidia_nothing": "1.0", "other": "1.0"}


def test_an_index_of_wheels_for_cpus_is_used_without_a_driver(project, index, tmp_path):
    wheel(tmp_path / "cpu" / "torch", "torch", "9.1+cpu")
    wheel(tmp_path / "cpu" / "torchvision", "torchvision", "8.2+cpu")
    done = install(project, index)
    assert done.returncode == 0, done.stderr
    assert installed(project) == {"torch": "9.1+cpu", "torchvision": "8.2+cpu", "other": "1.0"}


def ask(project: Path, index: str, **environment: str) -> tuple[str, str]:
    """Return the index that is to be used, and what is said about it."""
    asked = subprocess.run(
        [sys.executable, "docker/torch-index", "requirements.lock"],
        cwd=project,
        env={**os.environ, "TORCH_INDEX": index, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return asked.stdout.strip(), asked.stderr


VERSIONS = [
    ({}, "cannot be reached"),
    ({"torch": "9.1+cpu", "torchvision": "8.1+cpu"}, "has no torchvision 8.2"),
    ({"torch": "9.10+cpu", "torchvision": "8.2+cpu"}, "has no torch 9.1"),
]


@pytest.mark.parametrize(("has", "why"), VERSIONS)
def test_an_index_of_no_use_is_left_alone(project, index, tmp_path, has, why):
    for name, version in has.items():
        wheel(tmp_path / "cpu" / name, name, version)
    used, said = ask(project, index)
    assert used == ""
    assert why in said


def test_with_a_driver_the_usual_torch_is_installed(project, index, tmp_path):
    for name, version in {"torch": "9.1+cpu", "torchvision": "8.2+cpu"}.items():
        wheel(tmp_path / "cpu" / name, name, version)
    assert ask(project, f"{index}/")[0] == index
    program = tmp_path / "nvidia-smi"
    program.touch(mode=0o755)
    used, said = ask(project, index, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert used == ""
    assert "has an NVIDIA driver" in said


def test_without_an_index_everything_comes_from_the_lock(project):
    done = install(project, "")
    assert done.returncode == 0, done.stderr
    assert installed(project) == USUAL


def test_a_pair_that_does_not_fit_is_told(project, index, tmp_path):
    wheel(tmp_path / "cpu" / "torch", "torch", "9.1+cpu")
    broken = 'raise RuntimeError("operator torchvision::nms does not exist")'
    wheel(tmp_path / "cpu" / "torchvision", "torchvision", "8.2+cpu", broken)
    done = install(project, index)
    assert done.returncode != 0
    assert "do not fit each other" in done.stderr
    assert not (project / ".venv" / "installed").exists()


def test_a_file_of_another_hash_is_refused_beside_the_index(project, index, tmp_path):
    wheel(tmp_path / "cpu" / "torch", "torch", "9.1+cpu")
    wheel(tmp_path / "cpu" / "torchvision", "torchvision", "8.2+cpu")
    wheel(tmp_path / "usual", "other", "1.0", "changed = True")
    done = install(project, index)
    assert done.returncode != 0
    assert "HASHES" in done.stderr.upper()
    assert "other" not in installed(project)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://192.0.2.1/cpu", "does not begin with https"),
        ("wheels/cpu", "does not begin with https"),
        ("https://a b", "cannot be reached"),
    ],
)
def test_an_address_of_no_use_is_told(project, address, why):
    used, said = ask(project, address)
    assert used == ""
    assert why in said
