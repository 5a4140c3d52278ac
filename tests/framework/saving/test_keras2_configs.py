"""Configs as versions of Keras 2 wrote them, whose words Keras 3 has no more."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

import isozoo
from isozoo import saving

RANDOM = np.random.default_rng(7)
ZEROS = {"class_name": "Zeros", "config": {}}
GLOROT = {
    "class_name": "VarianceScaling",
    "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
}
# What Keras 2 wrote of the kernel of any convolution.
PLAIN = {"kernel_initializer": GLOROT, "kernel_regularizer": None, "kernel_constraint": None}


def drawn(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape).astype("float32")


def layer(kind: str, **config) -> dict:
    return {"class_name": kind, "config": {"name": kind.lower(), "trainable": True, **config}}


def written(path, config, weights: list[np.ndarray]) -> str:
    """A file of Keras 2 with one layer that has weights, the first of the config's."""
    first = config["config"] if isinstance(config["config"], list) else config["config"]["layers"]
    name = first[0]["config"]["name"]
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = np.bytes_("2.1.6")
        file.attrs["backend"] = np.bytes_("tensorflow")
        file.attrs["model_config"] = np.bytes_(json.dumps(config).encode())
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([name.encode()])
        held = group.create_group(name)
        names = [f"{name}/{number}:0" for number in range(len(weights))]
        held.attrs["weight_names"] = np.array([x.encode() for x in names], dtype="S64")
        for key, value in zip(names, weights, strict=True):
            held[key] = value
    return str(path)


def sequential(*layers: dict) -> dict:
    return {"class_name": "Sequential", "config": {"name": "sequential_1", "layers": list(layers)}}


def outputs(model, x: np.ndarray) -> np.ndarray:
    return isozoo.ops.convert_to_numpy(model(x))


def test_a_sequential_model_whose_config_is_a_list(tmp_path, backend):
    dense = layer("Dense", units=3, activation="tanh", use_bias=True, batch_input_shape=[None, 4])
    config = {"class_name": "Sequential", "config": [dense]}
    kernel, bias, x = drawn(4, 3), drawn(3), drawn(2, 4)
    model = saving.load_model(written(tmp_path / "x.h5", config, [kernel, bias]))
    expected = np.tanh(x.astype(float) @ kernel + bias)
    np.testing.assert_allclose(outputs(model, x), expected, atol=1e-5)


def windows(x: np.ndarray) -> np.ndarray:
    """Windows of 2×2 of (samples, rows, columns, channels), as the two last axes."""
    return np.lib.stride_tricks.sliding_window_view(x.astype(float), (2, 2), (1, 2))


PARTS = {"kernel_size": [2, 2], "padding": "valid", "groups": 1, "use_bias": False, **PLAIN}


def test_a_convolution_by_channel_with_the_words_of_a_plain_one(tmp_path, backend):
    config = sequential(
        layer("DepthwiseConv2D", batch_input_shape=[None, 4, 5, 3], filters=None, **PARTS)
    )
    kernel, x = drawn(2, 2, 3, 1), drawn(2, 4, 5, 3)
    model = saving.load_model(written(tmp_path / "x.h5", config, [kernel]))
    expected = np.einsum("nrcdhw,hwd->nrcd", windows(x), kernel[..., 0])
    np.testing.assert_allclose(outputs(model, x), expected, atol=1e-5)


def test_a_separable_convolution_with_the_words_of_a_plain_one(tmp_path, backend):
    config = sequential(
        layer("SeparableConv2D", batch_input_shape=[None, 4, 5, 3], filters=2, **PARTS)
    )
    kernel, mixing, x = drawn(2, 2, 3, 1), drawn(1, 1, 3, 2), drawn(2, 4, 5, 3)
    model = saving.load_model(written(tmp_path / "x.h5", config, [kernel, mixing]))
    found = np.einsum("nrcdhw,hwd->nrcd", windows(x), kernel[..., 0])
    np.testing.assert_allclose(outputs(model, x), found @ mixing[0, 0], atol=1e-5)


def test_groups_of_another_number_are_no_word_without_meaning(tmp_path):
    config = sequential(
        layer("DepthwiseConv2D", batch_input_shape=[None, 4, 4, 2], **{**PARTS, "groups": 2})
    )
    with pytest.raises(ValueError, match="groups"):
        saving.load_model(written(tmp_path / "x.h5", config, [drawn(2, 2, 2, 1)]))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_a_gru_of_the_time_before_reset_after(tmp_path, backend):
    words = {"activation": "tanh", "recurrent_activation": "sigmoid", "implementation": 0}
    config = sequential(layer("GRU", units=3, batch_input_shape=[None, 4, 2], **words))
    kernel, recurrent, bias, x = drawn(2, 9), drawn(3, 9), drawn(9), drawn(2, 4, 2)
    model = saving.load_model(written(tmp_path / "x.h5", config, [kernel, recurrent, bias]))
    state = np.zeros((2, 3))
    for step in range(4):
        z, r, h = np.split(x[:, step].astype(float) @ kernel + bias, 3, axis=1)
        kept = sigmoid(z + state @ recurrent[:, :3])
        reset = sigmoid(r + state @ recurrent[:, 3:6])
        new = np.tanh(h + (reset * state) @ recurrent[:, 6:])
        state = kept * state + (1 - kept) * new
    np.testing.assert_allclose(outputs(model, x), state, atol=1e-5)


def test_a_policy_with_the_scale_of_losses(tmp_path):
    scale = {"class_name": "DynamicLossScale", "config": {"initial_loss_scale": 32768.0}}
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16", "loss_scale": scale}}
    config = sequential(layer("Dense", units=3, batch_input_shape=[None, 4], dtype=policy))
    model = saving.load_model(written(tmp_path / "x.h5", config, [drawn(4, 3), drawn(3)]))
    assert model.layers[0].compute_dtype == "float16"
    assert model.layers[0].variable_dtype == "float32"


def test_a_lambda_with_code_is_refused_for_that(tmp_path):
    code = ["4wEAAAAAAAAAAAAAAA==", None, None]
    words = {"function_type": "lambda", "output_shape_type": "raw", "arguments": {}}
    config = sequential(layer("Lambda", batch_input_shape=[None, 4], function=code, **words))
    with pytest.raises(ValueError, match="Python lambda.*code execution"):
        saving.load_model(written(tmp_path / "x.h5", config, []))


def test_a_lambda_of_a_named_function(tmp_path, backend):
    def doubled(x):
        return x * 2

    words = {"function_type": "function", "output_shape_type": "raw", "arguments": {}}
    words |= {"module": "__main__", "output_shape": None}
    config = sequential(layer("Lambda", batch_input_shape=[None, 4], function="doubled", **words))
    path, x = written(tmp_path / "x.h5", config, []), drawn(2, 4)
    model = saving.load_model(path, custom_objects={"doubled": doubled})
    np.testing.assert_array_equal(outputs(model, x), x * 2)
    with pytest.raises(ValueError, match="doubled.*not registered"):
        saving.load_model(path)


@pytest.mark.parametrize(
    ("kind", "way"),
    [("TFOpLambda", "tf2onnx"), ("Merge", "Concatenate"), ("CuDNNLSTM", "load_weights")],
)
def test_a_layer_that_is_gone_is_refused_with_the_way_out(tmp_path, kind, way):
    config = sequential(layer(kind, batch_input_shape=[None, 4]))
    path = written(tmp_path / "x.h5", config, [])
    with pytest.raises(TypeError, match=rf"{kind} is a layer of Keras 2.*{way}"):
        saving.load_model(path)

    class Mine(isozoo.layers.Identity):
        pass

    model = saving.load_model(path, custom_objects={kind: Mine})
    assert type(model.layers[0]).__name__ == "Mine"
