"""Attention, dense layers, norms and layouts are found as exporters write them; numbers stay."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

import isozoo
from isozoo.framework.graphs.loading import model_of
from isozoo.framework.graphs.reading_onnx import read_onnx
from isozoo.framework.graphs.reading_torch import read_torch
from isozoo.framework.graphs.rewriting import rewritten
from isozoo.ops import convert_to_numpy

from .onnx_nets import array, expected, floats, model, value

node = helper.make_node
# Queries, keys and values of 2 heads of 3 numbers, from rows (n, 5, 6).
PACKED = [
    node("MatMul", ["x", "qkv"], ["p"]),
    node("Add", ["p", "qkv_bias"], ["pb"]),
    node("Reshape", ["pb", "packed"], ["r"]),
    node("Transpose", ["r"], ["t"], perm=[2, 0, 3, 1, 4]),
    *(node("Gather", ["t", str(n)], [name], axis=0) for n, name in enumerate("qkv")),
]
JOINED = [
    node("Transpose", ["a"], ["b"], perm=[0, 2, 1, 3]),
    node("Reshape", ["b", "rows"], ["c"]),
    node("MatMul", ["c", "out"], ["y"]),
]
WEIGHTED = [node("Softmax", ["s"], ["w"], axis=-1), node("MatMul", ["w", "v"], ["a"])]
TURNED = node("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2])
ENDS = {"last": [-1], "before": [-2], "first": [-(1 << 63)], "far": [(1 << 63) - 1]}
CASES = {
    "scaled scores and a mask": (
        [
            *PACKED,
            TURNED,
            node("MatMul", ["q", "kt"], ["m"]),
            node("Div", ["m", "root"], ["d"]),
            node("Add", ["d", "mask"], ["s"]),
            *WEIGHTED,
            *JOINED,
        ],
        {"Dense": 2, "Attention": 1},
    ),
    "a query that is scaled": (
        [
            *PACKED,
            TURNED,
            node("Mul", ["q", "factor"], ["qs"]),
            node("MatMul", ["qs", "kt"], ["s"]),
            *WEIGHTED,
            *JOINED,
        ],
        {"Dense": 2, "Attention": 1},
    ),
    "keys turned through three axes": (
        [
            *PACKED,
            node("Shape", ["k"], ["sizes"]),
            node("Slice", ["sizes", "last", "far"], ["d1"]),
            node("Slice", ["sizes", "before", "last"], ["n1"]),
            node("Slice", ["sizes", "first", "before"], ["outer"]),
            node("Concat", ["last", "n1", "d1"], ["flat"], axis=0),
            node("Reshape", ["k", "flat"], ["kf"]),
            node("Transpose", ["kf"], ["kft"], perm=[0, 2, 1]),
            node("Concat", ["outer", "d1", "n1"], ["whole"], axis=0),
            node("Reshape", ["kft", "whole"], ["kt"]),
            node("Mul", ["q", "factor"], ["qs"]),
            node("Mul", ["kt", "factor"], ["ks"]),
            node("MatMul", ["qs", "ks"], ["s"]),
            *WEIGHTED,
            *JOINED,
        ],
        {"Dense": 2, "Attention": 1, "Transpose": 3, "Reshape": 2},
    ),
    "weights that another node wants": (
        [*PACKED, TURNED, node("MatMul", ["q", "kt"], ["s"]), *WEIGHTED]
        + [node("ReduceMax", ["w"], ["most"], axes=[-1]), node("Mul", ["a", "most"], ["y"])],
        {"Dense": 1, "Softmax": 1, "MatMul": 2},
    ),
    "a root's inverse, and a layer behind it": (
        [
            node("Mul", ["x", "x"], ["s"]),
            node("ReduceMean", ["s"], ["m"], axes=[-1]),
            node("Add", ["m", "epsilon"], ["e"]),
            node("Sqrt", ["e"], ["r"]),
            node("Reciprocal", ["r"], ["i"]),
            node("Mul", ["x", "i"], ["n"]),
            node("Mul", ["gamma", "n"], ["g"]),
            node("Gemm", ["flat", "turned", "bias"], ["h"], transB=1),
            node("Relu", ["h"], ["y"]),
        ],
        {"RMSNorm": 1, "Reshape": 1, "Dense": 1},
    ),
    "a layer norm by a power": (
        [
            node("ReduceMean", ["x"], ["m"], axes=[-1]),
            node("Sub", ["x", "m"], ["c"]),
            node("Mul", ["c", "c"], ["s"]),
            node("ReduceMean", ["s"], ["u"], axes=[-1]),
            node("Add", ["u", "epsilon"], ["e"]),
            node("Pow", ["e", "minus_half"], ["i"]),
            node("Mul", ["c", "i"], ["n"]),
            node("Mul", ["n", "gamma"], ["g"]),
            node("Add", ["g", "bias"], ["y"]),
        ],
        {"LayerNorm": 1},
    ),
    "channels last around a convolution": (
        [
            node("Unsqueeze", ["x", "one_axis"], ["w"]),
            node("Transpose", ["w"], ["f"], perm=[0, 3, 1, 2]),
            node("Pad", ["f", "pads"], ["p"]),
            node("Conv", ["p", "kernel"], ["c"]),
            node("Transpose", ["c"], ["l"], perm=[0, 2, 3, 1]),
            node("Sigmoid", ["l"], ["g"]),
            node("Mul", ["l", "g"], ["h"]),
            node("Transpose", ["h"], ["b"], perm=[0, 3, 1, 2]),
            node("MaxPool", ["b"], ["o"], kernel_shape=[1, 2], strides=[1, 2]),
            node("Concat", ["o", "o"], ["z"], axis=1),
            node("Slice", ["z", "ones", "threes", "ones"], ["t"]),
            node("GlobalAveragePool", ["t"], ["a"]),
            node("Flatten", ["a"], ["y"]),
        ],
        {"Unsqueeze": 1, "ConvBlock": 1, "MaxPool": 1, "Concat": 1, "Slice": 1}
        | {"ReduceMean": 1, "Reshape": 1},
    ),
}
# The Gemm takes rows of two axes.
FLAT = node("Reshape", ["g", "two"], ["flat"])
CASES["a root's inverse, and a layer behind it"][0].insert(-2, FLAT)


def number(name, x):
    return array(name, x, np.float32)


TENSORS = [
    floats("qkv", 6, 18),
    floats("qkv_bias", 18),
    floats("out", 6, 4),
    floats("gamma", 6),
    floats("bias", 6),
    floats("turned", 6, 6),
    floats("kernel", 4, 6, 1, 3),
    array("mask", np.triu(np.full((5, 5), -1e4), 1)[None, None], np.float32),
    array("packed", [0, -1, 3, 2, 3]),
    array("rows", [0, -1, 6]),
    array("two", [-1, 6]),
    array("one_axis", [1]),
    array("ones", [1]),
    array("threes", [3]),
    array("pads", [0, 0, 0, 1, 0, 0, 0, 1]),
    *(array(str(n), n) for n in range(3)),
    *(array(name, x) for name, x in ENDS.items()),
    number("root", 3**0.5),
    number("factor", 3**-0.25),
    number("epsilon", 1e-6),
    number("minus_half", -0.5),
]


@pytest.fixture(scope="module")
def cases():
    """Name -> (file, counts of operators, input, onnxruntime's output)."""
    x = np.random.default_rng(0).standard_normal((2, 5, 6)).astype(np.float32)
    found = {}
    for name, (nodes, counts) in CASES.items():
        used = {i for n in nodes for i in n.input}
        tensors = [tensor for tensor in TENSORS if tensor.name in used]
        # With the sizes of a row known, as exporters give them.
        proto = model(nodes, [value("x", ["n", 5, 6])], [value("y", None)], tensors)
        found[name] = proto.SerializeToString(), counts, x, expected(proto, {"x": x})["y"]
    return found


@pytest.mark.parametrize("name", CASES)
def test_found_whole_with_the_same_numbers(backend, cases, name):
    raw, counts, x, wanted = cases[name]
    ops = [one.op for one in rewritten(read_onnx(raw)[0]).nodes]
    assert {op: ops.count(op) for op in counts} == counts
    net = isozoo.from_onnx(raw)
    calls = [net] if backend != "torch" else [net, net.infer, net.infer, net.infer, net.infer]
    for call in calls:
        y = convert_to_numpy(call(x))
        # Sums of 18 products and a softmax: the same bound as for the other rewritings.
        assert np.abs(y - wanted).max() <= 40 * 2.0**-24 * np.abs(wanted).max()


class Block(nn.Module):
    """A convolution with batch norm and a gate, and a dense layer with GELU."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4)
        self.dense = nn.Linear(4, 5)

    def forward(self, x):
        x = nn.functional.hardswish(self.norm(self.conv(x)))
        x = x + nn.functional.max_pool2d(x, 3, 1, 1)
        return nn.functional.gelu(self.dense(x.mean((2, 3))))


def test_modules_of_torch_are_rewritten_alike(backend):
    torch.manual_seed(0)
    module, x = Block().eval(), torch.randn(2, 3, 6, 6)
    module.norm.running_mean.uniform_()
    read = read_torch(module, x)
    ops = [one.op for one in rewritten(read[0]).nodes]
    assert ops == ["Transpose", "ConvBlock", "MaxPool", "Add", "ReduceMean", "Dense"]
    net = model_of(read[0], {name: a.copy() for name, a in read[1].items()}, backend=backend)
    with torch.no_grad():
        wanted = module(x).numpy()
    found = convert_to_numpy(net(x.numpy()))
    assert np.abs(found - wanted).max() <= 64 * 2.0**-24 * np.abs(wanted).max()


def test_halves_are_left_as_the_file_computes_them():
    nodes = [node("MatMul", ["x", "x"], ["s"]), node("Softmax", ["s"], ["w"], axis=-1)]
    nodes.append(node("MatMul", ["w", "x"], ["y"]))
    given = [value("x", [2, 4, 4], TensorProto.FLOAT16)]
    proto = model(nodes, given, [value("y", None, TensorProto.FLOAT16)])
    ops = [one.op for one in rewritten(read_onnx(proto.SerializeToString())[0]).nodes]
    assert ops == ["MatMul", "Softmax", "MatMul"]
