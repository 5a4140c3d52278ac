"""DistilBERT's family: how its files are read and written."""

from __future__ import annotations

from ...hub.config_table import COUNT, LAYER_COUNT, NUMBER, Argument, ConfigTable
from ...hub.registry import Family, Layout, register_family
from ...hub.transformers_config import FIXED
from ..bert.family import (
    SENTENCE_FILES,
    TEXT_FILES,
    UNUSED,
    activation_names,
    architectures_like_bert,
    both_dropouts,
    tasks_of,
)
from ..kerashub import DISTILBERT as KERASHUB
from ..sentence_files import MARKS
from .weight_map import huggingface

CONFIG = ConfigTable(
    "DistilBERT",
    Argument("vocab_size", "vocabulary_size", COUNT),
    Argument("n_layers", "num_layers", LAYER_COUNT),
    Argument("n_heads", "num_heads", COUNT),
    Argument("dim", "hidden_dim", COUNT),
    Argument("hidden_dim", "intermediate_dim", COUNT),
    Argument("dropout", "dropout", NUMBER, 0.1),
    Argument("attention_dropout", "attention_dropout", NUMBER, 0.1),
    Argument("max_position_embeddings", "max_sequence_length", COUNT, 512),
    Argument("activation", "activation", default="gelu", values=activation_names),
    *FIXED,
    # How the table of places began, before it was trained; and dropouts of heads.
    irrelevant=(
        *UNUSED,
        "sinusoidal_pos_embds",
        "qa_dropout",
        "seq_classif_dropout",
        "tie_weights_",
    ),
    constants={"model_type": "distilbert"},
    undo=both_dropouts,
)

register_family(
    Family(
        "distilbert",
        tasks=tasks_of(__package__, "DistilBert"),
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=lambda config: huggingface(),
                optional_files=(*TEXT_FILES, *SENTENCE_FILES),
            ),
            "kerashub": KERASHUB.layout(),
        },
        model_types={"distilbert": "huggingface"},
        architectures={
            **architectures_like_bert("DistilBert", "multiple choice"),
            **KERASHUB.architectures("backbone"),
        },
        default_task="backbone",
        marks=MARKS,
    )
)
