"""Language models whose weights have 8 or 4 bits: their presets, tied heads, and fast products."""

from __future__ import annotations

import json

import numpy as np
import pytest

import isozoo
from isozoo import nlp, ops
from isozoo.framework.layers.core.dense import dense_side_by_side
from isozoo.hub.certificates import write_certificate
from isozoo.quantizers import Int8QuantizationConfig

from .test_llama import Numbers

IDS = np.random.default_rng(0).integers(0, 97, (2, 9)).astype(np.int32)


def _model(backend, tied=True):
    with isozoo.use_backend(backend):
        isozoo.utils.set_random_seed(0)
        return nlp.LlamaCausalLM(
            vocabulary_size=97, num_layers=1, num_heads=4, num_key_value_heads=2, hidden_dim=64,
            intermediate_dim=48, tie_embeddings=tied,
        )  # fmt: skip


def _host(x):
    return np.asarray(ops.convert_to_numpy(x))


def _levels(x, axis, most=127):
    """Rounded to whole numbers by the largest magnitude along an axis, and back."""
    scale = most / (np.abs(x).max(axis=axis, keepdims=True) + 1e-7)
    return np.round(x * scale) / scale


@pytest.mark.parametrize("mode", ["int8", "int4"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_preset_keeps_the_levels(mode, tied, tmp_path):
    model = _model("numpy", tied)
    model.quantize(mode)
    wanted = _host(model(IDS))
    model.save_to_preset(tmp_path)
    again = isozoo.from_preset(tmp_path, backend="numpy")
    assert type(again) is nlp.LlamaCausalLM
    found = {path: v.numpy() for path, v in again.weights_by_path().items()}
    for path, variable in model.weights_by_path().items():
        np.testing.assert_array_equal(found[path], variable.numpy(), path)
    np.testing.assert_array_equal(_host(again(IDS)), wanted)
    kernel = again.backbone.blocks[0].attention.query.weights_by_path()["kernel"]
    assert kernel.dtype == "int8"
    assert kernel.numpy().nbytes == 64 * 64 // (1 if mode == "int8" else 2)


def test_every_backend_reads_it(backend, tmp_path):
    host = _model("numpy")
    host.quantize("int4")
    host.save_to_preset(tmp_path)
    model = isozoo.from_preset(tmp_path, backend=backend)
    wanted = _host(host(IDS))
    # Rounding of a layer's products: weights of 4 bits are the same floats everywhere.
    np.testing.assert_allclose(_host(model(IDS)), wanted, atol=1e-5 * np.abs(wanted).max(), rtol=0)


def test_whether_inputs_are_rounded_is_kept(tmp_path):
    model = _model("numpy")
    model.quantize(config=Int8QuantizationConfig(activation_quantizer=None))
    wanted = _host(model(IDS))
    model.save_to_preset(tmp_path)
    np.testing.assert_array_equal(_host(isozoo.from_preset(tmp_path, backend="numpy")(IDS)), wanted)


def test_a_tied_head_computes_by_its_levels(backend):
    """The definition: states and rows of the table, both rounded to 8 bits."""
    model = _model(backend)
    table = _host(model.backbone.embeddings.embeddings)
    states = np.random.default_rng(1).normal(size=(2, 3, 64)).astype(np.float32)
    model.quantize("int8")
    wanted = _levels(states, 2) @ _levels(table, 1).T
    found = model.run_inside(model.scores, (ops.convert_to_tensor(states),), {})
    np.testing.assert_allclose(_host(found), wanted, atol=1e-6 * np.abs(wanted).max(), rtol=0)


def test_the_certificate_names_the_weights(tmp_path):
    model = _model("numpy")
    model.quantize("int4")
    model.preprocessor = nlp.CausalLMPreprocessor(Numbers(), 64, (96,))
    report = isozoo.verify(model, ["numpy"], ["1 2 3", "4 5 6 7"], layers=False)
    assert report.ok
    assert report.runs[0]["weights"] == "int4/128_from_float32"
    assert "weights int4/128_from_float32" in report.table()
    path = write_certificate(report, tmp_path / "parity.json")
    assert json.loads(path.read_text())["runs"] == report.runs
    plain = isozoo.verify(_model("numpy").backbone, ["numpy"], IDS, layers=False)
    assert "weights" not in plain.runs[0]


def test_the_fast_product_is_the_definition():
    """torch at inference, by oneDNN where there is one: a kernel, then the same one changed."""
    rng = np.random.default_rng(2)
    x, kernel = rng.normal(size=(5, 3, 64)), rng.normal(size=(64, 96))
    with isozoo.use_backend("torch"):
        layer = isozoo.layers.Dense(96)
        layer.build((None, 64))
        model = isozoo.Sequential([isozoo.Input((3, 64)), layer])
    layer.kernel.assign(kernel)
    layer.quantize("int8")
    for factor in (1.0, 2.0):
        if factor != 1:
            layer.kernel_scale.assign(layer.kernel_scale.numpy() / factor)
        wanted = _levels(x, 2) @ _levels(kernel, 0) * factor
        found = _host(model.infer(x.astype(np.float32)))
        np.testing.assert_allclose(found, wanted, atol=2e-6 * np.abs(wanted).max(), rtol=0)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"dtype": "int8_from_os", "inputs": "int8"}, "names the dtype 'int8_from_os'"),
        ({"dtype": "int8_from_float32"}, "must say of `inputs`"),
        ({"dtype": 8, "inputs": "int8"}, "names the dtype 8"),
    ],
)
def test_entries_that_are_wrong_are_refused(entry, words, tmp_path):
    model = _model("numpy")
    model.quantize("int8")
    model.save_to_preset(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "isozoo", **entry}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(isozoo.hub.HubError, match=words):
        isozoo.from_preset(tmp_path, backend="numpy")


def test_a_model_of_two_kinds_is_no_preset(tmp_path):
    model = _model("numpy")
    model.backbone.blocks[0].attention.query.quantize("int8")
    with pytest.raises(isozoo.hub.HubError, match="one kind of weights of few bits"):
        model.save_to_preset(tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


class SideBySide(isozoo.Model):
    """Layers that see the same inputs."""

    def __init__(self, *found):
        super().__init__()
        self.found, self.built = list(found), True

    def call(self, x):
        return dense_side_by_side(x, *self.found)


@pytest.mark.parametrize("rounded", [True, False])
def test_products_side_by_side_are_those_of_each_layer(backend, rounded):
    """In float64, by levels and scales; inputs that are not rounded may be off by float32's part.

    A vector of nothing, and vectors of sizes far apart, have their own steps.
    """
    rng = np.random.default_rng(4)
    x = rng.normal(size=(2, 3, 64)) * np.array([1e-20, 1.0, 1e15])[:, None]
    x[1, 1] = 0
    x = x.astype(np.float32)
    found = [
        isozoo.layers.Dense(6, activation="relu", input_shape=(None, 64)),
        isozoo.layers.Dense(3, use_bias=False, input_shape=(None, 64)),
        isozoo.layers.Dense(5, input_shape=(None, 64)),
    ]
    found[0].bias.assign(rng.normal(size=6))
    rule = "default" if rounded else None
    for layer in found:
        layer.quantize(config=Int8QuantizationConfig(activation_quantizer=rule))
    model = SideBySide(*found)
    seen = _levels(x, 2) if rounded else x.astype(np.float64)
    for change in (1, -1):
        found[1].kernel.assign(found[1].kernel.numpy() * change)
        for layer, y in zip(found, model.infer(x), strict=True):
            kernel = layer.kernel.numpy() / layer.kernel_scale.numpy().astype(np.float64)
            wanted = seen @ kernel
            # Sums of 64 products of numbers that are rounded to 24 bits, and one more rounding
            # for each factor; the bias is rounded to what it is added to.
            error = (64 + 4) * 2.0**-24 * (np.abs(seen) @ np.abs(kernel)) + 1e-30
            if layer.bias is not None:
                wanted = wanted + layer.bias.numpy()
                error += 2.0**-23 * np.abs(wanted)
            wanted = np.maximum(wanted, 0) if layer is found[0] else wanted
            assert (np.abs(_host(y) - wanted) <= error).all()
