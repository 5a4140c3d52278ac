"""Qwen 2's family: how its files are read and written."""

from __future__ import annotations

from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import COUNT, Argument, ConfigTable, Fixed, Kind
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import IRRELEVANT
from ..llama.family import ROWS, TEXT_FILES, one_scaling
from ..llama.weight_map import huggingface

_FULL = Kind(
    lambda value: isinstance(value, list) and all(one == "full_attention" for one in value),
    "a list of 'full_attention' (windows of attention in some layers are not supported)",
)
# What Llama's files say and Qwen 2's do not, or otherwise.
_OTHERS = ("attention_bias", "mlp_bias", "head_dim", "max_position_embeddings")


def _finished(arguments: dict[str, Any]) -> dict[str, Any]:
    arguments.pop("layer_types")
    return one_scaling(arguments)


def qwen_config(number: int, *rows: Argument) -> ConfigTable:
    """Returns the table of config.json of Qwen 2 or 3, with further rows."""
    return ConfigTable(
        f"Qwen {number}",
        *(row for row in ROWS if row.key not in _OTHERS),
        Argument("max_position_embeddings", "max_sequence_length", COUNT, 32768),
        *rows,
        Fixed("use_sliding_window", False),
        Argument("layer_types", "layer_types", _FULL, None),
        # They count where windows are used.
        irrelevant=(*IRRELEVANT, "sliding_window", "max_window_layers"),
        constants={"model_type": f"qwen{number}"},
        finish=_finished,
    )


def qwen_family(package: str, number: int, config: ConfigTable) -> Family:
    """Returns the family of Qwen 2 or 3, whose tasks stand in the module `tasks` of a package."""
    name = f"Qwen{number}"
    return Family(
        name.lower(),
        tasks={
            "backbone": Reference(package, ".tasks", f"{name}Backbone"),
            "causal_lm": Reference(package, ".tasks", f"{name}CausalLM"),
        },
        layouts={
            "huggingface": Layout(config=config, weight_map=huggingface, optional_files=TEXT_FILES)
        },
        model_types={name.lower(): "huggingface"},
        architectures={
            f"{name}Model": Architecture("huggingface", "backbone"),
            f"{name}ForCausalLM": Architecture("huggingface", "causal_lm"),
        },
        default_task="causal_lm",
    )


register_family(qwen_family(__package__ or "", 2, qwen_config(2)))
