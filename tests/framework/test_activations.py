"""Activations by name, and those that are no public op."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from isozoo import activations, ops

X = np.float32([-4, -1.5, -0.5, 0, 0.5, 1, 1.5, 4, 9])


def _close(result, expected):
    np.testing.assert_allclose(ops.convert_to_numpy(result), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("slope", "top", "threshold"), [
    (0, None, 0), (0.5, None, 0), (0, 6, 0), (0, 5, 0), (0, None, 1), (0.5, 3, 1), (0.5, 3, -1),
])  # fmt: skip
def test_relu(slope, top, threshold, backend):
    upper = X if top is None else np.minimum(X, top)
    expected = np.where(X > threshold, upper, slope * (X - threshold))
    _close(activations.relu(ops.convert_to_tensor(X), slope, top, threshold), expected)


def test_mish(backend):
    _close(activations.mish(ops.convert_to_tensor(X)), X * np.tanh(np.logaddexp(X, 0)))


def test_relu_of_infinity(backend):
    x = ops.convert_to_tensor(np.float32([-np.inf, np.inf, np.nan]))
    _close(activations.relu(x, threshold=1.0), [0, np.inf, np.nan])


def test_names():
    names = [n for n in dir(keras.activations) if not n.startswith("_")]
    assert [n for n in names if not hasattr(activations, n)] == []
    for name in set(names) - {"get", "serialize", "deserialize"}:
        function = activations.get(name)
        assert activations.deserialize(activations.serialize(function)) is function
        assert function is getattr(activations, name)
    assert activations.get(None) is activations.linear
    assert activations.get(len) is len
    assert activations.deserialize("size", {"size": len}) is len


def test_unknown_names():
    with pytest.raises(ValueError, match="'softmux'.*softmax"):
        activations.get("softmux")
    with pytest.raises(ValueError, match="none of isozoo's activations"):
        activations.serialize(len)
