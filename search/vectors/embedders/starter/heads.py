"""What the starter model adds to its two towers: how features are pooled, and the heads."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

DIM = 512
MEMBERS = 4
MEMBER_DIM = 256
REFINED_DROPOUT = 0.3

IMAGE_PARTS = (1280, 208, 208, 352, 352)
"""Widths of the parts of an image's features: the mean of the last layer's activations, then
the mean and the deviation over the picture of the inputs and outputs of the last block. The
earlier layers know less about kinds of things and more about scenes and what happens."""

TEXT_PARTS = (384,)
"""The mean of the token vectors."""


class Head(nn.Module):
    """Maps features (n, sum(parts)) to embeddings (n, DIM), not of unit length.

    It is a committee: each member has its own layers and is trained on its own, which errs
    less than one head of the same size. `mix` keeps, of the members' embeddings side by side,
    the DIM directions in which most happens, so that the dot product of two embeddings is
    very nearly the mean of the members' cosines.
    """

    def __init__(self, parts: tuple[int, ...], dropout: float = 0.0) -> None:
        super().__init__()
        self.parts = parts
        self.members = nn.ModuleList(Member(sum(parts), dropout) for _ in range(MEMBERS))
        self.mix = nn.Linear(MEMBERS * MEMBER_DIM, DIM, bias=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        mixed: torch.Tensor = self.mix(self.unmixed(features))
        return mixed

    def unmixed(self, features: torch.Tensor) -> torch.Tensor:
        """Return the members' embeddings side by side, unit rows of MEMBERS * MEMBER_DIM."""
        return torch.cat(self.each(features), dim=-1) / MEMBERS**0.5

    def each(self, features: torch.Tensor) -> list[torch.Tensor]:
        """Return the members' own unit embeddings, each (n, MEMBER_DIM)."""
        even = torch.cat([_evened(part) for part in features.split(self.parts, dim=-1)], dim=-1)
        return [functional.normalize(member(even), dim=-1) for member in self.members]


class Member(nn.Module):
    """A projection, one residual layer on it, and a normalisation."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(width, MEMBER_DIM)
        self.refine = nn.Linear(MEMBER_DIM, MEMBER_DIM)
        self.norm = nn.LayerNorm(MEMBER_DIM)
        self.dropout = nn.Dropout(dropout)
        self.refined_dropout = nn.Dropout(REFINED_DROPOUT if dropout else 0.0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        projected = self.project(self.dropout(features))
        refined = self.refine(functional.gelu(projected))
        normal: torch.Tensor = self.norm(projected + self.refined_dropout(refined))
        return normal


class ImageTower(nn.Module):
    """A timm EfficientNet and its head: pictures (n, 3, height, width) to (n, DIM)."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = Head(IMAGE_PARTS)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        features = self.features(pixels)
        return self.head(features.to(self.head.mix.weight.dtype))

    def features(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return pooled features, shape (n, sum(IMAGE_PARTS)), float32."""
        trunk = self.trunk
        early = trunk.blocks[:-1](trunk.bn1(trunk.conv_stem(pixels)))
        late = trunk.blocks[-1](early)
        last = trunk.bn2(trunk.conv_head(late)).flatten(2).float().mean(dim=2)
        return torch.cat([last, *_moments(early), *_moments(late)], dim=1)


class TextTower(nn.Module):
    """A text encoder and its head: token ids (n, length) to (n, DIM).

    It reads only the columns that hold anything but padding. The tokenizer pads to a fixed
    length and attention ignores padding, so the embedding is the same for less work.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.encoder.proj = nn.Identity()
        self.head = Head(TEXT_PARTS)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(tokens))  # type: ignore[no-any-return]

    def features(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the mean of the token vectors, shape (n, 384)."""
        used = (tokens != self.encoder.config.pad_token_id).any(dim=0)
        return self.encoder(tokens[:, used])  # type: ignore[no-any-return]


def _moments(activations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean and the standard deviation over the picture, each (n, channels)."""
    flat = activations.flatten(2).float()
    return flat.mean(dim=2), flat.std(dim=2)


def _evened(part: torch.Tensor) -> torch.Tensor:
    """Return features of zero mean and unit variance over the part.

    A picture's features enter by their signed roots, for a few strong ones would outshout the
    rest; a text's have no such tails.
    """
    if part.shape[-1] != TEXT_PARTS[0]:
        part = part.sign() * part.abs().sqrt()
    return functional.layer_norm(part, part.shape[-1:])
