"""What classifiers of tables give: scores, labels, and maps from labels to scores.

Definition: github.com/onnx/onnx, docs/Operators-ml.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ..calls import Call, dtype_of, shape_of
from ..registry import rule

_DOMAIN = "ai.onnx.ml"


def transformed(call: Call, scores: Any) -> Any:
    """Returns scores (rows, classes) as the attribute `post_transform` says."""
    how = call.get("post_transform", "NONE")
    if how == "NONE":
        return scores
    if how == "SOFTMAX":
        return ops.softmax(scores, -1)
    if how == "LOGISTIC":
        return ops.sigmoid(scores)
    if how == "SOFTMAX_ZERO":  # what is 0 stays so
        there = ops.not_equal(scores, 0)
        most = ops.max(scores, -1, keepdims=True)
        powers = ops.where(there, ops.exp(ops.subtract(scores, most)), ops.zeros_like(scores))
        return ops.divide(powers, ops.sum(powers, -1, keepdims=True))
    if how == "PROBIT":
        return ops.multiply(ops.erfinv(ops.subtract(ops.multiply(scores, 2.0), 1.0)), 2.0**0.5)
    raise call.wrong(f"the transformation {how!r} of scores is not known")


class Labels:
    """The labels of classes: integers, or texts, which no backend but the host has."""

    def __init__(self, call: Call, values: np.ndarray) -> None:
        self.call, self.values = call, values

    def __len__(self) -> int:
        return len(self.values)

    def of(self, places: Any) -> Any:
        """Returns the labels of classes by their places."""
        if self.values.dtype.kind != "U":
            return ops.take(self.values, ops.cast(places, "int64"), 0)
        return self.values[self.call.numbers(places, "which label is meant")]


def labels_of(call: Call) -> Labels:
    """Returns the labels among a node's attributes. GraphError if there are none."""
    names = "classlabels_int64s", "classlabels_ints", "classlabels_strings"
    for name in names:
        found = call.get(name)
        if found:
            kind = np.str_ if name.endswith("strings") else np.int64
            return Labels(call, np.array(found, kind))
    raise call.wrong("it has no labels of classes")


@rule("ZipMap", domain=_DOMAIN, absorbs=True)
def _zip_map(call: Call, scores: Any) -> Any:
    """The scores as they are, (rows, classes), where ONNX has a map from labels for each row.

    The file's labels give the columns their order; a list of maps is nothing that compiles.
    """
    return scores


@rule("Scaler", domain=_DOMAIN)
def _scaler(call: Call, x: Any) -> Any:
    x = ops.cast(x, "float32")
    shift, factor = (call.get(name) or [n] for name, n in (("offset", 0.0), ("scale", 1.0)))
    moved = ops.subtract(x, np.array(shift, np.float32))
    return ops.multiply(moved, np.array(factor, np.float32))


@rule("Normalizer", domain=_DOMAIN)
def _normalizer(call: Call, x: Any) -> Any:
    x, how = ops.cast(x, "float32"), call.get("norm", "MAX")
    if how == "MAX":
        size = ops.max(x, -1, keepdims=True)
    elif how == "L1":
        size = ops.sum(ops.absolute(x), -1, keepdims=True)
    elif how == "L2":
        size = ops.sqrt(ops.sum(ops.square(x), -1, keepdims=True))
    else:
        raise call.wrong(f"the norm {how!r} is not known")
    return ops.divide(x, ops.where(ops.equal(size, 0), ops.ones_like(size), size))


@rule("Imputer", domain=_DOMAIN)
def _imputer(call: Call, x: Any) -> Any:
    whole = dtype_of(x) == "int64"
    kind = "int64s" if whole else "floats"
    values = np.array(call.get(f"imputed_value_{kind}") or [0], dtype_of(x))
    absent = call.get(f"replaced_value_{kind[:-1]}", 0)
    is_nan = not whole and np.isnan(absent)
    there = ops.isnan(x) if is_nan else ops.equal(x, absent)
    return ops.where(there, values, x)


@rule("FeatureVectorizer", domain=_DOMAIN)
def _feature_vectorizer(call: Call, *xs: Any) -> Any:
    rows = [ops.cast(x if len(shape_of(x)) > 1 else ops.reshape(x, (-1, 1)), "float32") for x in xs]
    return ops.concatenate(rows, -1)


def _linear(call: Call, x: Any, outputs: int) -> Any:
    x = ops.cast(x, "float32")
    kernel = np.array(call.get("coefficients"), np.float32)
    if outputs < 1 or kernel.size % outputs:
        raise call.wrong(f"{kernel.size} coefficients are not rows for {outputs} outputs")
    y = ops.matmul(x, kernel.reshape(outputs, -1).T)
    bias = call.get("intercepts")
    return ops.add(y, np.array(bias, np.float32)) if bias else y


@rule("LinearRegressor", domain=_DOMAIN)
def _linear_regressor(call: Call, x: Any) -> Any:
    return transformed(call, _linear(call, x, call.get("targets", 1)))


@rule("LinearClassifier", domain=_DOMAIN)
def _linear_classifier(call: Call, x: Any) -> Any:
    """(labels (rows,), scores (rows, classes))."""
    labels = labels_of(call)
    outputs = len(call.get("intercepts") or ()) or len(labels)
    y, how = _linear(call, x, outputs), call.get("post_transform", "NONE")
    if outputs == 1 and len(labels) == 2:  # of two classes the second alone has a score
        second = ops.greater(ops.squeeze(y, -1), 0.5 if how == "LOGISTIC" else 0.0)
        if how == "LOGISTIC":
            second = ops.greater(ops.squeeze(y, -1), 0.0)
            y = ops.concatenate([ops.sigmoid(ops.negative(y)), ops.sigmoid(y)], -1)
        else:
            y = ops.concatenate([ops.negative(y), y], -1)
        return labels.of(ops.cast(second, "int64")), y
    return labels.of(ops.argmax(y, -1)), transformed(call, y)
