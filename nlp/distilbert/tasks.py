"""DistilBERT at work: BERT's tasks with DistilBERT's encoder and heads."""

from __future__ import annotations

from typing import Any

from ...framework import ops
from ...framework.layers import Dense
from ...framework.typing import Tensor
from ..bert.backbone import initializer
from ..bert.heads import (
    BertQuestionAnswerer,
    BertReranker,
    BertTextClassifier,
    BertTokenClassifier,
)
from ..bert.preprocessing import BertTokenizer
from ..bert.tasks import BertMaskedLM, BertTextEmbedder, OfBert
from .backbone import DistilBertBackbone


class DistilBertTokenizer(BertTokenizer):
    """BERT's tokenizer for a model that tells no segments apart."""

    task = "text_embedder"
    has_segments = False


def _backbone(*, pooler: bool = False, **config: Any) -> DistilBertBackbone:
    """The backbone, for which BERT's tasks say whether there is a pooler: there is none."""
    return DistilBertBackbone(**config)


class OfDistilBert(OfBert):
    """How tasks on DistilBERT make their backbone and their preprocessor."""

    backbone_class: Any = staticmethod(_backbone)
    tokenizer_class = DistilBertTokenizer
    has_pooler = False


class _OneVector(OfDistilBert):
    """What is said of a whole text: by its first token, through a dense layer with ReLU."""

    head = ("classifier.{part}", "pre_classifier.{part}")
    backbone: Any

    def last_layer(self, units: int, dropout: float, kernel_initializer: Any) -> Any:
        """Makes the last two dense layers, and returns the last one."""
        options: dict[str, Any] = {
            "kernel_initializer": initializer(),
            "input_dim": self.backbone.hidden_dim,
        }
        self.pre_classifier = Dense(self.backbone.hidden_dim, "relu", **options)
        return Dense(units, **options)

    def pooled(self, inputs: Any) -> Tensor:
        """Returns a text's vector, (batch, hidden_dim)."""
        return self.pre_classifier(ops.take(self.backbone(inputs)["sequence_output"], 0, axis=1))


class DistilBertTextEmbedder(OfDistilBert, BertTextEmbedder):
    """Texts to vectors with DistilBERT; its arguments are those of BertTextEmbedder."""


class DistilBertMaskedLM(OfDistilBert, BertMaskedLM):
    """Scores of every token for every place with DistilBERT; arguments as of BertMaskedLM."""


class DistilBertTextClassifier(_OneVector, BertTextClassifier):
    """transformers' DistilBertForSequenceClassification; arguments as of BertTextClassifier."""


class DistilBertReranker(_OneVector, BertReranker):
    """DistilBertForSequenceClassification of one class; its arguments are those of BertReranker."""


class DistilBertTokenClassifier(OfDistilBert, BertTokenClassifier):
    """transformers' DistilBertForTokenClassification; arguments as of BertTokenClassifier."""


class DistilBertQuestionAnswerer(OfDistilBert, BertQuestionAnswerer):
    """transformers' DistilBertForQuestionAnswering; arguments as of BertQuestionAnswerer."""
