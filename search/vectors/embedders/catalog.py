"""The models that are worth recommending, with what they cost and what they reach.

Scores are published ones: zero-shot accuracy on ImageNet-1k and text-to-image recall@1 on
COCO, both in percent (open_clip's and SigLIP 2's tables, arXiv:2502.14786). Parameters and
GFLOP for one picture were counted on the real architectures. Any other model string of
open_clip can be named as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from search.vectors.embedders.weights import Shapes


@dataclass(frozen=True)
class RecommendedModel:
    """A row of the table of models.

    `image_mparams` and `text_mparams` are millions of parameters; `image_gflop` is the work
    for one picture; `download_mb` is what the hub sends once. Scores are None where nobody
    published one. `repo` is where the hub keeps the weights, `signature` a few tensors by
    which a weight file is recognised.
    """

    key: str
    title: str
    use: str
    licence: str
    languages: str
    dim: int
    image_size: int
    image_mparams: int
    text_mparams: int
    image_gflop: float
    download_mb: int
    imagenet: float | None
    coco: float | None
    why: str
    repo: str = ""
    signature: tuple[tuple[str, tuple[int, ...]], ...] = ()
    tokenizer_from_hub: bool = False

    def recognises(self, shapes: Shapes) -> bool:
        """Tell whether a weight file with these tensors holds this model."""
        return bool(self.signature) and all(
            shapes.get(name) == shape for name, shape in self.signature
        )


_SIGLIP_PATCH = "visual.trunk.patch_embed.proj.weight"
_SIGLIP_WORDS = "text.token_embedding.weight"

MODELS = (
    RecommendedModel(
        key="ViT-B-32-SigLIP2-256/webli",
        title="SigLIP 2 B/32",
        use="Most machines, with or without a GPU",
        licence="Apache-2.0",
        languages="Multilingual (109 languages in training)",
        dim=768,
        image_size=256,
        image_mparams=95,
        text_mparams=282,
        image_gflop=11.3,
        download_mb=1500,
        imagenet=74.0,
        coco=47.2,
        why=(
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
        use="Small machines, searches in English",
        licence="MIT",
        languages="English",
        dim=512,
        image_size=256,
        image_mparams=88,
        text_mparams=63,
        image_gflop=11.3,
        download_mb=605,
        imagenet=72.8,
        coco=39.9,
        why=(
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
        use="A GPU, or patience on a fast CPU",
        licence="Apache-2.0",
        languages="Multilingual (109 languages in training)",
        dim=768,
        image_size=224,
        image_mparams=93,
        text_mparams=282,
        image_gflop=34.0,
        download_mb=1500,
        imagenet=78.2,
        coco=52.1,
        why="Looks at patches a quarter the size: finds clearly more for three times the work.",
        repo="timm/ViT-B-16-SigLIP2",
        signature=((_SIGLIP_PATCH, (768, 3, 16, 16)), (_SIGLIP_WORDS, (256000, 768))),
        tokenizer_from_hub=True,
    ),
    RecommendedModel(
        key="ViT-SO400M-16-SigLIP2-384/webli",
        title="SigLIP 2 SO400M",
        use="A GPU with 8 GB and more",
        licence="Apache-2.0",
        languages="Multilingual (109 languages in training)",
        dim=1152,
        image_size=384,
        image_mparams=428,
        text_mparams=708,
        image_gflop=478.0,
        download_mb=4500,
        imagenet=84.1,
        coco=56.0,
        why=(
            "On a GPU decoding is the bottleneck, so the model may as well be the best one; on "
            "a CPU it takes seconds a picture."
        ),
        repo="timm/ViT-SO400M-16-SigLIP2-384",
        signature=((_SIGLIP_PATCH, (1152, 3, 16, 16)), (_SIGLIP_WORDS, (256000, 1152))),
        tokenizer_from_hub=True,
    ),
    RecommendedModel(
        key="starter",
        title="Starter",
        use="Trying Scry out where nothing can be downloaded",
        licence="Apache-2.0 (its parts: see the model card)",
        languages="English",
        dim=512,
        image_size=256,
        image_mparams=7,
        text_mparams=23,
        image_gflop=1.5,
        download_mb=0,
        imagenet=None,
        coco=None,
        why="Comes with the program and runs anywhere; a real CLIP model finds far more.",
    ),
)
"""The table, best first for a machine of which nothing is known."""

RECOMMENDED_KEY = MODELS[0].key
"""What `EMBEDDING_MODEL=auto` picks when its weights are at hand or can be fetched."""

STARTER_KEY = "starter"


def by_key(key: str) -> RecommendedModel | None:
    """Return the row of a model, or None for a model that the table does not name."""
    return next((model for model in MODELS if model.key == key), None)
