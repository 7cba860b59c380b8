"""Train the heads of the starter model on captioned photos.

    python -m benchmarks.training.train --captions DIR --cache DIR

DIR holds `captions.csv` (columns image, split, caption) and `images/`. The heads are trained on the
rows of the split `train` and written to a file; the recall on the split `dev` is printed after each
epoch. The towers stay as they were published: `--cache` keeps their features, which are computed
once.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from benchmarks.training.features import Captioned, Classes, read
from search.vectors.embedders.starter import DIM, HEADS_FILE, IMAGE_PARTS, TEXT_PARTS, Head

WARM_UP = 0.15
"""Share of the steps during which the learning rate rises."""


@dataclass(frozen=True)
class Recipe:
    """The settings of a training run. `classes` is the number of class pairs in a batch."""

    epochs: int = 20
    batch: int = 256
    classes: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.2
    image_dropout: float = 0.4
    text_dropout: float = 0.1
    between_captions: float = 0.5
    caption_weight: float = 0.25
    averaging: float = 0.95
    seed: int = 0


class Pairs:
    """Draws batches of image features and of the features of two texts for each."""

    def __init__(self, photos: Captioned, classes: Classes, recipe: Recipe) -> None:
        self.photos, self.recipe = photos, recipe
        self.texts = classes.texts
        self.mean, self.directions = class_directions(photos.views[0], classes.rows)

    def epoch(self) -> Sequence[torch.Tensor]:
        """Return the photo numbers of one epoch's batches; an incomplete last batch is left out."""
        order = torch.randperm(self.photos.views.shape[1])
        return order[: len(order) // self.recipe.batch * self.recipe.batch].split(self.recipe.batch)

    def draw(self, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return image features (n, width) and text features (2, n, width) of a batch."""
        pictures, captions = self._photos(photos)
        objects, names = self._classes()
        return torch.cat([pictures, objects]), torch.cat([captions, names], dim=1)

    def _photos(self, photos: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        views, captions = self.photos.views, self.photos.captions[photos]
        pictures = views[torch.randint(len(views), photos.shape), photos]
        rows = torch.arange(len(photos))
        chosen = torch.rand(captions.shape[:2]).argsort(dim=1)[:, :2].T
        other = captions[rows, torch.randint(captions.shape[1], (2, len(photos)))]
        # Half the texts are a point between two captions of the same photo.
        share = torch.rand(2, len(photos), 1)
        share *= torch.rand(2, len(photos), 1) < self.recipe.between_captions
        return pictures, torch.lerp(captions[rows, chosen], other, share)

    def _classes(self) -> tuple[torch.Tensor, torch.Tensor]:
        count = self.recipe.classes
        chosen = torch.randperm(len(self.directions))[:count]
        strength = torch.empty(count, 1).uniform_(0.6, 1.4)
        views = self.photos.views
        real = views[torch.randint(len(views), (count,)), torch.randint(views.shape[1], (count,))]
        pictures = self.mean + strength * self.directions[chosen] + 0.7 * (real - self.mean)
        # Activations after ReLU6 are never negative.
        pictures[:, : IMAGE_PARTS[0]].clamp_(min=0)
        texts = self.texts[chosen, torch.randint(self.texts.shape[1], (2, count))]
        return pictures, texts


def class_directions(
    features: torch.Tensor, rows: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean of the features and where each class of the classifier lies from it.

    `rows` (classes, 1280) are the weights of the published classifier. For classes that are
    normal with one covariance S, the optimal weights are S^-1 times the offset of the class
    (linear discriminant analysis), so the offset is S times the weights: the covariance of
    the features with the class's score. It has this form for features that the classifier
    never saw, too. All offsets get the length of a usual photo's offset.
    """
    mean = features.mean(dim=0)
    offsets = features - mean
    last = offsets[:, : IMAGE_PARTS[0]]
    scores = last @ (rows - rows.mean(dim=0)).T
    directions = scores.T @ offsets
    length = directions[:, : IMAGE_PARTS[0]].norm(dim=1, keepdim=True)
    return mean, directions / length * last.norm(dim=1).mean()


def contrast(left: torch.Tensor, right: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Return the symmetric InfoNCE loss of unit rows that belong together (CLIP's loss)."""
    logits = scale * left @ right.T
    return -(logits.log_softmax(dim=1).diagonal() + logits.log_softmax(dim=0).diagonal()).mean() / 2


def train(
    pairs: Pairs, recipe: Recipe, report: Callable[[int, Head, Head], None]
) -> tuple[Head, Head]:
    """Return the image head and the text head, averaged over the last steps of the run."""
    image, text = (
        Head(IMAGE_PARTS, recipe.image_dropout),
        Head(TEXT_PARTS, recipe.text_dropout),
    )
    heads = nn.ModuleList([image, text])
    scale = nn.Parameter(torch.tensor(math.log(22.0)))
    optimizer = torch.optim.AdamW(
        [{"params": heads.parameters()}, {"params": [scale]}],
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        recipe.learning_rate,
        total_steps=len(pairs.epoch()) * recipe.epochs,
        pct_start=WARM_UP,
    )
    averaged = torch.optim.swa_utils.AveragedModel(
        heads, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.averaging)
    )
    for epoch in range(recipe.epochs):
        for photos in pairs.epoch():
            pictures, texts = pairs.draw(photos)
            loss = _loss(image, text, pictures, texts, scale.exp(), recipe.caption_weight)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            averaged.update_parameters(heads)
        kept = averaged.module.eval()
        _mix(kept[0], kept[1], pairs.photos)
        report(epoch + 1, kept[0], kept[1])
    return kept[0], kept[1]


@torch.inference_mode()
def _mix(image: Head, text: Head, photos: Captioned) -> None:
    """Set the heads' last layer to the principal directions of all embeddings of the photos.

    They are those of the uncentred embeddings, since dot products are what must be kept.
    """
    rows = torch.cat([image.unmixed(photos.views[0]), text.unmixed(photos.captions[:, 0])])
    _, directions = torch.linalg.eigh(rows.T @ rows)
    for head in (image, text):
        head.mix.weight.copy_(directions[:, -DIM:].T)


def _loss(
    image: Head,
    text: Head,
    pictures: torch.Tensor,
    texts: torch.Tensor,
    scale: torch.Tensor,
    caption_weight: float,
) -> torch.Tensor:
    """Return the sum of the members' losses: picture to both texts, and text to text."""
    members = zip(image.each(pictures), text.each(texts[0]), text.each(texts[1]), strict=True)
    total = pictures.new_zeros(())
    for seen, first, second in members:
        total = total + (contrast(seen, first, scale) + contrast(seen, second, scale)) / 2
        total = total + caption_weight * contrast(first, second, scale)
    return total


def recall(
    pictures: torch.Tensor, texts: torch.Tensor, gold: torch.Tensor, at: Sequence[int] = (1, 5, 10)
) -> list[float]:
    """Return, for each k, the share of texts whose own picture is among the first k."""
    scores = texts @ pictures.T
    better = (scores > scores.gather(1, gold[:, None])).sum(dim=1)
    return [float((better < k).float().mean()) for k in at]


def save(image: Head, text: Head, path: Path) -> str:
    """Write both heads in float16 and return the file's SHA-256."""
    tensors = {
        f"{tower}.head.{name}": tensor.half().contiguous()
        for tower, head in (("image", image), ("text", text))
        for name, tensor in head.state_dict().items()
    }
    save_file(tensors, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, report every epoch's recall on the dev split, and write the heads."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--captions", type=Path, required=True, metavar="DIR")
    parser.add_argument("--cache", type=Path, required=True, help="folder for the towers' features")
    parser.add_argument("--out", type=Path, default=HEADS_FILE)
    parser.add_argument("--epochs", type=int, default=Recipe.epochs)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    options = parser.parse_args(arguments)
    recipe = Recipe(epochs=options.epochs, seed=options.seed)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(min(2, torch.get_num_threads()))
    photos, dev, classes = read(options.captions, options.cache)

    def report(epoch: int, image: Head, text: Head) -> None:
        with torch.inference_mode():
            captions = dev.captions.flatten(0, 1)
            gold = torch.arange(dev.captions.shape[0]).repeat_interleave(dev.captions.shape[1])
            figures = recall(image(dev.views[0]), text(captions), gold)
        print_line(f"epoch {epoch}: dev R@1/5/10 " + " ".join(f"{f:.1%}" for f in figures))

    image, text = train(Pairs(photos, classes, recipe), recipe, report)
    print_line(f"sha256 {save(image, text, options.out)}  {options.out}")


def print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
