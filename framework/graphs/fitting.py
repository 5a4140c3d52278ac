"""Inputs of a call against what a graph says of them: their kinds, shapes and dtypes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from .. import dtypes
from ..backends import registry as backends
from ..ops import cast
from .calls import shape_of
from .errors import GraphError
from .ir import Value
from .narrow import from_carrier, is_narrow


def names_of(values: list[Value]) -> str:
    """Returns the names of inputs, for messages."""
    return ", ".join(repr(value.name) for value in values) or "none"


def fitting(model: Any, value: Value, x: Any, kinds: Mapping[str, str]) -> Any:
    """Returns an input in the dtype of the graph.

    Args:
        model: the `ImportedModel` that is called.
        value: what the graph says of the input.
        x: what is given; None for one that is left out.
        kinds: dtype in the graph -> dtype in which the model computes it, where they differ.

    Raises:
        GraphError: it is of another shape or dtype.
    """
    if x is None:
        return None
    if isinstance(x, list | tuple) and value.kind != "tensor":
        return [fitting(model, Value(value.name, value.dtype), part, kinds) for part in x]
    if value.dtype == "string" or not hasattr(x, "shape"):
        if value.dtype not in ("string", None) and isinstance(x, str | bytes | os.PathLike):
            raise GraphError(
                f"{model.name}: the input {value.name!r} is {x!r:.80}; a tensor of {value.dtype} "
                "is expected"
            )
        return x
    backend = model._backend
    if isinstance(backends.owner_of(x), backends.Kind):
        x = backend.asarray(np.asarray(x))
    sizes = shape_of(x)
    if value.shape is not None and value.kind == "tensor" and value.shape:
        wrong = len(sizes) != len(value.shape) or any(
            isinstance(n, int) and isinstance(m, int) and n != m
            for n, m in zip(sizes, value.shape, strict=True)
        )
        if wrong:
            shown = ", ".join("?" if n is None else str(n) for n in value.shape)
            got = ", ".join(str(n) if isinstance(n, int) else "?" for n in sizes)
            raise GraphError(
                f"{model.name}: the input {value.name!r} has the shape ({got}); ({shown}) is "
                "expected"
            )
    if value.dtype is None:
        return x
    if is_narrow(value.dtype):
        return from_carrier(x, value.dtype)
    have, want = backend.dtype(x), kinds.get(value.dtype, value.dtype)
    if have == want:
        return x
    groups = [group for group in (dtypes.FLOATS, dtypes.INTEGERS) if want in group]
    if not groups or have not in groups[0]:
        raise GraphError(
            f"{model.name}: the input {value.name!r} is of {have}; {value.dtype} is expected"
        )
    return cast(x, want)
