"""Ensembles of trees, in the two forms that ONNX has for them.

Definition: github.com/onnx/onnx, docs/Operators-ml.md. Each step of all rows down all trees at once
is a lookup; a row that has reached a leaf stays there.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from ... import ops
from ..calls import Call, dtype_of, shape_of
from ..errors import GraphError
from ..registry import rule
from .scores import labels_of, transformed

_DOMAIN = "ai.onnx.ml"
_LESS_EQUAL, _LESS, _GREATER_EQUAL, _GREATER, _EQUAL, _UNEQUAL, _MEMBER = range(7)
_MODES = {
    "BRANCH_LEQ": _LESS_EQUAL,
    "BRANCH_LT": _LESS,
    "BRANCH_GTE": _GREATER_EQUAL,
    "BRANCH_GT": _GREATER,
    "BRANCH_EQ": _EQUAL,
    "BRANCH_NEQ": _UNEQUAL,
}


class _Forest(NamedTuple):
    """Trees side by side: nodes by number, and leaves behind them, from `len(modes)` on.

    Attributes:
        features: of each node the column that it asks for.
        modes: how it compares.
        splits: with what.
        missing: whether NaN goes the way of what holds.
        yes: the node or leaf where that leads.
        no: the other one.
        roots: of each tree the first node, or its only leaf.
        sets: for nodes that ask for members of sets, those.
    """

    features: np.ndarray
    modes: np.ndarray
    splits: np.ndarray
    missing: np.ndarray
    yes: np.ndarray
    no: np.ndarray
    roots: np.ndarray
    sets: np.ndarray


def _leaves(x: Any, forest: _Forest, depth: int) -> Any:
    """(rows, trees): the number of the leaf that each row of x (rows, columns) reaches in as many
    steps as `depth`."""
    count, dtype = len(forest.modes), dtype_of(x)
    at = ops.broadcast_to(forest.roots[None], (shape_of(x)[0], len(forest.roots)))
    for _ in range(depth):
        node = ops.minimum(at, count - 1)
        value = ops.take_along_axis(x, ops.take(forest.features, node, 0), 1)
        split = ops.cast(ops.take(forest.splits, node, 0), dtype)
        right = _compared(forest, node, value, split)
        unknown = ops.logical_and(ops.isnan(value), ops.take(forest.missing, node, 0))
        way = ops.where(
            ops.logical_or(right, unknown),
            ops.take(forest.yes, node, 0),
            ops.take(forest.no, node, 0),
        )
        at = ops.where(ops.less(at, count), way, at)
    return ops.subtract(at, count)


def _depth(call: Call, forest: _Forest) -> int:
    """The most steps from a root to a leaf. GraphError for nodes in a circle."""
    count, steps = len(forest.modes), 0
    level = np.unique(forest.roots[forest.roots < count])
    while level.size:
        steps += 1
        if steps > count + 1 or level.min() < 0:
            raise GraphError(f"{call.node.title}: its nodes stand in a circle, or are not there")
        level = np.unique(np.concatenate([forest.yes[level], forest.no[level]]))
        level = level[level < count]
    return steps


def _compared(forest: _Forest, node: Any, value: Any, split: Any) -> Any:
    mode = ops.take(forest.modes, node, 0)
    tests = {
        _LESS_EQUAL: ops.less_equal,
        _LESS: ops.less,
        _GREATER_EQUAL: ops.greater_equal,
        _GREATER: ops.greater,
        _EQUAL: ops.equal,
        _UNEQUAL: ops.not_equal,
    }
    found: Any = None
    for number in np.unique(forest.modes).tolist():
        if number == _MEMBER:
            rows = ops.cast(ops.take(forest.sets, node, 0), dtype_of(value))
            this = ops.any(ops.equal(ops.expand_dims(value, -1), rows), -1)
        else:
            this = tests[number](value, split)
        found = this if found is None else ops.where(ops.equal(mode, number), this, found)
    return found


def _list(call: Call, name: str, dtype: Any, count: int | None = None) -> np.ndarray:
    """A list among the attributes, of `count` numbers if that is known."""
    given = call.get(name)
    found = np.array(() if given is None else given, dtype)
    if count is not None and found.shape != (count,):
        raise call.wrong(f"its attribute {name!r} has {found.size} numbers; {count} are expected")
    return found


def _flags(call: Call, name: str, count: int) -> np.ndarray:
    """A list of flags that may be left out."""
    given = call.get(name)
    absent = given is None or not len(given)
    return np.zeros(count, bool) if absent else _list(call, name, bool, count)


def _found(call: Call, places: np.ndarray, count: int) -> np.ndarray:
    """Numbers of nodes or leaves, checked."""
    if places.size and not 0 <= places.min() <= places.max() < count:
        raise call.wrong("its nodes refer to others that are not there")
    return places


# The form of version 5: one table for all trees ---------------------------------------------------


@rule("TreeEnsemble", domain=_DOMAIN)
def _tree_ensemble(call: Call, x: Any) -> Any:
    """(batch, targets): the leaves that rows reach in all trees, joined for each target."""
    modes = np.asarray(call.get("nodes_modes")).astype(np.int32)
    count = len(modes)
    # A leaf is a number from `count` on.
    after = []
    for side in ("true", "false"):
        ids = _list(call, f"nodes_{side}nodeids", np.int64, count)
        leaves = _list(call, f"nodes_{side}leafs", bool, count)
        after.append(np.where(leaves, ids + count, ids))
    yes, no = after
    roots = _found(call, _list(call, "tree_roots", np.int64), count)
    same = (yes[roots] == no[roots]) & (yes[roots] >= count)
    tracks = "nodes_missing_value_tracks_true"
    forest = _Forest(
        _list(call, "nodes_featureids", np.int32, count),
        modes,
        np.asarray(call.get("nodes_splits"), np.float64),
        _flags(call, tracks, count),
        *(yes, no, np.where(same, yes[roots], roots)),
        _members(call, modes),
    )
    weights = np.asarray(call.get("leaf_weights"))
    targets = _list(call, "leaf_targetids", np.int64, len(weights))
    leaf, dtype, total = (
        _leaves(x, forest, _depth(call, forest)),
        dtype_of(x),
        call.get("n_targets"),
    )
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


def _members(call: Call, modes: np.ndarray) -> np.ndarray:
    """Of each node the members of its set, with NaN behind them."""
    if not (modes == _MEMBER).any():
        return np.zeros((len(modes), 1))
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
    return table


# The form before: nodes named by tree and number -------------------------------------------------


class _Named(NamedTuple):
    """A forest, and (leaves, targets) of what each leaf gives to each target."""

    forest: _Forest
    depth: int
    weights: np.ndarray
    given: np.ndarray  # (leaves, targets): whether it gives anything


def _named(call: Call, kind: str, targets: int) -> _Named:
    """The trees of a node, which its model keeps."""
    if call.run.model is None:
        return _arranged(call, kind, targets)
    kept = call.run.model._cache.setdefault("forests", {})
    name = call.node.outputs[0]
    if name not in kept:
        kept[name] = _arranged(call, kind, targets)
    return kept[name]


def _arranged(call: Call, kind: str, targets: int) -> _Named:
    """The trees of a node; `kind` is the prefix of the attributes that describe the leaves."""
    trees = _list(call, "nodes_treeids", np.int64)
    count = len(trees)
    ids = _list(call, "nodes_nodeids", np.int64, count)
    names = call.get("nodes_modes") or []
    if len(names) != count or not set(names) <= {*_MODES, "LEAF"}:
        raise call.wrong("its attribute 'nodes_modes' has another length, or an unknown name")
    inner = np.array([name != "LEAF" for name in names], bool)
    # Each node's place among the inner ones, each leaf's behind them.
    place = np.where(inner, np.cumsum(inner) - 1, inner.sum() + np.cumsum(~inner) - 1)
    order = np.lexsort((ids, trees))
    keys = np.stack([trees[order], ids[order]], 1)

    def at(tree: np.ndarray, number: np.ndarray) -> np.ndarray:
        """The places of nodes by tree and number."""
        low = np.searchsorted(_joined(keys), _joined(np.stack([tree, number], 1)))
        low = np.minimum(low, count - 1)
        if not (keys[low] == np.stack([tree, number], 1)).all():
            raise call.wrong("its nodes refer to others that are not there")
        return place[order[low]]

    ways = []
    for side in ("true", "false"):
        numbers = _list(call, f"nodes_{side}nodeids", np.int64, count)
        ways.append(at(trees[inner], numbers[inner]))
    values = call.get("nodes_values_as_tensor")
    values = call.get("nodes_values") if values is None else values
    splits = np.asarray(values, np.float64).reshape(-1)
    if splits.shape != (count,):
        raise call.wrong(f"it has {splits.size} values for {count} nodes")
    tracks = "nodes_missing_value_tracks_true"
    missing = _flags(call, tracks, count)
    features = _list(call, "nodes_featureids", np.int32, count)
    _, first = np.unique(trees, return_index=True)  # a tree begins with its root
    modes = np.array([_MODES.get(name, 0) for name in names], np.int32)
    forest = _Forest(
        features[inner],
        modes[inner],
        splits[inner],
        missing[inner],
        ways[0],
        ways[1],
        place[np.sort(first)],
        np.zeros((int(inner.sum()), 1)),
    )
    weights, given = _weights(call, kind, targets, at, int(inner.sum()), int((~inner).sum()))
    forest = _without_none(forest)
    return _Named(forest, _depth(call, forest), weights, given)


def _joined(pairs: np.ndarray) -> np.ndarray:
    """Pairs of numbers in one that is ordered as they are."""
    return pairs[:, 0] * (1 << 32) + pairs[:, 1]


def _without_none(forest: _Forest) -> _Forest:
    """With a node that nobody asks where all trees are leaves alone."""
    if len(forest.modes):
        return forest
    one = np.zeros(1, np.int64)
    leaf = forest.roots + 1
    none = np.zeros(1, bool)
    return _Forest(one.astype(np.int32), one, one * 0.0, none, one + 1, one + 1, leaf, one[None])


def _weights(
    call: Call, kind: str, targets: int, at: Any, inner: int, leaves: int
) -> tuple[np.ndarray, np.ndarray]:
    trees = _list(call, f"{kind}_treeids", np.int64)
    numbers = _list(call, f"{kind}_nodeids", np.int64, len(trees))
    ids = _found(call, _list(call, f"{kind}_ids", np.int64, len(trees)), targets)
    values = call.get(f"{kind}_weights_as_tensor")
    values = call.get(f"{kind}_weights") if values is None else values
    values = np.asarray(values, np.float64).reshape(-1)
    if values.shape != trees.shape:
        raise call.wrong(f"it has {values.size} weights for {len(trees)} of its leaves")
    leaf = at(trees, numbers) - inner
    if leaf.size and leaf.min() < 0:
        raise call.wrong("a weight is one of a node that is no leaf")
    call.limit(leaves * targets)
    flat = leaf * targets + ids
    weights = np.bincount(flat, values, leaves * targets).reshape(leaves, targets)
    given = np.bincount(flat, None, leaves * targets).astype(bool).reshape(leaves, targets)
    doubles = call.get(f"{kind}_weights_as_tensor") is not None
    return (weights if doubles else weights.astype(np.float32)), given


def _summed(call: Call, x: Any, named: _Named, how: str) -> Any:
    """(rows, targets), float32 or x's float64: what the trees' leaves give, joined."""
    dtype = "float64" if dtype_of(x) == "float64" else "float32"
    x = x if dtype_of(x) in ("float32", "float64") else ops.cast(x, "float32")
    leaf = _leaves(x, named.forest, named.depth)
    value = ops.take(named.weights.astype(dtype), leaf, 0)
    if how in ("SUM", "AVERAGE"):
        total = ops.sum(value, 1)
        total = ops.divide(total, len(named.forest.roots)) if how == "AVERAGE" else total
    elif how in ("MIN", "MAX"):
        worst = math.inf if how == "MIN" else -math.inf
        value = ops.where(ops.take(named.given, leaf, 0), value, ops.cast(worst, dtype))
        total = (ops.min if how == "MIN" else ops.max)(value, 1)
    else:
        raise call.wrong(f"the function {how!r} that joins leaves is not known")
    base = call.get("base_values_as_tensor")
    base = call.get("base_values") if base is None else base
    if base is None or not len(base):
        return total
    return ops.add(total, np.asarray(base, dtype).reshape(-1))


@rule("TreeEnsembleRegressor", domain=_DOMAIN)
def _regressor(call: Call, x: Any) -> Any:
    targets = call.get("n_targets", 1)
    named = _named(call, "target", targets)
    total = _summed(call, x, named, call.get("aggregate_function", "SUM"))
    return ops.cast(transformed(call, total), "float32")


@rule("TreeEnsembleClassifier", domain=_DOMAIN)
def _classifier(call: Call, x: Any) -> Any:
    """(labels (rows,), scores (rows, classes))."""
    labels = labels_of(call)
    named = _named(call, "class", len(labels))
    total = _summed(call, x, named, "SUM")
    used = np.flatnonzero(named.given.any(0))
    if len(labels) != 2 or len(used) > 1:
        return labels.of(ops.argmax(total, -1)), ops.cast(transformed(call, total), "float32")
    # Two classes of which one alone has a score.
    score = ops.get_item(total, (slice(None), slice(int(used[0]), int(used[0]) + 1)))
    positive = bool((named.weights >= 0).all())
    second = ops.greater(score, 0.5 if positive else 0.0)
    how = call.get("post_transform", "NONE")
    if positive:
        scores = [ops.subtract(1.0, score), score]
    elif how == "LOGISTIC":
        scores = [ops.sigmoid(ops.negative(score)), ops.sigmoid(score)]
    else:
        scores = [ops.negative(score), score]
    label = labels.of(ops.cast(ops.squeeze(second, 1), "int64"))
    return label, ops.cast(ops.concatenate(scores, 1), "float32")
