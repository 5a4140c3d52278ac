"""What a model can do, of graphs from outside: adapters, few bits, freezing, copies, files."""

from __future__ import annotations

import copy
import io
import pickle
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import isozoo
from isozoo import lora, quantizers
from isozoo.framework.graphs import GraphError
from isozoo.framework.graphs.loading import model_of
from isozoo.framework.graphs.reading_onnx import read_onnx
from isozoo.framework.graphs.reading_torch import read_torch
from isozoo.hub import GraphModel
from isozoo.ops import convert_to_numpy

from . import onnx_nets, torch_nets

# Roundings of float32: sums of about a hundred products.
NEAR = 64 * 2.0**-24
X = np.random.default_rng(0).standard_normal((6, 3, 6, 6)).astype(np.float32)
IDS = np.arange(6)


class Classifier(nn.Module):
    """A convolution, a matrix, a table, and a matrix that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.inner = nn.Linear(8, 16)
        self.table = nn.Embedding(7, 16)
        self.head = nn.Linear(16, 5)

    def forward(self, x, ids):
        x = functional.relu(self.norm(self.conv(x))).mean((2, 3))
        hidden = functional.gelu(self.inner(x)) + self.table(ids)
        return self.head(hidden) @ self.head.weight


@pytest.fixture(scope="module")
def nets():
    """Origin -> (what was read, inputs, floats of each weight by name)."""
    module = torch_nets.moved(Classifier())
    given = (torch.from_numpy(X[:1]), torch.from_numpy(IDS[:1]))
    found = {"torch": (*read_torch(module, given), [X, IDS])}
    found["onnx"] = (*read_onnx(onnx_nets.convolutional()), [X])
    return found


@pytest.fixture(params=["torch", "onnx"])
def net(request, nets, backend):
    """(model, inputs, arrays)"""
    return made(nets[request.param])


@pytest.fixture
def one_net(nets, backend):
    """The same of one of the origins: that both of them run is shown by other tests."""
    return made(nets["torch" if backend in ("numpy", "jax") else "onnx"])


def made(read):
    # On torch a model keeps the memory that it is given.
    graph, arrays, inputs = read
    model = model_of(graph, {k: x.copy() for k, x in arrays.items()}, cls=GraphModel)
    return model, inputs, arrays


def called(model, inputs, by="__call__"):
    """The first output in float64."""
    found = getattr(model, by)(*inputs)
    found = next(iter(found.values())) if isinstance(found, dict) else found
    return np.asarray(convert_to_numpy(found)).astype(np.float64)


def near(found, wanted, roundings=NEAR):
    return np.abs(found - wanted).max() <= roundings * np.abs(wanted).max()


def fitted(model, inputs):
    outputs = model(*inputs)
    wanted = (
        {name: np.zeros(y.shape, np.float32) for name, y in outputs.items()}
        if isinstance(outputs, dict)
        else np.zeros(outputs.shape, np.float32)
    )
    before = values(model)
    model.compile("sgd", "mse")
    model.fit(inputs if len(inputs) > 1 else inputs[0], wanted, batch_size=6, verbose=0)
    return {p for p, x in values(model).items() if not np.array_equal(x, before[p])}


def values(model):
    return {path: v.numpy().copy() for path, v in model.weights_by_path().items()}


def test_adapters_train_alone_and_are_small_files(net, backend, tmp_path):
    model, inputs, arrays = net
    origin = model.graph.origin
    products = ["fc.weight"] if origin == "onnx" else ["inner.weight", "head.weight"]
    before = called(model, inputs)
    assert lora.enable(model, 2, alpha=4) == products
    assert near(called(model, inputs), before)
    if backend != "numpy":
        # B, which meets the inputs, begins to change where A is no longer zero.
        assert fitted(model, inputs) == {f"{name}_lora_a" for name in products}
    for *_, kernel in lora.adapted(model):
        kernel.a.assign(np.ones(kernel.a.shape, np.float32))
    changed = {name: values(model)[f"{name}_lora_b"] for name in products}
    path = lora.save(model, tmp_path / "adapter.safetensors")
    # W + alpha / rank * A B, with A of ones: the same sum of B's rows for each output.
    merged = {name: arrays[name] + 2 * changed[name].sum(0) for name in products}
    wanted = called(model_of(model.graph, {**arrays, **merged}), inputs)
    assert not near(wanted, before)
    assert near(called(model, inputs), wanted) and near(called(model, inputs, "infer"), wanted)
    assert near(called(copy.deepcopy(model), inputs), wanted)
    other = model_of(model.graph, arrays, backend="numpy")
    assert lora.load(other, path) == products
    assert near(called(other, inputs), wanted)
    lora.merge(model)
    assert near(called(model, inputs), wanted)
    assert values(model).keys() == arrays.keys()


def test_adapters_go_on_kernels_of_convolutions(one_net):
    model, inputs, arrays = one_net
    assert lora.enable(model, 3, targets=["^conv"]) == ["conv.weight"]
    ((*_, kernel),) = lora.adapted(model)
    out, *rest = arrays["conv.weight"].shape
    assert (kernel.a.shape, kernel.b.shape) == ((out, 3), (3, *rest))
    kernel.a.assign(np.eye(out, 3, dtype=np.float32))
    changed = arrays["conv.weight"].copy()
    changed[:3] += kernel.b.numpy()
    wanted = called(model_of(model.graph, {**arrays, "conv.weight": changed}), inputs)
    assert near(called(model, inputs), wanted)


def by_outputs(scale, array):
    """Scales in a shape that meets the weight: one for each row, and of (in, out) for a column."""
    return scale.reshape(-1, *(1,) * (array.ndim - 1))


def quantized(net, config):
    model, inputs, arrays = net
    before = model.graph
    model.quantize(config=config)
    names = [name for name, array in arrays.items() if array.ndim > 1]
    held = values(model)
    assert {n for n in held if n.endswith(".levels")} == {f"{name}.levels" for name in names}
    assert not {*names} & held.keys()
    return before, held, names


def test_weights_of_8_bits_are_within_half_a_step(one_net):
    model, inputs, arrays = one_net
    config = quantizers.Int8QuantizationConfig(activation_quantizer=None)
    before, held, names = quantized(one_net, config)
    floats = {}
    for name in names:
        levels, scale = held[f"{name}.levels"], by_outputs(held[f"{name}.scale"], arrays[name])
        assert levels.dtype == np.int8
        assert (np.abs(levels).max(tuple(range(1, levels.ndim))) == 127).all()
        floats[name] = (levels / scale).astype(np.float32)
        assert (np.abs(floats[name] - arrays[name]) <= 0.501 / scale).all()
    wanted = called(model_of(before, {**arrays, **floats}), inputs)
    assert near(called(model, inputs), wanted) and near(called(model, inputs, "infer"), wanted)


def test_products_of_8_bits_are_those_of_rounded_vectors(one_net):
    model, inputs, arrays = one_net
    quantized(one_net, quantizers.Int8QuantizationConfig())
    node = next(node for node in model.graph.nodes if node.op == "Product")
    given = inputs if len(inputs) > 1 else inputs[0]
    x, y = model.features(given, [node.inputs[0], node.outputs[0]]).values()
    x, y = (np.asarray(convert_to_numpy(part)).astype(np.float64) for part in (x, y))
    levels, scale, bias = (values(model)[name].astype(np.float64) for name in node.inputs[1:])
    steps = 127 / np.abs(x).max(-1, keepdims=True)
    expected = np.round(x * steps) @ levels.T / steps / scale + bias
    # An element that lies between two levels may go to either: a step of its vector.
    assert np.abs(y - expected).max() <= (np.abs(levels).max(1) / scale / steps).max()
    assert np.median(np.abs(y - expected)) <= NEAR * np.abs(expected).max()
    assert model.infer(*inputs) is not None


def of_4_bits(levels, size):
    """Two numbers of -8 to 7 in a byte, the first in the low half."""
    halves = np.stack([levels & 15, (levels >> 4) & 15], -1).reshape(len(levels), -1)[:, :size]
    return (halves.astype(np.int64) ^ 8) - 8


@pytest.mark.parametrize("block_size", [None, 4])
def test_weights_of_4_bits_are_within_a_step(one_net, block_size, tmp_path):
    model, inputs, arrays = one_net
    config = quantizers.Int4QuantizationConfig(block_size=block_size)
    before, held, names = quantized(one_net, config)
    floats = {}
    for name in names:
        rows = arrays[name].reshape(len(arrays[name]), -1)
        parts = [held.get(f"{name}.{part}") for part in ("levels", "scale", "zero")]
        levels, scale = of_4_bits(parts[0], rows.shape[1]), parts[1]
        if block_size is None:
            found, step = levels / scale[:, None], 1 / scale[:, None]
        else:
            step, zero = (np.repeat(x, 4, 1)[:, : rows.shape[1]] for x in parts[1:])
            found = (levels - zero) * step
        assert (np.abs(found - rows) <= 1.001 * step).all()
        floats[name] = found.reshape(arrays[name].shape).astype(np.float32)
    wanted = called(model_of(before, {**arrays, **floats}), inputs)
    assert near(called(model, inputs), wanted)
    model.save_to_preset(tmp_path)
    assert near(called(isozoo.from_preset(tmp_path, backend="numpy"), inputs), wanted)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shape": [1 << 40, 1 << 20]}, "are not those of"),
        ({"block_size": 0}, "the size of its blocks is 0"),
        ({"kind": "diagonal"}, "does not say the shape, the kind and the bits"),
    ],
)
def test_a_graph_that_lies_about_its_levels_is_refused(nets, change, said):
    graph, arrays, inputs = nets["onnx"]
    model = model_of(graph, arrays, backend="numpy")
    model.quantize("int4", filters="^fc")
    told = model.graph.to_json()
    node = next(node for node in told["nodes"] if node["op"] == "Floats")
    node["attributes"] |= change
    other = type(model)(told)
    other.load_arrays({path: v.numpy() for path, v in model.weights_by_path().items()})
    with pytest.raises(GraphError, match=said):
        other(inputs[0])


class Wrapped(isozoo.Model):
    def __init__(self, body):
        super().__init__()
        self.body, self.out = body, isozoo.layers.Dense(2, name="out")
        self.out.build((None, 5))
        self.built = True

    def call(self, x):
        return self.out(self.body(x)["y"])


def test_a_graph_inside_a_model_is_quantized_with_it(nets):
    graph, arrays, inputs = nets["onnx"]
    with isozoo.use_backend("numpy"):
        model = Wrapped(model_of(graph, arrays))
        alone = model_of(graph, arrays)
        alone.quantize("int8")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.quantize("int8")
        assert near(called(model.body, inputs), called(alone, inputs))
        assert model.out.quantization_mode == "int8"
        other = Wrapped(model_of(graph, arrays))
        with pytest.warns(UserWarning, match="no matrix, kernel or table"):
            other.quantize("int8", filters="^out$")
        assert other.body.few_bits == () and other.out.quantization_mode == "int8"


def test_what_cannot_be_quantized_is_said(nets):
    graph, arrays, _ = nets["onnx"]
    model = model_of(graph, arrays, backend="numpy")
    with pytest.raises(ValueError, match="quantized by 'int8' or 'int4'; got 'float8'"):
        model.quantize("float8")
    with pytest.raises(GraphError, match="no matrix, kernel or table of floats"):
        model.quantize("int8", filters="nothing")
    lora.enable(model, 2)
    with pytest.raises(ValueError, match="has adapters"):
        model.quantize("int8")


def test_frozen_parts_stay_with_their_statistics(net, backend):
    if backend == "numpy":
        return  # it does not train
    model, inputs, arrays = net
    head = "fc." if model.graph.origin == "onnx" else "head."
    body = [v for p, v in model.weights_by_path().items() if v.trainable and not p.startswith(head)]
    for variable in body:
        variable.trainable = False
    assert fitted(model, inputs) == {path for path in arrays if path.startswith(head)}
    for variable in body:
        variable.trainable = True
    moved = fitted(model, inputs)
    assert {"mean", "norm.running_mean"} & moved


def test_copies_and_pickles_compute_the_same(one_net, backend):
    model, inputs, _ = one_net
    wanted = called(model, inputs)
    copies = [copy.deepcopy(model), pickle.loads(pickle.dumps(model))]
    if backend == "torch":
        file = io.BytesIO()
        torch.save(model, file)
        file.seek(0)
        copies.append(torch.load(file, weights_only=False))
    for one in copies:
        assert np.array_equal(called(one, inputs), wanted)
        assert values(one).keys() == values(model).keys()
    first = next(iter(copies[0].weights_by_path().values()))
    first.assign(np.ones(first.shape))
    assert np.array_equal(called(model, inputs), wanted)


def test_a_keras_file_keeps_the_model(one_net, tmp_path):
    model, inputs, _ = one_net
    model.quantize("int8")
    model.save(tmp_path / "model.keras")
    again = isozoo.saving.load_model(tmp_path / "model.keras")
    assert np.array_equal(called(again, inputs), called(model, inputs))


@pytest.mark.parametrize(
    ("origin", "form"),
    [("onnx", "tf_saved_model"), ("torch", "stablehlo"), ("torch", "torch")],
)
def test_exported_programs_compute_the_same_for_other_batches(nets, origin, form, tmp_path):
    graph, arrays, inputs = nets[origin]
    model = model_of(graph, arrays, backend="numpy")
    if origin == "torch":
        model.quantize("int4")
        inputs = dict(zip(["x", "ids"], inputs, strict=True))
    else:
        (inputs,) = inputs
    wanted = called(model, [inputs])
    path = tmp_path / ("model.pt2" if form == "torch" else "model")
    model.export(path, form, verbose=False)
    if form == "torch":
        program = torch.export.load(path).module()
        found = program({name: torch.from_numpy(x) for name, x in inputs.items()}).detach().numpy()
    elif form == "stablehlo":
        import jax

        found = jax.export.deserialize(bytearray(path.read_bytes())).call(inputs)
    else:
        import tensorflow as tf

        loaded = tf.saved_model.load(path)
        found = loaded.serve(inputs)["y"].numpy()
    assert near(np.asarray(found).astype(np.float64), wanted)
