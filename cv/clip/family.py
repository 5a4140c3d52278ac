"""CLIP's family: how its files are read and written."""

from __future__ import annotations

from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import ANY, COUNT, LAYER_COUNT, NUMBER, Argument, ConfigTable, Fixed
from ...hub.errors import HubError
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from ...nlp.activations import NAMES
from .weight_map import huggingface

_IRRELEVANT = tuple(set(IRRELEVANT) - {"eos_token_id"})
# Files from before transformers 4.31 say 2 of every model, where the highest id is the end.
_NO_END = 2


def _end(found: dict[str, Any]) -> dict[str, Any]:
    end = found.pop("end_id")
    if end == _NO_END:
        return found
    if not isinstance(end, int):
        raise HubError(f"config.json's eos_token_id is {end!r}; a whole number is expected.")
    # Small models may have fewer tokens than the default says; none of them is the end.
    return {**found, "end_id": end} if end < found["vocabulary_size"] else found


def text_table(file: str = "config.json") -> ConfigTable:
    """Returns the table of a tower of texts, by the file that describes it."""
    return ConfigTable(
        "CLIP's tower of texts",
        Argument("vocab_size", "vocabulary_size", COUNT, 49408),
        Argument("num_hidden_layers", "num_layers", LAYER_COUNT, 12),
        Argument("num_attention_heads", "num_heads", COUNT, 8),
        Argument("hidden_size", "hidden_dim", COUNT, 512),
        Argument("intermediate_size", "intermediate_dim", COUNT, 2048),
        Argument("max_position_embeddings", "max_sequence_length", COUNT, 77),
        Argument("hidden_act", "activation", default="quick_gelu", values=tuple(NAMES)),
        Argument("layer_norm_eps", "layer_norm_epsilon", NUMBER, 1e-5),
        Argument("eos_token_id", "end_id", ANY, 49407),
        Fixed("attention_dropout", 0.0),
        Fixed("dropout", 0.0),
        *FIXED,
        # The size of the projections stands one level above.
        irrelevant=(*_IRRELEVANT, "projection_dim"),
        constants={"model_type": "clip_text_model"},
        file=file,
        finish=_end,
        undo=lambda found: {**found, "end_id": found.get("end_id") or _NO_END},
    )


TEXT = text_table()
IMAGE = ConfigTable(
    "CLIP's tower of pictures",
    Argument("image_size", "image_size", COUNT, 224),
    Argument("patch_size", "patch_size", COUNT, 32),
    Argument("num_hidden_layers", "num_layers", LAYER_COUNT, 12),
    Argument("num_attention_heads", "num_heads", COUNT, 12),
    Argument("hidden_size", "hidden_dim", COUNT, 768),
    Argument("intermediate_size", "intermediate_dim", COUNT, 3072),
    Argument("hidden_act", "activation", default="quick_gelu", values=tuple(NAMES)),
    Argument("layer_norm_eps", "layer_norm_epsilon", NUMBER, 1e-5),
    Fixed("attention_dropout", 0.0),
    Fixed("dropout", 0.0),
    Fixed("num_channels", 3),
    *FIXED,
    irrelevant=(*IRRELEVANT, "projection_dim"),
    constants={"model_type": "clip_vision_model"},
)


def _nested(found: dict[str, Any]) -> dict[str, Any]:
    for name, table in (("text", TEXT), ("image", IMAGE)):
        if not isinstance(found[name], dict):
            raise HubError(f"config.json: an object is expected for {name}; got {found[name]!r}")
        found[name] = table.read(found[name])
    return found


CONFIG = ConfigTable(
    "CLIP",
    Argument("text_config", "text", ANY, {}),
    Argument("vision_config", "image", ANY, {}),
    Argument("projection_dim", "projection_dim", COUNT, 512),
    *FIXED,
    # Older files give each tower's keys a second time, as the user gave them.
    irrelevant=(*IRRELEVANT, "logit_scale_init_value", "text_config_dict", "vision_config_dict"),
    constants={"model_type": "clip"},
    finish=_nested,
    undo=lambda found: {
        **found,
        "text": TEXT.write(found.get("text") or {}),
        "image": IMAGE.write(found.get("image") or {}),
    },
)

register_family(
    Family(
        "clip",
        tasks={
            "zero_shot_image_classifier": Reference(
                __package__, ".tasks", "CLIPZeroShotClassifier"
            ),
            "backbone": Reference(__package__, ".backbone", "CLIPBackbone"),
        },
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=lambda config: huggingface(),
                optional_files=(
                    "preprocessor_config.json",
                    "processor_config.json",
                    "tokenizer.json",
                    "vocab.json",
                    "merges.txt",
                    "tokenizer_config.json",
                    "special_tokens_map.json",
                ),
            )
        },
        model_types={"clip": "huggingface"},
        architectures={
            "CLIPModel": Architecture("huggingface", "zero_shot_image_classifier"),
        },
    )
)
