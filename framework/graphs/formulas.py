"""Sizes that are symbolic while a program is traced, and how a graph computes with them.

jax.export, torch.export and tf.function may leave sizes of inputs open. Such a size is an object
with the operators of numbers, and an array of them is a NumPy array of objects: it is sliced,
joined, added and multiplied as numbers are, so that what a graph computes of its sizes stays a
formula that the framework takes as a size again.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np

from ..ops import convert_to_tensor
from ..ops import stack as stacked
from .calls import Call


def sizes_array(sizes: Any) -> np.ndarray:
    """Returns sizes as an int64 array; as one of objects, where one of them is symbolic."""
    sizes = list(sizes)
    if all(isinstance(n, int | np.integer) for n in sizes):
        return np.array(sizes, np.int64).reshape(len(sizes))
    made = np.empty(len(sizes), object)
    for place, n in enumerate(sizes):
        made[place] = int(n) if isinstance(n, np.integer) else n
    return made


def is_formula(x: Any) -> bool:
    """Tells whether `x` is an array of symbolic sizes."""
    return isinstance(x, np.ndarray) and x.dtype == object


def as_tensor(x: np.ndarray) -> Any:
    """Returns formulas as a native int64 tensor."""
    parts = [convert_to_tensor(n, "int64") for n in x.reshape(-1)]
    whole = stacked(parts) if parts else convert_to_tensor(np.zeros(0, np.int64))
    return whole if x.ndim == 1 else whole.reshape(x.shape)


def _elementwise(function: Callable[..., Any]) -> Callable[..., np.ndarray]:
    def compute(call: Call, *xs: Any) -> np.ndarray:
        arrays = np.broadcast_arrays(*(np.asarray(x, object) for x in xs))
        lists = (x.reshape(-1) for x in arrays)
        found = [function(*parts) for parts in zip(*lists, strict=True)]
        return _settled(_of_items(found, arrays[0].shape))

    return compute


def _of_items(items: Any, shape: Any) -> np.ndarray:
    """Formulas in a shape. One by one, since NumPy asks a symbol that it is given as a whole for
    its numbers."""
    made = np.empty(len(items), object)
    for place, item in enumerate(items):
        made[place] = item
    return made.reshape(shape)


def _settled(x: np.ndarray) -> np.ndarray:
    """Formulas that all are numbers after all, as an array of numbers."""
    if all(isinstance(n, int | np.integer) for n in x.reshape(-1)):
        return x.astype(np.int64)
    return x


def _divided(a: Any, b: Any) -> Any:
    return a // b  # sizes are not negative


def _cast(call: Call, x: np.ndarray, *rest: Any) -> Any:
    return x if call.get("to") in ("int64", "int32") else NotImplemented


def _gathered(call: Call, x: np.ndarray, indices: Any) -> Any:
    axis = call.get("axis", 0)
    places = np.asarray(indices, np.int64)
    found = np.take(x, places.reshape(-1), axis)
    axis %= x.ndim
    return _settled(found.reshape((*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])))


def _concatenated(call: Call, *xs: Any) -> np.ndarray:
    return _settled(np.concatenate([np.asarray(x, object) for x in xs], call.get("axis", 0)))


def _sliced(call: Call, x: np.ndarray, *rest: Any) -> Any:
    if any(is_formula(r) for r in rest) or x.ndim != 1:
        return NotImplemented
    starts = call.get("starts") if not rest else rest[0].tolist()
    ends = call.get("ends") if len(rest) < 2 else rest[1].tolist()
    step = int(rest[3][0]) if len(rest) > 3 and rest[3] is not None else 1
    return _settled(x[slice(starts[0], ends[0], step)])


def _reshaped(call: Call, x: np.ndarray, shape: Any) -> Any:
    return NotImplemented if is_formula(shape) else x.reshape(shape)


def _squeezed(call: Call, x: np.ndarray, *rest: Any) -> np.ndarray:
    return x.reshape(()) if x.size == 1 and x.ndim == 1 else x


def _unsqueezed(call: Call, x: np.ndarray, *rest: Any) -> Any:
    return x.reshape(1) if x.ndim == 0 else NotImplemented


def _product(call: Call, x: np.ndarray, *rest: Any) -> Any:
    if x.ndim != 1:
        return NotImplemented
    whole = reduce(operator.mul, x.tolist(), 1)
    return _settled(_of_items([whole], (1,) if call.get("keepdims", 1) else ()))


def _same(call: Call, x: np.ndarray) -> np.ndarray:
    return x


# Operator -> what it does with arrays of formulas and numbers; NotImplemented where it cannot.
TABLE: dict[str, Callable[..., Any]] = {
    "Add": _elementwise(operator.add),
    "Sub": _elementwise(operator.sub),
    "Mul": _elementwise(operator.mul),
    "Div": _elementwise(_divided),
    "Mod": _elementwise(operator.mod),
    "Neg": _elementwise(operator.neg),
    "Cast": _cast,
    "Concat": _concatenated,
    "Gather": _gathered,
    "Identity": _same,
    "ReduceProd": _product,
    "Reshape": _reshaped,
    "Slice": _sliced,
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
}


def computed(call: Call, inputs: list[Any]) -> Any:
    """Returns what an operator makes of formulas; NotImplemented where only tensors can tell."""
    function = TABLE.get(call.node.op) if not call.node.domain else None
    known = all(x is None or isinstance(x, np.ndarray) for x in inputs)
    if function is None or not known:
        return NotImplemented
    while inputs and inputs[-1] is None:
        inputs = inputs[:-1]
    return function(call, *inputs)
