"""BERT's heads that are trained for a task: classes of texts and tokens, answers, rankings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..classification import ClassesTask, TextClassifier, names_of
from ..question_answering import QuestionAnswerer
from ..reranking import Reranker
from ..token_classification import TokenClassifier
from .backbone import initializer
from .preprocessing import (
    BertQuestionAnswererPreprocessor,
    BertRerankerPreprocessor,
    BertTextClassifierPreprocessor,
    BertTokenClassifierPreprocessor,
)
from .tasks import OfBert


class _OfClasses(OfBert, ClassesTask):
    """How classifiers of texts and of tokens make their backbone.

    Args:
        num_classes: number of classes.
        classifier_dropout: share of features dropped before the last layer; `dropout` if None.
        dropout: see BertBackbone.
        dtype: of the weights.
        **config: further arguments of BertBackbone.
    """

    reads_pooler: bool

    def __init__(
        self,
        *,
        num_classes: int = 2,
        classifier_dropout: float | None = None,
        dropout: float = 0.1,
        dtype: Any = None,
        **config: Any,
    ) -> None:
        config["pooler"] = self.reads_pooler and self.has_pooler
        backbone = self.backbone_class(**config, dropout=dropout, dtype=dtype)
        last = dropout if classifier_dropout is None else classifier_dropout
        super().__init__(backbone, num_classes, last, initializer(), dtype=dtype)

    @classmethod
    def preprocessor_options(cls, json: Mapping[str, Any], config: Mapping[str, Any]) -> dict:
        """Returns the names of the classes, as config.json gives them."""
        return {"labels": names_of(json, config)}


class BertTextClassifier(_OfClasses, TextClassifier):
    """Classes of texts with BERT; the same network as transformers' BertForSequenceClassification.

    Args:
        num_classes: number of classes.
        classifier_dropout: share of features dropped before the last layer; `dropout` if None.
        dropout: see BertBackbone.
        dtype: of the weights.
        **config: further arguments of BertBackbone, which has a pooler here.
    """

    preprocessor_class = BertTextClassifierPreprocessor
    reads_pooler = True


class BertTokenClassifier(_OfClasses, TokenClassifier):
    """Classes of tokens with BERT; the same network as transformers' BertForTokenClassification.

    Arguments are those of BertTextClassifier; there is no pooler.
    """

    preprocessor_class = BertTokenClassifierPreprocessor
    reads_pooler = False


class BertQuestionAnswerer(OfBert, QuestionAnswerer):
    """Answers in passages with BERT; the same network as transformers' BertForQuestionAnswering.

    Args:
        dtype: of the weights.
        **config: arguments of BertBackbone. There is no pooler.
    """

    preprocessor_class = BertQuestionAnswererPreprocessor

    def __init__(self, *, dtype: Any = None, **config: Any) -> None:
        config["pooler"] = False
        super().__init__(self.backbone_class(**config, dtype=dtype), initializer(), dtype=dtype)


class BertReranker(OfBert, Reranker):
    """Scores of pairs of texts with BERT: BertForSequenceClassification of one class.

    Args:
        sigmoid: whether scores go through a sigmoid.
        classifier_dropout: share of features dropped before the last layer; `dropout` if None.
        dropout: see BertBackbone.
        dtype: of the weights.
        **config: further arguments of BertBackbone, which has a pooler here.
    """

    preprocessor_class = BertRerankerPreprocessor

    def __init__(
        self,
        *,
        sigmoid: bool = True,
        classifier_dropout: float | None = None,
        dropout: float = 0.1,
        dtype: Any = None,
        **config: Any,
    ) -> None:
        config["pooler"] = self.has_pooler
        backbone = self.backbone_class(**config, dropout=dropout, dtype=dtype)
        last = dropout if classifier_dropout is None else classifier_dropout
        super().__init__(backbone, last, sigmoid, initializer(), dtype=dtype)
