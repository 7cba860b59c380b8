"""Contrastive training of one branch: pictures against two texts each, and the texts against each
other (CLIP's loss, arXiv:2103.00020)."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from benchmarks.training.branches import REFINED_DROPOUT, Branch
from benchmarks.training.pairs import Captions, Names
from search.vectors.embedders.starter.heads import Head
from search.vectors.embedders.starter.towers import TEXT_WIDTH, standardised

logger = logging.getLogger(__name__)

BATCH = 256
"""Photos in a step."""

WARM_UP = 0.15
"""Share of the steps during which the learning rate rises."""

AVERAGED = 0.95
"""Share of the averaged weights that stays at each step."""

TEXT_RATES = (1e-4, 0.01)
"""Learning rate and weight decay of a text encoder's last layers."""

TEXT_LOSS = 0.25
"""Weight of the loss between the two texts."""

WRONG = -1e4
"""Added to a pair that is right by chance, so that it does not count as wrong."""


@dataclass(frozen=True)
class Recipe:
    """How a branch is trained: `classes` in a step, and how much one weighs against a photo."""

    epochs: int
    classes: int
    class_weight: float
    learning_rate: float
    weight_decay: float = 0.2
    scale: float = 22.0


def train(
    branch: Branch,
    captions: Captions,
    names: Names,
    recipe: Recipe,
    text: Head | None = None,
    layers: nn.Module | None = None,
) -> Any:
    """Return what the branch learned, its text head, and `layers` if they are given.

    All are averaged over the last steps of the run. `text` is a head that is trained further, and
    `layers` are those of the text encoder that captions and names are read with.
    """
    text = text or Head(TEXT_WIDTH, dropout=0.1, refined_dropout=REFINED_DROPOUT)
    trained = nn.ModuleList([branch.learned, text, *([layers] if layers else [])]).train()
    scale = nn.Parameter(torch.tensor(math.log(recipe.scale)))
    heads = [*branch.head.parameters(), *text.parameters()]
    groups = [
        {"params": heads, "lr": recipe.learning_rate, "weight_decay": recipe.weight_decay},
        {"params": [scale], "lr": recipe.learning_rate, "weight_decay": 0.0},
        *branch.groups(),
    ]
    if layers:
        rate, decay = TEXT_RATES
        groups.append({"params": layers.parameters(), "lr": rate, "weight_decay": decay})
    total = recipe.epochs * (len(captions.rows) // BATCH)
    weights = torch.ones(BATCH + recipe.classes)
    weights[BATCH:] = recipe.class_weight
    losses = (
        _loss(branch, text, captions, names, photos, scale, weights)
        for photos in batches(len(captions.rows), recipe.epochs)
    )
    return descend(trained, groups, losses, total)


def descend(
    modules: nn.ModuleList,
    groups: list[dict[str, Any]],
    losses: Iterable[torch.Tensor],
    total: int,
) -> Any:
    """Take a step down each of `total` losses; return the modules averaged over the last steps.

    `losses` computes each loss when its turn comes, with the weights of that moment.
    """
    optimizer, schedule = optimized(groups, total)
    averaged = averaging(modules)
    for step, loss in enumerate(losses):
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(modules.parameters(), 5.0)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(modules)
        if step % 25 == 0:
            logger.info("step %d of %d, loss %.3f", step, total, loss.item())
    return averaged.module.eval()


def batches(count: int, epochs: int) -> Iterable[torch.Tensor]:
    """Yield the numbers of the photos of each step; an incomplete last batch is left out."""
    for _epoch in range(epochs):
        yield from torch.randperm(count)[: count // BATCH * BATCH].split(BATCH)


def optimized(
    groups: list[dict[str, object]], steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """Return AdamW and a schedule that raises each group's learning rate, then lowers it."""
    optimizer = torch.optim.AdamW(groups)
    rates = [group["lr"] for group in optimizer.param_groups]
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rates, total_steps=steps, pct_start=WARM_UP
    )
    return optimizer, schedule


def averaging(modules: nn.Module) -> torch.optim.swa_utils.AveragedModel:
    """Return a copy of modules that follows them slowly."""
    follow = torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGED)
    return torch.optim.swa_utils.AveragedModel(modules, multi_avg_fn=follow)


def _loss(
    branch: Branch,
    text: Head,
    captions: Captions,
    names: Names,
    photos: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
) -> torch.Tensor:
    """Return the sum of the members' losses over a batch of photos and of named classes."""
    with torch.autocast("cpu", torch.bfloat16):
        named = names.draw(len(weights) - len(photos))
        said = torch.cat([captions.draw(photos), named.texts], dim=1)
        shown = torch.cat([branch.photos(photos), branch.classes(named.classes)])
        pictures = branch.head.each(shown)
        firsts, seconds = (text.each(standardised(texts)) for texts in said)
    pairs_of_texts = (named.also[0] | named.also[1].T).fill_diagonal_(fill_value=False)
    total = torch.zeros(())
    for picture, first, second in zip(pictures, firsts, seconds, strict=True):
        for texts, also in ((first, named.also[0].T), (second, named.also[1].T)):
            total = total + contrast(picture, texts, scale, weights, also) / 2
        total = total + TEXT_LOSS * contrast(first, second, scale, weights, pairs_of_texts)
    return total


def contrast(
    left: torch.Tensor,
    right: torch.Tensor,
    scale: torch.Tensor,
    weights: torch.Tensor,
    also: torch.Tensor,
) -> torch.Tensor:
    """Return the symmetric InfoNCE loss of unit rows that belong together.

    Rows count by their `weights`. `also` marks pairs of the last rows that belong together too.
    """
    logits = scale.exp() * left.float() @ right.float().T
    blocked = torch.zeros_like(logits)
    blocked[-len(also) :, -len(also) :] = also * WRONG
    logits, right_ones = logits + blocked, torch.arange(len(left))
    losses = [
        functional.cross_entropy(side, right_ones, reduction="none") for side in (logits, logits.T)
    ]
    return (sum(losses) * weights).sum() / weights.sum() / 2
