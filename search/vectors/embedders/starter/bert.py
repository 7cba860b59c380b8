"""The BERT encoder (arXiv:1810.04805), as both text encoders of the starter model need it.

The modules have the names of published checkpoints. transformers has the same model, takes seconds
to import, and starts more operations for each layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

DROPOUT = 0.1
"""Share of what each layer adds that is left out in training."""


@dataclass(frozen=True)
class Sizes:
    """The sizes of an encoder: `words` and `positions` are rows of its tables."""

    words: int
    positions: int
    width: int
    layers: int
    heads: int
    inner: int
    epsilon: float


class Bert(nn.Module):
    """Token ids, or vectors of words, to the token vectors of every layer."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.embeddings = Embeddings(sizes)
        self.encoder = Layers(sizes)

    def forward(
        self,
        mask: torch.Tensor,
        *,
        input_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, ...]:
        """Return the vectors (n, length, width) before the first layer and after each one.

        `input_ids` (n, length) or `inputs_embeds` (n, length, width) are the tokens, `mask`
        (n, length) tells which ones count.
        """
        attended = None if bool(mask.all()) else mask[:, None, None, :].bool()
        words = (
            self.embeddings.word_embeddings(input_ids) if inputs_embeds is None else inputs_embeds
        )
        states = [self.embeddings(words)]
        for layer in self.encoder.layer:
            states.append(layer(states[-1], attended))
        return tuple(states)

    def join(self) -> None:
        """Make the layers faster, once they are trained: a short text takes a quarter less time."""
        for layer in self.encoder.layer:
            layer.attention.self.join()


class Layers(nn.Module):
    """The layers, under the name of the checkpoints."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.layer = nn.ModuleList(Layer(sizes) for _number in range(sizes.layers))


class Embeddings(nn.Module):
    """What the first layer gets: words, their positions, and the one type that texts here have."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.word_embeddings = Table(sizes.words, sizes.width)
        self.position_embeddings = Table(sizes.positions, sizes.width)
        self.token_type_embeddings = Table(2, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, eps=sizes.epsilon)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        typed = words + self.token_type_embeddings.weight[0]
        placed = typed + self.position_embeddings.weight[: words.shape[1]]
        normal: torch.Tensor = self.LayerNorm(placed)
        return _left_out(normal, self)


class Table(nn.Module):
    """Vectors by their numbers: (...) to (..., width).

    It is PyTorch's `Embedding` without random content, which imports PyTorch's compiler to be made
    on the device "meta".
    """

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, width))

    def forward(self, numbers: torch.Tensor) -> torch.Tensor:
        return functional.embedding(numbers, self.weight)


class Layer(nn.Module):
    """Attention and a small network, each added to its input and normalised."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.attention = AttentionPart(sizes)
        self.intermediate = Intermediate(sizes)
        self.output = Added(sizes.inner, sizes)

    def forward(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        states = self.attention(states, mask)
        after: torch.Tensor = self.output(self.intermediate(states), states)
        return after


class AttentionPart(nn.Module):
    """The first half of a layer."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.self = Attention(sizes)
        self.output = Added(sizes.width, sizes)

    def forward(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        added: torch.Tensor = self.output(self.self(states, mask), states)
        return added


class Intermediate(nn.Module):
    """The wide layer of the small network."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.dense = nn.Linear(sizes.width, sizes.inner)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return functional.gelu(self.dense(states))


class Attention(nn.Module):
    """Self-attention: states (n, length, width) to (n, length, width)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(sizes.width, sizes.width) for _ in range(3))
        self._heads = sizes.heads
        self.joined: nn.Linear | None = None

    def forward(self, states: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        count, length, width = states.shape
        three = self._three(states).view(count, length, 3, self._heads, -1)
        query, key, value = three.permute(2, 0, 3, 1, 4)
        dropout = DROPOUT if self.training else 0.0
        seen = functional.scaled_dot_product_attention(query, key, value, mask, dropout)
        return seen.transpose(1, 2).reshape(count, length, width)

    def join(self) -> None:
        """Replace the three projections by one."""
        parts = (self.query, self.key, self.value)
        joined = nn.Linear(1, 1)
        joined.weight = nn.Parameter(torch.cat([part.weight.detach() for part in parts]))
        joined.bias = nn.Parameter(torch.cat([part.bias.detach() for part in parts]))
        self.joined = joined
        del self.query, self.key, self.value

    def _three(self, states: torch.Tensor) -> torch.Tensor:
        if self.joined is not None:
            three: torch.Tensor = self.joined(states)
            return three
        return torch.cat([part(states) for part in (self.query, self.key, self.value)], dim=-1)


class Added(nn.Module):
    """A projection that is added to earlier states and normalised with them."""

    def __init__(self, width: int, sizes: Sizes) -> None:
        super().__init__()
        self.dense = nn.Linear(width, sizes.width)
        self.LayerNorm = nn.LayerNorm(sizes.width, eps=sizes.epsilon)

    def forward(self, found: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        normal: torch.Tensor = self.LayerNorm(states + _left_out(self.dense(found), self))
        return normal


def _left_out(states: torch.Tensor, module: nn.Module) -> torch.Tensor:
    return functional.dropout(states, DROPOUT) if module.training else states
