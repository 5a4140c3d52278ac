"""Llama's family: how its files are read and written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import (
    COUNT,
    FLAG,
    LAYER_COUNT,
    NUMBER,
    Argument,
    ConfigTable,
    Fixed,
    Kind,
    settings_table,
)
from ...hub.readers.base import Reader
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from ..kerashub import LLAMA as KERASHUB
from .weight_map import gguf, huggingface


def _activations() -> tuple[str, ...]:
    from ..activations import NAMES  # with the ops, which a list of presets does without

    return tuple(NAMES)


_MAPPING = Kind(lambda value: isinstance(value, dict), "an object")


def one_scaling(arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns one description of the rotary positions, whichever of its two names a file has."""
    newer = arguments.pop("rope_parameters")
    return arguments if newer is None else {**arguments, "rope_scaling": newer}


# Keys of Llama and of Mistral.
ROWS = (
    Argument("vocab_size", "vocabulary_size", COUNT),
    Argument("num_hidden_layers", "num_layers", LAYER_COUNT),
    Argument("num_attention_heads", "num_heads", COUNT),
    Argument("hidden_size", "hidden_dim", COUNT),
    Argument("intermediate_size", "intermediate_dim", COUNT),
    Argument("num_key_value_heads", "num_key_value_heads", COUNT, None),
    Argument("head_dim", "head_dim", COUNT, None),
    Argument("max_position_embeddings", "max_sequence_length", COUNT, 2048),
    Argument("hidden_act", "activation", default="silu", values=_activations),
    Argument("rms_norm_eps", "rms_norm_epsilon", NUMBER, 1e-6),
    Argument("rope_theta", "rope_theta", NUMBER, 10000.0),
    Argument("rope_scaling", "rope_scaling", _MAPPING, None),
    Argument("rope_parameters", "rope_parameters", _MAPPING, None),
    Argument("attention_bias", "attention_bias", FLAG, False),
    Argument("mlp_bias", "feedforward_bias", FLAG, False),
    Argument("tie_word_embeddings", "tie_embeddings", FLAG, False),
    Fixed("attention_dropout", 0.0),
    *FIXED,
)

CONFIG = ConfigTable(
    "Llama",
    *ROWS,
    irrelevant=(*IRRELEVANT, "pretraining_tp", "rope_interleaved", "is_llama_config"),
    constants={"model_type": "llama"},
    finish=one_scaling,
)

TEXT_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "generation_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)
_SIZES = ("vocabulary_size", "num_layers", "num_heads", "hidden_dim", "intermediate_dim")
_OTHER_SIZES = (
    "num_key_value_heads",
    "head_dim",
    "max_sequence_length",
    "rms_norm_epsilon",
    "rope_theta",
    "rope_scaling",
    "tie_embeddings",
)


def _write_gguf(*arguments: Any) -> list[Path]:
    from .gguf import write

    return write(*arguments)


def _recognize_gguf(reader: Reader) -> Mapping[str, Any] | None:
    """The sizes that a GGUF file of Llama says; None for another file."""
    if reader.metadata.get("general.architecture") != "llama":
        return None
    from .gguf_settings import read

    return read(reader)


register_family(
    Family(
        "llama",
        tasks={
            "backbone": Reference(__package__, ".backbone", "LlamaBackbone"),
            "causal_lm": Reference(__package__, ".tasks", "LlamaCausalLM"),
        },
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=huggingface,
                optional_files=TEXT_FILES,
            ),
            "gguf": Layout(
                config=settings_table("GGUF", _SIZES, _OTHER_SIZES),
                weight_map=gguf,
                weights=("model.gguf", "*.gguf"),
                files=(),
                write=_write_gguf,
                recognize=_recognize_gguf,
            ),
            "kerashub": KERASHUB.layout(),
        },
        model_types={"llama": "huggingface"},
        architectures={
            "LlamaModel": Architecture("huggingface", "backbone"),
            "LlamaForCausalLM": Architecture("huggingface", "causal_lm"),
            **KERASHUB.architectures("causal_lm"),
        },
        default_task="causal_lm",
    )
)
