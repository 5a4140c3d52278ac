"""Llama at work: text that goes on from a text."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ...framework import ops
from ...framework.initializers import RandomNormal
from ...framework.layers import Dense
from ...framework.typing import DType, Tensor
from ...hub.loading import JsonFiles
from ...hub.readers import GGUFReader
from ..byte_level import ByteLevelTokenizer, end_ids, of_gguf
from ..causal_lm import CausalLM, CausalLMPreprocessor
from .backbone import LlamaBackbone


class LlamaCausalLM(CausalLM):
    """Llama with the scores of the next token.

    Args:
        tie_embeddings: whether the head is the token embedding.
        **config: arguments of LlamaBackbone.
    """

    def __init__(self, *, tie_embeddings: bool = False, dtype: DType = None, **config: Any) -> None:
        super().__init__(dtype=dtype)
        self.backbone = backbone = LlamaBackbone(
            **config, tie_embeddings=tie_embeddings, dtype=dtype
        )
        self.head_dense = None
        if not tie_embeddings:
            self.head_dense = Dense(
                backbone.vocabulary_size,
                use_bias=False,
                kernel_initializer=RandomNormal(stddev=0.02),
                input_dim=backbone.hidden_dim,
            )
        self.built = True

    def scores(self, x: Tensor) -> Tensor:
        """Returns scores (…, vocabulary_size) of states (…, hidden_dim)."""
        if self.head_dense is not None:
            return self.head_dense(x)
        return ops.dense(x, ops.transpose(self.backbone.embeddings.embeddings))

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> CausalLMPreprocessor | None:
        """Makes it from tokenizer.json, or from what a GGUF file says; None without either."""
        length = config.get("max_sequence_length", 2048)
        packed = next((path for name, path in files.items() if name.endswith(".gguf")), None)
        if packed is not None:
            with closing(GGUFReader(packed)) as reader:
                return CausalLMPreprocessor(*of_gguf(packed, reader.settings, length))
        if "tokenizer.json" not in files:
            return None
        json = JsonFiles(files)
        found = [json[n] for n in ("generation_config.json", "config.json") if n in json]
        tokenizer = ByteLevelTokenizer.from_file(files["tokenizer.json"])
        if tokenizer.vocabulary_size > config["vocabulary_size"]:
            raise ValueError(
                f"The tokenizer has {tokenizer.vocabulary_size} tokens, the model "
                f"{config['vocabulary_size']}: they do not belong together."
            )
        return CausalLMPreprocessor(tokenizer, length, end_ids(*found))
