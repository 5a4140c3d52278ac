"""BERT's family: how its files are read and written."""

from __future__ import annotations

from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import COUNT, LAYER_COUNT, NUMBER, Argument, ConfigTable, Fixed
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from ..sentence_files import LENGTH_FILE, MODULES_FILE, POOLING_FILE
from .weight_map import huggingface


def _activations() -> tuple[str, ...]:
    from ..activations import NAMES  # with the ops, which a list of presets does without

    return tuple(NAMES)


def _both_dropouts(arguments: dict[str, Any]) -> dict[str, Any]:
    inside = arguments["attention_dropout"]
    return {**arguments, "attention_dropout": arguments["dropout"] if inside is None else inside}


CONFIG = ConfigTable(
    "BERT",
    Argument("vocab_size", "vocabulary_size", COUNT),
    Argument("num_hidden_layers", "num_layers", LAYER_COUNT),
    Argument("num_attention_heads", "num_heads", COUNT),
    Argument("hidden_size", "hidden_dim", COUNT),
    Argument("intermediate_size", "intermediate_dim", COUNT),
    Argument("hidden_dropout_prob", "dropout", NUMBER, 0.1),
    Argument("attention_probs_dropout_prob", "attention_dropout", NUMBER, 0.1),
    Argument("max_position_embeddings", "max_sequence_length", COUNT, 512),
    Argument("type_vocab_size", "num_segments", COUNT, 2),
    Argument("hidden_act", "activation", default="gelu", values=_activations),
    Argument("layer_norm_eps", "layer_norm_epsilon", NUMBER, 1e-12),
    Fixed("position_embedding_type", "absolute"),
    *FIXED,
    # A head with word embeddings of its own is refused by the weight map.
    irrelevant=(
        *IRRELEVANT,
        "tie_word_embeddings",
        *(
            f"pooler_{name}"
            for name in ("fc_size", "num_attention_heads", "num_fc_layers", "size_per_head", "type")
        ),
        "directionality",
    ),
    constants={"model_type": "bert"},
    undo=_both_dropouts,
)

_TEXT_FILES = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")
_TEXT_FILES += ("added_tokens.json", "special_tokens_map.json")
_SENTENCE_FILES = (MODULES_FILE, POOLING_FILE, LENGTH_FILE)
# Architectures with heads that are not here yet.
_HEADS = {
    "BertForTokenClassification": "token classification",
    "BertForQuestionAnswering": "question answering",
    "BertForMultipleChoice": "multiple choice",
    "BertForNextSentencePrediction": "next sentence prediction",
}

register_family(
    Family(
        "bert",
        tasks={
            "backbone": Reference(__package__, ".backbone", "BertBackbone"),
            "text_embedder": Reference(__package__, ".tasks", "BertTextEmbedder"),
            "masked_lm": Reference(__package__, ".tasks", "BertMaskedLM"),
            "text_classifier": Reference(__package__, ".classification", "BertTextClassifier"),
        },
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=lambda config: huggingface(),
                optional_files=(*_TEXT_FILES, *_SENTENCE_FILES),
                parts={"pooler": "pooler.kernel"},
            )
        },
        model_types={"bert": "huggingface"},
        architectures={
            "BertModel": Architecture("huggingface", "backbone"),
            "BertForMaskedLM": Architecture("huggingface", "masked_lm"),
            "BertForSequenceClassification": Architecture("huggingface", "text_classifier"),
            "BertForPreTraining": Architecture(
                "huggingface", "masked_lm", "next sentence prediction"
            ),
            **{
                name: Architecture("huggingface", "backbone", head) for name, head in _HEADS.items()
            },
        },
        default_task="backbone",
        marks={MODULES_FILE: "text_embedder"},
    )
)
