"""Large tensors of ONNX files are read past the parser."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from isozoo.framework.graphs import GraphError, onnx_skeleton
from isozoo.framework.graphs.reading_onnx import read_onnx

from . import onnx_nets

node = helper.make_node


def test_the_numbers_of_fields_are_those_of_onnx():
    for kind, fields in onnx_skeleton.FIELDS.items():
        known = getattr(onnx, kind).DESCRIPTOR.fields_by_number
        for number, inner in fields.items():
            found = known[number]
            assert inner in (found.name, found.message_type and found.message_type.name), found.name
    # Whatever else holds tensors would be whole in the message.
    holds = {kind: {*fields.values()} for kind, fields in onnx_skeleton.FIELDS.items()}
    for kind, inner in holds.items():
        for field in getattr(onnx, kind).DESCRIPTOR.fields:
            name = field.message_type.name if field.message_type else ""
            assert name in inner or name not in onnx_skeleton.FIELDS, (kind, field.name)


def large():
    """A net with large tensors among its initializers, constants and a body, of three dtypes."""
    draw = np.random.default_rng(0).standard_normal
    arrays = {
        "a": draw((64, 64)).astype(np.float32),
        "b": draw((64, 80)).astype(np.float32),
        "c": draw((64, 64)).astype(np.float16),
    }
    few = helper.make_tensor(
        "few", onnx.TensorProto.INT4, [96, 96], bytes(range(256)) * 18, raw=True
    )
    then = helper.make_graph(
        [
            node("Constant", [], ["b"], value=numpy_helper.from_array(arrays["b"])),
            node("MatMul", ["p", "b"], ["q"]),
        ],
        "then",
        [],
        [onnx_nets.value("q", None)],
    )
    nodes = [
        node("MatMul", ["x", "a"], ["p"]),
        node("If", ["yes"], ["y"], then_branch=then, else_branch=then),
        node("Cast", ["few"], ["z"], to=onnx.TensorProto.FLOAT),
        node("Cast", ["c"], ["w"], to=onnx.TensorProto.FLOAT),
    ]
    tensors = [
        numpy_helper.from_array(arrays["a"], "a"),
        numpy_helper.from_array(arrays["c"], "c"),
        few,
        onnx_nets.array("yes", True, bool),
    ]
    outputs = [onnx_nets.value(name, None) for name in "yzw"]
    return onnx_nets.model(nodes, [onnx_nets.value("x", ["n", 64])], outputs, tensors, 21)


@pytest.mark.parametrize("form", ["path", "bytes"])
def test_the_same_is_read_with_and_without_the_parser(form, tmp_path):
    message = large().SerializeToString()
    (tmp_path / "net.onnx").write_bytes(message)
    graph, arrays = read_onnx(tmp_path / "net.onnx" if form == "path" else message)
    whole, wanted = read_onnx(large())
    assert graph.to_json() == whole.to_json()
    assert arrays.keys() == wanted.keys() and len(arrays) == 5
    for name, array in arrays.items():
        assert array.dtype == wanted[name].dtype and np.array_equal(array, wanted[name])
    skeleton, numbers = onnx_skeleton.cut(message)
    assert numbers is not None and len(skeleton) < len(message) / 20


def test_a_mark_in_a_file_is_no_mark(tmp_path):
    message = large().SerializeToString()
    _, numbers = onnx_skeleton.cut(message)
    proto = large()
    proto.graph.initializer[0].raw_data = numbers.mark(0, 64 * 64 * 4)
    with pytest.raises(GraphError, match="'a' has 32 bytes; its shape takes 16384"):
        read_onnx(proto.SerializeToString())


@pytest.mark.parametrize("at", [1, 3000, -1, -9])
def test_a_damaged_message_is_the_parsers_to_name(at, tmp_path):
    message = bytearray(large().SerializeToString())
    del message[at:]
    (tmp_path / "net.onnx").write_bytes(message)
    with pytest.raises(GraphError):
        read_onnx(tmp_path / "net.onnx")
