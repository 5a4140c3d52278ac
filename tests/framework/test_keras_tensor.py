"""The symbolic tensor by itself: attributes, operators, and what it refuses."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from isozoo import Input, KerasTensor, ops
from isozoo.utils import is_keras_tensor


def test_attributes():
    x = KerasTensor((2, None), "int32", name="x")
    assert (x.shape, x.dtype, x.ndim, x.name) == ((2, None), "int32", 2, "x")
    assert (x.sparse, x.ragged, x.record_history) == (False, False, True)
    assert KerasTensor(()).dtype == "float32"
    assert KerasTensor(np.array([2, 3]).tolist(), np.float16).dtype == "float16"
    ragged = KerasTensor((2, None), ragged=True, ragged_rank=1, row_splits_dtype="int64")
    assert (ragged.ragged, ragged.ragged_rank, ragged.row_splits_dtype) == (True, 1, "int64")
    assert KerasTensor((3,), sparse=True).sparse
    assert "<KerasTensor shape=(3,), dtype=float32, sparse=True" in repr(
        KerasTensor((3,), sparse=True)
    )
    assert is_keras_tensor(x) and not is_keras_tensor(np.ones(2))


@pytest.mark.parametrize(
    "name", ["shape", "dtype", "sparse", "ragged", "ragged_rank", "row_splits_dtype"]
)
def test_attributes_do_not_change(name):
    with pytest.raises(AttributeError, match=f"`{name}` attribute of KerasTensor is immutable"):
        setattr(KerasTensor((2,)), name, None)


@pytest.mark.parametrize("shape", [None, 3, (2, -1), (1.5,), ("a",)])
def test_wrong_shapes(shape):
    with pytest.raises(ValueError, match="shape of a KerasTensor is a tuple of sizes"):
        KerasTensor(shape)


def test_sparse_and_ragged_exclude_each_other():
    with pytest.raises(ValueError, match="cannot have `sparse=True` and `ragged=True`"):
        KerasTensor((2, 3), sparse=True, ragged=True)


def test_methods(backend):
    x = KerasTensor((3, 2))
    assert x.reshape((6,)).shape == (6,)
    assert x.reshape((1, 6)).squeeze().shape == (6,)
    assert x.reshape((1, 6, 1)).squeeze(axis=0).shape == (6, 1)
    assert x[1:, None].shape == (2, 1, 2)


BINARY = "add sub mul truediv floordiv mod pow lt le gt ge ne".split()


@pytest.mark.parametrize("name", BINARY)
def test_binary_operators(backend, name):
    """Both ways round, with a number and with an array, as NumPy would shape and type it."""
    apply = getattr(operator, name)
    x, array = KerasTensor((2, 3)), np.ones((4, 1, 3), np.float32)
    expected = apply(np.ones((2, 3), np.float32), array)
    for result in (apply(x, array), apply(array, x)):
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype.name)
    assert apply(x, 2).shape == apply(2, x).shape == (2, 3)


def test_other_operators(backend):
    x, flag = KerasTensor((2, 3)), KerasTensor((2, 1), "bool")
    for result in (flag & flag, flag | True, True ^ flag, ~flag):
        assert (result.shape, result.dtype) == ((2, 1), "bool")
    for result in (-x, abs(x), round(x), round(x, 2)):
        assert (result.shape, result.dtype) == ((2, 3), "float32")
    assert (x @ np.ones((3, 5), np.float32)).shape == (2, 5)
    assert (np.ones((4, 2), np.float32) @ x).shape == (4, 3)


def test_equality_is_identity():
    x, y = KerasTensor((2,)), KerasTensor((2,))
    assert x == x and not x == y
    assert [y, x].index(x) == 1 and {x: 1}[x] == 1


def test_what_needs_values_is_refused(backend):
    x = Input((3,))
    with pytest.raises(TypeError, match="cannot be used as a boolean"):
        bool(x)
    with pytest.raises(NotImplementedError, match="Iterating"):
        list(x)
    with pytest.raises(TypeError, match="len"):
        len(x)
    for convert in (int, float, np.array):
        with pytest.raises(ValueError, match="doesn't have any actual numerical value"):
            convert(x)
    with pytest.raises(ValueError, match="no value"):
        ops.convert_to_numpy(x)


def test_foreign_functions_refuse_it():
    import jax.numpy as jnp
    import tensorflow as tf
    import torch

    x = KerasTensor((3,))
    with pytest.raises(ValueError, match="cannot be used as input to a JAX function"):
        jnp.array(x)
    with pytest.raises(ValueError, match="cannot be used as input to a TensorFlow function"):
        tf.convert_to_tensor(x)
    with pytest.raises(TypeError):
        torch.abs(x)
