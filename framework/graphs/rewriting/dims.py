"""Sizes of values that are told without running a graph, and what stands for those that are not."""

from __future__ import annotations

from typing import NamedTuple


class Free(NamedTuple):
    """A size that is not known: the axis of a value, or a place in one of integers."""

    name: str
    place: int


Dim = int | Free
Shape = tuple[Dim, ...]
# Integers that a graph computes with: a lone number, or those of one axis.
Integers = Dim | tuple[Dim, ...]
