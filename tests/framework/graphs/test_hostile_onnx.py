"""Files that are broken, or made to do harm: each an error that names the place."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper

import isozoo
from isozoo.framework.graphs import GraphError, UnknownOperatorError

from .onnx_nets import array, convolutional, floats, model, value

node = helper.make_node
X, Y = [value("x", [2, 3])], [value("y", None)]


def relu(*names: str, **more):
    return node("Relu", list(names[:-1]), [names[-1]], **more)


def with_tensor(change):
    """A model whose one tensor is changed after it was made."""
    proto = model([node("Add", ["x", "w"], ["y"])], X, Y, [floats("w", 2, 3)])
    change(proto.graph.initializer[0])
    return proto


def nested(depth):
    graph = helper.make_graph([relu("x", "z")], "inner", [], [value("z", None)])
    for _ in range(depth):
        made = node("Scan", ["x"], ["z"], body=graph, num_scan_inputs=1)
        graph = helper.make_graph([made], "inner", [], [value("z", None)])
    return model(list(graph.node), X, [value("z", None)])


def branching(depth):
    """Branches inside branches, twice as many at each step."""
    graph = helper.make_graph([relu("x", "z")], "inner", [], [value("z", None)])
    for _ in range(depth):
        made = node("If", ["is"], ["z"], then_branch=graph, else_branch=graph)
        graph = helper.make_graph([made], "inner", [], [value("z", None)])
    return model(list(graph.node), X, [value("z", None)], [array("is", True, bool)])


def outside(location, **more):
    def change(tensor):
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, text in {"location": location, **more}.items():
            tensor.external_data.add(key=key, value=str(text))

    return with_tensor(change)


def endless(rounds):
    body = helper.make_graph(
        [node("Identity", ["going"], ["again"]), node("Add", ["v", "v"], ["w"])],
        "body",
        [
            value("i", [], TensorProto.INT64),
            value("going", [], TensorProto.BOOL),
            value("v", [2, 3]),
        ],
        [value("again", [], TensorProto.BOOL), value("w", [2, 3])],
    )
    loop = node("Loop", ["m", "", "x"], ["y"], name="turns", body=body)
    return model([loop], X, Y, [array("m", rounds)])


WHEN_READ = {
    "no file": (b"\x08\x96not a model", "no ONNX file"),
    "no graph": (b"", "holds no graph"),
    "a cycle": (model([relu("b", "a"), relu("a", "b")], X, [value("a", None)]), "own result"),
    "a dangling name": (model([relu("nowhere", "y")], X, Y), "no node and no input gives its"),
    "a dangling output": (model([relu("x", "z")], X, Y), "gives the output 'y'"),
    "a name given twice": (model([relu("x", "y"), relu("x", "y")], X, Y), "'y' is given twice"),
    "a tensor given twice": (
        model([node("Add", ["x", "w"], ["y"])], X, Y, [floats("w", 3), floats("w", 3)]),
        "'w' stands twice",
    ),
    "too few bytes": (
        with_tensor(lambda t: setattr(t, "raw_data", t.raw_data[:-1])),
        "'w' has 23 bytes; its shape takes 24",
    ),
    "a huge shape": (
        with_tensor(lambda t: t.dims.extend([1 << 40])),
        "'w' would have 6597069766656 elements",
    ),
    "a negative size": (with_tensor(lambda t: t.dims.__setitem__(0, -2)), "which is none"),
    "no dtype": (with_tensor(lambda t: setattr(t, "data_type", 99)), "99 is not the number"),
    "a lying opset": (model([relu("x", "y")], X, Y, version=9999), "version 9999"),
    "no opset": (model([relu("x", "y", domain="elsewhere")], X, Y), "whose version the file"),
    "deep nesting": (nested(20), "more than 16 deep"),
    "many branches": (branching(13), "more than 10000 graphs"),
    "a file elsewhere": (outside("/etc/passwd"), "give the path of the ONNX file"),
}


@pytest.mark.parametrize("name", WHEN_READ)
def test_a_bad_file_is_refused_when_it_is_read(name):
    proto, said = WHEN_READ[name]
    raw = proto if isinstance(proto, bytes) else proto.SerializeToString()
    with pytest.raises(GraphError, match=said):
        isozoo.from_onnx(raw, "numpy")


@pytest.mark.parametrize(
    ("location", "more", "said"),
    [
        ("../secret", {}, "only plain files"),
        ("/etc/passwd", {}, "only plain files"),
        ("link", {}, "no links"),
        ("absent", {}, "which is not there"),
        ("numbers", {"length": 1 << 40}, "takes 24 bytes"),
        ("numbers", {"offset": 20}, "takes 24 bytes"),
        ("numbers", {"offset": -1}, "takes 24 bytes"),
    ],
)
def test_numbers_in_other_files_stay_in_the_folder(tmp_path, location, more, said):
    (tmp_path / "secret").write_bytes(bytes(24))
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "numbers").write_bytes(bytes(24))
    (folder / "link").symlink_to(tmp_path / "secret")
    path = folder / "net.onnx"
    path.write_bytes(outside(location, **more).SerializeToString())
    with pytest.raises(GraphError, match=said):
        isozoo.from_onnx(path, "numpy")


def test_numbers_in_a_file_beside_are_read(tmp_path):
    weights = np.arange(6, dtype=np.float32)
    (tmp_path / "numbers").write_bytes(bytes(8) + weights.tobytes())
    path = tmp_path / "net.onnx"
    path.write_bytes(outside("numbers", offset=8).SerializeToString())
    found = isozoo.from_onnx(path, "numpy")(np.zeros((2, 3), np.float32))
    assert np.array_equal(found, weights.reshape(2, 3))


IMAGE, KERNEL = [value("x", [1, 1, 2, 2])], [floats("k", 1, 1, 1, 1)]
CONV = node("Conv", ["x", "k"], ["c"], name="conv")
TERABYTE = array("n", [1 << 20, 1 << 20])
WHEN_RUN = {
    "a terabyte of zeros": (
        model([node("ConstantOfShape", ["n"], ["y"], name="zeros")], X, Y, [TERABYTE]),
        "'zeros': it would make a tensor of 1099511627776 elements",
    ),
    "a terabyte of copies": (
        model(
            [node("Reshape", ["x", "one"], ["r"]), node("Expand", ["r", "n"], ["y"], name="wide")],
            [value("x", [1])],
            Y,
            [TERABYTE, array("one", [1, 1])],
        ),
        "'wide': it would make",
    ),
    "a terabyte of tiles": (
        model([node("Tile", ["x", "n"], ["y"], name="tiles")], X, Y, [TERABYTE]),
        "'tiles': it would make",
    ),
    "a terabyte around": (
        model(
            [node("Pad", ["x", "p"], ["y"], name="around")],
            X,
            Y,
            [array("p", [1 << 30, 0, 0, 1 << 30])],
        ),
        "'around': it would make",
    ),
    "an endless range": (
        model(
            [node("Range", ["a", "b", "c"], ["y"], name="numbers")],
            X,
            Y,
            [array("a", 0), array("b", 1 << 62), array("c", 1)],
        ),
        "'numbers': it would make",
    ),
    "a loop of 2^62 rounds": (endless(1 << 62), "'turns': nothing in its body ends it"),
    "two kinds of numbers": (
        model([node("Add", ["x", "k"], ["y"], name="sum")], X, Y, [array("k", [1, 2, 3])]),
        "'sum': its operands are of float32 and int64",
    ),
    "an axis that is not there": (
        model([node("Softmax", ["x"], ["y"], name="last", axis=7)], X, Y),
        "'last': axis 7 of a tensor of 2 axes",
    ),
    # Behind a convolution, where operators are computed with the channels last.
    "a convolution over a terabyte": (
        model([node("Conv", ["x", "k"], ["y"], name="c", pads=[1 << 20] * 4)], IMAGE, Y, KERNEL),
        "'c': it would make a tensor of",
    ),
    "parts joined along no axis": (
        model([CONV, node("Concat", ["c", "c"], ["y"], name="both", axis=7)], IMAGE, Y, KERNEL),
        "'both': .* got 7",
    ),
    "a piece cut out of too many axes": (
        model(
            [CONV, node("Slice", ["c", "low", "high"], ["y"], name="piece")],
            IMAGE,
            Y,
            [*KERNEL, array("low", [0] * 6), array("high", [1] * 6)],
        ),
        "'piece': axes .* of a tensor of 4 axes",
    ),
    "statistics of other channels": (
        model(
            [CONV, node("BatchNormalization", ["c", *"vvvv"], ["y"], name="norm")],
            IMAGE,
            Y,
            [*KERNEL, floats("v", 7)],
        ),
        "'norm': 1 channels meet numbers of the shape .7.",
    ),
    "a matrix of integers": (
        model([node("MatMul", ["x", "w"], ["y"], name="product")], X, Y, [array("w", [[1]] * 3)]),
        "'product': its operands are of float32 and int64; one dtype is expected",
    ),
    "a branch of another dtype": (
        model(
            [node("Where", ["is", "x", "w"], ["y"], name="choice")],
            X,
            Y,
            [array("is", [True], bool), array("w", [1.0], np.float64)],
        ),
        "'choice': its operands are of float32 and float64",
    ),
    "a convolution without a kernel": (
        model([node("Conv", ["x"], ["y"], name="c")], IMAGE, Y),
        "'c': .* missing",
    ),
    "a root of nothing": (
        model([node("Erf", [], ["y"], name="root")], X, Y),
        "'root': .* missing",
    ),
}


@pytest.mark.parametrize("name", WHEN_RUN)
def test_a_bad_computation_names_its_node(name):
    proto, said = WHEN_RUN[name]
    net = isozoo.from_onnx(proto.SerializeToString(), "numpy")
    shape = [n if isinstance(n, int) else 1 for n in net.graph.inputs[0].shape]
    with pytest.raises(GraphError, match=said):
        net(np.ones(shape, np.float32))


def test_all_operators_that_are_not_known_are_named_at_once():
    proto = model(
        [
            node("Unheard", ["x"], ["a"], domain="elsewhere", name="first"),
            node("Unheard", ["a"], ["b"], domain="elsewhere", name="second"),
            node("Unseen", ["b"], ["y"], domain="elsewhere", name="third"),
        ],
        X,
        Y,
        opsets=[helper.make_opsetid("elsewhere", 1)],
    )
    with pytest.raises(UnknownOperatorError, match="first, second") as caught:
        isozoo.from_onnx(proto.SerializeToString())
    assert caught.value.missing == {
        ("elsewhere", "Unheard"): ["first", "second"],
        ("elsewhere", "Unseen"): ["third"],
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"form": 99}, "of form 1 is expected; got 99"),
        ({"nodes": 3}, "should be a list"),
        ({"nodes": [{"op": 7}]}, "operator is a text"),
        ({"weights": {"w": ["float32", [-1], True]}}, "which is none"),
        ({"constants": {"c": {"dtype": "int64", "shape": [9], "bytes": "AAAA"}}}, "has 3 bytes"),
        ({"constants": {"c": {"dtype": "object", "shape": [], "bytes": ""}}}, "has the dtype"),
    ],
)
def test_a_bad_description_of_a_graph_is_refused(change, said):
    described = isozoo.from_onnx(convolutional().SerializeToString(), "numpy").graph.to_json()
    with pytest.raises(GraphError, match=said):
        isozoo.GraphModel({**described, **change})
