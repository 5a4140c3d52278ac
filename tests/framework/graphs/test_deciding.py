"""Inputs whose numbers decide what a graph computes, in compiled programs."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

import isozoo
from isozoo.framework.graphs import GraphError
from isozoo.framework.graphs.deciding import MOST_PROGRAMS, deciding_inputs
from isozoo.ops import convert_to_numpy

from .onnx_nets import array, expected, floats, model, value

node = helper.make_node
COMPILING = ["jax", "tensorflow"]


def branching():
    """A net that has a matrix for each of two rates, of which only one meets the input's size."""

    def branch(weight):
        made = node("MatMul", ["x", weight], [f"{weight}.y"])
        return helper.make_graph([made], weight, [], [value(f"{weight}.y", None)])

    nodes = [
        node("Equal", ["rate", "slow"], ["is_slow"]),
        node("If", ["is_slow"], ["y"], then_branch=branch("small"), else_branch=branch("large")),
    ]
    inputs = [value("x", [2, "width"]), value("rate", [], TensorProto.INT64)]
    tensors = [array("slow", 8), floats("small", 3, 4), floats("large", 6, 5)]
    return model(nodes, inputs, [value("y", None)], tensors)


def resizing():
    """A net whose input says how long its output is, and another what is multiplied."""
    nodes = [
        node("Expand", ["x", "sizes"], ["wide"]),
        node("Mul", ["wide", "factor"], ["y"]),
    ]
    inputs = [
        value("x", [1, 3]),
        value("sizes", [2], TensorProto.INT64),
        value("factor", [1]),
    ]
    return model(nodes, inputs, [value("y", None)])


@pytest.mark.parametrize("backend", COMPILING, indirect=True)
def test_a_branch_is_taken_by_the_number_of_an_input(backend):
    proto, draw = branching(), np.random.default_rng(0)
    net = isozoo.from_onnx(proto.SerializeToString())
    for rate, width in ((8, 3), (16, 6), (8, 3)):
        x = draw.standard_normal((2, width)).astype(np.float32)
        given = {"x": x, "rate": np.array(rate)}
        wanted = expected(proto, given)["y"]
        for found in (net.infer(given), net.infer(x, rate)):
            assert np.abs(convert_to_numpy(found) - wanted).max() <= 1e-6
    with pytest.raises(GraphError, match="'rate' is of float32; int64 is expected"):
        net.infer({"x": x, "rate": np.float32(8)})


@pytest.mark.parametrize("backend", COMPILING, indirect=True)
def test_a_size_that_is_an_input_is_known_to_the_program(backend):
    proto = resizing()
    net = isozoo.from_onnx(proto.SerializeToString())
    x = np.float32([[1, 2, 3]])
    for rows in (*range(1, 2 * MOST_PROGRAMS + 3), 1):  # more than are kept
        given = {"x": x, "sizes": np.array([rows, 3]), "factor": np.float32([rows])}
        found = convert_to_numpy(net.infer(given))
        assert np.array_equal(found, np.repeat(x * rows, rows, 0))
    assert len(net._cache["fixed calls"]) <= 2 * MOST_PROGRAMS


def test_what_is_data_decides_nothing():
    def deciding(proto):
        return deciding_inputs(isozoo.from_onnx(proto.SerializeToString(), "numpy").graph)

    assert deciding(branching()) == ({*()}, {"rate"})
    assert deciding(resizing()) == ({"sizes"}, {*()})
