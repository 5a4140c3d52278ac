"""XLM-RoBERTa at work: RoBERTa's tasks with a tokenizer of pieces."""

from __future__ import annotations

from ..roberta import tasks
from ..roberta.backbone import RobertaBackbone
from .tokenizer import XLMRobertaTokenizer


class XLMRobertaBackbone(RobertaBackbone):
    """XLM-RoBERTa without a head: RoBERTa's encoder; its arguments are those of RobertaBackbone."""


class _OfXLMRoberta(tasks.OfRoberta):
    """How tasks on XLM-RoBERTa make their backbone and their preprocessor."""

    backbone_class = XLMRobertaBackbone
    tokenizer_class = XLMRobertaTokenizer


class XLMRobertaMaskedLM(_OfXLMRoberta, tasks.RobertaMaskedLM):
    """What RobertaMaskedLM does, with XLM-RoBERTa; its arguments are the same."""


class XLMRobertaQuestionAnswerer(_OfXLMRoberta, tasks.RobertaQuestionAnswerer):
    """What RobertaQuestionAnswerer does, with XLM-RoBERTa; its arguments are the same."""


class XLMRobertaReranker(_OfXLMRoberta, tasks.RobertaReranker):
    """What RobertaReranker does, with XLM-RoBERTa; its arguments are the same."""


class XLMRobertaTextClassifier(_OfXLMRoberta, tasks.RobertaTextClassifier):
    """What RobertaTextClassifier does, with XLM-RoBERTa; its arguments are the same."""


class XLMRobertaTextEmbedder(_OfXLMRoberta, tasks.RobertaTextEmbedder):
    """What RobertaTextEmbedder does, with XLM-RoBERTa; its arguments are the same."""


class XLMRobertaTokenClassifier(_OfXLMRoberta, tasks.RobertaTokenClassifier):
    """What RobertaTokenClassifier does, with XLM-RoBERTa; its arguments are the same."""
