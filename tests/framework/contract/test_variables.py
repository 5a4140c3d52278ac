"""Rows: a variable is a tensor wherever one is asked for, and keeps its name."""

from __future__ import annotations

import operator
import subprocess
import sys

import numpy as np
import pytest

from isozoo import Input, Model, Sequential, Variable, layers, ops

from ...patience import DEADLINE
from .cases import STATEFUL, over
from .helpers import built
from .user_layers import Net, functional

A = np.array([1.0, 2.0, 4.0], np.float32)
B = np.array([3.0, 2.0, 0.5], np.float32)
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv,
             operator.mod, operator.pow, operator.lt, operator.le, operator.gt, operator.ge,
             operator.ne, operator.matmul]  # fmt: skip


def test_operators(backend):
    for apply in OPERATORS:
        _check_operator(apply, backend)


def _check_operator(apply, backend):
    a, b = Variable(A), Variable(B)
    expected = apply(A, B)
    tensor = ops.convert_to_tensor(A)
    for x, y in ((a, b), (a, ops.convert_to_tensor(B)), (a, B), (a, B.astype(np.float64))):
        got = ops.convert_to_numpy(apply(x, y))
        np.testing.assert_allclose(got, expected, rtol=2**-22)
    # Where the tensor stands first, the operator is its framework's: of matrices, on TensorFlow.
    vectors = apply is operator.matmul and backend == "tensorflow"
    for x in (A,) if vectors else (A, tensor):
        got = ops.convert_to_numpy(apply(x, b))
        np.testing.assert_allclose(got, expected, rtol=2**-22)
    if apply is not operator.matmul:
        np.testing.assert_allclose(ops.convert_to_numpy(apply(a, 2)), apply(A, 2), rtol=2**-22)
        np.testing.assert_allclose(ops.convert_to_numpy(apply(2, a)), apply(2, A), rtol=2**-22)


def test_an_initializer_by_name(backend):
    """As Keras's Variable takes it."""
    np.testing.assert_array_equal(Variable("ones", (2, 3), "float32").numpy(), np.ones((2, 3)))
    with pytest.raises(ValueError, match="nothing"):
        Variable("nothing", (2, 3))
    with pytest.raises(ValueError, match="shape"):
        Variable("ones")


def test_unary_operators_and_items(backend):
    v = Variable(A)
    for got, expected in ((-v, -A), (abs(v), A), (v[1:], A[1:]), (v[0], A[0])):
        np.testing.assert_array_equal(ops.convert_to_numpy(got), expected)
    np.testing.assert_array_equal(np.asarray(v), A)
    np.testing.assert_array_equal(v.numpy(), A)
    assert len(v.shape) == v.ndim == 1
    flags = Variable(np.array([True, False]))
    np.testing.assert_array_equal(ops.convert_to_numpy(~flags), [False, True])


def test_variables_are_hashable_and_kept_apart(backend):
    first, second = Variable(A), Variable(A)
    assert len({first, second, first}) == 2
    assert [first, second].index(first) == 0


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_torch_functions_take_variables(backend):
    import torch

    a, b = Variable(A), Variable(B)
    np.testing.assert_array_equal(torch.cat([a, b]).detach(), np.concatenate([A, B]))
    np.testing.assert_array_equal(torch.stack((a, a)).detach(), [A, A])
    assert a.grad is None
    torch.mul(a, b).sum().backward()
    np.testing.assert_array_equal(a.grad, B)
    np.testing.assert_array_equal(b.grad, A)


@pytest.mark.parametrize("backend", ["jax", "tensorflow"], indirect=True)
def test_functions_of_other_frameworks_take_variables(backend):
    a, b = Variable(A), Variable(B)
    if backend == "jax":
        import jax.numpy as jnp

        got = jnp.concatenate([jnp.asarray(a), jnp.asarray(b)])
    else:
        import tensorflow as tf

        got = tf.concat([a, b], 0)
    np.testing.assert_array_equal(got, np.concatenate([A, B]))


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_dtype_follows_the_tensor(backend):
    import torch

    layer = layers.Dense(2, input_dim=3)
    for change, name in (("half", "float16"), ("double", "float64"), ("float", "float32")):
        getattr(layer, change)()
        assert layer.kernel.dtype == name
        layer.kernel.assign(np.ones((3, 2)))
        assert layer.kernel.value.dtype == getattr(torch, name)
    layer.to(torch.bfloat16)
    assert layer.bias.dtype == "bfloat16"


@over(STATEFUL)
def test_paths_are_the_same_whoever_asks_first(case, backend):
    """And however many models were made before."""
    first, second = built(case), built(case)
    by_variable = [v.path for v in first.weights]
    by_table = list(first.weights_by_path())
    assert by_variable == by_table
    around = Sequential([second])
    inside = list(around.weights_by_path())
    assert [path.split(".", 1)[1] for path in inside] == by_table
    assert [v.path for v in second.weights] == inside
    assert list(second.weights_by_path()) == by_table
    assert len(set(by_table)) == len(by_table)
    assert [path.split(".")[-1] for path in by_table] == [v.name for v in first.weights]


def test_paths_of_a_functional_model_do_not_count_what_came_before(backend):
    expected = ["shared.kernel", "shared.bias", "batch_normalization.gamma",
                "batch_normalization.beta", "batch_normalization.moving_mean",
                "batch_normalization.moving_variance", "dense.kernel", "dense.bias"]  # fmt: skip
    for _ in range(2):
        assert list(functional().weights_by_path()) == expected
        layers.Dense(3)
    inputs = Input((2,))
    x = layers.Dense(2)(layers.Dense(2)(inputs))
    model = Model(inputs, layers.Dense(2, name="head")(x))
    assert [p for p in model.weights_by_path() if "kernel" in p] == [
        "dense.kernel", "dense_1.kernel", "head.kernel"]  # fmt: skip


_PATHS = """
import isozoo, sys
sys.path.insert(0, sys.argv[1])
from tests.framework.contract.user_layers import Net
with isozoo.use_backend("numpy"):
    net = Net()
    net.build((None, 4))
    print("\\n".join(net.weights_by_path()))
"""


def test_paths_are_the_same_in_another_process(pytestconfig):
    net = Net()
    net.build((None, 4))
    command = [sys.executable, "-c", _PATHS, str(pytestconfig.rootpath)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=DEADLINE)
    assert found.stdout.split() == list(net.weights_by_path())


def test_two_layers_of_one_name_are_refused(backend):
    """keras 3.15: 'The name "d" is used 2 times in the model.'"""
    inputs = Input((2,))
    x = layers.Dense(2, name="d")(inputs)
    with pytest.raises(ValueError, match="(?s)name .d. is used 2 times"):
        Model(inputs, layers.Dense(2, name="d")(x))
    with pytest.raises(ValueError, match="'d'"):
        Sequential([layers.Dense(2, name="d"), layers.Dense(2, name="d")])
