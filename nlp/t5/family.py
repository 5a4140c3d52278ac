"""T5's family: how its files are read and written."""

from __future__ import annotations

from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import COUNT, FLAG, LAYER_COUNT, NUMBER, Argument, ConfigTable
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from .weight_map import huggingface

# What configs call the feed-forward layers -> (their activation here, whether they are gated).
_FEED_FORWARD = {
    "relu": ("relu", False),
    "gated-gelu": ("gelu_new", True),
    "gelu": ("gelu", False),
    "gated-silu": ("silu", True),
    "gated-relu": ("relu", True),
}


def _finish(arguments: dict[str, Any]) -> dict[str, Any]:
    activation, gated = _FEED_FORWARD[arguments.pop("feed_forward")]
    scale = arguments["scale_outputs"]
    # v1.1 is told by a head of its own, where the config does not say it.
    scale = arguments["tie_embeddings"] if scale is None else scale
    return {**arguments, "activation": activation, "gated": gated, "scale_outputs": scale}


def _undo(arguments: dict[str, Any]) -> dict[str, Any]:
    found = dict(arguments)
    kind = found.pop("activation"), found.pop("gated")
    named = {value: key for key, value in _FEED_FORWARD.items()}
    return {**found, "feed_forward": named.get(kind, "-".join(map(str, kind)))}


CONFIG = ConfigTable(
    "T5",
    Argument("vocab_size", "vocabulary_size", COUNT),
    Argument("num_layers", "num_layers", LAYER_COUNT),
    Argument("num_decoder_layers", "num_decoder_layers", LAYER_COUNT, None),
    Argument("num_heads", "num_heads", COUNT),
    Argument("d_model", "hidden_dim", COUNT),
    Argument("d_ff", "intermediate_dim", COUNT),
    Argument("d_kv", "head_dim", COUNT, 64),
    Argument("relative_attention_num_buckets", "num_buckets", COUNT, 32),
    Argument("relative_attention_max_distance", "max_distance", COUNT, 128),
    Argument("feed_forward_proj", "feed_forward", default="relu", values=tuple(_FEED_FORWARD)),
    Argument("dropout_rate", "dropout", NUMBER, 0.1),
    Argument("layer_norm_epsilon", "epsilon", NUMBER, 1e-6),
    Argument("tie_word_embeddings", "tie_embeddings", FLAG, True),
    Argument("scale_decoder_outputs", "scale_outputs", FLAG, None),
    *FIXED,
    # The activation's name follows from feed_forward_proj; places are not counted.
    irrelevant=(*IRRELEVANT, "dense_act_fn", "is_gated_act", "n_positions"),
    constants={"model_type": "t5", "is_encoder_decoder": True, "decoder_start_token_id": 0},
    finish=_finish,
    undo=_undo,
)

register_family(
    Family(
        "t5",
        tasks={
            "backbone": Reference(__package__, ".backbone", "T5Backbone"),
            "seq2seq_lm": Reference(__package__, ".tasks", "T5Seq2SeqLM"),
        },
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=huggingface,
                optional_files=(
                    "tokenizer.json",
                    "spiece.model",
                    "tokenizer_config.json",
                    "generation_config.json",
                    "special_tokens_map.json",
                ),
            )
        },
        model_types={"t5": "huggingface"},
        architectures={
            "T5Model": Architecture("huggingface", "backbone"),
            "T5ForConditionalGeneration": Architecture("huggingface", "seq2seq_lm"),
            # As the first files name it.
            "T5WithLMHeadModel": Architecture("huggingface", "seq2seq_lm"),
        },
        default_task="seq2seq_lm",
    )
)
