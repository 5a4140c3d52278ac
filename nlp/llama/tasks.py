"""Llama at work: text that goes on from a text."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ...hub.readers import GGUFReader
from ..causal_lm import CausalLMPreprocessor, DecoderCausalLM
from ..gguf_tokenizers import of_gguf
from ..text import check_vocabulary
from ..tokenizing import GGUF
from .backbone import LlamaBackbone


class LlamaCausalLM(DecoderCausalLM):
    """Llama with the scores of the next token.

    Args:
        tie_embeddings: whether the head is the token embedding.
        **config: arguments of LlamaBackbone.
    """

    backbone_class = LlamaBackbone

    @classmethod
    def make_preprocessor(
        cls, files: Mapping[str, Path], config: Mapping[str, Any], settings: Mapping[str, Any]
    ) -> CausalLMPreprocessor | None:
        """Makes it from what a GGUF file says, or from a tokenizer's files; None without either.

        Raises:
            ValueError: a tokenizer that is damaged, or that has more tokens than the model.
        """
        packed = next((path for name, path in files.items() if name.endswith(".gguf")), None)
        if packed is None:
            return super().make_preprocessor(files, config, settings)
        with closing(GGUFReader(packed)) as reader:
            length = config.get("max_sequence_length", 2048)
            if f"{GGUF}model" not in reader.settings:
                return None
            template: Any = reader.settings.get("tokenizer.chat_template")
            tools = of_gguf(packed, reader.settings, length)
            check_vocabulary(tools[0], config["vocabulary_size"])
            return CausalLMPreprocessor(*tools, template if isinstance(template, str) else None)
