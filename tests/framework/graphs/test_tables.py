"""Operators of ai.onnx.ml on tables: trees, scores and what prepares them, against onnxruntime."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

import isozoo
from isozoo.framework.graphs import GraphError
from isozoo.ops import convert_to_numpy

from .onnx_nets import expected, model, value

ROWS, COLUMNS = 7, 4


def trees(count, classes, seed, kind, positive=False):
    """Attributes of random trees with two levels, of which the first is a leaf alone."""
    draw = np.random.default_rng(seed)
    names = "treeids nodeids featureids values modes truenodeids falsenodeids".split()
    held = {f"nodes_{name}": [] for name in names}
    held["nodes_missing_value_tracks_true"] = []
    leaves = {f"{kind}_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree in range(count):
        inner = 0 if not tree else 3
        for number in range(2 * inner + 1):
            branch = number < inner
            mode = draw.choice(["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"])
            row = [tree, number, int(draw.integers(COLUMNS)), float(draw.normal())]
            row += [str(mode) if branch else "LEAF"]
            row += [2 * number + 1, 2 * number + 2] if branch else [0, 0]
            for name, item in zip(names, row, strict=True):
                held[f"nodes_{name}"].append(item)
            held["nodes_missing_value_tracks_true"].append(int(draw.integers(2)))
            for label in range(classes) if not branch else ():
                weight = abs(float(draw.normal())) * 0.1 if positive else float(draw.normal())
                for name, item in zip(leaves, (tree, number, label, weight), strict=True):
                    leaves[name].append(item)
    return {**held, **leaves}


def net(op, attributes, outputs, dtype=TensorProto.FLOAT):
    """A file of one operator."""
    node = helper.make_node(op, ["x"], outputs, "table", domain="ai.onnx.ml", **attributes)
    whole = {"label": TensorProto.INT64}
    values = [value(name, None, whole.get(name, TensorProto.FLOAT)) for name in outputs]
    opsets = [helper.make_opsetid("ai.onnx.ml", 3)]
    return model([node], [value("x", [None, COLUMNS], dtype)], values, opsets=opsets)


LABELS = {"classlabels_int64s": [3, 5, 9]}
TWO = {"classlabels_int64s": [0, 7]}
BOTH = ["label", "scores"]
CASES = {
    "regressor": ("TreeEnsembleRegressor", {**trees(3, 2, 0, "target"), "n_targets": 2}, ["y"]),
    "smallest": (
        *("TreeEnsembleRegressor",),
        {**trees(4, 1, 1, "target"), "n_targets": 1, "aggregate_function": "MIN"},
        ["y"],
    ),
    "mean": (
        *("TreeEnsembleRegressor",),
        {**trees(4, 1, 2, "target"), "n_targets": 1, "aggregate_function": "AVERAGE"},
        ["y"],
    ),
    "classifier": (
        *("TreeEnsembleClassifier",),
        {**trees(5, 3, 3, "class"), **LABELS, "post_transform": "SOFTMAX"},
        BOTH,
    ),
    "two classes": (
        *("TreeEnsembleClassifier",),
        {**trees(4, 1, 4, "class"), **TWO, "post_transform": "LOGISTIC", "base_values": [0.2]},
        BOTH,
    ),
    "two classes, probabilities": (
        *("TreeEnsembleClassifier",),
        {**trees(6, 1, 5, "class", True), **TWO},
        BOTH,
    ),
    "linear": (
        *("LinearClassifier",),
        {
            "classlabels_ints": [3, 5, 9],
            "coefficients": np.linspace(-1, 1, 12).tolist(),
            "intercepts": [0.1, 0.2, -0.3],
            "post_transform": "SOFTMAX",
            "multi_class": 1,
        },
        BOTH,
    ),
    "linear, two classes": (
        *("LinearClassifier",),
        {
            "classlabels_ints": [0, 7],
            "coefficients": [1.0, -0.5, 0.3, 0.2],
            "intercepts": [0.1],
            "post_transform": "LOGISTIC",
        },
        BOTH,
    ),
    "linear regression": (
        *("LinearRegressor",),
        {"coefficients": np.linspace(-1, 1, 8).tolist(), "intercepts": [1.0, 2.0], "targets": 2},
        ["y"],
    ),
    "scaler": ("Scaler", {"offset": [1.0, 2.0, 0.0, -1.0], "scale": [0.5] * 4}, ["y"]),
    "normalizer": ("Normalizer", {"norm": "L2"}, ["y"]),
    "imputer": (
        *("Imputer", {"imputed_value_floats": [9.0, 8.0, 7.0, 6.0]}),
        ["y"],
    ),
}
CASES["imputer"][1]["replaced_value_float"] = float("nan")


@pytest.mark.parametrize("name", CASES)
def test_tables_are_read_as_onnxruntime_does(backend, name):
    op, attributes, outputs = CASES[name]
    proto = net(op, attributes, outputs)
    x = np.random.default_rng(1).standard_normal((ROWS, COLUMNS)).astype(np.float32)
    if "Tree" in op or op == "Imputer":
        x[1, 2] = x[4, 0] = np.nan
    wanted = expected(proto, {"x": x})
    found = isozoo.from_onnx(proto.SerializeToString())(x)
    found = found if isinstance(found, dict) else {outputs[0]: found}
    for key, y in wanted.items():
        mine = convert_to_numpy(found[key])
        assert mine.dtype == y.dtype and mine.shape == y.shape, key
        assert np.abs(mine - y).max() <= 20 * 2.0**-24 * max(np.abs(y).max(), 1), key


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"nodes_truenodeids": [99] * 7}, "'table': its nodes refer to others"),
        ({"nodes_truenodeids": [0] * 7, "nodes_falsenodeids": [0] * 7}, "'table': .* in a circle"),
        ({"nodes_values": [1.0]}, "'table': it has 1 values for 7 nodes"),
        ({"nodes_modes": ["LEAF"] * 6 + ["EVIL"]}, "'table': .* unknown name"),
        ({"target_ids": [1 << 40] * 4}, "'table': its nodes refer to others"),
        ({"n_targets": 1 << 40}, "'table': it would make a tensor"),
    ],
)
def test_trees_that_do_not_stand_are_refused(change, said):
    whole = trees(2, 1, 0, "target")
    one = {
        key: [
            x for x, tree in zip(values, whole[f"{key.split('_')[0]}_treeids"], strict=True) if tree
        ]
        for key, values in whole.items()
    }
    proto = net("TreeEnsembleRegressor", {**one, "n_targets": 1, **change}, ["y"])
    with pytest.raises(GraphError, match=said):
        isozoo.from_onnx(proto.SerializeToString(), "numpy")(np.zeros((1, COLUMNS), np.float32))
