"""Learned positions: a row of a table for each place of a sequence."""

from typing import Any

from ..framework import ops
from ..framework.layers import Embedding

Tensor = Any


class PositionEmbedding(Embedding):
    """Gives the rows of places: (length, dim), for the places from `start` on.

    Its table is (most places, dim), like that of an `Embedding` of the places' numbers.
    """

    def call(self, length, start=0):
        """Returns rows `start` to `start + length` of the table.

        Args:
            length: an int, or a size that only the traced program will know.
            start: an int or int32 scalar tensor, the first place.
        """
        if type(length) is int:
            return ops.slice(self.embeddings, (start, 0), (length, self.output_dim))
        # Whether so many rows are there cannot be told yet.
        return ops.take(self.embeddings, ops.add(ops.arange(length, dtype="int32"), start), axis=0)


def exceeds(size: Any, most: int) -> bool:
    """Whether a size is known to be larger than `most`."""
    return type(size) is int and size > most
