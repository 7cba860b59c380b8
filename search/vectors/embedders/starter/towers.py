"""The towers of the starter model: how features of pictures and texts become embeddings.

Each tower has two branches. The branch "captions" was trained on captioned photos and knows scenes
and acts. The branch "kinds" knows the names of things: of a picture it gets only the probabilities
that a published classifier gives its 1,000 classes, of a text what its words mean (after ConSE,
arXiv:1312.5650). Both branches side by side are reduced to DIM numbers.
"""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn import functional

from search.vectors.embedders.starter.bert import Bert
from search.vectors.embedders.starter.e5 import WordTable
from search.vectors.embedders.starter.efficientnet import (
    Convolution,
    EfficientNetLite2,
    Normalisation,
)
from search.vectors.embedders.starter.heads import MEMBER_DIM, MEMBERS, Head
from search.vectors.embedders.starter.threads import threads_for

DIM = 512
"""Length of an embedding."""

BRANCHES = ("captions", "kinds")

IMAGE_PARTS = (1280, 208, 208, 352, 352)
"""Widths of the parts of a picture's features: the mean of the last layer's activations, then the
mean and the deviation, over the picture, of the inputs and outputs of the last block. The earlier
layers say less about kinds of things and more about scenes and actions."""

CLASSES = 1000
"""Kinds of things that the published classifier tells apart (ImageNet-1k)."""

TEXT_WIDTH = 384
"""Length of the mean of a text's token vectors, in both encoders."""

CONTEXT = 128
"""Tokens that each encoder reads of a text."""

EVERY_LAYERS = (12, 8)
"""Layers of e5 whose token vectors are averaged."""

PREFIX_TOKENS = 4
"""Tokens of e5 that every text has: its ends, and the prefix."""

PAD, ENGLISH_PAD = 1, 0
"""Tokens with which e5's and MiniLM's ids are filled up."""

SMALL = 1e-3
"""Keeps the slope of the roots of features finite at zero."""

KINDS_SHARE = 0.35
"""Share of the branch "kinds" in a picture's embedding."""

NAMING = (0.3, 0.5)
"""Cosines of a text with the nearest class between which it counts more and more as a name: names
of classes lie above 0.45, captions below."""

BRIEF_NAMING = (0.15, 0.25)
"""The same for a brief text in another language, which lies farther from the classes. What is said
in a word or two is a name more often than not."""

BRIEF = (8, 5)
"""Tokens between which a text counts more and more as brief."""

NAMING_SHARE = (0.05, 0.9)
"""Share of the branch "kinds" in the embedding of a text that names nothing, and of a name."""

AGREED = (0.25, 0.45)
"""Cosines of the two encoders' embeddings of a text between which MiniLM is trusted more and more.
It knows English only; English captions lie above 0.5, captions in other languages below 0.35."""

ENGLISH_SHARE = 0.8
"""MiniLM's share in the embedding of a text on which both encoders agree."""


class ImageTower(nn.Module):
    """An EfficientNet with two last parts: pictures (n, 3, height, width) to (n, DIM).

    `trunk` holds the published weights and `classifier` the published classes. `tuned` is a copy of
    the last part, trained on captions; both read the same early layers, so that the second costs
    little.
    """

    def __init__(self, trunk: EfficientNetLite2, classifier: nn.Linear) -> None:
        super().__init__()
        fold_normalisation(trunk)
        self.early = nn.Sequential(
            trunk.conv_stem, trunk.bn1, *trunk.blocks[:-2], trunk.blocks[-2][0]
        )
        self.frozen = LastLayers(trunk)
        self.tuned = copy.deepcopy(self.frozen)
        self.classifier = classifier
        self.captions = Head(sum(IMAGE_PARTS))
        self.kinds = Head(CLASSES)
        self.mix = nn.Linear(2 * MEMBERS * MEMBER_DIM, DIM, bias=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.from_early(self.early(pixels))

    def join(self) -> None:
        """Make the heads faster, once they are trained."""
        self.captions.join()
        self.kinds.join()

    def from_early(self, early: torch.Tensor) -> torch.Tensor:
        """Return embeddings (n, DIM) from the output of the early layers."""
        return self.mix(self.unmixed(early))

    def unmixed(self, early: torch.Tensor) -> torch.Tensor:
        """Return both branches' embeddings, side by side, from the output of the early layers."""
        precise = self.mix.weight.dtype
        captions = self.captions(evened(self.tuned(early)).to(precise))
        kinds = self.kinds(self.probabilities(self.frozen.last(early)).to(precise))
        return side_by_side(captions, kinds, KINDS_SHARE)

    def probabilities(self, features: torch.Tensor) -> torch.Tensor:
        """Return the roots of the classes' probabilities, shape (n, CLASSES), rows of length 1.

        The root keeps less likely classes, and with them what else a picture shows.
        """
        last = features[:, : IMAGE_PARTS[0]].to(self.classifier.weight.dtype)
        return self.classifier(last).float().softmax(dim=-1).sqrt()


class LastLayers(nn.Module):
    """The last blocks of a folded EfficientNet: early output (n, 208, 8, 8) to features."""

    def __init__(self, trunk: EfficientNetLite2) -> None:
        super().__init__()
        self.middle = nn.Sequential(*trunk.blocks[-2][1:])
        self.late = trunk.blocks[-1]
        self.head = nn.Sequential(trunk.conv_head, trunk.bn2)

    def forward(self, early: torch.Tensor) -> torch.Tensor:
        """Return pooled features, shape (n, sum(IMAGE_PARTS)), float32."""
        middle = self.middle(early)
        late = self.late(middle)
        return torch.cat([self._pooled(late), *_moments(middle), *_moments(late)], dim=1)

    def last(self, early: torch.Tensor) -> torch.Tensor:
        """Return the first part of the features alone, for less work."""
        return self._pooled(self.late(self.middle(early)))

    def _pooled(self, late: torch.Tensor) -> torch.Tensor:
        return self.head(late).flatten(2).float().mean(dim=2)


class TextTower(nn.Module):
    """Two text encoders and their heads: token ids (n, length) to (n, DIM).

    The first CONTEXT columns are MiniLM's ids, the next are those of multilingual-e5. MiniLM knows
    English better, and e5 knows a hundred languages. Where both agree on what a text means, it is
    English, and MiniLM gets the larger share. Without e5, MiniLM stands alone.

    `classes` are the embeddings of the published classes in the branch "kinds".
    Columns that hold padding alone are not read: the embedding is the same for less work.
    """

    def __init__(
        self, english: Bert, every: Bert | None = None, words: WordTable | None = None
    ) -> None:
        super().__init__()
        self.english, self.every, self.words = MeanOfTokens(english), every, words
        self.english_heads = nn.ModuleDict({name: Head(TEXT_WIDTH) for name in BRANCHES})
        self.every_heads = nn.ModuleDict({name: Head(2 * TEXT_WIDTH) for name in BRANCHES})
        self.mix = nn.Linear(len(BRANCHES) * MEMBERS * MEMBER_DIM, DIM, bias=False)
        self.register_buffer("classes", torch.zeros(CLASSES, MEMBERS * MEMBER_DIM))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        with threads_for(tokens):
            return self._embedded(tokens)

    def _embedded(self, tokens: torch.Tensor) -> torch.Tensor:
        english, every = self.features(tokens), None
        lengths = (tokens[:, :CONTEXT] != ENGLISH_PAD).sum(dim=1) - 2
        if self.every is not None:
            read = tokens[:, CONTEXT:]
            every, lengths = self.every_features(read), (read != PAD).sum(dim=1) - PREFIX_TOKENS
        return self.mix(self.unmixed(english, every, lengths))

    def join(self) -> None:
        """Make the heads and encoders faster, once they are trained."""
        for head in [*self.english_heads.values(), *self.every_heads.values()]:
            head.join()
        for encoder in (self.english.transformer, self.every):
            if encoder is not None:
                encoder.join()

    def unmixed(
        self, english: torch.Tensor, every: torch.Tensor | None, lengths: torch.Tensor
    ) -> torch.Tensor:
        """Return both branches' embeddings, side by side, from both encoders' features.

        `lengths` (n,) are the numbers of tokens.
        """
        precise = self.mix.weight.dtype
        own = [head(standardised(english).to(precise)) for head in self.english_heads.values()]
        known = own[0].new_ones(len(english), 1)
        if every is not None:
            read = [head(standardised(every).to(precise)) for head in self.every_heads.values()]
            known = agreement(own[0], read[0])
            own = [
                functional.normalize(torch.lerp(other, kept, ENGLISH_SHARE * known), dim=-1)
                for kept, other in zip(own, read, strict=True)
            ]
        captions, kinds = own
        foreign_and_brief = (1 - known) * between(lengths[:, None].to(precise), BRIEF)
        return side_by_side(captions, kinds, self.naming(kinds, foreign_and_brief))

    def naming(self, kinds: torch.Tensor, brief: torch.Tensor) -> torch.Tensor:
        """Return the share of the branch "kinds" for each text, (n, 1), from its embeddings.

        `brief` (n, 1) says how far a text is one of few words in another language, 0 to 1.
        """
        nearest = (kinds @ self.classes.T).amax(dim=-1, keepdim=True)
        names = torch.maximum(between(nearest, NAMING), between(nearest, BRIEF_NAMING) * brief)
        low, high = NAMING_SHARE
        return low + (high - low) * names

    def features(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the mean of MiniLM's token vectors, shape (n, TEXT_WIDTH)."""
        tokens = tokens[:, :CONTEXT]
        means: torch.Tensor = self.english(tokens[:, (tokens != ENGLISH_PAD).any(dim=0)])
        return means

    def every_features(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return the means of e5's token vectors, shape (n, 2 * TEXT_WIDTH).

        The first are those of the last layer, which was tuned on captions; the second those of a
        middle one, which keeps what the tuning made e5 forget.
        """
        layers, mask = self.every_layers(tokens[:, (tokens != PAD).any(dim=0)])
        weights = mask[..., None] / mask.sum(dim=1)[:, None, None]
        return torch.cat([(layers[at].float() * weights).sum(dim=1) for at in EVERY_LAYERS], dim=1)

    def every_layers(self, tokens: torch.Tensor) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
        """Return the token vectors of e5's layers, its input being the first, and the mask."""
        assert self.every is not None  # noqa: S101 - `forward` asks only then
        assert self.words is not None  # noqa: S101 - comes with `every`
        mask, vectors = (tokens != PAD).long(), self.words(tokens).to(self.mix.weight.dtype)
        return self.every(mask, inputs_embeds=vectors), mask


class MeanOfTokens(nn.Module):
    """MiniLM as it was trained: token ids (n, length) to the mean of the last token vectors."""

    def __init__(self, transformer: Bert) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        mask = tokens != ENGLISH_PAD
        vectors = self.transformer(mask, input_ids=tokens)[-1]
        means: torch.Tensor = (vectors * mask[..., None]).sum(dim=1)
        return means / mask.sum(dim=1, keepdim=True)


def embedded_classes(kinds: nn.Module) -> torch.Tensor:
    """Return the embeddings of sure classes by a picture's head "kinds", one row for each."""
    rows: torch.Tensor = kinds(torch.eye(CLASSES))
    return rows


def side_by_side(
    captions: torch.Tensor, kinds: torch.Tensor, share: torch.Tensor | float
) -> torch.Tensor:
    """Return both branches' unit rows as one unit row, `share` of its square being kinds."""
    share = torch.as_tensor(share, dtype=captions.dtype)
    return torch.cat([captions * (1 - share).sqrt(), kinds * share.sqrt()], dim=-1)


def agreement(known: torch.Tensor, read: torch.Tensor) -> torch.Tensor:
    """Return how much two embeddings of each text agree, 0 to 1, shape (n, 1)."""
    return between((known * read).sum(dim=-1, keepdim=True), AGREED)


def between(values: torch.Tensor, limits: tuple[float, float]) -> torch.Tensor:
    """Return where values lie between two limits, 0 to 1."""
    low, high = limits
    return ((values - low) / (high - low)).clamp(0, 1)


def evened(features: torch.Tensor) -> torch.Tensor:
    """Return a picture's features with each part of zero mean and unit variance.

    Features are replaced by their signed roots first, because a few strong ones would dominate.
    """
    roots = features.sign() * ((features.abs() + SMALL).sqrt() - SMALL**0.5)
    parts = zip(roots.split(IMAGE_PARTS, dim=-1), IMAGE_PARTS, strict=True)
    return torch.cat([functional.layer_norm(part, (width,)) for part, width in parts], dim=-1)


def standardised(features: torch.Tensor) -> torch.Tensor:
    """Return a text's features with each part of zero mean and unit variance."""
    parts = features.split(TEXT_WIDTH, dim=-1)
    return torch.cat([functional.layer_norm(part, part.shape[-1:]) for part in parts], dim=-1)


def _moments(activations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean and the standard deviation over the picture, each (n, channels)."""
    flat = activations.flatten(2).float()
    return flat.mean(dim=2), (flat.var(dim=2) + 1e-8).sqrt()


# --- batch normalisation --------------------------------------------------------------------------


@torch.no_grad()
def fold_normalisation(trunk: EfficientNetLite2) -> None:
    """Put each batch normalisation of an EfficientNet into the convolution before it.

    The convolution takes over the activation, too. The result is the same for half the work.
    """
    for convolution, bn in (("conv_stem", "bn1"), ("conv_head", "bn2")):
        setattr(trunk, bn, _fold(getattr(trunk, convolution), getattr(trunk, bn)))
    for block in (block for stage in trunk.blocks for block in stage):
        names = ["conv_pw", "conv_dw", "conv_pwl"]
        if not hasattr(block, "conv_pwl"):  # The first blocks have a depthwise layer first.
            names = ["conv_dw", "conv_pw"]
        for number, name in enumerate(names, start=1):
            bn = f"bn{number}"
            setattr(block, bn, _fold(getattr(block, name), getattr(block, bn)))


def _fold(convolution: Convolution, normalisation: Normalisation) -> nn.Module:
    """Fold a normalisation and its activation into a convolution; return what is left of them."""
    factor = normalisation.weight / torch.sqrt(normalisation.running_var + normalisation.eps)
    convolution.weight.mul_(factor[:, None, None, None])
    convolution.bias = nn.Parameter(normalisation.bias - normalisation.running_mean * factor)
    convolution.clips = isinstance(normalisation.act, nn.ReLU6)
    return nn.Identity()
