"""Operators of the domain ai.onnx.ml: tables of labels, thresholds.

Definition: github.com/onnx/onnx, docs/Operators-ml.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ..calls import Call, dtype_of, shape_of
from ..ir import TEXT
from ..registry import rule

_DOMAIN = "ai.onnx.ml"


@rule("ArrayFeatureExtractor", domain=_DOMAIN)
def _array_feature_extractor(call: Call, x: Any, places: Any) -> Any:
    found = ops.take(x, ops.reshape(places, (-1,)), -1)
    return ops.reshape(found, (1, -1)) if len(shape_of(x)) == 1 else found


@rule("Binarizer", domain=_DOMAIN)
def _binarizer(call: Call, x: Any) -> Any:
    return ops.cast(ops.greater(x, call.get("threshold", 0.0)), dtype_of(x))


@rule("LabelEncoder", domain=_DOMAIN, absorbs=True)
def _label_encoder(call: Call, x: Any) -> Any:
    """What a table has for each element; a default for those that it has not."""
    keys, values, default = _table(call)
    if dtype_of(x) == TEXT or values.dtype.kind in "U":
        known = dict(zip(keys.tolist(), values.tolist(), strict=True))
        array = call.numbers(x, "what is looked up")
        found = [known.get(v, default) for v in array.reshape(-1).tolist()]
        return np.array(found, values.dtype if values.size else None).reshape(array.shape)
    if not keys.size:
        return ops.full(shape_of(x), default, values.dtype.name)
    equal = ops.equal(ops.expand_dims(x, -1), keys.astype(dtype_of(x)))
    if keys.dtype.kind == "f" and np.isnan(keys).any():
        both = ops.logical_and(ops.isnan(ops.expand_dims(x, -1)), np.isnan(keys))
        equal = ops.logical_or(equal, both)
    place = ops.argmax(ops.cast(equal, "int32"), -1)
    return ops.where(
        ops.any(equal, -1), ops.take(values, place, 0), np.asarray(default, values.dtype)
    )


def _table(call: Call) -> tuple[np.ndarray, np.ndarray, Any]:
    sides = []
    for side in ("keys", "values"):
        for kind, dtype in (("floats", np.float32), ("int64s", np.int64), ("strings", np.str_)):
            if (given := call.get(f"{side}_{kind}")) is not None:
                sides.append((np.array(given, dtype), kind))
                break
        else:
            given = call.get(f"{side}_tensor")
            if given is None:
                raise call.wrong(f"it has no {side}")
            sides.append((np.asarray(given), "tensor"))
    (keys, _), (values, kind) = sides
    if kind == "tensor":
        default = call.get("default_tensor")
        default = np.zeros((), values.dtype)[()] if default is None else np.asarray(default).item()
    else:
        name = {"floats": "default_float", "int64s": "default_int64", "strings": "default_string"}
        fallback: dict[str, Any] = {"floats": -0.0, "int64s": -1, "strings": "_Unused"}
        default = call.get(name[kind], fallback[kind])
    return keys.reshape(-1), values.reshape(-1), default
