"""RoBERTa at work: BERT's tasks with RoBERTa's encoder, tokenizer and heads."""

from __future__ import annotations

from typing import Any

from ...framework import ops
from ...framework.core.layer import Layer
from ...framework.layers import Dense, Dropout
from ...framework.typing import Tensor
from ..bert.backbone import initializer
from ..bert.heads import (
    BertQuestionAnswerer,
    BertReranker,
    BertTextClassifier,
    BertTokenClassifier,
)
from ..bert.tasks import BertMaskedLM, BertTextEmbedder, OfBert
from .backbone import RobertaBackbone
from .tokenizer import RobertaTokenizer


class ClassificationHead(Layer):
    """A dense layer with tanh, dropout, and the last layer: (batch, hidden) to (batch, units)."""

    def __init__(self, hidden_dim: int, units: int, dropout: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        options: dict[str, Any] = {
            "kernel_initializer": initializer(),
            "input_dim": hidden_dim,
        }
        self.dense = Dense(hidden_dim, "tanh", **options)
        self.dropout = Dropout(dropout)
        self.out_proj = Dense(units, **options)
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns (batch, units) for `x`, (batch, hidden)."""
        return self.out_proj(self.dropout(self.dense(x)))


class OfRoberta(OfBert):
    """How tasks on RoBERTa make their backbone and their preprocessor."""

    backbone_class = RobertaBackbone
    tokenizer_class = RobertaTokenizer
    has_pooler = False


class _OneVector(OfRoberta):
    """What is said of a whole text: by its first token, through a head of two layers."""

    head = ("classifier.dense.{part}", "classifier.out_proj.{part}")
    backbone: Any

    def pooled(self, inputs: Any) -> Tensor:
        """Returns the state of the first token, (batch, hidden_dim)."""
        return ops.take(self.backbone(inputs)["sequence_output"], 0, axis=1)

    def last_layer(self, units: int, dropout: float, kernel_initializer: Any) -> Any:
        """Makes the head: (batch, hidden_dim) to (batch, units)."""
        return ClassificationHead(self.backbone.hidden_dim, units, dropout)


class RobertaTextEmbedder(OfRoberta, BertTextEmbedder):
    """Texts to vectors with RoBERTa; its arguments are those of BertTextEmbedder."""


class RobertaMaskedLM(OfRoberta, BertMaskedLM):
    """Scores of every token for every place with RoBERTa; arguments as of BertMaskedLM."""

    head_activation = "gelu"

    def __init__(self, *, dtype: Any = None, **config: Any) -> None:
        config.setdefault("layer_norm_epsilon", 1e-5)
        super().__init__(dtype=dtype, **config)


class RobertaTextClassifier(_OneVector, BertTextClassifier):
    """transformers' RobertaForSequenceClassification; arguments as of BertTextClassifier."""


class RobertaReranker(_OneVector, BertReranker):
    """RobertaForSequenceClassification of one class; its arguments are those of BertReranker."""


class RobertaTokenClassifier(OfRoberta, BertTokenClassifier):
    """transformers' RobertaForTokenClassification; arguments as of BertTokenClassifier."""


class RobertaQuestionAnswerer(OfRoberta, BertQuestionAnswerer):
    """transformers' RobertaForQuestionAnswering; arguments as of BertQuestionAnswerer."""
