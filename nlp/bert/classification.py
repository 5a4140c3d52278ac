"""BERT as a classifier of texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...hub.loading import JsonFiles
from ..classification import TextClassifier, names_of
from ..sentence_files import LENGTH_FILE
from .backbone import BertBackbone, initializer
from .preprocessing import BertPreprocessor, BertTokenizer
from .tasks import preprocessor_for


class BertTextClassifierPreprocessor(BertPreprocessor):
    """The preprocessor of BertTextClassifier.

    Args:
        tokenizer: the tokenizer.
        max_length: most tokens of a text, [CLS] and [SEP] included.
        truncate: whether a longer text is cut; else it is an error.
        labels: the names of the classes.
    """

    task = "text_classifier"

    def __init__(
        self,
        tokenizer: BertTokenizer,
        max_length: int,
        truncate: bool = False,
        labels: Sequence[str] | None = None,
    ) -> None:
        super().__init__(tokenizer, max_length, truncate)
        self.labels = labels


class BertTextClassifier(TextClassifier):
    """Classes of texts with BERT; the same network as transformers' BertForSequenceClassification.

    Args:
        num_classes: number of classes.
        classifier_dropout: share of features dropped before the last layer; `dropout` if None.
        dropout: see BertBackbone.
        dtype: of the weights.
        **config: further arguments of BertBackbone, which has a pooler here.
    """

    def __init__(
        self,
        *,
        num_classes: int = 2,
        classifier_dropout: float | None = None,
        dropout: float = 0.1,
        dtype: Any = None,
        **config: Any,
    ) -> None:
        config["pooler"] = True
        backbone = BertBackbone(**config, dropout=dropout, dtype=dtype)
        last = dropout if classifier_dropout is None else classifier_dropout
        super().__init__(backbone, num_classes, last, initializer(), dtype=dtype)

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> BertTextClassifierPreprocessor:
        """Takes texts as long as the model was made for, and the classes' names of config.json."""
        json = JsonFiles(files)
        length = settings.get("max_length")
        if length is None and LENGTH_FILE in json:
            length = json[LENGTH_FILE].get("max_seq_length")
        labels = names_of(json, config)
        kind = BertTextClassifierPreprocessor
        return preprocessor_for(kind, files, config, settings, length, labels=labels)
