"""Rewritings give fewer nodes and the same numbers, and leave alone what others see."""

from __future__ import annotations

import math

import numpy as np
import pytest
from onnx import helper

import isozoo
from isozoo.framework.graphs.reading_onnx import read_onnx
from isozoo.framework.graphs.rewriting import rewritten
from isozoo.ops import convert_to_numpy

from .onnx_nets import array, expected, floats, model, value

node = helper.make_node


def number(name, x):
    return array(name, x, np.float32)  # one with an axis would be a weight


def gelu(x, y, halved_first):
    """y of x, as two exporters write it."""
    steps = [node("Div", [x, "root"], [f"{y}d"]), node("Erf", [f"{y}d"], [f"{y}e"])]
    steps.append(node("Add", [f"{y}e", "one"], [f"{y}a"]))
    if halved_first:
        steps.append(node("Mul", [x, "half"], [f"{y}h"]))
        return [*steps, node("Mul", [f"{y}h", f"{y}a"], [y])]
    return [*steps, node("Mul", [x, f"{y}a"], [f"{y}m"]), node("Mul", [f"{y}m", "half"], [y])]


def layer_norm(x, y, axis):
    return [
        node("ReduceMean", [x], [f"{y}m"], axes=[axis]),
        node("Sub", [x, f"{y}m"], [f"{y}c"]),
        node("Pow", [f"{y}c", "two"], [f"{y}s"]),
        node("ReduceMean", [f"{y}s"], [f"{y}v"], axes=[axis]),
        node("Add", [f"{y}v", "epsilon"], [f"{y}p"]),
        node("Sqrt", [f"{y}p"], [f"{y}r"]),
        node("Div", [f"{y}c", f"{y}r"], [f"{y}n"]),
        node("Mul", [f"{y}n", "gamma"], [f"{y}g"]),
        node("Add", [f"{y}g", "beta"], [y]),
    ]


CONSTANTS = [
    number("root", math.sqrt(2)),
    number("one", 1.0),
    number("half", 0.5),
    number("two", 2.0),
    number("epsilon", 1e-5),
    floats("gamma", 6),
    floats("beta", 6),
    floats("k", 4, 4, 3, 3),
    floats("depth", 4, 1, 3, 3),
    floats("b", 1, 4, 1, 1),
    *(floats(name, 4) for name in ("scale", "shift", "mean")),
    array("variance", [0.5, 1.0, 1.5, 2.0], np.float32),
]
SAME = {"pads": [1, 1, 1, 1]}
NORM = ["scale", "shift", "mean", "variance"]
CASES = {
    "bias and relu": (
        [
            node("Conv", ["x", "k"], ["c"], **SAME),
            node("Add", ["c", "b"], ["d"]),
            node("Identity", ["d"], ["e"]),
            node("Relu", ["e"], ["y"]),
        ],
        ["Transpose", "ConvBlock", "Transpose"],
    ),
    "norm, sum and swish": (
        [
            node("Relu", ["x"], ["r"]),
            node("Conv", ["r", "depth"], ["c"], group=4, **SAME),
            node("BatchNormalization", ["c", *NORM], ["n"], epsilon=1e-3),
            node("Add", ["r", "n"], ["s"]),
            node("Sigmoid", ["s"], ["g"]),
            node("Mul", ["s", "g"], ["y"]),
        ],
        ["Relu", "Transpose", "ConvBlock", "Transpose"],
    ),
    "a sum with fewer axes": (
        [
            node("Conv", ["x", "k"], ["c"], **SAME),
            node("ReduceMean", ["x"], ["m"], axes=[0], keepdims=0),
            node("Add", ["c", "m"], ["s"]),
            node("HardSigmoid", ["s"], ["g"], alpha=1 / 6),
            node("Mul", ["g", "s"], ["y"]),
        ],
        ["ReduceMean", "ConvBlock"],
    ),
    "both forms of gelu": ([*gelu("x", "z", True), *gelu("z", "y", False)], ["Gelu", "Gelu"]),
    "norms of two axes": (
        [*layer_norm("x", "z", -1), *layer_norm("z", "y", 2)],
        ["LayerNorm", "LayerNorm"],
    ),
    "a value that another node wants": (
        [
            node("Conv", ["x", "k"], ["c"], **SAME),
            node("Relu", ["c"], ["r"]),
            node("Add", ["r", "c"], ["y"]),
        ],
        ["Transpose", "ConvBlock", "Relu", "Add", "Transpose"],
    ),
    "an identity that is the output": (
        [node("Neg", ["x"], ["z"]), node("Identity", ["z"], ["y"])],
        ["Neg", "Identity"],
    ),
}


@pytest.fixture(scope="module")
def cases():
    """Name -> (file, operators expected, inputs, onnxruntime's output)."""
    x = np.random.default_rng(0).standard_normal((2, 4, 6, 6)).astype(np.float32)
    found = {}
    for name, (nodes, ops) in CASES.items():
        used = {i for n in nodes for i in n.input}
        tensors = [tensor for tensor in CONSTANTS if tensor.name in used]
        proto = model(nodes, [value("x", ["n", 4, 6, 6])], [value("y", None)], tensors)
        found[name] = proto.SerializeToString(), ops, x, expected(proto, {"x": x})["y"]
    return found


@pytest.mark.parametrize("name", CASES)
def test_fewer_nodes_and_the_same_numbers(backend, cases, name):
    raw, ops, x, wanted = cases[name]
    assert [one.op for one in rewritten(read_onnx(raw)[0]).nodes] == ops
    net = isozoo.from_onnx(raw)
    found = [net(x)]
    if backend == "torch":  # the kernels that keep what they fold, made and used again
        found += [net.infer(x), net.infer(x)]
    for y in map(convert_to_numpy, found):
        assert np.abs(y - wanted).max() <= 40 * 2.0**-24 * np.abs(wanted).max()


def test_folded_kernels_follow_the_weights(cases):
    raw, _, x, _ = cases["norm, sum and swish"]
    net = isozoo.from_onnx(raw, "torch")
    net.infer(x)
    net.weights_by_path()["depth"].assign(np.zeros((4, 1, 3, 3), np.float32))
    np.testing.assert_allclose(net.infer(x), isozoo.ops.convert_to_numpy(net(x)), atol=1e-6)


def test_training_is_that_of_the_file(cases):
    raw, _, x, _ = cases["norm, sum and swish"]
    net = isozoo.from_onnx(raw, "torch")
    before = net.weights_by_path()["mean"].numpy().copy()
    net(x)
    assert np.array_equal(net.weights_by_path()["mean"].numpy(), before)
    net(x, training=True)
    assert not np.allclose(net.weights_by_path()["mean"].numpy(), before)
    assert convert_to_numpy(net.features(x, at="n")).shape == (2, 4, 6, 6)


@pytest.fixture
def planned(monkeypatch):
    """Programs of recorded kernels that were made: those of torch on CPUs."""
    from isozoo.framework.backends.torch import straight_lines

    made, plan = [], straight_lines.planned
    noted = lambda *given: made.append(plan(*given)) or made[-1]  # noqa: E731
    monkeypatch.setattr(straight_lines, "planned", noted)
    return made


def test_recordings_follow_inputs_and_weights(cases, planned):
    from isozoo.framework.backends.torch.cpu_graphs import CALLS_BEFORE

    raw, _, x, _ = cases["norm, sum and swish"]
    net = isozoo.from_onnx(raw, "torch")
    for number in range(CALLS_BEFORE + 2):  # the last but one is recorded, and then replayed
        given = x * (number + 1)
        wanted = convert_to_numpy(net(given))
        np.testing.assert_allclose(convert_to_numpy(net.infer(given)), wanted, atol=1e-5)
    assert len(planned) == 1
    net.weights_by_path()["shift"].assign(np.full(4, 2.0, np.float32))
    wanted = convert_to_numpy(net(x))
    np.testing.assert_allclose(convert_to_numpy(net.infer(x)), wanted, atol=1e-5)
    for size in (3, 1) * (CALLS_BEFORE + 2):
        wanted = convert_to_numpy(net(x[:1].repeat(size, 0)))
        found = convert_to_numpy(net.infer(x[:1].repeat(size, 0)))
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert len(planned) >= 3


def test_what_depends_on_values_is_not_recorded(planned):
    """A branch that follows the input's numbers, and places that differ from call to call."""
    from isozoo.framework.backends.torch.cpu_graphs import CALLS_BEFORE

    inner = [value("p", None)], [value("q", None)]
    then = helper.make_graph([node("Neg", ["x"], ["p"])], "then", [], inner[0])
    other = helper.make_graph([node("Mul", ["x", "w"], ["q"])], "other", [], inner[1])
    nodes = [
        node("ReduceSum", ["x"], ["s"], keepdims=0),
        node("Greater", ["s", "zero"], ["c"]),
        node("If", ["c"], ["y"], then_branch=then, else_branch=other),
    ]
    tensors = [floats("w", 3), number("zero", 0.0)]
    proto = model(nodes, [value("x", [3])], [value("y", None)], tensors)
    net = isozoo.from_onnx(proto.SerializeToString(), "torch")
    for sign in (*[1] * (CALLS_BEFORE + 1), -1, 1, -1):
        x = np.array([1, 2, 3], np.float32) * sign
        wanted = expected(proto, {"x": x})["y"]
        np.testing.assert_allclose(convert_to_numpy(net.infer(x)), wanted, atol=1e-6)
    assert not planned
