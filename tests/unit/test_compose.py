"""What docker-compose.yml promises: one open port, no secrets, and no more rights than needed."""

from __future__ import annotations

import hashlib
import math
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from search.vectors.embedders import catalog
from search.vectors.embedders.keys import name_of

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
GPU = yaml.safe_load((ROOT / "docker-compose.gpu.yml").read_text())
SERVICES: dict[str, dict] = COMPOSE["services"]
LONG_RUNNING = sorted(set(SERVICES) - {"migrate"})
SECRETS = {"SECRET_KEY", "POSTGRES_PASSWORD", "DATABASE_PASSWORD", "REDIS_PASSWORD"}
SECRETS |= {"QDRANT_API_KEY", "QDRANT_READ_KEY"}
SET_BY_THE_IMAGE = {"HOST", "DATA_DIR", "COLLECT_STATIC"}
SET_BY_THE_IMAGE |= {"DATABASE_URL", "REDIS_URL", "QDRANT_URL"}  # by the compose file, rather

every_service = pytest.mark.parametrize("name", sorted(SERVICES))
long_running = pytest.mark.parametrize("name", LONG_RUNNING)


def strings(node: object) -> list[str]:
    """Return every string below a node of the parsed file."""
    if isinstance(node, dict):
        return [text for value in node.values() for text in strings(value)]
    if isinstance(node, list):
        return [text for value in node for text in strings(value)]
    return [node] if isinstance(node, str) else []


def megabytes(limit: str) -> int:
    """Return a limit, or what it is by default."""
    limit = limit.rpartition(":-")[2].rstrip("}")
    units = {"m": 1, "g": 1024}
    return int(limit[:-1]) * units[limit[-1]]


def test_only_the_web_server_is_published_and_only_on_this_machine():
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])


@every_service
def test_images_are_pinned(name):
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert re.match(r"v?\d+\.\d+", tag), f"{image}:{tag} names no version"


@pytest.fixture
def with_docker(copy):
    """A folder with the files that name images, and a program that gives each tag a digest."""
    for name in ("docker/bump-images", "docker-compose.yml", "Dockerfile"):
        shutil.copy(ROOT / name, copy / name)
    program = copy / "bin" / "docker"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf sha256:; printf %s "$4" | sha256sum | cut -d" " -f1\n')
    program.chmod(0o755)
    return copy


def test_bumping_pins_every_image_by_its_digest_and_changes_nothing_else(with_docker):
    def bump() -> str:
        path = f"{with_docker / 'bin'}:{os.environ['PATH']}"
        subprocess.run([with_docker / "docker/bump-images"], check=True, env={"PATH": path})
        return "".join((with_docker / name).read_text() for name in names)

    names = ("docker-compose.yml", "Dockerfile")
    pinned = bump()
    assert re.sub(r"@sha256:[0-9a-f]{64}", "", pinned) == "".join(
        re.sub(r"@sha256:[0-9a-f]{64}", "", (ROOT / name).read_text()) for name in names
    )
    images = re.findall(r"^ *image: (?!scry)(.+)$|^FROM (\S+)", pinned, re.M)
    assert len(images) == 5
    for image in ("".join(pair) for pair in images):
        tag, _, digest = image.partition("@sha256:")
        assert digest == hashlib.sha256(tag.encode()).hexdigest()
    assert bump() == pinned


@every_service
def test_a_service_has_no_more_rights_than_it_needs(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not any("docker.sock" in volume for volume in service.get("volumes", []))


@every_service
def test_a_service_is_bounded(name):
    service = SERVICES[name]
    assert 128 <= megabytes(service["mem_limit"]) <= 8192
    assert 0 < service["pids_limit"] <= 1024
    assert {"max-size", "max-file"} <= set(service["logging"]["options"])


@every_service
def test_no_service_runs_as_root(name):
    service = SERVICES[name]
    unprivileged_image = service["image"].endswith("-unprivileged")
    assert service.get("user", "").startswith("999:") or unprivileged_image or "build" in service
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE)[-1] == "10001:10001"


@long_running
def test_a_long_running_service_is_watched_and_restarted(name):
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"] == "45s"


@pytest.mark.parametrize("name", ["web", "worker", "maintenance"])
def test_the_gallery_waits_for_what_it_needs(name):
    assert SERVICES[name]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"},
        "redis": {"condition": "service_healthy"},
        "qdrant": {"condition": "service_healthy"},
    }


@pytest.mark.parametrize("name", ["postgres", "redis", "qdrant", "maintenance", "migrate"])
def test_what_needs_no_network_outside_has_none(name):
    assert SERVICES[name]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"]["internal"] is True


def test_data_lies_on_named_volumes():
    mounted = {
        volume.partition(":")[0]
        for service in SERVICES.values()
        for volume in service["volumes"]
        if not volume.startswith("./")
    }
    assert mounted == set(COMPOSE["volumes"])


def test_every_file_that_is_mounted_is_there():
    for service in SERVICES.values():
        for volume in service["volumes"]:
            if volume.startswith("./"):
                assert (ROOT / volume.partition(":")[0]).is_file()
                assert volume.endswith(":ro")


def test_secrets_come_from_the_environment_and_are_required():
    asked = set()
    for text in strings(COMPOSE) + strings(GPU):
        asked |= set(re.findall(r"\$\{([A-Z_]+):\?", text))
        without_variables = re.sub(r"\$\{[^}]*\}", "", text)
        assert not re.search(r"://[^/@\s]*:[^/@\s]+@", without_variables), text
        assert not re.search(r"[0-9a-f]{32,}", text), text
    assert asked == SECRETS
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if name == "OIDC_CLIENT_SECRET":  # of a provider, where there is one
                assert value == "${OIDC_CLIENT_SECRET:-}"
            elif re.search("KEY|PASSWORD|AUTH|SECRET", name) and name != "POSTGRES_INITDB_ARGS":
                assert re.fullmatch(r"\$\{[A-Z_]+:\?run make env first\}", value), name


def test_redis_keeps_messages_and_refuses_rather_than_drops():
    config = (ROOT / "docker" / "redis.conf").read_text().splitlines()
    assert {"appendonly yes", "appendfsync everysec", "maxmemory-policy volatile-ttl"} <= set(
        config
    )
    assert "requirepass" in " ".join(SERVICES["redis"]["command"])


def test_both_queues_have_a_worker_and_one_keeps_the_timetable():
    commands = {name: SERVICES[name]["command"] for name in ("worker", "maintenance")}
    queues = {name: command[command.index("-Q") + 1] for name, command in commands.items()}
    assert queues == {"worker": "index", "maintenance": "maintenance"}
    assert ["-B" in command for command in commands.values()] == [False, True]
    assert all(command[command.index("--pool") + 1] == "solo" for command in commands.values())


def test_the_gpu_file_changes_the_worker_alone():
    assert list(GPU["services"]) == ["worker"]
    worker = GPU["services"]["worker"]
    devices = worker["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]
    assert worker["read_only"] is False, "NVIDIA's hook writes to the root file system"
    assert worker["build"]["args"] == {"TORCH_INDEX": ""}
    assert worker["image"] != SERVICES["worker"]["image"]


def test_only_the_workers_may_change_the_index():
    keys = SERVICES["qdrant"]["environment"]
    read_key = keys["QDRANT__SERVICE__READ_ONLY_API_KEY"]
    assert read_key != keys["QDRANT__SERVICE__API_KEY"]
    for name in ("web", "worker", "maintenance"):
        may_write = SERVICES[name]["environment"]["QDRANT_API_KEY"] != read_key
        assert may_write == (name != "web")


def gigabytes_for(parameters: int, processes: int, decoders: int = 0) -> int:
    """Return the limit for a model, as docs/reference/models.md says how to compute it."""
    needed = 4 * parameters + 450 * processes + 1024 * decoders + 256
    return math.ceil(1.1 * needed / 1024)


def test_the_limits_of_memory_are_those_that_the_models_need():
    page = (ROOT / "docs" / "reference" / "models.md").read_text()
    rows = re.findall(r"^\| `([^`]+)` \| (\d+)g \| (\d+)g \|$", page, re.M)
    limits = {name: (int(web), int(worker)) for name, web, worker in rows}
    assert limits == {
        name_of(model.key): (
            gigabytes_for(model.text_mparams, processes=2),
            gigabytes_for(model.image_mparams, processes=1, decoders=2),
        )
        for model in catalog.MODELS
    }
    defaults = [megabytes(SERVICES[name]["mem_limit"]) for name in ("web", "worker")]
    assert defaults == [1024 * limit for limit in limits[catalog.MODELS[0].key]]


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """A pip that only notes what it was asked to install, and from where."""
    program, notes = tmp_path / "pip", tmp_path / "notes"
    program.write_text(
        '#!/bin/sh\nfor word; do echo "$word"; [ -f "$word" ] && cat "$word"; done'
        f" >>{notes}; exit 0\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return notes


@pytest.mark.parametrize("index", ["", "https://wheels.example/cpu"])
def test_an_index_of_wheels_for_cpus_leaves_cuda_out(pip, index):
    script = ROOT / "docker" / "install-libraries"
    subprocess.run([script], cwd=ROOT, check=True, env={**os.environ, "TORCH_INDEX": index})
    asked = pip.read_text()
    locked = (ROOT / "requirements.lock").read_text().splitlines()
    names = [line.partition("==")[0] for line in locked if "==" in line]
    wanted = [name for name in names if f"\n{name}==" in f"\n{asked}"]
    of_cuda = {name for name in names if re.match("nvidia-|cuda-|triton", name)}
    assert of_cuda
    assert set(names) - set(wanted) == (of_cuda if index else set())
    assert (index in asked.splitlines()) == bool(index)
    assert len(re.findall("^torch==", asked, re.M)) == 1


def test_docker_reads_the_files(copy):
    """What only Docker Compose itself knows to check, where it is installed."""
    if (
        shutil.which("docker") is None
        or subprocess.run(["docker", "compose", "version"]).returncode
    ):
        pytest.skip("Docker Compose is not installed, so it did not read its files.")
    make_env(copy)
    files = ["docker-compose.yml", "docker-compose.gpu.yml"]
    for name in files:
        shutil.copy(ROOT / name, copy / name)
    arguments = [part for name in files for part in ("--file", name)]
    command = ["docker", "compose", *arguments, "config", "--quiet"]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def copy(tmp_path):
    """A folder that looks like the repository to docker/make-env."""
    (tmp_path / "docker").mkdir()
    shutil.copy(ROOT / "docker" / "make-env", tmp_path / "docker")
    return tmp_path


def make_env(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([folder / "docker" / "make-env"], capture_output=True, text=True)


def settings_of(folder: Path) -> dict[str, str]:
    lines = [line for line in (folder / ".env").read_text().splitlines() if "=" in line[:40]]
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_generated_secrets_are_long_different_and_private(copy):
    assert make_env(copy).returncode == 0
    written = settings_of(copy)
    secrets = [written[name] for name in SECRETS]
    assert all(re.fullmatch(r"[0-9a-f]{48,64}", secret) for secret in secrets)
    assert len(set(secrets)) == len(secrets)
    assert stat.S_IMODE((copy / ".env").stat().st_mode) == 0o600
    assert [path.name for path in copy.glob(".env*")] == [".env"]


def settings_that_the_compose_file_reads() -> set[str]:
    return {name for text in strings(COMPOSE) for name in re.findall(r"\$\{([A-Z_]+)", text)}


def test_everything_the_compose_file_reads_is_in_the_generated_file(copy):
    make_env(copy)
    text = (copy / ".env").read_text()
    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", text, re.M)) == (
        settings_that_the_compose_file_reads()
    )


def test_every_setting_can_be_set_from_the_generated_file():
    page = (ROOT / "docs" / "reference" / "settings.md").read_text()
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", page, re.M))
    assert documented - settings_that_the_compose_file_reads() == SET_BY_THE_IMAGE


def test_a_setting_reaches_every_process_of_the_gallery():
    shared = COMPOSE["x-scry"]["environment"]
    for name in ("web", "worker", "maintenance", "migrate"):
        own = {"QDRANT_API_KEY": "${QDRANT_READ_KEY:?run make env first}"} if name == "web" else {}
        assert (shared | own).items() <= SERVICES[name]["environment"].items()
    for name, value in shared.items():
        if match := re.fullmatch(r"\$\{([A-Z_]+):-.*\}", value):
            assert match[1] == name


def test_secrets_that_exist_are_kept(copy):
    make_env(copy)
    before = (copy / ".env").read_bytes()
    assert make_env(copy).returncode == 1
    assert (copy / ".env").read_bytes() == before


def test_the_image_is_made_of_the_product_only():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.M)
    assert {name for line in copied for name in line.split()} == allowed
    assert all((ROOT / name).exists() for name in allowed)
