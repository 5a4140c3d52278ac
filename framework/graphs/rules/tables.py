"""Operators of the domain ai.onnx.ml: tables of labels, thresholds, trees.

Definition: github.com/onnx/onnx, docs/Operators-ml.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ..calls import Call, dtype_of, shape_of
from ..errors import GraphError
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


_LESS_EQUAL, _LESS, _GREATER_EQUAL, _GREATER, _EQUAL, _UNEQUAL, _MEMBER = range(7)


@rule("TreeEnsemble", domain=_DOMAIN)
def _tree_ensemble(call: Call, x: Any) -> Any:
    """(batch, targets): the leaves that rows reach in all trees, joined for each target."""
    features = np.array(call.get("nodes_featureids"), np.int32)
    modes = np.asarray(call.get("nodes_modes")).astype(np.int32)
    splits = np.asarray(call.get("nodes_splits"), np.float64)
    missing = np.array(call.get("nodes_missing_value_tracks_true") or [0] * len(modes), bool)
    count = len(modes)
    # A leaf is a number from `count` on.
    after = []
    for side in ("true", "false"):
        ids = np.array(call.get(f"nodes_{side}nodeids"), np.int64)
        leaves = np.array(call.get(f"nodes_{side}leafs"), bool)
        after.append(np.where(leaves, ids + count, ids))
    yes, no = after
    roots = np.array(call.get("tree_roots"), np.int64)
    weights = np.asarray(call.get("leaf_weights"))
    targets = np.array(call.get("leaf_targetids"), np.int64)
    same = (yes[roots] == no[roots]) & (yes[roots] >= count)
    batch, dtype = shape_of(x)[0], dtype_of(x)
    at = ops.broadcast_to(np.where(same, yes[roots], roots)[None], (batch, len(roots)))
    for _ in range(_depth(call, roots, yes, no, count)):
        node = ops.minimum(at, count - 1)
        value = ops.take_along_axis(x, ops.take(features, node, 0), 1)
        right = _compared(call, node, value, ops.cast(ops.take(splits, node, 0), dtype), modes)
        unknown = ops.logical_and(ops.isnan(value), ops.take(missing, node, 0))
        way = ops.where(
            ops.logical_or(right, unknown), ops.take(yes, node, 0), ops.take(no, node, 0)
        )
        at = ops.where(ops.less(at, count), way, at)
    leaf = ops.subtract(at, count)
    total = call.get("n_targets")
    held = ops.equal(ops.expand_dims(ops.take(targets, leaf, 0), -1), np.arange(total))
    value = ops.expand_dims(ops.cast(ops.take(weights, leaf, 0), dtype), -1)
    how = call.get("aggregate_function", 1)
    if how in (0, 1):  # the mean over all trees, the sum
        joined = ops.sum(ops.where(held, value, ops.zeros_like(value)), 1)
        return joined if how == 1 else ops.divide(joined, len(roots))
    if how not in (2, 3):
        raise call.wrong(f"the function {how!r} that joins leaves is not known")
    empty = float(np.finfo(dtype).max) * (1 if how == 2 else -1)
    found = ops.where(held, value, ops.cast(empty, dtype))
    return (ops.min if how == 2 else ops.max)(found, 1)


def _depth(call: Call, roots: Any, yes: Any, no: Any, count: int) -> int:
    """The most steps from a root to a leaf. GraphError for nodes in a circle."""
    level, steps = {int(n) for n in roots}, 0
    while level:
        steps += 1
        if steps > count + 1 or any(not 0 <= n < count for n in level):
            raise GraphError(f"{call.node.title}: its nodes stand in a circle, or are not there")
        level = {int(n) for node in level for n in (yes[node], no[node]) if n < count}
    return steps


def _compared(call: Call, node: Any, value: Any, split: Any, modes: np.ndarray) -> Any:
    mode = ops.take(modes, node, 0)
    tests = {
        _LESS_EQUAL: ops.less_equal,
        _LESS: ops.less,
        _GREATER_EQUAL: ops.greater_equal,
        _GREATER: ops.greater,
        _EQUAL: ops.equal,
        _UNEQUAL: ops.not_equal,
    }
    found: Any = None
    for number in sorted({int(m) for m in modes}):
        if number == _MEMBER:
            this = _member(call, node, value, modes)
        else:
            this = tests[number](value, split)
        found = this if found is None else ops.where(ops.equal(mode, number), this, found)
    return found


def _member(call: Call, node: Any, value: Any, modes: np.ndarray) -> Any:
    """Whether values are among the members of a node's set."""
    sets: list[list[float]] = [[]]
    for member in np.asarray(call.get("membership_values"), np.float64).reshape(-1).tolist():
        if math.isnan(member):
            sets.append([])
        else:
            sets[-1].append(member)
    places = np.flatnonzero(modes == _MEMBER)
    width = max(len(one) for one in sets)
    table = np.full((len(modes), max(width, 1)), np.nan)
    for place, one in zip(places, sets, strict=False):
        table[place, : len(one)] = one
    rows = ops.cast(ops.take(table, node, 0), dtype_of(value))
    return ops.any(ops.equal(ops.expand_dims(value, -1), rows), -1)
