"""Pictures with the texts that fit them, drawn at random for a step of the training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence

from benchmarks.training.features import English
from benchmarks.training.vocabulary import (
    GeneralWord,
    class_names,
    class_texts,
    general_texts,
)

GENERAL = 0.25
"""Share of the texts of classes that are replaced by a general word."""

BETWEEN = 0.5
"""Share of the texts of photos that are a point between two captions of the photo."""

STRENGTH = (0.6, 1.4)
"""How far towards a class a made picture lies, times the usual distance of photos from the mean."""

OTHER = 0.7
"""How much of a real photo a made picture keeps."""


@dataclass(frozen=True)
class Named:
    """Classes with two texts each.

    `classes` (n,) are their numbers, `texts` (2, n, width) features, and `also` (2, n, n) tells
    which other classes a text fits as well: [which, text, class].
    """

    classes: torch.Tensor
    texts: torch.Tensor
    also: torch.Tensor


class Names:
    """Draws classes with texts that name them or what they belong to."""

    def __init__(self, english: English, words: Sequence[GeneralWord]) -> None:
        self._english = english
        own = [english.rows(texts) for texts in class_texts()]
        general = [english.rows(general_texts(word)) for word in words]
        self._own, self._own_counts = _padded(own)
        self._general, self._general_counts = _padded(general)
        # Nearer words are drawn more often: "hound" rather than "animal".
        self._weights = torch.zeros(len(class_names()), len(words))
        for number, word in enumerate(words):
            for of_class, distance in word.distance.items():
                self._weights[of_class, number] = 1 / (1 + distance)

    def draw(self, count: int) -> Named:
        """Return `count` classes and two texts for each, some of them general words."""
        classes = torch.randperm(len(self._own))[:count]
        rows, also = _any(self._own, self._own_counts, classes.expand(2, -1)), []
        for which in range(2):
            chosen = (torch.rand(count) < GENERAL).nonzero()[:, 0]
            words = torch.multinomial(self._weights[classes[chosen]] + 1e-9, 1)[:, 0]
            rows[which, chosen] = _any(self._general, self._general_counts, words)
            fits = torch.zeros(count, count, dtype=torch.bool)
            fits[chosen] = (self._weights[classes][:, words] > 0).T
            also.append(fits.fill_diagonal_(fill_value=False))
        return Named(classes, self._english.read(rows), torch.stack(also))


def _padded(rows: list[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    return pad_sequence(rows, batch_first=True), torch.tensor([len(row) for row in rows])


def _any(rows: torch.Tensor, counts: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
    """Return one number, at random, of each of the padded `rows` that are wanted."""
    return rows[which, (torch.rand(which.shape) * counts[which]).long()]


class Captions:
    """Draws two texts for each photo of a batch. `rows` (photos, captions) are numbers of texts."""

    def __init__(self, english: English, rows: torch.Tensor) -> None:
        self.rows = rows
        self._english = english

    def draw(self, photos: torch.Tensor) -> torch.Tensor:
        """Return features of texts, (2, n, width)."""
        rows, at = self.rows[photos], torch.arange(len(photos))
        chosen = torch.rand(rows.shape).argsort(dim=1)[:, :2].T
        other = rows[at, torch.randint(rows.shape[1], (2, len(photos)))]
        share = torch.rand(2, len(photos), 1) * (torch.rand(2, len(photos), 1) < BETWEEN)
        own = rows[at, chosen]
        between = torch.where(share[..., 0] > 0, other, own)
        texts, others = self._english.read(torch.stack([own, between]))
        return torch.lerp(texts, others, share)


class Directions:
    """Where each class of the published classifier lies among features.

    `rows` (classes, width) are the weights of the classifier. For classes that are normal with one
    covariance S, the optimal weights are S^-1 times the offset of the class (linear discriminant
    analysis), so the offset is S times the weights: the covariance of the features with the class's
    score. It has this form for features that the classifier never saw, too. All offsets get the
    length of a usual photo's offset.
    """

    def __init__(self, rows: torch.Tensor, last: torch.Tensor) -> None:
        """`last` (n, width) are the features that the classifier was trained on, of many photos."""
        self._rows = rows - rows.mean(dim=0)
        self._middle = last.mean(dim=0)
        self._mean = self._covariance = torch.zeros(0)

    @torch.no_grad()
    def learn(self, last: torch.Tensor, features: torch.Tensor, keep: float) -> None:
        """Note the features (n, any width) of photos; `keep` of what was known stays."""
        width = self._rows.shape[1]
        with torch.autocast("cpu", enabled=False):
            mean = features.mean(dim=0)
            self._mean = torch.lerp(mean, self._mean, keep) if keep else mean
            offsets = features - self._mean
            found = ((last - self._middle) @ self._rows.T).T @ offsets / len(features)
            self._covariance = torch.lerp(found, self._covariance, keep) if keep else found
            self._length = offsets[:, :width].norm(dim=1).mean()

    def pictures(self, classes: torch.Tensor, photos: torch.Tensor) -> torch.Tensor:
        """Return features of made pictures of classes (n,), each with some of one of `photos`."""
        width = self._rows.shape[1]
        offsets = self._covariance[classes]
        offsets = offsets / offsets[:, :width].norm(dim=1, keepdim=True) * self._length
        strength = torch.empty(len(classes), 1).uniform_(*STRENGTH)
        made = self._mean + strength * offsets + OTHER * (photos - self._mean)
        # Activations after ReLU6 are never negative.
        return torch.cat([made[:, :width].clamp(min=0), made[:, width:]], dim=1)
