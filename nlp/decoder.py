"""What decoders that write have in common, whatever their blocks compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..framework.core.input_spec import InputSpec
from ..framework.typing import Tensor
from ..hub.bases import Backbone
from .attention import KeyValue, empty_cache
from .text import check_ids, token_inputs


class DecoderBackbone(Backbone):
    """A decoder whose blocks keep keys and values of the tokens so far.

    Attributes:
        blocks: the blocks; each has `extend`, which ends with (states, its keys and values).
        shared_heads: heads of keys and values.
        head_dim: size of a head.
        vocabulary_size: number of tokens.
    """

    blocks: Sequence[Any]
    shared_heads: int
    head_dim: int
    vocabulary_size: int

    def check_inputs(self, inputs: Any) -> None:
        """Raises ValueError for ids that are not in the vocabulary."""
        check_ids(token_inputs(inputs)["token_ids"], self.vocabulary_size, "token_ids")

    def export_signature(self) -> list[Any]:
        """Returns `token_ids` and `padding_mask`, int32 (batch, length), both sizes open."""
        texts = InputSpec("int32", (None, None))
        return [{"token_ids": texts, "padding_mask": texts}]

    def through_blocks(
        self, x: Tensor, cache: Sequence[KeyValue], *before: Any, behind: Sequence[Any]
    ) -> tuple[Tensor, list[KeyValue]]:
        """Returns states that went through all blocks, and the cache with them.

        Args:
            x: states, (batch, length, size).
            cache: for each block keys and values (batch, heads, capacity, head_dim).
            *before: what each block's `extend` takes between the states and its cache.
            behind: what it takes behind the cache.
        """
        caches = []
        for block, old in zip(self.blocks, cache, strict=True):
            x, new = block.extend(x, *before, old, *behind)
            caches.append(new)
        return x, caches

    def empty_cache(self, batch: int, capacity: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns a cache for `batch` texts of up to `capacity` tokens, as NumPy zeros."""
        return empty_cache(len(self.blocks), (batch, self.shared_heads, capacity, self.head_dim))
