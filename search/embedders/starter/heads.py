"""The trained parts of the starter model: the heads, and what stands between tower and head."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

IMAGE_FEATURES = 1280
TEXT_FEATURES = 384
DIM = 512


class Head(nn.Module):
    """Maps pooled tower features (n, width) to embeddings (n, DIM), not yet of unit length."""

    def __init__(self, width: int, hidden: int = 1024) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.skip = nn.Linear(width, DIM)
        self.rise = nn.Linear(width, hidden)
        self.fall = nn.Linear(hidden, DIM)
        self.drop = nn.Dropout(0.0)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        x = self.drop(self.norm(features))
        return self.skip(x) + self.fall(self.drop(functional.gelu(self.rise(x))))


class ImageHead(nn.Module):
    """Pools a feature map (n, IMAGE_FEATURES, height, width) and projects it."""

    def __init__(self) -> None:
        super().__init__()
        self.head = Head(IMAGE_FEATURES)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.head(features.mean(dim=(2, 3)))


class TextTower(nn.Module):
    """Runs a text encoder on the columns of a token batch that hold anything but padding.

    The tokenizer pads to a fixed length; attention ignores padding, so leaving it out gives
    the same embedding for a fraction of the work.
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.encoder.proj = Head(TEXT_FEATURES)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        used = (tokens != self.encoder.config.pad_token_id).any(dim=0)
        return self.encoder(tokens[:, used])
