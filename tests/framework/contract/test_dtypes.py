"""Rows: the dtype policy of a layer, and the cast at its door."""

from __future__ import annotations

import numpy as np
import pytest

from isozoo import DTypePolicy, layers, ops
from isozoo.framework.nested import map_structure

from .cases import ALL, LAYERS, ROWS, over
from .helpers import SUMS, all_layers, arrays, built, fresh, is_float, run, same, symbols
from .user_layers import Net

WIDE = "Dense Embedding Conv2D BatchNormalization user_Noisy subclassed functional".split()
PLAIN = [case for case in LAYERS if case.arrays()[0].dtype == np.float32]


def _dtypes(outputs):
    tensors = outputs.values() if isinstance(outputs, dict) else [outputs]
    return {ops.dtype(x) for x in tensors}


@over(ALL)
def test_mixed_policy_computes_in_the_shorter_float(case, backend):
    policy = "mixed_float16" if case.name in ("Dense_steps", "sharing") else "mixed_bfloat16"
    layer = fresh(case, dtype=DTypePolicy(policy))
    short = policy.removeprefix("mixed_")
    assert _dtypes(layer(*symbols(case), training=True)) == {short}
    assert _dtypes(layer(*symbols(case))) == {short}
    if case.name in WIDE:
        assert _dtypes(layer(*case.inputs)) == {short}
    floats = {v.dtype for v in layer.variables if not v.dtype.startswith("int")}
    assert floats <= {"float32"}
    assert layer.compute_dtype == short
    assert layer.variable_dtype == layer.dtype == "float32"
    assert layer.dtype_policy == DTypePolicy(policy)
    assert {inner.compute_dtype for inner in all_layers(layer)[1:]} <= {short}


@over([case for case in ALL if case.name in WIDE])
def test_layer_of_a_dtype_keeps_and_computes_in_it(case, backend):
    layer = fresh(case, dtype="float64")
    assert _dtypes(layer(*case.inputs)) == {"float64"}
    assert {v.dtype for v in layer.weights} <= {"float64"}


def test_mixed_policy_rounds_inputs_and_weights_alone(backend):
    """The product of operands rounded to bfloat16, up to the rounding of sums and result."""
    import ml_dtypes

    layer = layers.Dense(3, use_bias=False, dtype="mixed_bfloat16")
    y = layer(ROWS[0])
    short = lambda x: x.astype(ml_dtypes.bfloat16).astype(np.float64)  # noqa: E731
    x, kernel = short(ROWS[0]), short(layer.kernel.numpy())
    y = np.asarray(ops.convert_to_numpy(ops.cast(y, "float32")))
    # Each of the four terms and of their sums is rounded at most once, by half of 2^-7.
    room = 4 * 2.0**-8 * (np.abs(x) @ np.abs(kernel))
    assert (np.abs(y - x @ kernel) <= room).all()
    assert layer.kernel.numpy().dtype == np.float32


def test_layers_inside_take_the_models_policy(backend):
    net = Net(dtype="mixed_bfloat16")
    assert {inner.dtype_policy.name for inner in all_layers(net)} == {"mixed_bfloat16"}
    own = layers.Dense(2, dtype="float32")
    assert own.dtype_policy == DTypePolicy("float32")
    assert _dtypes(net(ROWS[0])) == {"bfloat16"}


def test_unknown_policy_is_refused_by_name(backend):
    with pytest.raises(ValueError, match="mixed_float8"):
        layers.Dense(2, dtype="mixed_float8")


# The cast at the door (keras 3.15: floats become the compute dtype, integers meet the weights) ----


@over(PLAIN)
def test_double_floats_become_the_layers_float(case, backend):
    layer = built(case)
    wide = case.mapped(lambda x: x.astype(np.float64))
    same(arrays(layer(*wide)), run(layer, case))


@over(PLAIN)
def test_integers_give_floats_where_weights_or_means_meet_them(case, backend):
    dtype = "int32" if len(case.arrays()[0].shape) == 3 else "int64"
    layer = built(case)
    whole = case.mapped(lambda x: np.round(x).astype(dtype))
    got = arrays(layer(*whole))
    if "keeps" in case.flags:
        assert {x.dtype.name for x in got.values()} == {dtype}
        return
    assert all(is_float(x) for x in got.values())
    floats = map_structure(lambda x: x.astype(np.float32), whole)
    same(got, arrays(layer(*floats)), SUMS)


def test_half_floats_become_the_layers_float(backend):
    layer, half = layers.Dense(2), ROWS[0].astype(np.float16)
    same(arrays(layer(half)), arrays(layer(half.astype(np.float32))))


def test_nested_lists_are_arrays(backend):
    layer = layers.Dense(2)
    for x in ([[1.0, 2.0]], [[1, 2]], [[True, 2.0]]):
        y = layer(x)
        assert ops.dtype(y) == "float32"
        same(arrays(y), arrays(layer(np.array(x, np.float32))))


def test_layer_without_autocast_takes_what_comes(backend):
    x = np.ones((2, 3), np.float64)
    assert ops.dtype(layers.Identity(autocast=False)(x)) == "float64"
    assert ops.dtype(layers.Identity()(x)) == "float32"
