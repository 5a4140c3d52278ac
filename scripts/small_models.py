"""Small models of every family, with random weights, for what is tried on all families alike."""

from __future__ import annotations

from typing import Any

import numpy as np

_TEXT = {
    "vocabulary_size": 24, "num_layers": 2, "num_heads": 2, "hidden_dim": 8, "intermediate_dim": 12,
    "max_sequence_length": 16,
}  # fmt: skip
_GROUPED = {**_TEXT, "num_heads": 4, "num_key_value_heads": 2}
_SEQ2SEQ = {key: value for key, value in _TEXT.items() if key != "max_sequence_length"}
_IMAGE = {"num_classes": 3}
_CLIP = {"activation": "quick_gelu", "layer_norm_epsilon": 1e-5}

ARGUMENTS: dict[str, dict[str, Any]] = {
    "bert": _TEXT,
    "distilbert": _TEXT,
    "roberta": _TEXT,
    "llama": _GROUPED,
    "mistral": _GROUPED,
    "qwen2": _GROUPED,
    "qwen3": {**_GROUPED, "head_dim": 4},
    "opt": _TEXT,
    "t5": {**_SEQ2SEQ, "head_dim": 4},
    "whisper": {
        **_SEQ2SEQ,
        "vocabulary_size": 24,
        "num_mels": 4,
        "max_encoder_sequence_length": 12,
        "max_decoder_sequence_length": 8,
        "num_decoder_layers": 1,
    },
    "vit": {
        "image_size": 8,
        "patch_size": 4,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 12,
    },
    "resnet": {
        "stackwise_num_filters": (4, 8),
        "stackwise_num_blocks": (1, 2),
        "stackwise_num_strides": (1, 2),
        "block_type": "basic_block",
        "input_conv_filters": 4,
    },
    "efficientnet_lite": {"width_coefficient": 0.1, "depth_coefficient": 0.1},
    "sam": {
        "image_size": 32,
        "patch_size": 8,
        "num_layers": 2,
        "num_heads": 2,
        "hidden_dim": 8,
        "intermediate_dim": 12,
        "window_size": 2,
        "global_layers": (1,),
        "output_dim": 8,
        "mask_channels": 4,
        "decoder_heads": 2,
        "decoder_intermediate_dim": 12,
        "decoder_layer_norm_epsilon": 1e-5,  # Meta's, whose files have no word for another
        "iou_dim": 8,
    },
    "clip": {
        "text": {**_TEXT, **_CLIP},
        "image": {"image_size": 8, "patch_size": 4, "num_layers": 2, "num_heads": 2,
                  "hidden_dim": 8, "intermediate_dim": 12, **_CLIP},
        "projection_dim": 6,
    },
    # Given as far as one file with all networks tells it, whose tensors have no other sizes.
    "stable_diffusion": {
        "text": {**_TEXT, "num_heads": 1, **_CLIP},
        "unet": {
            "in_channels": 4,
            "out_channels": 4,
            "block_channels": [32, 32],
            "attention": [True, False],
            "num_heads": 8,
            "layers_per_block": 1,
            "context_dim": 8,
            "linear_projection": False,
            "groups": 32,
        },
        "autoencoder": {
            "block_channels": [32, 32],
            "layers_per_block": 1,
            "latent_channels": 4,
            "groups": 32,
            "scaling_factor": 0.18215,
        },
        "scheduler": {
            "kind": "pndm",
            "train_steps": 1000,
            "beta_start": 0.00085,
            "beta_end": 0.012,
            "beta_schedule": "scaled_linear",
            "prediction": "epsilon",
            "steps_offset": 1,
        },
    },
    "yolov8": {"channels": (8, 8, 16, 16, 16), "depths": (1, 1, 1, 1)},
    "published": {"network": "MobileNet", "alpha": 0.25, "image_size": 32},
}  # fmt: skip
"""Family -> arguments of a small backbone."""


# timm's files name a network, whose sizes these are.
NAMED: dict[str, dict[str, Any]] = {
    "resnet": {
        "stackwise_num_filters": (64, 128, 256, 512),
        "stackwise_num_blocks": (2, 2, 2, 2),
        "stackwise_num_strides": (1, 2, 2, 2),
        "block_type": "basic_block",
        "input_conv_filters": 64,
    },
    "published": {"network": "DenseNet121", "form": "torch", "epsilon": 1e-5},
    "vit": {
        "image_size": 224,
        "patch_size": 16,
        "num_layers": 12,
        "num_heads": 3,
        "hidden_dim": 192,
        "intermediate_dim": 768,
    },
}
"""Family -> arguments of its smallest network with a name."""


# What KerasHub's networks have alone.
KERASHUB: dict[str, dict[str, Any]] = {
    "bert": {"activation": "gelu_new"},
    "llama": {"max_sequence_length": 2048},
}
"""Family -> arguments in which its small backbone differs, so that KerasHub has such a network."""


def small_model(
    family: str, task: str | None = None, seed: int = 0, named: bool = False, **more: Any
) -> Any:
    """Returns a model of a family on NumPy, whose weights are normal numbers of `seed`.

    Args:
        family: one of `ARGUMENTS`.
        task: one of the family's; its first where it is None.
        seed: of the weights.
        named: whether it is one of `NAMED`.
        **more: further arguments of the backbone.
    """
    from ..framework import config
    from ..framework.core import scopes
    from ..hub.registry import get_family

    described = get_family(family)
    task = task or described.first_task()
    build: Any = described.tasks[task]()
    given = {**(NAMED if named else ARGUMENTS)[family], **more}
    if task in ("image_classifier", "object_detector"):
        given |= _IMAGE
    with config.use_backend("numpy"), scopes.deferred_initialization():
        model = build(**given)
    draws = np.random.default_rng(seed)
    for path, variable in sorted(model.weights_by_path().items()):
        value = draws.normal(size=tuple(variable.shape))
        if path.endswith("variance"):
            value = 0.5 + np.abs(value)
        variable.assign(value.astype(str(variable.dtype)))
    return model
