"""Exported models compute the same in programs that know nothing of this package."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers, ops
from isozoo.export import ExportArchive
from isozoo.framework.exporting import input_signature

from ..forks import Program, finish

tf = pytest.importorskip("tensorflow")
torch = pytest.importorskip("torch")
jax_export = pytest.importorskip("jax.export")

DRAWS = np.random.default_rng(0)
PICTURES = DRAWS.normal(size=(3, 8, 8, 3)).astype("float32")
ROWS = DRAWS.normal(size=(3, 5)).astype("float32")


def pictures():
    """A small network with a convolution, a norm with statistics of its own, and dropout."""
    inputs = isozoo.Input((8, 8, 3), name="pictures")
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(inputs)
    x = layers.BatchNormalization(moving_mean_initializer=isozoo.initializers.Constant(0.2))(x)
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    return isozoo.Model(inputs, layers.Dense(2, activation="softmax")(x))


def named():
    """Two inputs by name, and two outputs."""
    left, right = isozoo.Input((5,), name="left"), isozoo.Input((5,), name="right")
    added = layers.Add()([layers.Dense(4)(left), layers.Dense(4)(right)])
    outputs = {"sum": added, "score": layers.Dense(1)(added)}
    return isozoo.Model({"left": left, "right": right}, outputs)


class Written(isozoo.Model):
    """A model by subclassing, whose inputs nobody declared."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x):
        return ops.tanh(self.dense(x))


def whole(x):
    return isozoo.tree.map_structure(lambda part: np.asarray(ops.convert_to_numpy(part)), x)


def close(found, expected) -> None:
    found = isozoo.tree.flatten(isozoo.tree.map_structure(np.asarray, found))
    for one, wanted in zip(found, isozoo.tree.flatten(expected), strict=True):
        # Some hundred float32 products in another order.
        np.testing.assert_allclose(one, wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())


def test_a_saved_model_from_every_backend(backend, tmp_path):
    model = pictures()
    model.export(tmp_path / "m", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    for rows in (PICTURES, PICTURES[:1]):
        close(loaded.serve(rows), whole(model(rows)))
    served = loaded.signatures["serving_default"](tf.constant(PICTURES))
    close(list(served.values())[0], whole(model(PICTURES)))
    assert len(loaded.trainable_variables) == 6 and len(loaded.non_trainable_variables) >= 2


@pytest.mark.parametrize("backend", ["torch", "jax"], indirect=True)
def test_inputs_by_name_and_models_by_subclassing(backend, tmp_path):
    model = named()
    given = {"left": ROWS, "right": ROWS[::-1].copy()}
    model.export(tmp_path / "named", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "named"))
    close(loaded.serve(given), whole(model(given)))
    model.export(tmp_path / "named.pt2", format="torch", verbose=False)
    program = torch.export.load(tmp_path / "named.pt2").module()
    found = program({name: torch.from_numpy(x) for name, x in given.items()})
    close({name: x.detach() for name, x in found.items()}, whole(model(given)))
    model = Written()
    with pytest.raises(ValueError, match="must be called at least once|has not yet been built"):
        model.export(tmp_path / "written")
    expected = whole(model(ROWS))
    assert input_signature(model) == [isozoo.InputSpec("float32", (None, 5))]
    model.export(tmp_path / "written", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "written"))
    close(loaded.serve(ROWS[:2]), expected[:2])


def test_signatures_name_what_dicts_name(tmp_path):
    class Pair(isozoo.Model):
        def call(self, given):
            return ops.subtract(given["left"], given["right"])

    with isozoo.use_backend("tensorflow"):
        model = Pair()
        model({"left": ROWS, "right": ROWS})
    model.export(tmp_path / "m", verbose=False)
    served = tf.saved_model.load(str(tmp_path / "m")).signatures["serving_default"]
    found = served(right=tf.constant(ROWS * 2), left=tf.constant(ROWS))
    np.testing.assert_array_equal(list(found.values())[0], -ROWS)


_READER = """
import sys
import numpy as np
format, path, x = sys.argv[1], sys.argv[2], np.load(sys.argv[3])
if format == "torch":
    import torch
    y = [torch.export.load(path).module()(torch.from_numpy(part)).detach() for part in (x, x[:1])]
elif format == "stablehlo":
    from jax import export
    called = export.deserialize(bytearray(open(path, "rb").read())).call
    y = [called(part) for part in (x, x[:1])]
elif format == "litert":
    import tensorflow as tf
    runner = tf.lite.Interpreter(model_path=path)
    y = []
    for part in (x, x[:1]):
        runner.resize_tensor_input(runner.get_input_details()[0]["index"], part.shape)
        runner.allocate_tensors()
        runner.set_tensor(runner.get_input_details()[0]["index"], part)
        runner.invoke()
        y.append(runner.get_tensor(runner.get_output_details()[0]["index"]))
elif format == "onnx":
    import onnxruntime
    session = onnxruntime.InferenceSession(path)
    name = session.get_inputs()[0].name
    y = [session.run(None, {name: part})[0] for part in (x, x[:1])]
assert "isozoo" not in sys.modules
np.savez(sys.argv[4], *map(np.asarray, y))
"""


@pytest.mark.parametrize("backend", ["numpy"], indirect=True)
@pytest.mark.parametrize(
    "format, name",
    [("torch", "m.pt2"), ("stablehlo", "m.bin"), ("litert", "m.tflite"), ("onnx", "m.onnx")],
)
def test_other_programs_read_it(format, name, backend, tmp_path):
    if format == "onnx":
        pytest.importorskip("onnxscript")
        pytest.importorskip("onnxruntime")
    model = pictures()
    model.export(tmp_path / name, format=format, verbose=False)
    np.save(tmp_path / "x.npy", PICTURES)
    out = tmp_path / "y.npz"
    finish([Program(_READER, format, tmp_path / name, tmp_path / "x.npy", out, cwd=tmp_path)])
    expected = whole(model(PICTURES))
    with np.load(out) as found:
        close([found["arr_0"], found["arr_1"]], [expected, expected[:1]])


def test_endpoints_of_one_s_own(backend, tmp_path):
    model = Written()
    expected = whole(model(ROWS))
    archive = ExportArchive()
    archive.track(model)
    row = [isozoo.InputSpec("float32", (None, 5))]
    archive.add_endpoint("serve", model.call, row)
    archive.add_endpoint("whole", model, row)
    archive.add_variable_collection("kernels", [model.dense.kernel])
    with pytest.raises(ValueError, match="'serve' is already taken"):
        archive.add_endpoint("serve", model.call, row)
    archive.write_out(tmp_path / "m", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    close([loaded.serve(ROWS), loaded.whole(ROWS)], [expected, expected])
    close(loaded.kernels[0], whole(model.dense.kernel))
    assert loaded.signatures.keys() == {"serve", "whole", "serving_default"}


@pytest.mark.parametrize("backend", ["jax", "tensorflow"], indirect=True)
def test_functions_of_one_s_own(backend, tmp_path):
    model = Written()
    expected = 2 * whole(model(ROWS))
    archive = ExportArchive()
    spec = [isozoo.InputSpec("float32", (None, 5))]
    archive.track(model)
    archive.add_endpoint("serve", lambda x: 2 * model(x), spec)
    archive.write_out(tmp_path / "m", verbose=False)
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    close(loaded.serve(ROWS), expected)


def test_what_cannot_be_exported(backend, tmp_path):
    model = pictures()
    for options, words in (
        ({"format": "pdf"}, "Unrecognized format=pdf"),
        ({"format": "torch"}, "end with '.pt2'"),
        ({"format": "litert"}, "end with '.tflite'"),
        ({"opset": 3}, "Unsupported arguments"),
        ({"input_signature": [isozoo.InputSpec(shape=(1, 2))]}, "must be provided"),
    ):
        with pytest.raises(ValueError, match=words):
            model.export(tmp_path / "m.x", **options)
    with pytest.raises(ValueError, match="Unsupported arguments .*: speed"):
        model.export(tmp_path / "m.pt2", format="torch", speed=1)

    class Asks(isozoo.Model):
        def call(self, x):
            return x if bool(x[0, 0] > 0) else 2 * x

    asks = Asks()
    asks(ROWS)
    with pytest.raises(RuntimeError, match="Failed to export"):
        asks.export(tmp_path / "m.pt2", format="torch")
    archive = ExportArchive()
    with pytest.raises(ValueError, match="No endpoints have been set"):
        archive.write_out(tmp_path / "m")
    with pytest.raises(ValueError, match="has never been called|been called at least once"):
        archive.add_endpoint("serve", lambda x: x)
    if backend in ("numpy", "torch"):
        with pytest.raises(ValueError, match="cannot be traced into a SavedModel"):
            archive.add_endpoint("serve", lambda x: x, [isozoo.InputSpec("float32", (None, 5))])
    assert not list(tmp_path.iterdir())
