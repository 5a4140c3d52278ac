"""OPT's family: how its files are read and written."""

from __future__ import annotations

from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import COUNT, FLAG, LAYER_COUNT, NUMBER, Argument, ConfigTable, Fixed
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from ..bert.family import activation_names
from ..kerashub import OPT as KERASHUB
from .weight_map import huggingface


def _kept_norm(arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "last_norm": not arguments["last_norm"]}


CONFIG = ConfigTable(
    "OPT",
    Argument("vocab_size", "vocabulary_size", COUNT),
    Argument("num_hidden_layers", "num_layers", LAYER_COUNT),
    Argument("num_attention_heads", "num_heads", COUNT),
    Argument("hidden_size", "hidden_dim", COUNT),
    Argument("ffn_dim", "intermediate_dim", COUNT),
    Argument("word_embed_proj_dim", "embedding_dim", COUNT, None),
    Argument("max_position_embeddings", "max_sequence_length", COUNT, 2048),
    Argument("activation_function", "activation", default="relu", values=activation_names),
    Argument("dropout", "dropout", NUMBER, 0.1),
    Argument("attention_dropout", "attention_dropout", NUMBER, 0.0),
    Argument("do_layer_norm_before", "norm_first", FLAG, True),
    Argument("_remove_final_layer_norm", "last_norm", FLAG, False),  # turned round below
    Argument("enable_bias", "use_bias", FLAG, True),
    Argument("tie_word_embeddings", "tie_embeddings", FLAG, True),
    Fixed("layer_norm_elementwise_affine", True),
    *FIXED,
    # Dropouts of older files act nowhere; layers are dropped in training alone.
    irrelevant=(*IRRELEVANT, "activation_dropout", "layerdrop", "init_std"),
    constants={"model_type": "opt"},
    finish=_kept_norm,
    undo=_kept_norm,
)

register_family(
    Family(
        "opt",
        tasks={
            "backbone": Reference(__package__, ".backbone", "OPTBackbone"),
            "causal_lm": Reference(__package__, ".tasks", "OPTCausalLM"),
        },
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=huggingface,
                optional_files=(
                    "tokenizer.json",
                    "vocab.json",
                    "merges.txt",
                    "tokenizer_config.json",
                    "generation_config.json",
                    "special_tokens_map.json",
                ),
            ),
            "kerashub": KERASHUB.layout(),
        },
        model_types={"opt": "huggingface"},
        architectures={
            "OPTModel": Architecture("huggingface", "backbone"),
            "OPTForCausalLM": Architecture("huggingface", "causal_lm"),
            **KERASHUB.architectures("causal_lm"),
        },
        default_task="causal_lm",
    )
)
