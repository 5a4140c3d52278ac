"""RoBERTa's family: how its files are read and written."""

from __future__ import annotations

from typing import Any

from ...hub.config_table import Argument, ConfigTable, Kind
from ...hub.errors import HubError
from ...hub.registry import Family, Layout, register_family
from ..bert.family import (
    ROWS,
    SENTENCE_FILES,
    UNUSED,
    architectures_like_bert,
    both_dropouts,
    tasks_of,
)
from ..kerashub import ROBERTA as KERASHUB
from ..sentence_files import MARKS
from .weight_map import huggingface

ID = Kind(
    lambda value: isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31,
    "a whole number from 0",
)


def counted(arguments: dict[str, Any]) -> dict[str, Any]:
    """Leaves out of the length the rows of the table of places that no token of a text takes.

    Raises HubError where no place is left for a token.
    """
    length = arguments["max_sequence_length"] - arguments["padding_id"] - 1
    if length < 1:
        raise HubError(
            f"config.json has max_position_embeddings {arguments['max_sequence_length']} and "
            f"pad_token_id {arguments['padding_id']}: no place is left for a token."
        )
    return {**arguments, "max_sequence_length": length}


def uncounted(arguments: dict[str, Any]) -> dict[str, Any]:
    """Reverses `counted`, for a config file."""
    rows = arguments["max_sequence_length"] + arguments["padding_id"] + 1
    return {**both_dropouts(arguments), "max_sequence_length": rows}


def config_table(title: str, model_type: str) -> ConfigTable:
    """Returns the table of a config.json for a network like RoBERTa, named for errors."""
    return ConfigTable(
        title,
        *ROWS,
        Argument("pad_token_id", "padding_id", ID, 1),
        irrelevant=(key for key in UNUSED if key != "pad_token_id"),
        constants={"model_type": model_type},
        finish=counted,
        undo=uncounted,
    )


def files_layout(config: ConfigTable, *tokenizer_files: str) -> Layout:
    """Returns transformers' layout of such a network, with the files of its tokenizer."""
    return Layout(
        config=config,
        weight_map=lambda arguments: huggingface(),
        optional_files=(
            "tokenizer.json",
            *tokenizer_files,
            "tokenizer_config.json",
            "special_tokens_map.json",
            *SENTENCE_FILES,
        ),
        parts={"pooler": "pooler.kernel"},
    )


CONFIG = config_table("RoBERTa", "roberta")

register_family(
    Family(
        "roberta",
        tasks=tasks_of(__package__, "Roberta"),
        layouts={
            "huggingface": files_layout(CONFIG, "vocab.json", "merges.txt"),
            "kerashub": KERASHUB.layout(),
        },
        model_types={"roberta": "huggingface"},
        architectures={
            **architectures_like_bert("Roberta", "multiple choice"),
            **KERASHUB.architectures("backbone"),
        },
        default_task="backbone",
        marks=MARKS,
    )
)
