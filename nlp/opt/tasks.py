"""OPT at work: text that goes on from a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..causal_lm import DecoderCausalLM
from .backbone import OPTBackbone


class OPTCausalLM(DecoderCausalLM):
    """OPT with the scores of the next token.

    Args:
        tie_embeddings: whether the head is the token embedding.
        **config: arguments of OPTBackbone.
    """

    backbone_class = OPTBackbone
    special_tokens = ("</s>", "<pad>")

    def __init__(self, *, tie_embeddings: bool = True, **config: Any) -> None:
        super().__init__(tie_embeddings=tie_embeddings, **config)

    @classmethod
    def begin_id(cls, json: Mapping[str, Any]) -> int | None:
        """Returns the id of `</s>`, which OPT's tokenizer puts before a text."""
        begin = json.get("config.json", {}).get("bos_token_id", 2)
        return begin if isinstance(begin, int) else None
