"""BERT's family: how its files are read and written."""

from __future__ import annotations

from typing import Any

from ...framework.lazy import Reference
from ...hub.config_table import COUNT, LAYER_COUNT, NUMBER, Argument, ConfigTable, Fixed
from ...hub.registry import Architecture, Family, Layout, register_family
from ...hub.transformers_config import FIXED, IRRELEVANT
from ..kerashub import BERT as KERASHUB
from ..sentence_files import LENGTH_FILE, MARKS, MODULES_FILE, POOLING_FILE
from .weight_map import huggingface


def activation_names() -> tuple[str, ...]:
    """Returns the names of activations that configs may give."""
    from ..activations import NAMES  # with the ops, which a list of presets does without

    return tuple(NAMES)


def both_dropouts(arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns arguments with the dropout of attention weights, which may be that of the rest."""
    inside = arguments["attention_dropout"]
    return {**arguments, "attention_dropout": arguments["dropout"] if inside is None else inside}


# Keys of BERT and RoBERTa.
ROWS = (
    Argument("vocab_size", "vocabulary_size", COUNT),
    Argument("num_hidden_layers", "num_layers", LAYER_COUNT),
    Argument("num_attention_heads", "num_heads", COUNT),
    Argument("hidden_size", "hidden_dim", COUNT),
    Argument("intermediate_size", "intermediate_dim", COUNT),
    Argument("hidden_dropout_prob", "dropout", NUMBER, 0.1),
    Argument("attention_probs_dropout_prob", "attention_dropout", NUMBER, 0.1),
    Argument("max_position_embeddings", "max_sequence_length", COUNT, 512),
    Argument("type_vocab_size", "num_segments", COUNT, 2),
    Argument("hidden_act", "activation", default="gelu", values=activation_names),
    Argument("layer_norm_eps", "layer_norm_epsilon", NUMBER, 1e-12),
    Fixed("position_embedding_type", "absolute"),
    *FIXED,
)
# A head with word embeddings of its own is refused by the weight map.
UNUSED = (*IRRELEVANT, "tie_word_embeddings")

CONFIG = ConfigTable(
    "BERT",
    *ROWS,
    irrelevant=(
        *UNUSED,
        *(
            f"pooler_{name}"
            for name in ("fc_size", "num_attention_heads", "num_fc_layers", "size_per_head", "type")
        ),
        "directionality",
    ),
    constants={"model_type": "bert"},
    undo=both_dropouts,
)

TEXT_FILES = ("tokenizer.json", "vocab.txt", "tokenizer_config.json")
TEXT_FILES += ("added_tokens.json", "special_tokens_map.json")
SENTENCE_FILES = (MODULES_FILE, POOLING_FILE, LENGTH_FILE)


def tasks_of(package: str | None, prefix: str, **modules: str) -> dict[str, Reference]:
    """Returns the tasks of an encoder like BERT.

    Args:
        package: the family's folder.
        prefix: what its classes' names begin with.
        **modules: task -> module, where that is not `.tasks`.
    """
    names = {
        "backbone": "Backbone",
        "text_embedder": "TextEmbedder",
        "masked_lm": "MaskedLM",
        "text_classifier": "TextClassifier",
        "token_classifier": "TokenClassifier",
        "question_answerer": "QuestionAnswerer",
        "reranker": "Reranker",
    }
    modules = {"backbone": ".backbone", **modules}
    return {
        task: Reference(package, modules.get(task, ".tasks"), f"{prefix}{name}")
        for task, name in names.items()
    }


def architectures_like_bert(prefix: str, *absent: str) -> dict[str, Architecture]:
    """Returns transformers' architectures of an encoder like BERT.

    Args:
        prefix: what the names begin with.
        *absent: of heads that transformers has and that are not here, in words.
    """
    layout = "huggingface"
    return {
        f"{prefix}Model": Architecture(layout, "backbone"),
        f"{prefix}ForMaskedLM": Architecture(layout, "masked_lm"),
        f"{prefix}ForSequenceClassification": Architecture(
            layout, "text_classifier", one_class="reranker"
        ),
        f"{prefix}ForTokenClassification": Architecture(layout, "token_classifier"),
        f"{prefix}ForQuestionAnswering": Architecture(layout, "question_answerer"),
        **{
            f"{prefix}For{head.title().replace(' ', '')}": Architecture(layout, "backbone", head)
            for head in absent
        },
    }


_HEADS = {"text_classifier", "token_classifier", "question_answerer", "reranker"}

register_family(
    Family(
        "bert",
        tasks=tasks_of(__package__, "Bert", **dict.fromkeys(_HEADS, ".heads")),
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=lambda config: huggingface(),
                optional_files=(*TEXT_FILES, *SENTENCE_FILES),
                parts={"pooler": "pooler.kernel"},
            ),
            "kerashub": KERASHUB.layout(),
        },
        model_types={"bert": "huggingface"},
        architectures={
            **architectures_like_bert("Bert", "multiple choice", "next sentence prediction"),
            **KERASHUB.architectures("backbone"),
            "BertForPreTraining": Architecture(
                "huggingface", "masked_lm", "next sentence prediction"
            ),
        },
        default_task="backbone",
        marks=MARKS,
    )
)
