"""Small ONNX files for tests, and what onnxruntime computes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def floats(name: str, *shape: int, seed: int = 0) -> onnx.TensorProto:
    """Returns a tensor of small random floats."""
    drawn = np.random.default_rng((seed, len(name), *shape)).standard_normal(shape)
    return numpy_helper.from_array((0.3 * drawn).astype(np.float32), name)


def array(name: str, values: Any, dtype: Any = np.int64) -> onnx.TensorProto:
    """Returns a tensor of the values."""
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def value(name: str, shape: Any, dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    """Returns the description of an input or output."""
    return helper.make_tensor_value_info(name, dtype, shape)


def model(
    nodes: list[Any],
    inputs: list[Any],
    outputs: list[Any],
    tensors: list[Any] = (),  # pyright: ignore[reportArgumentType]
    version: int = 17,
    **more: Any,
) -> onnx.ModelProto:
    """Returns a model of the nodes."""
    graph = helper.make_graph(nodes, "net", inputs, outputs, list(tensors))
    opsets = [helper.make_opsetid("", version), *more.pop("opsets", ())]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, **more)


def convolutional() -> onnx.ModelProto:
    """Returns a net whose last matrix meets a shape that the graph computes."""
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "conv.weight", "conv.bias"], ["c"], pads=[1, 1, 1, 1]),
        node("BatchNormalization", ["c", "scale", "shift", "mean", "variance"], ["n"]),
        node("Relu", ["n"], ["r"]),
        node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", ["p"], ["sizes"]),
        node("Gather", ["sizes", "zero"], ["batch"]),
        node("Unsqueeze", ["batch", "zeros"], ["row"]),
        node("Concat", ["row", "rest"], ["shape"], axis=0),
        node("Reshape", ["p", "shape"], ["flat"]),
        node("Gemm", ["flat", "fc.weight", "fc.bias"], ["y"], transB=1),
        node("Softmax", ["y"], ["probabilities"], axis=-1),
    ]
    variance = np.abs(numpy_helper.to_array(floats("v", 4))) + 0.5
    tensors = [
        floats("conv.weight", 4, 3, 3, 3),
        *(floats(name, 4) for name in ("conv.bias", "scale", "shift", "mean")),
        array("variance", variance, np.float32),
        floats("fc.weight", 5, 36),
        floats("fc.bias", 5),
        array("zero", 0),
        array("zeros", [0]),
        array("rest", [-1]),
    ]
    outputs = [value("y", ["batch", 5]), value("probabilities", ["batch", 5])]
    return model(nodes, [value("x", ["batch", 3, 6, 6])], outputs, tensors)


def expected(proto: onnx.ModelProto, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns onnxruntime's outputs by name."""
    import onnxruntime

    session = onnxruntime.InferenceSession(proto.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, given), strict=True))
