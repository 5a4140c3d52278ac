"""Mistral's family: how its files are read and written."""

from __future__ import annotations

from ...framework.lazy import Reference
from ...hub.config_table import COUNT, Argument, ConfigTable
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import IRRELEVANT
from ..llama.family import ROWS, TEXT_FILES, one_scaling
from ..llama.weight_map import huggingface

CONFIG = ConfigTable(
    "Mistral",
    *ROWS,
    Argument("sliding_window", "sliding_window", COUNT, None),
    irrelevant=IRRELEVANT,
    constants={"model_type": "mistral"},
    finish=one_scaling,
)

register_family(
    Family(
        "mistral",
        tasks={
            "backbone": Reference(__package__, ".tasks", "MistralBackbone"),
            "causal_lm": Reference(__package__, ".tasks", "MistralCausalLM"),
        },
        layouts={
            "huggingface": Layout(config=CONFIG, weight_map=huggingface, optional_files=TEXT_FILES)
        },
        model_types={"mistral": "huggingface"},
        architectures={
            "MistralModel": Architecture("huggingface", "backbone"),
            "MistralForCausalLM": Architecture("huggingface", "causal_lm"),
        },
        default_task="causal_lm",
    )
)
