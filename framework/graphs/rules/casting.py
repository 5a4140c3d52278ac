"""ONNX's casts.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import dtypes, ops
from ..calls import Call, Narrow, dtype_of
from ..ir import TEXT
from ..narrow import is_narrow, narrowed, plain
from ..registry import rule


@rule("Cast", absorbs=True)
def _cast(call: Call, x: Any) -> Any:
    return cast_to(call, x, call.get("to"))


@rule("CastLike", absorbs=True)
def _cast_like(call: Call, x: Any, like: Any) -> Any:
    return cast_to(call, x, dtype_of(like))


def cast_to(call: Call, x: Any, wanted: str) -> Any:
    """Returns a value in the dtype `wanted` of the graph.

    Texts are read as numbers, and numbers written as texts; floats become integers by cutting off
    their fraction, and integers that are too long lose their upper bits.
    """
    have = dtype_of(x)
    if have == wanted:
        return x
    if have == TEXT:
        return _from_text(call, x, wanted)
    if wanted == TEXT:
        return _as_text(call.numbers(x, "what is written as text"))
    x = plain(x)
    if is_narrow(wanted):
        return narrowed(x, wanted, bool(call.get("saturate", 1)), call.get("round_mode", "up"))
    return ops.cast(x, call.dtype(wanted))


_SPECIAL = {"inf": "INF", "-inf": "-INF", "nan": "NaN"}


def _as_text(x: np.ndarray) -> np.ndarray:
    """Numbers as texts: floats by the fewest digits that tell them."""
    wide = x.astype(np.float32) if x.dtype.name == "bfloat16" else x
    items = [str(v) for v in wide.reshape(-1)]
    if x.dtype.kind == "f" or x.dtype.name == "bfloat16":
        items = [_SPECIAL.get(v, v) for v in items]
    return np.array(items, np.str_).reshape(x.shape)


def _from_text(call: Call, x: np.ndarray, wanted: str) -> Any:
    try:
        if wanted in dtypes.INTEGERS:
            found = np.array([int(v) for v in x.reshape(-1)], wanted)
        else:
            found = np.array([float(v) for v in x.reshape(-1)], np.float64)
    except (ValueError, OverflowError) as error:
        raise call.wrong(f"a text is no {wanted}: {error}") from error
    found = found.reshape(x.shape)
    if is_narrow(wanted):
        return narrowed(found, wanted)
    return ops.cast(found, call.dtype(wanted))


@rule("BitCast", absorbs=True)
def _bitcast(call: Call, x: Any) -> Any:
    wanted, have = call.get("to"), dtype_of(x)
    if isinstance(x, Narrow) or is_narrow(wanted):
        bits = {"int4": "uint4", "uint4": "int4", "int2": "uint2", "uint2": "int2"}
        if bits.get(have) != wanted:
            raise call.wrong(f"the bits of {have} are not read as {wanted} here")
        return narrowed(plain(x), wanted)
    if "bool" in (have, wanted):
        whole = ops.cast(x, "uint8") if have == "bool" else ops.view(x, "uint8")
        return ops.cast(whole, "bool") if wanted == "bool" else ops.view(whole, wanted)
    if dtypes.ITEMSIZES[have] != dtypes.ITEMSIZES[wanted]:
        raise call.wrong(f"an element of {have} has not as many bits as one of {wanted}")
    if isinstance(x, np.ndarray) and x.ndim == 0:  # NumPy gives a view of a scalar an axis
        return ops.reshape(ops.view(x, wanted), ())
    return ops.view(x, wanted)
