"""Which model the setting EMBEDDING_MODEL means on this machine. Loads no model library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search.vectors.embedders import catalog, hub, weights as weight_files
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.catalog import MODELS, RECOMMENDED_KEY, STARTER_KEY, RecommendedModel

TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class Choice:
    """The model key, the sentence that says why, and what to do about it (may be empty)."""

    key: str
    why: str
    hint: str = ""


def choose(setting: str, *, weights: str = "") -> Choice:
    """Return the model for the settings EMBEDDING_MODEL and EMBEDDING_WEIGHTS, within 10 s.

    `auto`, or nothing, means: a recommended model whose weights EMBEDDING_WEIGHTS holds; else
    the recommended one if it is downloaded already or can be; else the starter model.
    """
    wanted = setting.strip()
    if wanted and wanted != "auto":
        return _explicit(wanted)
    if weights:
        return _from_folder(Path(weights))
    model = catalog.MODELS[0]
    if _is_downloaded(model):
        return Choice(model.key, f"{model.title} is recommended, and its weights are here.")
    reach = hub.reach(model.repo)
    if reach.ok:
        return Choice(
            model.key,
            f"{model.title} is recommended, and its weights can be fetched "
            f"({model.download_mb} MB, once).",
        )
    return _starter(f"the Hugging Face hub cannot be reached ({reach.why})")


def _explicit(key: str) -> Choice:
    hint = ""
    if key == STARTER_KEY:
        hint = f"For a model that finds far more, set EMBEDDING_MODEL={RECOMMENDED_KEY}."
    return Choice(key, f"EMBEDDING_MODEL asks for {key}.", hint)


def _from_folder(weights: Path) -> Choice:
    """Return the first recommended model that the file or folder holds, else the starter."""
    for model in MODELS:
        if model.repo and _holds(weights, model):
            return Choice(model.key, f"EMBEDDING_WEIGHTS holds the weights of {model.title}.")
    return _starter(
        f"{weights} holds the weights of no recommended model",
        "If they are another model's, name that model in EMBEDDING_MODEL.",
    )


def _holds(weights: Path, model: RecommendedModel) -> bool:
    try:
        file = weight_files.locate(weights, model.key)
        return file.suffix == ".safetensors" and model.recognises(weight_files.shapes(file))
    except ModelUnavailable:
        return False


def _is_downloaded(model: RecommendedModel) -> bool:
    has_words = not model.tokenizer_from_hub or hub.cached(model.repo, TOKENIZER) is not None
    return has_words and hub.cached_checkpoint(model.repo) is not None


def _starter(because: str, hint: str = "") -> Choice:
    return Choice(
        STARTER_KEY,
        f"The small starter model is in use because {because}.",
        hint
        or (
            f"For much better results, let this machine reach the hub, or put the weights of "
            f"{RECOMMENDED_KEY} in a folder, name it in EMBEDDING_WEIGHTS, and restart."
        ),
    )
