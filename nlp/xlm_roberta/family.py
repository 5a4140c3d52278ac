"""XLM-RoBERTa's family: RoBERTa's files, but for the tokenizer."""

from __future__ import annotations

from ...hub.config_table import Argument, ConfigTable
from ...hub.registry import Family, Layout, register_family
from ..bert.family import ROWS, SENTENCE_FILES, UNUSED, architectures_like_bert, tasks_of
from ..roberta.family import ID, counted, uncounted
from ..roberta.weight_map import huggingface
from ..sentence_files import MARKS

CONFIG = ConfigTable(
    "XLM-RoBERTa",
    *ROWS,
    Argument("pad_token_id", "padding_id", ID, 1),
    irrelevant=(key for key in UNUSED if key != "pad_token_id"),
    constants={"model_type": "xlm-roberta"},
    finish=counted,
    undo=uncounted,
)

register_family(
    Family(
        "xlm_roberta",
        tasks=tasks_of(__package__, "XLMRoberta", backbone=".tasks"),
        layouts={
            "huggingface": Layout(
                config=CONFIG,
                weight_map=lambda config: huggingface(),
                optional_files=(
                    "tokenizer.json",
                    "sentencepiece.bpe.model",
                    "tokenizer_config.json",
                    "special_tokens_map.json",
                    *SENTENCE_FILES,
                ),
                parts={"pooler": "pooler.kernel"},
            )
        },
        model_types={"xlm-roberta": "huggingface"},
        architectures=architectures_like_bert("XLMRoberta", "multiple choice"),
        default_task="backbone",
        marks=MARKS,
    )
)
