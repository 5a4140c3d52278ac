"""Formats that compile, quantize or leave Python: each file is run by the program it is for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops
from isozoo.framework.exporting import signatures
from isozoo.hub.readers.tfjs import TFJSReader

tf = pytest.importorskip("tensorflow")
torch = pytest.importorskip("torch")

DRAWS = np.random.default_rng(0)
PICTURES = DRAWS.normal(size=(3, 8, 8, 3)).astype("float32")


def pictures():
    """A convolution, a norm, pooling and two outputs by name."""
    inputs = isozoo.Input((8, 8, 3), name="pictures")
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv")(inputs)
    x = layers.BatchNormalization(moving_mean_initializer=isozoo.initializers.Constant(0.2))(x)
    x = layers.GlobalAveragePooling2D()(x)
    return isozoo.Model(inputs, {"wide": x, "logits": layers.Dense(5, name="head")(x)})


def whole(x):
    return {name: np.asarray(ops.convert_to_numpy(part)) for name, part in x.items()}


def close(found, wanted, share=1e-5) -> None:
    assert set(found) == set(wanted)
    for name, x in wanted.items():
        # Some hundred float32 products in another order.
        np.testing.assert_allclose(found[name], x, rtol=0, atol=share * np.abs(x).max())


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_onnx_names_what_goes_in_and_comes_out(backend, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    model = pictures()
    model.export(tmp_path / "m.onnx", format="onnx", verbose=False)
    onnx.checker.check_model(str(tmp_path / "m.onnx"))
    (opset,) = onnx.load(tmp_path / "m.onnx").opset_import
    assert opset.version == min(28, onnx.defs.onnx_opset_version())
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    assert [one.name for one in session.get_inputs()] == ["pictures"]
    names = [one.name for one in session.get_outputs()]
    for rows in (PICTURES, PICTURES[:1]):
        found = dict(zip(names, session.run(None, {"pictures": rows}), strict=True))
        close(found, whole(model(rows)))


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_onnx_takes_a_mask_that_is_the_same_for_all_queries(backend, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    x, mask = isozoo.Input((None, 8), name="x"), isozoo.Input((None,), dtype="bool", name="mask")
    rows = layers.Reshape((1, -1))(mask)
    y = layers.MultiHeadAttention(2, 4, name="attention")(x, x, attention_mask=rows)
    model = isozoo.Model([x, mask], layers.Dense(3, name="head")(y))
    for options in ({}, {"opset_version": 23}):
        model.export(tmp_path / "m.onnx", format="onnx", verbose=False, **options)
        session = onnxruntime.InferenceSession(tmp_path / "m.onnx")
        for batch, length in ((3, 7), (2, 5)):
            given = {
                "x": DRAWS.normal(size=(batch, length, 8)).astype("float32"),
                "mask": np.arange(length) < np.arange(length - batch, length)[:, None],
            }
            (found,) = session.run(None, given)
            wanted = ops.convert_to_numpy(model([given["x"], given["mask"]]))
            close({"y": found}, {"y": wanted})
    with pytest.raises(ValueError, match=r"is one of 18 to \d+, which onnx"):
        model.export(tmp_path / "n.onnx", format="onnx", opset_version=99)


_PACKAGE = """
import sys
import numpy as np, torch
model = torch._inductor.aoti_load_package(sys.argv[1])
x = torch.from_numpy(np.load(sys.argv[2]))
found = [{k: v.numpy() for k, v in model(part).items()} for part in (x, x[:1])]
assert "isozoo" not in sys.modules
np.savez(sys.argv[3], **{f"{k}{i}": v for i, one in enumerate(found) for k, v in one.items()})
"""


@pytest.mark.skipif(shutil.which("g++") is None, reason="AOTInductor needs a C++ compiler")
@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_a_compiled_package_runs_without_us(backend, tmp_path):
    model = pictures()
    model.export(tmp_path / "m.pt2", format="aoti", verbose=False)
    np.save(tmp_path / "x.npy", PICTURES)
    subprocess.run(
        [
            sys.executable,
            "-c",
            _PACKAGE,
            tmp_path / "m.pt2",
            tmp_path / "x.npy",
            tmp_path / "y.npz",
        ],
        check=True,
        env={**os.environ, "PYTHONPATH": ""},
        cwd=tmp_path,
    )
    found = dict(np.load(tmp_path / "y.npz"))
    for number, rows in enumerate((PICTURES, PICTURES[:1])):
        close({name: found[f"{name}{number}"] for name in ("wide", "logits")}, whole(model(rows)))


@pytest.mark.parametrize("backend", ["tensorflow"], indirect=True)
def test_a_graph_model_of_tensorflow_js(backend, tmp_path):
    model = pictures()
    model.export(tmp_path / "web", format="tfjs", verbose=False)
    content = json.loads((tmp_path / "web" / "model.json").read_text())
    assert content["format"] == "graph-model"
    assert set(content["signature"]["inputs"]) == {"pictures"}
    assert set(content["signature"]["outputs"]) == {"wide", "logits"}
    nodes = {node["name"]: node for node in content["modelTopology"]["node"]}
    for tensors in (content["signature"]["inputs"], content["signature"]["outputs"]):
        assert all(one["name"].partition(":")[0] in nodes for one in tensors.values())
    constants = {name for name, node in nodes.items() if node["op"] == "Const"}
    reader = TFJSReader(tmp_path / "web" / "model.json")
    assert set(reader.keys()) == constants
    held = [reader.read(key) for key in reader.keys()]
    for weight in (layer.kernel for layer in model.layers if hasattr(layer, "kernel")):
        kernel = np.asarray(ops.convert_to_numpy(weight))
        assert any(x.shape == kernel.shape and np.array_equal(x, kernel) for x in held)


@pytest.mark.parametrize("backend", ["tensorflow"], indirect=True)
def test_what_the_browser_lacks_is_named(backend, tmp_path):
    x = isozoo.Input((4,))
    model = isozoo.Model(x, layers.Lambda(lambda x: tf.math.lgamma(x), output_shape=(4,))(x))
    with pytest.raises(RuntimeError, match="no operator Lgamma"):
        model.export(tmp_path / "web", format="tfjs", verbose=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("backend", ["tensorflow"], indirect=True)
def test_lite_models_of_eight_bits(backend, tmp_path):
    model = pictures()
    wanted = whole(model(PICTURES))
    for kind, options in (
        ("weights", {}),
        ("int8", {"representative_dataset": [PICTURES[:1], {"pictures": PICTURES[1:]}]}),
    ):
        path = tmp_path / f"{kind}.tflite"
        model.export(path, format="litert", quantize=kind, verbose=False, **options)
        runner = tf.lite.Interpreter(str(path)).get_signature_runner()
        found = runner(pictures=PICTURES)
        # 8 bits: steps of 1/127 of the range in each of three layers.
        close(found, wanted, share=3 / 127)
        tensors = tf.lite.Interpreter(str(path)).get_tensor_details()
        assert any(one["dtype"] == np.int8 for one in tensors) or kind == "weights"
    for options, words in (
        ({"quantize": "int8"}, "needs `representative_dataset`"),
        ({"quantize": "int4"}, "got 'int4'"),
        ({"speed": 1}, "no setting 'speed'"),
    ):
        with pytest.raises(ValueError, match=words):
            model.export(tmp_path / "x.tflite", format="litert", **options)


_SERVED = """{"signature_name": "serving_default", "instances": [%s, %s]}"""


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_a_saved_model_answers_what_tensorflow_serving_is_asked(backend, tmp_path):
    """The request's rows by name, as `POST /v1/models/NAME:predict` has them."""
    left, right = isozoo.Input((2,), name="left"), isozoo.Input((2,), name="right")
    outputs = {"sum": layers.Add()([left, right]), "left_half": layers.Dense(1)(left)}
    model = isozoo.Model({"left": left, "right": right}, outputs)
    model.export(tmp_path / "1", verbose=False)
    row = '{"left": [1.0, 2.0], "right": [%g, 5.0]}'
    asked = json.loads(_SERVED % (row % 3, row % 4))
    signature = tf.saved_model.load(str(tmp_path / "1")).signatures[asked["signature_name"]]
    wanted = signature.structured_input_signature[1]
    columns = {
        name: tf.constant([one[name] for one in asked["instances"]], spec.dtype)
        for name, spec in wanted.items()
    }
    found = {name: x.numpy() for name, x in signature(**columns).items()}
    np.testing.assert_array_equal(found["sum"], [[4, 7], [5, 7]])
    assert found["left_half"].shape == (2, 1)


def test_names_of_inputs_and_outputs():
    spec = isozoo.InputSpec("float32", (None, 2))
    named = isozoo.InputSpec("float32", (None, 2), name="x")

    def call(images, more, last=None):
        return images, more, last

    found = signatures.named([spec, {"a": named, "b": spec}, [spec, spec]], call)
    assert [one.name for one in isozoo.tree.flatten(found)] == [
        "images", "a", "b", "last", "last_1",
    ]  # fmt: skip
    from isozoo.framework import nested

    assert nested.output_names({"a": 1, "b": [1, 2]}) == ["a", "b_0", "b_1"]
    assert nested.output_names((1, {"c": 2})) == ["output_0", "output_1_c"]
    assert nested.output_names(1) == ["output_0"]


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_openvino_compiles_it(backend, tmp_path):
    openvino = pytest.importorskip("openvino")
    model = pictures()
    model.export(tmp_path / "m.xml", format="openvino", verbose=False)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(str(tmp_path / "m.xml"), "CPU", settings)
    for rows in (PICTURES, PICTURES[:1]):
        found = compiled({"pictures": rows})
        close({name: found[name] for name in ("wide", "logits")}, whole(model(rows)))


class Asks(layers.Layer):
    """Its work depends on the numbers."""

    def call(self, x):
        return x if bool(ops.sum(x) > 0) else 2 * x


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
@pytest.mark.parametrize("format", ["torch", "stablehlo"])
def test_an_error_names_the_layer(format, backend, tmp_path):
    class Outer(isozoo.Model):
        def __init__(self):
            super().__init__()
            self.inner = Asks()

        def call(self, x):
            return self.inner(x)

    model = Outer()
    model(PICTURES)
    with pytest.raises(RuntimeError, match=r"failed in the layer inner \(Asks\)"):
        model.export(tmp_path / "m.pt2", format=format, verbose=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
def test_lite_models_of_recurrent_layers(backend, tmp_path):
    """Outputs of all steps, of a length that is free: LiteRT has no lists of unknown sizes."""
    x = isozoo.Input((None, 3), name="x")
    y = layers.Bidirectional(layers.LSTM(4, return_sequences=True))(x)
    model = isozoo.Model(x, {"all": y, "last": layers.GRU(2)(y)})
    model.export(tmp_path / "m.tflite", format="litert", verbose=False)
    runner = tf.lite.Interpreter(str(tmp_path / "m.tflite")).get_signature_runner()
    for shape in ((3, 7, 3), (1, 4, 3)):
        rows = DRAWS.normal(size=shape).astype("float32")
        close(runner(x=rows), whole(model(rows)))


def recurrent(units=3):
    """Steps that a kernel takes at once, backwards and with states, and a loop with a mask."""
    x = isozoo.Input((None,), dtype="int32", name="x")
    y = layers.Embedding(9, 4)(x)
    y, h, c = layers.LSTM(units, return_sequences=True, return_state=True)(y)
    back = layers.GRU(units, go_backwards=True, return_sequences=True)(y, initial_state=h)
    masked = layers.Embedding(9, 4, mask_zero=True)(x)
    masked = layers.LSTM(units, return_sequences=True)(masked)
    return isozoo.Model(x, {"back": back, "c": c, "masked": masked})


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
@pytest.mark.parametrize("format", ["torch", "onnx"])
def test_recurrent_layers_of_any_length(format, backend, tmp_path):
    model = recurrent()
    path = tmp_path / ("m.onnx" if format == "onnx" else "m.pt2")
    if format == "onnx":
        pytest.importorskip("onnxscript")
        onnx = pytest.importorskip("onnx")
        onnxruntime = pytest.importorskip("onnxruntime")
    model.export(path, format=format, verbose=False)
    if format == "onnx":
        onnx.checker.check_model(str(path), full_check=True)
        operators = [node.op_type for node in onnx.load(path).graph.node]
        assert [operators.count(name) for name in ("LSTM", "GRU", "Scan")] == [1, 1, 1]
        session = onnxruntime.InferenceSession(path)
        names = [one.name for one in session.get_outputs()]
    else:
        program = torch.export.load(path).module()
    for shape in ((3, 7), (1, 1)):
        rows = DRAWS.integers(0, 9, shape).astype("int32")
        rows[:, -1] = 0  # a step that does not count
        if format == "onnx":
            found = dict(zip(names, session.run(None, {"x": rows}), strict=True))
        else:
            found = {key: x.detach().numpy() for key, x in program(torch.from_numpy(rows)).items()}
        close(found, whole(model(rows)))


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_pictures_of_any_size(backend, tmp_path):
    """torch decides by the sizes that it is shown, and maps of one pixel take other ways."""
    x = y = isozoo.Input((None, None, 3), name="x")
    for _ in range(3):
        y = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu6")(y)
    model = isozoo.Model(x, layers.GlobalAveragePooling2D()(layers.Conv2D(5, 1)(y)))
    model.export(tmp_path / "m.pt2", format="torch", verbose=False)
    program = torch.export.load(tmp_path / "m.pt2").module()
    for shape in ((1, 33, 50, 3), (2, 64, 32, 3)):
        rows = DRAWS.normal(size=shape).astype("float32")
        wanted = ops.convert_to_numpy(model(rows))
        close({"y": program(torch.from_numpy(rows)).detach().numpy()}, {"y": wanted})


class Loops(layers.Layer):
    """Its work is a loop of Python's over the steps."""

    def call(self, x):
        return sum(x[:, step] for step in range(x.shape[1]))

    def compute_output_shape(self, shape):
        return (shape[0], shape[2])


@pytest.mark.parametrize("backend", ["torch"], indirect=True)
def test_a_size_that_cannot_stay_open_is_not_baked_in(backend, tmp_path):
    """torch's programs unroll loops; with the size in the signature there is a file."""
    x = isozoo.Input((None, 3), name="x")
    model = isozoo.Model(x, Loops()(x))
    with pytest.raises(RuntimeError, match=r"axis 1 of the input 'x', .* cannot stay open"):
        model.export(tmp_path / "m.pt2", format="torch", verbose=False)
    assert not list(tmp_path.iterdir())
    spec = isozoo.InputSpec("float32", (None, 4, 3), name="x")
    model.export(tmp_path / "m.pt2", format="torch", verbose=False, input_signature=[spec])
    program = torch.export.load(tmp_path / "m.pt2").module()
    for count in (3, 1):
        rows = DRAWS.normal(size=(count, 4, 3)).astype("float32")
        wanted = ops.convert_to_numpy(model(rows))
        close({"y": program(torch.from_numpy(rows)).detach().numpy()}, {"y": wanted})


def lacking(backend):
    """A layer inside another, with an operator that converters lack, on a backend."""

    class Inner(layers.Layer):
        def call(self, x):
            if backend == "torch":
                return torch.special.modified_bessel_i0(x)
            return tf.math.igamma(x * x, x * x)

        def compute_output_shape(self, shape):
            return shape

    class Outer(isozoo.Model):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(3)
            self.parts = [Inner(name="inner")]

        def call(self, x):
            return self.parts[0](self.first(x))

    model = Outer()
    model(np.ones((2, 4), "float32"))
    return model


@pytest.mark.parametrize(
    ("format", "backend", "name"),
    [
        ("tfjs", "tensorflow", "web"),
        ("litert", "tensorflow", "m.tflite"),
        ("onnx", "torch", "m.onnx"),
        ("openvino", "tensorflow", "m.xml"),
    ],
    indirect=["backend"],
)
def test_a_converter_s_refusal_names_the_layer(format, backend, name, tmp_path):
    if format in ("onnx", "openvino"):
        pytest.importorskip("onnxscript" if format == "onnx" else "openvino")
    with pytest.raises(RuntimeError, match=r"failed in the layer parts\.0 \(Inner\)"):
        lacking(backend).export(tmp_path / name, format=format, verbose=False)
    assert not list(tmp_path.iterdir())
