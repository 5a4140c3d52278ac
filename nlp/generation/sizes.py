"""Sizes rounded up, so that few shapes occur and few programs are compiled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def power_of_two(count: int, least: int = 1) -> int:
    """Returns the smallest power of two that is at least `count`, and at least `least`."""
    return max(1 << (count - 1).bit_length(), least)


@dataclass(frozen=True)
class CacheSizes:
    """How long a cache is made, and how a prompt is cut.

    Attributes:
        limit: most tokens of a sequence, prompt included.
        capacities: lengths of caches below `limit`; powers of two from 128 on, if None.
        short_prompt: a prompt up to this length goes in token by token.
        block: a longer one goes in blocks of so many tokens, the last one filled up.
        padded: whether prompts are cut so, for what is compiled; else they go in as they are.
    """

    limit: int
    capacities: Sequence[int] | None = None
    short_prompt: int = 8
    block: int = 256
    padded: bool = True

    def capacity(self, length: int) -> int:
        """Returns the length of a cache with room for `length` tokens.

        Raises:
            ValueError: more tokens than `limit`.
        """
        if length > self.limit:
            raise ValueError(
                f"The model writes at most {self.limit} tokens, prompt included; got {length}."
            )
        if self.capacities is None:
            return min(power_of_two(length, 128), self.limit)
        return next((n for n in self.capacities if length <= n < self.limit), self.limit)
