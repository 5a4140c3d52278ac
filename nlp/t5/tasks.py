"""T5 at work: texts from texts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...framework import ops
from ...framework.typing import DType, Tensor
from ...hub.loading import JsonFiles
from ..byte_level import end_ids
from ..seq2seq_lm import Seq2SeqLM, Seq2SeqLMPreprocessor
from ..text import check_vocabulary
from ..word_head import word_head, word_scores
from .backbone import T5Backbone
from .byte_tokenizer import ByteTokenizer
from .tokenizer import T5Tokenizer


class T5Seq2SeqLM(Seq2SeqLM):
    """T5 with the scores of the next token of what it writes.

    Args:
        tie_embeddings: whether the head is the token embedding.
        scale_outputs: whether what goes into the head is divided by sqrt(hidden_dim).
        **config: arguments of T5Backbone.
    """

    def __init__(
        self,
        *,
        tie_embeddings: bool = True,
        scale_outputs: bool = True,
        dtype: DType = None,
        **config: Any,
    ) -> None:
        super().__init__(dtype=dtype)
        self.backbone = backbone = T5Backbone(
            **config, tie_embeddings=tie_embeddings, scale_outputs=scale_outputs, dtype=dtype
        )
        self.scale = backbone.hidden_dim**-0.5 if scale_outputs else None
        self.head_dense = word_head(backbone, backbone.hidden_dim, 1.0, tie_embeddings)
        self.built = True

    def scores(self, x: Tensor) -> Tensor:
        """Returns scores (…, vocabulary_size) of states (…, hidden_dim)."""
        if self.scale is not None:
            x = ops.multiply(x, self.scale)
        return word_scores(x, self.head_dense, self.backbone)

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> Seq2SeqLMPreprocessor | None:
        """Makes it from tokenizer.json or spiece.model, or of bytes where the config names byT5's
        tokenizer; None without any.

        Raises:
            ValueError: a damaged file, or a tokenizer with more tokens than the model.
        """
        json = JsonFiles(files)
        described = [json[n] for n in ("tokenizer_config.json", "config.json") if n in json]
        if "tokenizer.json" in files or "spiece.model" in files:
            tokenizer = T5Tokenizer.from_files(files)
        elif any(one.get("tokenizer_class") == "ByT5Tokenizer" for one in described):
            tokenizer = ByteTokenizer()
        else:
            return None
        check_vocabulary(tokenizer, config["vocabulary_size"])
        found = [json[n] for n in ("generation_config.json", "config.json") if n in json]
        pad = next((one["pad_token_id"] for one in found if "pad_token_id" in one), 0) or 0
        start = next((one.get("decoder_start_token_id") for one in found), None)
        return Seq2SeqLMPreprocessor(
            tokenizer,
            settings.get("max_length"),
            pad if start is None else start,
            end_ids(*found) or (1,),
            pad,
        )
