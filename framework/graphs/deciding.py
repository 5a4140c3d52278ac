"""Inputs whose numbers decide what a graph computes, and programs compiled for each of them.

A size that is an input, a rate that an If asks for, a flag that a decoder of transformers takes for
its first step: while a program is compiled their numbers are not known, so that it would compute
both branches, or could not be compiled at all. Where they are few, a program is made for each.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ..backends import registry as backends
from ..context import entered
from ..ops import convert_to_numpy
from .fitting import fitting
from .ir import ForeignGraph, Value, numpy_dtype
from .roles import needed_numbers

# Numbers of one input that a program is made for: bounds, sizes and axes have fewer.
MOST_NUMBERS = 64
# Programs that are kept, and after which a branch is left to the program itself.
MOST_PROGRAMS = 8


class Deciding(NamedTuple):
    """Names of inputs whose numbers decide.

    Attributes:
        needed: of what must be known, such as sizes: nothing is compiled without them.
        choosing: of the conditions of branches and loops, which a program can compute itself.
    """

    needed: frozenset[str]
    choosing: frozenset[str]


def deciding_inputs(graph: ForeignGraph) -> Deciding:
    """Returns the inputs of a graph whose numbers decide what it computes."""
    small = {value.name for value in graph.inputs if _is_small(value)}
    asked = [
        node.inputs[place]
        for node in graph.walk()
        if node.op in ("If", "Loop") and not node.domain
        for place in range(1 if node.op == "If" else 2)
        if place < len(node.inputs)
    ]
    needed = frozenset(small & needed_numbers(graph))
    choosing = frozenset(small & needed_numbers(graph, asked)) - needed
    return Deciding(needed, choosing)


def _is_small(value: Value) -> bool:
    shape = value.shape
    if value.kind != "tensor" or value.dtype in (None, "string") or shape is None or len(shape) > 1:
        return False
    known = [n for n in shape if isinstance(n, int)]
    return math.prod(known) <= MOST_NUMBERS


class FixedCall(NamedTuple):
    """A call of a model with some inputs as numbers of the host; equal where these are.

    Attributes:
        numbers: (name, dtype, shape, bytes) of each.
    """

    numbers: tuple[tuple[str, str, tuple[int, ...], bytes], ...]

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> FixedCall:
        """Returns the call for arrays by name."""
        return cls(
            tuple((n, x.dtype.name, x.shape, x.tobytes()) for n, x in sorted(arrays.items()))
        )

    def __call__(self, model: Any, inputs: Mapping[str, Any]) -> Any:
        """Calls a model with these numbers and other inputs by name."""
        fixed = {
            name: np.frombuffer(raw, numpy_dtype(dtype)).reshape(shape)
            for name, dtype, shape, raw in self.numbers
        }
        return model.call_fixed(inputs, fixed)


def call_for_numbers(model: Any, args: tuple) -> tuple[FixedCall | None, tuple]:
    """Returns what is compiled for the numbers of the inputs that decide, and its arguments.

    That is None, and the arguments as they are, where no input of the model decides.

    Args:
        model: an `ImportedModel`.
        args: arguments of its call.

    Raises:
        GraphError: inputs that the graph does not have, or that do not fit it.
    """
    cache = model._cache
    deciding = cache.get("deciding")
    if deciding is None:
        deciding = cache["deciding"] = deciding_inputs(model.graph)
    if not any(deciding):
        return None, args
    given = model.by_name(args[0], args[1:])
    fixed = {
        value.name: _numbers(model, value, given[value.name])
        for value in model.graph.inputs
        if value.name in deciding.needed | deciding.choosing and _is_known(given.get(value.name))
    }
    call, kept = FixedCall.of(fixed), cache.setdefault("fixed calls", {})
    if call not in kept and len(kept) >= MOST_PROGRAMS:
        call = FixedCall.of({n: x for n, x in fixed.items() if n in deciding.needed})
    if not call.numbers:
        return None, args
    kept[call] = kept.pop(call, None)  # the one that was used last stands last
    while len(kept) > 2 * MOST_PROGRAMS:
        oldest = next(iter(kept))
        del kept[oldest]
        for key in [key for key in cache if isinstance(key, tuple) and oldest in key]:
            del cache[key]
    return call, ({name: x for name, x in given.items() if name not in fixed_names(call)},)


def fixed_names(call: FixedCall) -> set[str]:
    """Returns the names of the inputs whose numbers a call has."""
    return {name for name, *_ in call.numbers}


def _is_known(x: Any) -> bool:
    """Whether an input is of few numbers, which are known now."""
    if x is None or isinstance(x, str | bytes) or math.prod(np.shape(x)) > MOST_NUMBERS:
        return False
    backend = backends.owner_of(x) if hasattr(x, "shape") else None
    return backend is None or isinstance(backend, backends.Kind) or not backend.is_tracing(x)


def _numbers(model: Any, value: Value, x: Any) -> np.ndarray:
    """An input as an array of the host, in the dtype of the graph."""
    with entered(backend=model._backend):
        x = x if hasattr(x, "shape") else np.asarray(x)
        return np.asarray(convert_to_numpy(fitting(model, value, x, model._dtypes())))
