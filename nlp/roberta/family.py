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


CONFIG = ConfigTable(
    "RoBERTa",
    *ROWS,
    Argument("pad_token_id", "padding_id", ID, 1),
    irrelevant=(key for key in UNUSED if key != "pad_token_id"),
    constants={"model_type": "roberta"},
    finish=counted,
    undo=uncounted,
)

register_family(
    Family(
        "roberta",
        tasks=tasks_of(__package__, "Roberta"),
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=lambda config: huggingface(),
                optional_files=(
                    "tokenizer.json",
                    "vocab.json",
                    "merges.txt",
                    "tokenizer_config.json",
                    "special_tokens_map.json",
                    *SENTENCE_FILES,
                ),
                parts={"pooler": "pooler.kernel"},
            )
        },
        model_types={"roberta": "huggingface"},
        architectures=architectures_like_bert("Roberta", "multiple choice"),
        default_task="backbone",
        marks=MARKS,
    )
)
