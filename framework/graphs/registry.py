"""The table of rules: what the operators of foreign graphs compute.

A rule is a function of a `Call` and the operator's inputs (None for one that is left out); it
returns the output, or a tuple of them. Its inputs are native tensors of the backend that runs, or
NumPy arrays, where their numbers are known on the host; ops take both. The same rule runs on NumPy
alone where all of its inputs are known, so that sizes that a graph computes are numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What gives the number of elements that a rule will make: a function of the rule's arguments.
Count = Callable[..., int | None]


@dataclass(frozen=True)
class Rule:
    """What one operator computes.

    Attributes:
        function: of (call, *inputs).
        count: how many elements it makes, where inputs alone decide it: it is asked before.
        numbers: places of inputs whose numbers must be known on the host, such as shapes.
        weights: places of inputs that are weights of a layer, such as a kernel.
        statistics: of those, the ones that follow the batches and are not trained.
        pure: whether equal inputs give equal outputs; else nothing is computed beforehand.
        moves: whether it moves elements without computing with them, so that it takes those of
            any dtype.
        absorbs: whether it takes any kind of value: narrow numbers, sequences, texts.
    """

    function: Callable[..., Any]
    count: Count | None = None
    numbers: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()
    statistics: tuple[int, ...] = ()
    pure: bool = True
    moves: bool = False
    absorbs: bool = False


RULES: dict[tuple[str, str], Rule] = {}


def rule(*names: str, domain: str = "", **settings: Any) -> Callable[[Any], Any]:
    """Returns a decorator that makes a function the rule of the operators `names`."""

    def decorate(function: Any) -> Any:
        for name in names:
            RULES[domain, name] = Rule(function, **settings)
        return function

    return decorate
