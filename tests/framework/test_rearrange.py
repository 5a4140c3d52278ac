"""Axes by name: every pattern against NumPy's reshape and transpose, written out."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import Input, Model, ops

X = np.arange(2 * 6 * 4 * 3, dtype=np.float32).reshape(2, 6, 4, 3)

PATTERNS = {
    "b h w c -> b h w c": (X, {}),
    "b h w c -> b c h w": (X.transpose(0, 3, 1, 2), {}),
    "b h w c->(b h) w c": (X.reshape(12, 4, 3), {}),
    "b h w c -> h (b w) c": (X.transpose(1, 0, 2, 3).reshape(6, 8, 3), {}),
    "b h w c -> (c w h b)": (X.transpose(3, 2, 1, 0).reshape(-1), {}),
    "b (h i) (w j) c -> b h w (i j c)": (
        X.reshape(2, 3, 2, 2, 2, 3).transpose(0, 1, 3, 2, 4, 5).reshape(2, 3, 2, 12),
        {"i": 2, "j": 2},
    ),
    "b (h i) w c -> (b i) h w c": (
        X.reshape(2, 2, 3, 4, 3).transpose(0, 2, 1, 3, 4).reshape(6, 2, 4, 3),
        {"h": 2, "i": 3},
    ),
    "b ... c -> c b ...": (X.transpose(3, 0, 1, 2), {}),
    "b ... -> b (...)": (X.reshape(2, -1), {}),
    "... c -> ... 1 c": (X[:, :, :, None], {}),
    "b h w c -> b () h (w c)": (X.reshape(2, 1, 6, 12), {}),
    "image_1 h w c -> h image_1 c w": (X.transpose(1, 0, 3, 2), {}),
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns(backend, pattern):
    want, lengths = PATTERNS[pattern]
    have = ops.rearrange(ops.convert_to_tensor(X), pattern, **lengths)
    np.testing.assert_array_equal(ops.convert_to_numpy(have), want)
    assert ops.rearrange(Input(batch_shape=X.shape), pattern, **lengths).shape == want.shape


def test_ones_in_the_tensor(backend):
    x = np.arange(6, dtype=np.int32).reshape(2, 1, 3)
    np.testing.assert_array_equal(ops.convert_to_numpy(ops.rearrange(x, "a 1 b -> b a")), x[:, 0].T)
    np.testing.assert_array_equal(ops.rearrange(np.float32(3), "-> 1 1").shape, (1, 1))


def test_unknown_batch(backend):
    x = Input(batch_shape=(None, 6, 4))
    y = ops.rearrange(x, "b (h i) w -> b h (i w)", i=2)
    assert y.shape == (None, 3, 8)
    z = ops.rearrange(x, "b h w -> (b h) w")
    assert z.shape == (None, 4)
    array = X[..., 0]
    np.testing.assert_array_equal(Model(x, z)(array), array.reshape(12, 4))


def test_unknown_sizes_in_a_tensorflow_graph():
    tf = pytest.importorskip("tensorflow")

    @tf.function(input_signature=[tf.TensorSpec([None, None, 4])])
    def run(x):
        return ops.rearrange(x, "b (h i) w -> (b i) h w", i=2)

    array = X[..., 0]
    want = array.reshape(2, 3, 2, 4).transpose(0, 2, 1, 3).reshape(4, 3, 4)
    np.testing.assert_array_equal(run(array), want)


@pytest.mark.parametrize(
    ("pattern", "lengths", "message"),
    [
        ("b h w c", {}, "pattern"),
        ("b h w c -> b h w", {}, "each name once"),
        ("b h w c -> b h w c c", {}, "each name once"),
        ("b h w w -> b h w", {}, "each name once"),
        ("b h w -> b h w", {}, "4 axes"),
        ("b h ((w) c) -> b h w c", {}, "parentheses"),
        ("b h (w c -> b h w c", {}, "parentheses"),
        ("b h w) c -> b h w c", {}, "parentheses"),
        ("b h w + c -> b h w c", {}, "pattern"),
        ("b (h i) w c -> b h i w c", {}, "sizes of h, i"),
        ("b (h i) w c -> b h i w c", {"i": 4}, "cannot be split"),
        ("b (h i) w c -> b h i w c", {"i": 4, "h": 2}, "cannot be split"),
        ("b h w c -> b h w c", {"x": 4}, "`x`"),
        ("b 1 w c -> b w c", {}, "cannot be split"),
        ("... b ... -> b ...", {}, "once at most"),
    ],
)
def test_bad_patterns(backend, pattern, lengths, message):
    with pytest.raises(ops.InvalidArgumentError, match=message):
        ops.rearrange(X, pattern, **lengths)
