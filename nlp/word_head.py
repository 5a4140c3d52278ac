"""The head that gives every word of the vocabulary a score: a matrix of its own, or the table of
the words."""

from __future__ import annotations

from typing import Any

from ..framework import ops
from ..framework.initializers import RandomNormal
from ..framework.layers import Dense
from ..framework.typing import Tensor


def word_head(backbone: Any, size: int, stddev: float, tied: bool) -> Dense | None:
    """Returns the head's matrix, (size, vocabulary_size); None where it is the words' table.

    Args:
        backbone: has `vocabulary_size`.
        size: of the states that go in.
        stddev: of the initial values.
        tied: whether the head is the table of the words.
    """
    if tied:
        return None
    return Dense(
        backbone.vocabulary_size,
        use_bias=False,
        kernel_initializer=RandomNormal(stddev=stddev),
        input_dim=size,
    )


def word_scores(x: Tensor, head: Dense | None, backbone: Any) -> Tensor:
    """Returns scores (…, vocabulary_size) of states (…, size); see `word_head`."""
    if head is not None:
        return head(x)
    return table_scores(x, backbone.embeddings)


def table_scores(x: Tensor, table: Any) -> Tensor:
    """Returns products of states (…, size) with all rows of a table of words, an Embedding.

    Where the table has 8 bits they are computed by its levels.
    """
    mode = table.quantization_mode
    if mode == "int8":
        return table.quantized_scores(x)
    rows = table.embeddings if mode is None else table.floats_of("embeddings")
    return ops.dense(x, ops.transpose(rows))
