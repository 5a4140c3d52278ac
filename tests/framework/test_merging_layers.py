"""Layers that make one tensor of several: values, masks, and shapes that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import Input, layers, ops

A = np.array([[[1, -2], [3, 4], [0, 5]]], np.float32)
B = np.array([[[6, 1], [-3, 2], [7, 0.5]]], np.float32)
ROW = np.array([[10, -1]], np.float32)
# Each has a time step that counts in it alone, one in both, and one in none.
OF_A, OF_B = np.array([[True, True, False]]), np.array([[False, True, False]])


class Masked(layers.Layer):
    """Gives its input a mask."""

    def __init__(self, mask, **kwargs):
        super().__init__(**kwargs)
        self.mask = mask

    def call(self, x):
        return ops.multiply(x, 1)

    def compute_mask(self, inputs, previous_mask=None):
        return ops.convert_to_tensor(self.mask)


class MaskOf(layers.Layer):
    """The mask that reaches it, or -1."""

    def call(self, x, mask=None):
        return ops.full((1,), -1) if mask is None else ops.cast(mask, "int32")


def _is(result, expected):
    np.testing.assert_array_equal(ops.convert_to_numpy(result), expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("add", A + B + A),
        ("average", (A + B + A) / np.float32(3)),
        ("maximum", np.maximum(A, B)),
        ("minimum", np.minimum(A, B)),
        ("multiply", A * B * A),
    ],
)
def test_function_merges_a_list(name, expected, backend):
    # One division, which a backend may do as a product with the rounded third.
    result = ops.convert_to_numpy(getattr(layers, name)([A, B, A]))
    np.testing.assert_allclose(result, expected, rtol=2 * 2.0**-24)


def test_difference_and_concatenation(backend):
    _is(layers.subtract([A, B]), A - B)
    _is(layers.concatenate([A, B], axis=1), np.concatenate([A, B], 1))
    assert layers.concatenate([Input((3, 2)), Input((3, 5))]).shape == (None, 3, 7)


def test_inputs_of_fewer_axes_get_theirs_behind_the_batch(backend):
    _is(layers.Add()([A, ROW]), A + ROW[:, None])
    assert layers.Add()([Input((None, 2)), Input((2,))]).shape == (None, None, 2)
    assert layers.Add().compute_output_shape([(2, 3, 1), (2, 1, 4)]) == (2, 3, 4)


def test_sums_of_products(backend):
    x, y = np.arange(24.0).reshape(2, 3, 4), np.arange(40.0).reshape(2, 4, 5) - 20
    for axes, expected in (
        ((2, 1), x @ y),
        ((-1, -2), x @ y),
        ((1, 2), np.einsum("bij,bki->bjk", x, y[:, :, :3])),
    ):
        second = y if axes != (1, 2) else y[:, :, :3]
        _is(layers.Dot(axes)([x, second]), expected)  # whole numbers below 2^24: exact
    _is(layers.dot([x[:, 0], y[:, :, 0]]), (x[:, 0] * y[:, :, 0]).sum(-1, keepdims=True))
    assert layers.Dot((1, 2))([Input((4,)), Input((6, 4))]).shape == (None, 6)


def test_cosine(backend):
    x, y = np.array([[3.0, 4.0]]), np.array([[5.0, 12.0]])
    result = ops.convert_to_numpy(layers.Dot(1, normalize=True)([x, y]))
    np.testing.assert_allclose(result, [[63 / 65]], rtol=8 * 2.0**-24)  # roots, quotients, sum


@pytest.mark.parametrize(
    ("name", "expected", "mask"),
    [
        ("Add", A + B, OF_A | OF_B),
        # Steps of A alone, of both, and of none, where the unmasked rule gives what Keras gives.
        ("Multiply", np.stack([A[0, 0], A[0, 1] * B[0, 1], [0, 0]])[None], OF_A | OF_B),
        ("Maximum", np.stack([A[0, 0], np.maximum(A, B)[0, 1], A[0, 2]])[None], OF_A | OF_B),
        ("Minimum", np.stack([A[0, 0], np.minimum(A, B)[0, 1], A[0, 2]])[None], OF_A | OF_B),
        ("Concatenate", np.concatenate([A, B], -1), OF_A | OF_B),
    ],
)
def test_masks_are_joined_and_what_they_leave_out_does_not_count(name, expected, mask, backend):
    """Numbers from Keras 3.15 on the same inputs."""
    y = getattr(layers, name)()([Masked(OF_A)(A), Masked(OF_B)(B)])
    _is(y, expected)
    _is(MaskOf()(y), mask)


def test_one_input_without_a_mask(backend):
    pair = [Masked(OF_A)(A), ops.convert_to_tensor(B)]
    _is(MaskOf()(layers.Add()(pair)), [-1])
    _is(MaskOf()(layers.Concatenate(1)(pair)), [[1, 1, 0, 1, 1, 1]])
    _is(MaskOf()(layers.Dot(2)(pair)), [-1])
    _is(layers.Maximum()(pair)[0, 2], B[0, 2])


def test_half_precision_keeps_the_masks_through_the_cast(backend):
    y = layers.Add(dtype="mixed_bfloat16")([Masked(OF_A)(A), Masked(OF_B)(B)])
    assert ops.dtype(y) == "bfloat16"
    _is(MaskOf()(y), OF_A | OF_B)


@pytest.mark.parametrize(
    ("make", "inputs", "message"),
    [
        (layers.Add, A, "should be called on a list of inputs"),
        (layers.Add, [A, np.zeros((2, 3, 2))], "different batch sizes"),
        (layers.Add, [A, np.zeros((1, 4, 2))], "incompatible shapes"),
        (layers.Subtract, [A, A, A], "exactly 2 inputs"),
        (layers.Concatenate, A, "on a list of at least 1 input"),
        (layers.Concatenate, [A, np.zeros((1, 4, 2))], "matching shapes except for the concat"),
        (lambda: layers.Dot(1), [A, A, A], "on a list of 2 inputs"),
        (lambda: layers.Dot(1), [A, np.zeros((1, 4, 2))], "axis values 3 .* != 4"),
        (lambda: layers.Dot(0), [A, A], "over axis 0"),
        (lambda: layers.Dot((1, 2, 1)), [A, A], "two elements"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(make, inputs, message):
    with pytest.raises(ValueError, match=message):
        make()(inputs)


def test_axes_of_another_type_are_refused():
    with pytest.raises(TypeError, match="a list or an int"):
        layers.Dot("last")
    with pytest.raises(ValueError, match="should have the same length"):
        layers.Add().compute_mask([A, B], [OF_A])
