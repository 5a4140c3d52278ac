"""KerasHub's folders of language models: what its networks are called, and where their weights lie.

The networks are those of the families, with less to choose: what is the same in all of KerasHub's
stands among the constants. Definitions: KerasHub's `models/*/..._backbone.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..hub.config_table import COUNT, LAYER_COUNT, NUMBER, Argument, ConfigTable, Kind
from ..hub.errors import HubError
from ..hub.kerashub import (
    HEAD,
    IRRELEVANT,
    KerasHubHead,
    KerasHubNetwork,
    attention,
    dense,
    layered,
    norm,
)
from ..hub.transforms import RowsBefore
from ..hub.weight_map import Row, WeightMap

_PROJECTIONS = {
    "query_dense": "query",
    "key_dense": "key",
    "value_dense": "value",
    "output_dense": "output_dense",
}
_SIZES = (
    Argument("vocabulary_size", "vocabulary_size", COUNT),
    Argument("num_layers", "num_layers", LAYER_COUNT),
    Argument("num_heads", "num_heads", COUNT),
    Argument("hidden_dim", "hidden_dim", COUNT),
    Argument("intermediate_dim", "intermediate_dim", COUNT),
    Argument("dropout", "dropout", NUMBER, 0.1),
)


def _one_dropout(arguments: dict[str, Any]) -> dict[str, Any]:
    """Leaves out the dropout of attention weights: KerasHub has that of the rest for them."""
    return {key: value for key, value in arguments.items() if key != "attention_dropout"}


def _table(subject: str, *rows: Argument, default_length: int = 512) -> ConfigTable:
    return ConfigTable(
        f"KerasHub's {subject}",
        *_SIZES,
        Argument("max_sequence_length", "max_sequence_length", COUNT, default_length),
        *rows,
        irrelevant=IRRELEVANT,
        undo=_one_dropout,
    )


def _blocks(config: Mapping[str, Any], stack: str, ours: str) -> list[Row]:
    """The rows of blocks with an attention and two dense layers, as KerasHub has them."""
    heads = config["num_heads"]
    size = config["hidden_dim"] // heads
    parts = attention("_self_attention_layer", "attention", heads, size, _PROJECTIONS)
    parts |= norm("_self_attention_layer_norm", "attention_norm")
    parts |= dense("_feedforward_intermediate_dense", "inner")
    parts |= dense("_feedforward_output_dense", "outer")
    parts |= norm("_feedforward_layer_norm", "outer_norm")
    return layered(stack, parts, ours)


def _rows(place: str, ours: str, parts: tuple[str, ...]) -> list[Row]:
    return [Row(f"layers/{place}/vars/{n}", f"{ours}.{part}") for n, part in enumerate(parts)]


_NORM = ("gamma", "beta")
_PLACES = "token_and_position_embedding"
# The states of draws, which some versions write.
_DRAWS = Row("{rest*}/seed_generator/vars/0", None)


def _head(parts: Mapping[str, tuple[str, Any]]) -> tuple[Row, ...]:
    """The rows of a head, and one for those of tasks that are not here."""
    return (
        *(
            Row(f"{HEAD}layers/{old}", new, step, True, head=True)
            for old, (new, step) in parts.items()
        ),
        Row(f"{HEAD}optimizer/{{rest*}}", None),  # KerasHub compiles its tasks when they are made
        Row(f"{HEAD}{{rest*}}", None, head=True),
    )


def _bert_weights(config: Mapping[str, Any]) -> WeightMap:
    return WeightMap(
        *_rows("reversible_embedding", "embeddings.word", ("embeddings",)),
        *_rows("position_embedding", "embeddings.position", ("embeddings",)),
        *_rows("embedding", "embeddings.segment", ("embeddings",)),
        *_rows("layer_normalization", "embeddings.norm", _NORM),
        *_blocks(config, "transformer_encoder", "encoder.layers.{i}"),
        Row("layers/dense/vars/0", "pooler.kernel", optional=True),
        Row("layers/dense/vars/1", "pooler.bias", optional=True),
        _DRAWS,
        *_head(dense("dense", "classifier")),
    )


def _distilbert_weights(config: Mapping[str, Any]) -> WeightMap:
    head = dense("dense", "pre_classifier") | dense("dense_1", "classifier")
    return WeightMap(*_encoder_rows(config), *_head(head))


def _roberta_weights(config: Mapping[str, Any]) -> WeightMap:
    head = dense("dense", "classifier.dense") | dense("dense_1", "classifier.out_proj")
    head |= dense("masked_lm_head/_intermediate_dense", "transform")
    head |= norm("masked_lm_head/_intermediate_layer_norm", "transform_norm")
    head["masked_lm_head/vars/0"] = ("output_bias", None)
    return WeightMap(*_encoder_rows(config), *_head(head))


def _encoder_rows(config: Mapping[str, Any]) -> list[Row]:
    """For DistilBERT and RoBERTa: no segments, and tokens and places in one layer."""
    padding = config.get("padding_id")
    before = None if padding is None else RowsBefore(padding + 1)
    return [
        Row(f"layers/{_PLACES}/token_embedding/vars/0", "embeddings.word.embeddings"),
        Row(
            f"layers/{_PLACES}/position_embedding/vars/0", "embeddings.position.embeddings", before
        ),
        *_rows("layer_normalization", "embeddings.norm", _NORM),
        *_blocks(config, "transformer_encoder", "encoder.layers.{i}"),
        _DRAWS,
    ]


def _opt_weights(config: Mapping[str, Any]) -> WeightMap:
    # The first two rows of the table of places are those of padding.
    places = Row(
        f"layers/{_PLACES}/position_embedding/vars/0", "positions.embeddings", RowsBefore(2)
    )
    return WeightMap(
        Row(f"layers/{_PLACES}/token_embedding/vars/0", "embeddings.embeddings"),
        places,
        *_rows("layer_normalization", "norm", _NORM),
        *_blocks(config, "transformer_decoder", "blocks.{i}"),
        _DRAWS,
    )


_LLAMA = {
    "_query_dense": "query",
    "_key_dense": "key",
    "_value_dense": "value",
    "_output_dense": "output_dense",
}


def _llama_weights(config: Mapping[str, Any]) -> WeightMap:
    heads = config["num_heads"]
    size = config["hidden_dim"] // heads
    shared = config.get("num_key_value_heads") or heads
    inside, stack = "_self_attention_layer", "llama_transformer_decoder"
    parts = attention(inside, "attention", heads, size, _LLAMA, bias=False)
    few = attention(inside, "attention", shared, size, _LLAMA, bias=False)
    parts |= {name: few[name] for name in few if "_key" in name or "_value" in name}
    for old, new in (("gate", "gate"), ("intermediate", "up"), ("output", "down")):
        parts |= dense(f"_feedforward_{old}_dense", f"feedforward.{new}", bias=False)
    parts["_self_attention_layernorm/vars/0"] = ("attention_norm.scale", None)
    parts["_feedforward_layernorm/vars/0"] = ("feedforward_norm.scale", None)
    head = (
        []
        if config.get("tie_embeddings")
        else [Row("layers/reversible_embedding/vars/1", "head_dense.kernel", None, True, head=True)]
    )
    return WeightMap(
        *_rows("reversible_embedding", "embeddings", ("embeddings",)),
        *layered(stack, parts, "blocks.{i}"),
        Row("layers/llama_layer_norm/vars/0", "norm.scale"),
        *head,
        _DRAWS,
    )


_MAYBE_NUMBER = Kind(lambda value: isinstance(value, int | float), "a number")
_SCALING = {
    "rope_frequency_adjustment_factor": "factor",
    "rope_low_freq_factor": "low_freq_factor",
    "rope_high_freq_factor": "high_freq_factor",
    "rope_pretraining_sequence_length": "original_max_position_embeddings",
}


def _scaled(arguments: dict[str, Any]) -> dict[str, Any]:
    """Brings KerasHub's numbers of rotary positions into one description of their scaling."""
    linear = arguments.pop("rope_position_scaling_factor")
    found = {name: arguments.pop(key) for key, name in _SCALING.items()}
    scaling = None
    if found["factor"] is not None:
        if None in found.values() or linear != 1:
            raise HubError(
                "config.json of KerasHub scales rotary positions in a way that is not known here: "
                f"rope_position_scaling_factor {linear}, and of {', '.join(_SCALING)}: "
                f"{list(found.values())}."
            )
        scaling = {"rope_type": "llama3", **found}
    elif linear != 1:
        scaling = {"rope_type": "linear", "factor": linear}
    return {**arguments, "rope_scaling": scaling}


def _unscaled(arguments: dict[str, Any]) -> dict[str, Any]:
    """Reverses `_scaled`. HubError for a scaling or a size that KerasHub has not."""
    given = dict(arguments)
    scaling = {k: v for k, v in (given.pop("rope_scaling", None) or {}).items() if k != "type"}
    kind = scaling.pop("rope_type", "default")
    given["rope_theta"] = scaling.pop("rope_theta", given["rope_theta"])
    if kind == "llama3" and set(scaling) == set(_SCALING.values()):
        given |= {key: scaling[name] for key, name in _SCALING.items()}
    elif kind == "linear":
        given["rope_position_scaling_factor"] = scaling["factor"]
    elif kind != "default":
        raise HubError(f"KerasHub's Llama has no rotary positions of the kind {kind!r}.")
    size = given.pop("head_dim", None)
    if size not in (None, given["hidden_dim"] // given["num_heads"]):
        raise HubError(f"KerasHub's Llama has no heads of another size: head_dim={size}.")
    given["num_key_value_heads"] = given.get("num_key_value_heads") or given["num_heads"]
    del given["max_sequence_length"]  # KerasHub's knows none
    return given


BERT = KerasHubNetwork(
    "BertBackbone",
    "bert.bert_backbone",
    _table("BERT", Argument("num_segments", "num_segments", COUNT, 2)),
    _bert_weights,
    needs={"pooler.kernel": "a pooler"},
    parts={"pooler": "pooler.kernel"},
    constants={"activation": "gelu_new", "layer_norm_epsilon": 1e-12, "padding_id": None},
    tokenizer="BertTokenizer",
    heads=(
        KerasHubHead("BertTextClassifier", "text_classifier"),
        # Its norm has another epsilon than the backbone's, its layer another GELU.
        KerasHubHead("BertMaskedLM", "backbone", "masked words"),
    ),
)
DISTILBERT = KerasHubNetwork(
    "DistilBertBackbone",
    "distil_bert.distil_bert_backbone",
    _table("DistilBERT"),
    _distilbert_weights,
    needs={},
    parts={},
    constants={"activation": "gelu"},
    tokenizer="DistilBertTokenizer",
    heads=(
        KerasHubHead("DistilBertTextClassifier", "text_classifier", hidden=True),
        KerasHubHead("DistilBertMaskedLM", "backbone", "masked words"),  # as of BERT
    ),
)
ROBERTA = KerasHubNetwork(
    "RobertaBackbone",
    "roberta.roberta_backbone",
    _table("RoBERTa"),
    _roberta_weights,
    needs={},
    parts={},
    constants={
        "activation": "gelu",
        "layer_norm_epsilon": 1e-5,
        "num_segments": 0,
        "padding_id": 1,
        "pooler": False,
    },
    tokenizer="RobertaTokenizer",
    heads=(
        KerasHubHead("RobertaTextClassifier", "text_classifier", hidden=True),
        KerasHubHead("RobertaMaskedLM", "masked_lm"),
    ),
)
OPT = KerasHubNetwork(
    "OPTBackbone",
    "opt.opt_backbone",
    _table("OPT", default_length=2048),
    _opt_weights,
    needs={},
    parts={},
    constants={
        "activation": "relu",
        "embedding_dim": None,
        "norm_first": True,
        "last_norm": True,
        "use_bias": True,
        "tie_embeddings": True,
    },
    tokenizer="OPTTokenizer",
)
LLAMA = KerasHubNetwork(
    "LlamaBackbone",
    "llama.llama_backbone",
    ConfigTable(
        "KerasHub's Llama",
        Argument("vocabulary_size", "vocabulary_size", COUNT),
        Argument("num_layers", "num_layers", LAYER_COUNT),
        Argument("num_query_heads", "num_heads", COUNT),
        Argument("num_key_value_heads", "num_key_value_heads", COUNT),
        Argument("hidden_dim", "hidden_dim", COUNT),
        Argument("intermediate_dim", "intermediate_dim", COUNT),
        Argument("rope_max_wavelength", "rope_theta", NUMBER, 10000),
        Argument("layer_norm_epsilon", "rms_norm_epsilon", NUMBER, 1e-6),
        Argument("tie_word_embeddings", "tie_embeddings", default=False),
        Argument("rope_position_scaling_factor", "rope_position_scaling_factor", NUMBER, 1.0),
        *(Argument(key, key, _MAYBE_NUMBER, None) for key in _SCALING),
        irrelevant=(*IRRELEVANT, "dropout"),
        finish=_scaled,
        undo=_unscaled,
    ),
    _llama_weights,
    needs={},
    parts={},
    constants={"activation": "silu", "attention_bias": False, "feedforward_bias": False},
)
