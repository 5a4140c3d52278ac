"""Batches on their way through a loop: in groups for one program, and their outputs joined."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import Any

import numpy as np

from ..config import max_steps_per_epoch
from ..nested import flatten, map_structure
from ..ops.conversion import convert_to_numpy


class Begun:
    """An iterator of which the first item was looked at."""

    def __init__(self, first: Any, rest: Any) -> None:
        self._items, self._rest = chain([first], rest), rest

    def __iter__(self) -> Iterator[Any]:
        return self._items

    def close(self) -> None:
        """Ends the reading of what comes after."""
        self._rest.close()


def grouped(source: Any, size: int, begin: int = 0) -> Iterator[tuple[int, int, list[Any]]]:
    """Yields (number of the first, number of the last, batches) of groups of up to `size` batches.

    Args:
        source: an iterable of batches.
        size: how many make a group.
        begin: the number of the first batch.
    """
    iterator = iter(source)
    while group := list(islice(iterator, size)):
        yield begin, begin + len(group) - 1, group
        begin += len(group)


def joined(parts: list[Any]) -> Any:
    """Returns nested arrays of batches as one, with the rows of all."""
    if len(parts) == 1:
        return parts[0]
    columns = [flatten(part) for part in parts]
    whole = iter([np.concatenate(column) for column in zip(*columns, strict=True)])
    return map_structure(lambda _: next(whole), parts[0])


def as_array(x: Any) -> np.ndarray:
    """Returns a tensor of any framework as a NumPy array."""
    return np.asarray(convert_to_numpy(x))


def capped(steps: int | None) -> int | None:
    """Returns a number of batches, at most the user's setting; None for all."""
    limit = max_steps_per_epoch()
    return limit if limit and (steps is None or steps > limit) else steps
