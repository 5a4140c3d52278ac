"""Products of 8-bit integers, which are exact: floats hold their sums."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

import isozoo
from isozoo.ops import convert_to_numpy

from .onnx_nets import array, model, value

BYTES, SIGNED = TensorProto.UINT8, TensorProto.INT8


def extremes(shape, low, high, dtype):
    """Integers from both ends of what a byte holds, whose products are the largest."""
    picked = np.random.default_rng(0).integers(0, 4, shape)
    return np.array([low, high, high, high - 1])[picked].astype(dtype)


@pytest.mark.parametrize("terms", [200, 300, 5000])
def test_products_are_exact(backend, terms):
    a = extremes((3, terms), 0, 255, np.uint8)
    b = extremes((terms, 2), -128, 127, np.int8)
    node = helper.make_node("MatMulInteger", ["a", "b", "at", "zero"], ["y"])
    tensors = [array("at", 3, np.uint8), array("zero", [-128, 7], np.int8)]
    inputs = [value("a", [3, terms], BYTES), value("b", [terms, 2], SIGNED)]
    proto = model([node], inputs, [value("y", None, TensorProto.INT32)], tensors)
    wanted = (a.astype(np.int64) - 3) @ (b.astype(np.int64) - [-128, 7])
    found = convert_to_numpy(isozoo.from_onnx(proto.SerializeToString())({"a": a, "b": b}))
    assert found.dtype == np.int32 and np.array_equal(found, wanted)


@pytest.mark.parametrize("channels", [20, 100, 1000])
def test_convolutions_are_exact(backend, channels):
    x = extremes((1, channels, 7), 0, 255, np.uint8)
    kernel = extremes((4, channels, 5), -128, 127, np.int8)
    node = helper.make_node(
        "ConvInteger", ["x", "k", "at", "zero"], ["y"], kernel_shape=[5], pads=[2, 2]
    )
    zeros = np.array([-128, 127, 0, 5], np.int8)
    tensors = [array("k", kernel, np.int8), array("at", 3, np.uint8), array("zero", zeros, np.int8)]
    inputs = [value("x", [1, channels, 7], BYTES)]
    proto = model([node], inputs, [value("y", None, TensorProto.INT32)], tensors)
    wide = np.pad(x.astype(np.int64) - 3, [(0, 0), (0, 0), (2, 2)])
    shifted = kernel.astype(np.int64) - zeros[:, None, None].astype(np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(wide, 5, 2)
    wanted = np.einsum("nctk,ock->not", windows, shifted)
    found = convert_to_numpy(isozoo.from_onnx(proto.SerializeToString())(x))
    assert found.dtype == np.int32 and np.array_equal(found, wanted)
