"""Train the starter model: about an hour on two cores.

    python -m benchmarks.training.train --captions DIR --languages DIR --cldr DIR --wordnet DIR \\
        --freedict DIR --cedict FILE --without benchmarks/names.csv --cache DIR

`--captions` holds `captions.csv` (image, split, caption) and `images/`. `--languages` holds
`captions_multilingual.csv` (image, split, language, caption) and `parallel_en_de_fr_cs.csv`.
`--cldr` is the folder `annotations` of the npm package cldr-annotations-full, `--wordnet` the
folder with WordNet 3.0's `data.noun` and `index.noun`. `--freedict` and `--cedict` are those that
`benchmarks/training/dictionaries.py` names. Rows of the split `train` alone are learned;
the recall on the split `dev` is printed at the end. Names in the list `--without` are not learned
in other languages, so that they can measure.

The towers stay as they were published, except for their last layers. `--cache` keeps what the
frozen layers give, and each finished stage; delete it when the data or the towers change.
"""

from __future__ import annotations

import argparse
import copy
import hashlib
import logging
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from benchmarks.training import contrast, languages
from benchmarks.training.branches import (
    REFINED_DROPOUT,
    Frozen,
    Tuned,
    head_of_captions,
    head_of_kinds,
)
from benchmarks.training.contrast import Recipe
from benchmarks.training.features import TUNED_LAYERS, VIEWS, early_maps, in_batches, listing
from benchmarks.training.lessons import Material
from benchmarks.training.pairs import Captions, Names
from search.vectors.embedders import starter
from search.vectors.embedders.starter.heads import Head
from search.vectors.embedders.starter.towers import (
    DIM,
    IMAGE_PARTS,
    TEXT_WIDTH,
    ImageTower,
    TextTower,
    embedded_classes,
    evened,
    side_by_side,
    standardised,
)

logger = logging.getLogger(__name__)

KINDS = Recipe(epochs=8, classes=384, class_weight=1.0, learning_rate=3e-3)
FROZEN = Recipe(epochs=12, classes=192, class_weight=0.5, learning_rate=3e-3)
TUNED = Recipe(epochs=8, classes=192, class_weight=0.3, learning_rate=1.5e-3, scale=25.0)
ENGLISH = Recipe(epochs=8, classes=192, class_weight=0.3, learning_rate=5e-4, scale=25.0)
LANGUAGE_EPOCHS = 9

RUNS = 3
"""Runs of the tuning whose weights are averaged ("model soup", arXiv:2203.05482): one more point of
recall than any of them."""

LAYER_RATES = (3e-4, 0.05)
"""Learning rate and weight decay of the image tower's last layers."""


class Training:
    """The towers, the material, and the folder for what is finished."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.cache: Path = options.cache
        self.cache.mkdir(parents=True, exist_ok=True)
        self.seed: int = options.seed
        model, tokens = starter.bare(starter.BOTH)
        self.image, self.text = cast("ImageTower", model.visual), cast("TextTower", model.text)
        self.image.to(memory_format=torch.channels_last)
        self.tokens, self.captions_folder = tokens, options.captions
        self.material = Material(options, self.text, tokens)
        self.photos = listing(options.captions, "train")

    def run(self) -> None:
        """Train each stage whose result is not in the cache yet."""
        self._stage("captions", self._captions)
        self._stage("english", self._english)
        self.material.english.settle()
        self._stage("kinds", self._kinds)
        self._stage("languages", self._languages)
        self._mix()

    @cached_property
    def maps(self) -> list[NDArray[np.float16]]:
        """The early layers' output for each view of the photos."""
        return [
            early_maps(self.image, self.photos.photos, view, self.cache / f"early-{view}.npy")
            for view in VIEWS
        ]

    @cached_property
    def features(self) -> torch.Tensor:
        """What the untuned layers make of each view, (views, n, width)."""
        return torch.stack([in_batches(self.image.frozen, view) for view in self.maps]).clone()

    @property
    def last(self) -> torch.Tensor:
        """What the published classifier was trained on, of the photos as they are."""
        return self.features[0, :, : IMAGE_PARTS[0]]

    @cached_property
    def names(self) -> Names:
        """The texts of classes."""
        return Names(self.material.english, self.material.general)

    @cached_property
    def captions(self) -> Captions:
        """The texts of photos."""
        return Captions(self.material.english, self.material.captions)

    def _stage(self, name: str, train: Callable[[], Sequence[nn.Module]]) -> None:
        """Load what a stage trains from the cache, training it first if it is not there."""
        file = self.cache / f"{name}-{self.seed}.pt"
        if not file.exists():
            logger.info("training %s", name)
            torch.manual_seed(self.seed)
            torch.save([module.state_dict() for module in train()], file)
        for module, state in zip(self._modules(name), torch.load(file), strict=True):
            module.load_state_dict(state)

    def _modules(self, stage: str) -> list[nn.Module]:
        """Return the parts of the towers that a stage trains."""
        if stage == "kinds":
            return [self.image.kinds, self.text.english_heads["kinds"]]
        if stage == "captions":
            return [self.image.captions, self.image.tuned, self.text.english_heads["captions"]]
        if stage == "english":
            return [self.text.english_heads["captions"], self.material.english.layers]
        every: Any = self.text.every
        return [every.encoder.layer[-TUNED_LAYERS:], self.text.every_heads]

    def _captions(self) -> list[nn.Module]:
        frozen = Frozen(self.image, self.features, self.last, evened, head_of_captions())
        (head,), text = contrast.train(frozen, self.captions, self.names, FROZEN)
        runs = []
        for run in range(RUNS):
            logger.info("tuning, run %d of %d", run + 1, RUNS)
            own, text_head = copy.deepcopy(head).train(), copy.deepcopy(text)
            branch = Tuned(self.image, self.maps, self.features, own, LAYER_RATES)
            learned, tuned = contrast.train(branch, self.captions, self.names, TUNED, text_head)
            runs.append(nn.ModuleList([*learned, tuned]))
        return list(averaged(runs))

    def _english(self) -> list[nn.Module]:
        """Tune MiniLM's last layer against the pictures, which stay as they are."""
        tuned = torch.stack([in_batches(self.image.tuned, view) for view in self.maps]).clone()
        head = head_of_captions().requires_grad_(requires_grad=False)
        head.load_state_dict(self.image.captions.state_dict())
        branch = Frozen(self.image, tuned, self.last, evened, head)
        text = Head(TEXT_WIDTH, dropout=0.1, refined_dropout=REFINED_DROPOUT)
        text.load_state_dict(self.text.english_heads["captions"].state_dict())
        layers = self.material.english.layers
        _, *kept = contrast.train(branch, self.captions, self.names, ENGLISH, text, layers)
        return kept

    def _kinds(self) -> list[nn.Module]:
        last = self.features[..., : IMAGE_PARTS[0]]
        branch = Frozen(self.image, last, self.last, self.image.probabilities, head_of_kinds())
        learned, text = contrast.train(branch, self.captions, self.names, KINDS)
        return [learned[0], text]

    def _languages(self) -> list[nn.Module]:
        features = in_batches(self.image.tuned, self.maps[0]).clone()
        head = copy.deepcopy(self.image.captions).requires_grad_(requires_grad=False)

        def pictures(photos: torch.Tensor) -> list[torch.Tensor]:
            noisy = functional.dropout(evened(features[photos]), 0.4)
            return head.each(noisy)

        texts, lessons = self.material.photo_texts(), self.material.lessons()
        layers, heads = languages.train(
            self.text, self.material.every, texts, pictures, lessons, LANGUAGE_EPOCHS, self.seed
        )
        return [layers.layers, heads]

    @torch.inference_mode()
    def _mix(self) -> None:
        """Set the last layer to the principal directions of embeddings of photos and of texts.

        They are those of the uncentred embeddings, since dot products are what must be kept.
        """
        tuned = languages.LastLayers(self.text.every.encoder.layer[-TUNED_LAYERS:])
        english = self.material.english.features[self.material.some_english()]
        other = torch.cat(
            [
                self.material.every.features(tuned, part.tolist())
                for part in self.material.some_other().split(512)
            ]
        )
        self.text.classes.copy_(embedded_classes(self.image.kinds))
        rows = torch.cat(
            [
                in_batches(lambda early: self.image.unmixed(early.float()), self.maps[0]),
                self._unmixed(self.text.english_heads, english),
                self._unmixed(self.text.every_heads, other),
            ]
        )
        _, directions = torch.linalg.eigh(rows.T @ rows)
        for tower in (self.image, self.text):
            tower.mix.weight.copy_(directions[:, -DIM:].T)

    def _unmixed(self, heads: nn.ModuleDict, features: torch.Tensor) -> torch.Tensor:
        captions, kinds = (head(standardised(features)) for head in heads.values())
        return side_by_side(
            captions, kinds, self.text.naming(kinds, kinds.new_zeros(len(kinds), 1))
        )

    def save(self, path: Path) -> str:
        """Write what was trained in float16; return the file's SHA-256."""
        image, text = self.image.state_dict(), self.text.state_dict()
        tensors = {f"image.{name}": kept for name, kept in image.items() if _is_trained(name)}
        tensors |= {f"text.{name}": kept for name, kept in text.items() if _is_trained(name)}
        tensors["mix.weight"] = image["mix.weight"]
        save_file({name: kept.half().contiguous() for name, kept in tensors.items()}, path)
        return hashlib.sha256(path.read_bytes()).hexdigest()

    @torch.inference_mode()
    def recall(self) -> list[float]:
        """Return the shares of dev captions whose photo is among the first 1, 5 and 10 of all."""
        dev = listing(self.captions_folder, "dev")
        maps = early_maps(self.image, dev.photos, "plain", self.cache / "early-dev.npy")
        pictures = functional.normalize(in_batches(self.image.from_early, maps), dim=1)
        texts = [text for captions in dev.captions for text in captions]
        parts = [texts[start : start + 64] for start in range(0, len(texts), 64)]
        said = torch.cat([self.text(self.tokens(part)) for part in parts])
        scores = functional.normalize(said, dim=1) @ pictures.T
        gold = torch.arange(len(texts)) // len(dev.captions[0])
        better = (scores > scores.gather(1, gold[:, None])).sum(dim=1)
        return [float((better < first).float().mean()) for first in (1, 5, 10)]


@torch.no_grad()
def averaged(runs: list[nn.ModuleList]) -> nn.ModuleList:
    """Return modules with the mean of the weights of all runs, which must have begun alike."""
    states = [run.state_dict() for run in runs]
    mean = {name: torch.stack([state[name] for state in states]).mean(dim=0) for name in states[0]}
    runs[0].load_state_dict(mean)
    return runs[0]


def _is_trained(name: str) -> bool:
    """Return whether a tensor of a tower is trained here, so that it must be kept."""
    heads = ("captions.", "kinds.", "english_heads.", "every_heads.")
    layers = ("english.transformer.encoder.layer.5.", "every.encoder.layer.10.")
    trained = (*heads, "tuned.", *layers, "every.encoder.layer.11.")
    return name.startswith(trained) and ".conv_dw." not in name


def main(arguments: Sequence[str] | None = None) -> None:
    """Train all stages, print the recall on the dev split, and write the weights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    folders = ("captions", "languages", "cldr", "wordnet", "freedict", "cedict", "without", "cache")
    for name in folders:
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=starter.WEIGHTS_FILE)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(min(2, torch.get_num_threads()))
    training = Training(options)
    training.run()
    figures = " ".join(f"{share:.1%}" for share in training.recall())
    sys.stdout.write(f"dev R@1/5/10 {figures}\nsha256 {training.save(options.out)}\n")


if __name__ == "__main__":
    main()
