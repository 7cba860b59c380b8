"""The recommended models, and which one the setting EMBEDDING_MODEL means on this machine.

Scores are published ones: zero-shot accuracy on ImageNet-1k and text-to-image recall@1 on COCO,
both in percent (open_clip's and SigLIP 2's tables, arXiv:2502.14786). Parameters and GFLOP for one
picture were counted on the real architectures. EMBEDDING_MODEL may also name any other model of
open_clip. Importing this module loads no model library.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy

from search.vectors.embedders import weights as weight_files
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.weights import Shapes

Text = str | Promise
"""Text for people; a promise is translated when it is shown."""


@dataclass(frozen=True)
class RecommendedModel:
    """A row of the table of models.

    `image_mparams` and `text_mparams` are millions of parameters, `image_gflop` is the work for
    one picture, `download_mb` is the size of the download. A score is None if nobody published
    it. `repo` is the hub repository of the weights. `signature` names a few tensors with their
    shapes, by which a weight file is recognised. `is_english_only` says that texts in other
    languages mean nothing to it.
    """

    key: str
    title: str
    use: Text
    licence: Text
    languages: Text
    dim: int
    image_size: int
    image_mparams: int
    text_mparams: int
    image_gflop: float
    download_mb: int
    imagenet: float | None
    coco: float | None
    why: Text
    repo: str = ""
    signature: tuple[tuple[str, tuple[int, ...]], ...] = ()
    tokenizer_from_hub: bool = False
    is_english_only: bool = False

    def recognises(self, shapes: Shapes) -> bool:
        """Return whether a weight file with these tensors holds this model."""
        return bool(self.signature) and all(
            shapes.get(name) == shape for name, shape in self.signature
        )


_SIGLIP_PATCH = "visual.trunk.patch_embed.proj.weight"
_SIGLIP_WORDS = "text.token_embedding.weight"

MODELS = (
    RecommendedModel(
        key="ViT-B-32-SigLIP2-256/webli",
        title="SigLIP 2 B/32",
        use=gettext_lazy("Most machines, with or without a GPU"),
        licence="Apache-2.0",
        languages=gettext_lazy("Multilingual (109 languages in training)"),
        dim=768,
        image_size=256,
        image_mparams=95,
        text_mparams=282,
        image_gflop=11.3,
        download_mb=1500,
        imagenet=74.0,
        coco=47.2,
        why=gettext_lazy(
            "Finds more than any other model at this cost, understands many languages, and its "
            "licence allows any use."
        ),
        repo="timm/ViT-B-32-SigLIP2-256",
        signature=((_SIGLIP_PATCH, (768, 3, 32, 32)), (_SIGLIP_WORDS, (256000, 768))),
        tokenizer_from_hub=True,
    ),
    RecommendedModel(
        key="ViT-B-32-256/datacomp_s34b_b86k",
        title="CLIP B/32 DataComp",
        use=gettext_lazy("Small machines, searches in English"),
        licence="MIT",
        languages=gettext_lazy("English"),
        is_english_only=True,
        dim=512,
        image_size=256,
        image_mparams=88,
        text_mparams=63,
        image_gflop=11.3,
        download_mb=605,
        imagenet=72.8,
        coco=39.9,
        why=gettext_lazy(
            "Its text tower is a quarter of the default's: less memory, a smaller download and "
            "quicker searches, for English only."
        ),
        repo="laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
        signature=(
            ("visual.conv1.weight", (768, 3, 32, 32)),
            ("visual.positional_embedding", (65, 768)),
            ("token_embedding.weight", (49408, 512)),
        ),
    ),
    RecommendedModel(
        key="ViT-B-16-SigLIP2/webli",
        title="SigLIP 2 B/16",
        use=gettext_lazy("A GPU, or patience on a fast CPU"),
        licence="Apache-2.0",
        languages=gettext_lazy("Multilingual (109 languages in training)"),
        dim=768,
        image_size=224,
        image_mparams=93,
        text_mparams=282,
        image_gflop=34.0,
        download_mb=1500,
        imagenet=78.2,
        coco=52.1,
        why=gettext_lazy(
            "Looks at smaller details (patches a quarter the size). It finds more, but takes three "
            "times the work."
        ),
        repo="timm/ViT-B-16-SigLIP2",
        signature=((_SIGLIP_PATCH, (768, 3, 16, 16)), (_SIGLIP_WORDS, (256000, 768))),
        tokenizer_from_hub=True,
    ),
    RecommendedModel(
        key="ViT-SO400M-16-SigLIP2-384/webli",
        title="SigLIP 2 SO400M",
        use=gettext_lazy("A GPU with 8 GB or more"),
        licence="Apache-2.0",
        languages=gettext_lazy("Multilingual (109 languages in training)"),
        dim=1152,
        image_size=384,
        image_mparams=428,
        text_mparams=708,
        image_gflop=478.0,
        download_mb=4500,
        imagenet=84.1,
        coco=56.0,
        why=gettext_lazy(
            "The best model. On a GPU it is hardly slower, because reading the files takes most of "
            "the time. On a CPU it takes seconds per picture."
        ),
        repo="timm/ViT-SO400M-16-SigLIP2-384",
        signature=((_SIGLIP_PATCH, (1152, 3, 16, 16)), (_SIGLIP_WORDS, (256000, 1152))),
        tokenizer_from_hub=True,
    ),
    RecommendedModel(
        key="starter",
        title="Starter",
        use=gettext_lazy("Trying Scry out where nothing can be downloaded"),
        licence=gettext_lazy("Apache-2.0 (its parts: see the model card)"),
        languages=gettext_lazy("English"),
        is_english_only=True,
        dim=512,
        image_size=256,
        image_mparams=7,
        text_mparams=23,
        image_gflop=1.5,
        download_mb=0,
        imagenet=None,
        coco=None,
        why=gettext_lazy(
            "Comes with the program and runs anywhere; a real CLIP model finds far more."
        ),
    ),
)
"""The table. The first row suits a machine about which nothing is known."""

RECOMMENDED_KEY = MODELS[0].key
"""The model of `EMBEDDING_MODEL=auto` if its weights are on this machine or can be fetched."""

STARTER_KEY = "starter"


@dataclass(frozen=True)
class Choice:
    """A model key, the sentence that says why, and what to do for a better one (may be empty)."""

    key: str
    why: str
    hint: str = ""


def choose(setting: str, *, weights: str = "") -> Choice:
    """Return the model for the settings EMBEDDING_MODEL and EMBEDDING_WEIGHTS, within 10 s.

    `auto` or an empty setting means: a recommended model whose weights EMBEDDING_WEIGHTS holds;
    else the first recommended one if it is downloaded or can be; else the starter model.
    """
    wanted = setting.strip()
    if wanted and wanted != "auto":
        return _explicit(wanted)
    if weights:
        return _from_folder(Path(weights))
    model = MODELS[0]
    if _is_downloaded(model):
        why = _("%(model)s is recommended, and its weights are here.") % {"model": model.title}
        return Choice(model.key, why)
    reach = weight_files.reach_hub(model.repo)
    if reach.ok:
        why = _("%(model)s is recommended, and its weights can be fetched (%(size)d MB, once).") % {
            "model": model.title,
            "size": model.download_mb,
        }
        return Choice(model.key, why)
    return _starter(_("the Hugging Face hub cannot be reached (%(why)s)") % {"why": reach.why})


def _explicit(key: str) -> Choice:
    hint = ""
    if key == STARTER_KEY:
        hint = _("For a model that finds far more, set EMBEDDING_MODEL=%(model)s.")
        hint %= {"model": RECOMMENDED_KEY}
    return Choice(key, _("EMBEDDING_MODEL asks for %(model)s.") % {"model": key}, hint)


def _from_folder(weights: Path) -> Choice:
    """Return the first recommended model whose weights are there, else the starter model."""
    for model in MODELS:
        if model.repo and _holds(weights, model):
            why = _("EMBEDDING_WEIGHTS holds the weights of %(model)s.") % {"model": model.title}
            return Choice(model.key, why)
    return _starter(
        _("%(path)s holds the weights of no recommended model") % {"path": weights},
        _("If it holds another model's weights, name that model in EMBEDDING_MODEL."),
    )


def _holds(weights: Path, model: RecommendedModel) -> bool:
    try:
        file = weight_files.locate(weights, model.key)
        return file.suffix == ".safetensors" and model.recognises(weight_files.shapes(file))
    except ModelUnavailable:
        return False


def _is_downloaded(model: RecommendedModel) -> bool:
    if model.tokenizer_from_hub and weight_files.cached_file(model.repo, "tokenizer.json") is None:
        return False
    return weight_files.cached_checkpoint(model.repo) is not None


def _starter(why: str, hint: str = "") -> Choice:
    fetch = _(
        "For much better results, let this machine reach the hub, or put the weights of "
        "%(model)s in a folder, name it in EMBEDDING_WEIGHTS, and restart."
    )
    return Choice(
        STARTER_KEY,
        _("The small starter model is in use because %(why)s.") % {"why": why},
        hint or fetch % {"model": RECOMMENDED_KEY},
    )
