"""The texts of the training, gathered from the data and read by both encoders' frozen layers."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from itertools import chain

import torch
from torch.nn import functional

from benchmarks.training import dictionaries, vocabulary
from benchmarks.training.features import English, EveryLanguage, listing, rows
from benchmarks.training.languages import Lesson, PhotoTexts
from benchmarks.training.vocabulary import class_texts, general_texts, worded
from search.vectors.embedders.starter import StarterTokenizer
from search.vectors.embedders.starter.towers import TEXT_WIDTH, TextTower

READ_ENGLISH = (0, 2)
"""Captions of each photo that e5 reads in English; MiniLM reads all."""

SKIPPED = {"de": 2, "zh": 2}
"""Of the languages with five captions a photo, one caption in so many is read."""

PARALLEL = {"de": slice(1, None, 4), "fr": slice(0, None, 2), "cs": slice(1, None, 2)}
"""Which of the translated sentences are read; French and Czech have few captions."""

SHARES = {"signs": 320, "sentences": 64, "nouns": 96, "names": 160, "words": 128, "things": 224}
"""Meanings of each kind in a step of the training of languages."""

NEAREST = 2
"""Words of each language that are learned for an English one."""


class Material:
    """All texts, their features, and what they belong to."""

    def __init__(self, options: Namespace, tower: TextTower, tokens: StarterTokenizer) -> None:
        nouns, without = options.wordnet, vocabulary.kept_out(options.without)
        photos = listing(options.captions, "train")
        self._numbers = {photo.name: at for at, photo in enumerate(photos.photos)}
        self._photo_captions = photos.captions
        self.general = vocabulary.general_words(nouns / "data.noun") + vocabulary.scenes()
        self._signs = vocabulary.signs(options.cldr, without)
        self._nouns = vocabulary.frequent_nouns(nouns)
        self._things = {name.casefold() for name in self._plain_names()}
        wanted = self._things | vocabulary.visible_nouns(nouns).intersection(self._nouns)
        self._words = dictionaries.meanings(options.freedict, options.cedict, wanted, without)
        self._other = [
            row
            for row in rows(options.languages / "captions_multilingual.csv")
            if row["image"] in self._numbers and row["split"] == "train"
        ]
        self._parallel = rows(options.languages / "parallel_en_de_fr_cs.csv")
        self.english = English(tower, tokens, self._english_texts(), options.cache / "english")
        assert tokens.every is not None
        self.every = EveryLanguage(tower, tokens.every, self._every_text(), options.cache / "every")
        self.captions = self.english.rows(chain(*photos.captions)).view(len(photos.captions), -1)

    def _english_texts(self) -> Iterable[str]:
        yield from chain(*self._photo_captions, *self._named())
        yield from (text for sign in self._signs for text in worded(sign.english))
        yield from chain(self._nouns, self._words)
        yield from (row["en"] for row in self._parallel)

    def _named(self) -> list[list[str]]:
        return [*class_texts(), *(general_texts(word) for word in self.general)]

    def _plain_names(self) -> Iterable[str]:
        """Return the names of classes and the general words, as they are."""
        yield from chain(*(names for names, _definition in vocabulary.class_names()))
        yield from chain(*(word.names for word in self.general))

    def _every_text(self) -> Iterable[str]:
        for captions in self._photo_captions:
            yield from (captions[at] for at in READ_ENGLISH)
        yield from chain(*self._named(), self._nouns, self._words)
        yield from chain(*(chain(*words.values()) for words in self._words.values()))
        for sign in self._signs:
            yield from (sign.english, *sign.names)
        for language, step in SKIPPED.items():
            of_language = [row["caption"] for row in self._other if row["language"] == language]
            yield from of_language[::step]
        yield from (row["caption"] for row in self._other if row["language"] not in SKIPPED)
        for language, part in PARALLEL.items():
            yield from (row[language] for row in self._parallel[part])

    def photo_texts(self) -> PhotoTexts:
        """Return the captions of the photos in all languages."""
        other: list[list[int]] = [[] for _photo in self._photo_captions]
        for row in self._other:
            if row["caption"] in self.every:
                other[self._numbers[row["image"]]].append(self.every.row(row["caption"]))
        english = [
            [self.every.row(captions[at]) for at in READ_ENGLISH]
            for captions in self._photo_captions
        ]
        features = _evened(self.english.features[self.captions]).mean(dim=1)
        return PhotoTexts(other, english, features)

    def lessons(self) -> list[Lesson]:
        """Return what is taught beside the photos: texts with their meanings in English."""
        names = list(dict.fromkeys(chain(*self._named())))
        sentences = [
            (row["en"], [row[language] for language in PARALLEL if row[language] in self.every])
            for row in self._parallel
        ]
        words = [([word], same) for word, same in self._nearest()]
        things = [(english, same) for english, same in words if english[0] in self._things]
        signs = [(worded(sign.english), [sign.english, *sign.names]) for sign in self._signs]
        return [
            self._lesson(signs, SHARES["signs"]),
            self._lesson(
                [([said], texts) for said, texts in sentences if texts], SHARES["sentences"]
            ),
            self._lesson([([noun], [noun]) for noun in self._nouns], SHARES["nouns"]),
            self._lesson([([name], [name]) for name in names], SHARES["names"]),
            self._lesson(words, SHARES["words"]),
            self._lesson(things, SHARES["things"]),
        ]

    def _nearest(self) -> Iterable[tuple[str, list[str]]]:
        """Yield English words with those words of each language that e5 finds nearest.

        Dictionaries list all senses of a word, and the commonest is not the first in each.
        """
        for english, by_language in self._words.items():
            own = self.every.middle[self.every.row(english)]
            nearest: list[str] = []
            for words in by_language.values():
                there = self.every.middle[self.every.rows(words)]
                order = functional.cosine_similarity(own, there).argsort(descending=True)
                nearest += [words[at] for at in order[:NEAREST].tolist()]
            yield english, nearest

    def some_english(self) -> torch.Tensor:
        """Return rows of MiniLM's features: a caption of each photo, and all names."""
        names = self.english.rows(dict.fromkeys(chain(*self._named())))
        return torch.cat([self.captions[:, 0], names])

    def some_other(self) -> torch.Tensor:
        """Return rows of e5: a caption of each photo in another language, and names of signs."""
        captions = [own[0] for own in self.photo_texts().other if own]
        names = [self.every.row(name) for sign in self._signs for name in sign.names[::4]]
        return torch.tensor(captions + names)

    def _lesson(self, meant: list[tuple[list[str], list[str]]], share: int) -> Lesson:
        """Return a lesson: for each meaning its texts in English, and texts that mean the same."""
        features = self.english.features
        meanings = [
            _evened(features[self.english.rows(english)]).mean(dim=0) for english, _ in meant
        ]
        texts = [[self.every.row(text) for text in same] for _, same in meant]
        return Lesson(texts, torch.stack(meanings), share)


def _evened(features: torch.Tensor) -> torch.Tensor:
    return functional.layer_norm(features, (TEXT_WIDTH,))
