"""Padding that a text tower need not look at."""

from __future__ import annotations

from typing import Any


class TokenTrim:
    """Leaves out the padding behind the longest text of a batch, where that changes nothing.

    It changes nothing where no token looks at a later one and the end-of-text token's row is
    taken (CLIP's causal text towers, `open_clip.transformer.TextTransformer`), and where
    attention ignores padding (`open_clip.hf_model.HFTextEncoder`). Other towers get all of it.
    """

    def __init__(self, text: Any) -> None:
        self._mask: Any = None
        self._pad: int | None = None
        if hasattr(text, "cls_emb") and _reads_forward(text):
            self._pad = text.pad_id
            self._mask = text.attn_mask
        elif hasattr(text, "config"):
            self._pad = getattr(text.config, "pad_token_id", None)

    def run(self, text: Any, tokens: Any) -> Any:
        """Return the output of the tower `text` for token ids, shape (n, length) int64."""
        if self._pad is None:
            return text(tokens)
        used = (tokens != self._pad).any(dim=0).nonzero()
        length = int(used.max()) + 1 if len(used) else 1
        if self._mask is not None:
            # The tower adds its mask as it is, without cutting it to the texts' length.
            text.attn_mask = self._mask[:length, :length].to(tokens.device)
        return text(tokens[:, :length])


def _reads_forward(text: Any) -> bool:
    causal = text.attn_mask is not None and text.cls_emb is None
    return causal and text.pool_type in ("argmax", "eos")
