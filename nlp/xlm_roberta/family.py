"""XLM-RoBERTa's family: RoBERTa's files, but for the tokenizer."""

from __future__ import annotations

from ...hub.registry import Family, register_family
from ..bert.family import architectures_like_bert, tasks_of
from ..roberta.family import config_table, files_layout
from ..sentence_files import MARKS

CONFIG = config_table("XLM-RoBERTa", "xlm-roberta")

register_family(
    Family(
        "xlm_roberta",
        tasks=tasks_of(__package__, "XLMRoberta", backbone=".tasks"),
        layouts={"huggingface": files_layout(CONFIG, "sentencepiece.bpe.model")},
        model_types={"xlm-roberta": "huggingface"},
        architectures=architectures_like_bert("XLMRoberta", "multiple choice"),
        default_task="backbone",
        marks=MARKS,
    )
)
