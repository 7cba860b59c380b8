"""The weight files of open_clip models, and the models that they make.

PyTorch and open_clip are imported inside functions, as in the adapter.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from search.vectors.embedders import (
    catalog,
    digests,
    folders,
    manifests,
    mapped,
    weights as weight_files,
)
from search.vectors.embedders.base import LoadedModel, ModelUnavailable, Tower
from search.vectors.embedders.catalog import MODELS, STARTER, STARTER_KEY, require_present
from search.vectors.embedders.keys import name_of

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

LARGEST_WEIGHT = 1e6
"""No model of open_clip has a weight that large; damaged bytes read as numbers soon are."""


def checkpoint(name: str, weights: Path | None) -> Path | None:
    """Return the weight file of a model, by name or key; fetch it if it is not here.

    It is compared with the hash that whoever made it gave, where there is one. None for the
    starter, whose files are those of this version. Raises `ModelUnavailable`.
    """
    if name_of(name) == STARTER:
        return None
    import open_clip

    architecture, tag = name_of(name).partition("/")[::2]
    if open_clip.get_model_config(architecture) is None or not tag:
        message = _(
            "open_clip does not know the model %(model)r; use ARCHITECTURE/WEIGHTS as in "
            "ViT-B-32-SigLIP2-256/webli, or starter."
        )
        raise ModelUnavailable(message % {"model": name})
    if weights:
        file = weight_files.locate(weights, name)
        manifests.verify(file.parent)
        return file
    file = _from_hub(name)
    digests.require_published(file)
    return file


def would_be_fetched(name: str) -> bool:
    """Return whether the weights of that name are not here, and the hub may have them."""
    model = catalog.of_key(name)
    cached = weight_files.cached_checkpoint(model.repo) if model and model.repo else None
    return "/" in name and folders.weights_of(name) is None and cached is None


def load_checkpoint(
    key: str, towers: frozenset[Tower], weights: Path | None, prepared: Path | None = None
) -> LoadedModel:
    """Return a model with the given towers; raise `ModelUnavailable`.

    `prepared` is the folder of prepared weights (`mapped`). Weights that are there were looked
    through before.
    """
    require_present(key)
    if key == STARTER_KEY:
        from search.vectors.embedders import starter

        return starter.load(towers)
    import open_clip

    file = checkpoint(key, weights)
    assert file is not None  # noqa: S101 - only the starter has no file of its own
    architecture, tag = name_of(key).partition("/")[::2]
    config = open_clip.get_model_config(architecture)
    digests.require(file, key)
    source = open_clip.get_pretrained_cfg(architecture, tag)
    repo = weight_files.hub_repository(source) or MODELS[0].repo
    with digests.unchanged(file):
        model = weight_files.offline_first(key, repo, lambda: _created(key, file))
    if not prepared or not all(mapped.is_prepared(prepared, file, tower) for tower in towers):
        _require_plausible(model, file)
    preprocess_cfg = dict(model.visual.preprocess_cfg)
    tokenizer = None
    # Beside own weights it is always tried, so that no model takes over that reads no texts.
    if "text" in towers or weights:
        tokenizer = weight_files.offline_first(
            key, repo, lambda: _tokenizer(key, config, file.parent)
        )
    _drop_other_towers(model, towers)
    return LoadedModel(model, int(config["embed_dim"]), preprocess_cfg, tokenizer, file)


def _from_hub(key: str) -> Path:
    """Return the weights of a model from the cache, or fetch them if the hub answers in time."""
    import open_clip
    from open_clip.pretrained import download_pretrained

    architecture, tag = name_of(key).partition("/")[::2]
    source = open_clip.get_pretrained_cfg(architecture, tag)
    if not source:
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture)) or _("none")
        message = _(
            "open_clip has no weights %(tag)r for %(model)s (it has: %(tags)s); name one "
            "of them, or a weight file in EMBEDDING_WEIGHTS."
        )
        raise ModelUnavailable(message % {"tag": tag, "model": architecture, "tags": tags})
    repo = weight_files.hub_repository(source)
    if repo:
        downloaded = weight_files.cached_checkpoint(repo)
        if downloaded is not None:
            return downloaded
        weight_files.require_hub(key, repo)
    try:
        return Path(download_pretrained(source))
    except (OSError, RuntimeError) as error:
        raise weight_files.fetch_error(key, error) from error


def _created(key: str, checkpoint: Path) -> Any:
    """Return the whole model with the weights of a file, on the CPU, in float32."""
    import open_clip

    architecture, tag = name_of(key).partition("/")[::2]
    source = open_clip.get_pretrained_cfg(architecture, tag)
    if checkpoint.suffix == ".safetensors":
        weight_files.shapes(checkpoint)  # Its error says clearly what is wrong with the file.
    create = partial(
        open_clip.create_model,
        architecture,
        # One structure for all: the text tower in `model.text`.
        force_custom_text=True,
        # Given a file, open_clip does not look up the weights' own conventions.
        force_quick_gelu=bool(source.get("quick_gelu", False)),
        force_preprocess_cfg=weight_files.preprocessing(source, checkpoint.parent),
        weights_only=True,
    )
    try:
        return mapped.model_of(create, checkpoint) or create(pretrained=str(checkpoint))
    except OSError:
        raise
    except Exception as error:
        logger.warning("Loading %s failed: %s", checkpoint, error)
        raise weight_files.load_error(key, checkpoint, error) from error


def _require_plausible(model: Any, checkpoint: Path) -> None:
    """Raise `ModelUnavailable` if a weight is no number or one that training never makes.

    A damaged piece of a file may concern a few words or pixels only, which no test would meet.
    """
    import torch

    for name, weight in model.state_dict().items():
        if weight.is_floating_point() and weight.numel():
            lowest, highest = torch.aminmax(weight)
            if not (lowest > -LARGEST_WEIGHT and highest < LARGEST_WEIGHT):
                logger.warning("%s is implausible in %s", name, checkpoint)
                raise weight_files.damage_error(checkpoint, f"{name}: {lowest} to {highest}")


def _tokenizer(
    key: str, config: dict[str, Any], folder: Path
) -> Callable[[list[str]], torch.Tensor]:
    """Return the model's tokenizer, from the weights' folder if its files are there."""
    import open_clip
    from open_clip.tokenizer import HFTokenizer

    text_cfg = config["text_cfg"]
    if "hf_tokenizer_name" not in text_cfg or not (folder / "tokenizer.json").is_file():
        return open_clip.get_tokenizer(name_of(key).partition("/")[0])  # type: ignore[no-any-return]
    try:
        return HFTokenizer(  # type: ignore[no-any-return]
            str(folder),
            trust_remote_code=False,
            context_length=text_cfg.get("context_length", 77),
            tokenizer_mode=text_cfg.get("tokenizer_mode"),
            **text_cfg.get("tokenizer_kwargs", {}),
        )
    except OSError:
        raise
    except Exception as error:
        message = _("The tokenizer beside the weights of %(model)s is damaged; copy it again.")
        raise ModelUnavailable(message % {"model": key}) from error


def _drop_other_towers(model: Any, towers: frozenset[Tower]) -> None:
    if "image" not in towers:
        model.visual = None
    if "text" not in towers:
        model.text = None
    if hasattr(model, "text_decoder"):  # CoCa's captioning part is never needed.
        model.text_decoder = None
