"""Quantized layers: their products, files that Keras reads and writes, copies, and training."""

from __future__ import annotations

import copy
import pickle

import keras
import numpy as np
import pytest

import isozoo
from isozoo import layers, ops, quantizers, saving

RNG = np.random.default_rng(0)
IDS = RNG.integers(0, 9, (3, 4))
MODES = {
    "int8": {},
    "int8 weights": {"weights": True},
    "int4": {"block_size": 3},
    "int4 lines": {"block_size": None},
    "float8": {},
}


def _array(x):
    return np.array(ops.convert_to_numpy(x))


def _config(of, name):
    """The config of a mode, of Keras's quantizers or of ours."""
    options = MODES[name]
    if "block_size" in options:
        return of.Int4QuantizationConfig(**options)
    if name == "float8":
        return of.Float8QuantizationConfig()
    return of.Int8QuantizationConfig(**({"activation_quantizer": None} if options else {}))


def _model(of):
    """Layers of each kind, of Keras or of ours."""
    inputs = of.Input((4,), dtype="int32")
    x = of.layers.Embedding(9, 6)(inputs)
    x = of.layers.EinsumDense("abc,cde->abde", (None, 2, 5), bias_axes="e")(x)
    x = of.layers.EinsumDense("abde,def->abf", (None, 7), activation="tanh")(x)
    return of.Model(inputs, of.layers.Dense(3, bias_initializer="ones")(x))


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """For each mode a file that Keras wrote, and what its model computes."""
    folder = tmp_path_factory.mktemp("keras")
    found = {}
    keras.utils.set_random_seed(0)
    base = _model(keras)
    values = [_values(w.shape) for w in base.weights]
    for number, name in enumerate(MODES):
        model = _model(keras)
        model.set_weights(values)
        model.quantize(config=_config(keras.quantizers, name), filters=_filters(name))
        path = folder / f"{number}.keras"
        model.save(path)
        found[name] = path, np.array(model(IDS))
    return values, found


def _values(shape):
    """Neighbours of both signs: where 0 is not between those of a block, Keras has no levels."""
    signs = (-1.0) ** np.indices(shape).sum(0)
    return (np.abs(RNG.standard_normal(shape)) * signs).astype("float32")


def _filters(name):
    # Keras's Embedding has no float8.
    return ["dense"] if name == "float8" else None


@pytest.mark.filterwarnings("ignore:Layer")
def test_files_of_keras_and_for_keras(originals, backend, tmp_path):
    values, found = originals
    for name, (path, wanted) in found.items():
        if backend in ("jax", "tensorflow") and name != "int4":  # a program more for each
            continue
        # Sums of 30 products at most, two layers deep; rounding to levels is the same.
        near = {"rtol": 0, "atol": 64 * 2.0**-24 * np.abs(wanted).max()}
        read = saving.load_model(path)
        np.testing.assert_allclose(_array(read(IDS)), wanted, **near)
        assert len(read.get_weights()) > 7
        if backend == "numpy":
            own = _model(isozoo)
            own.set_weights(values)
            own.quantize(config=_config(quantizers, name), filters=_filters(name))
            np.testing.assert_allclose(_array(own(IDS)), wanted, **near)
            own.save(tmp_path / "own.keras")
            theirs = keras.saving.load_model(tmp_path / "own.keras")
            np.testing.assert_allclose(np.array(theirs(IDS)), wanted, **near)


def test_products_are_those_of_the_levels(backend):
    layer = layers.Dense(5)
    x = RNG.standard_normal((4, 6)).astype("float32")
    layer(x)
    kernel = layer.kernel.numpy()
    layer.quantize("int8")
    scale = 127 / (np.abs(kernel).max(0) + 1e-7)
    levels = np.round(kernel * scale)
    np.testing.assert_array_equal(layer.kernel.numpy(), levels)
    of_x = 127 / (np.abs(x).max(1, keepdims=True) + 1e-7)
    wanted = np.round(x * of_x) @ levels / of_x / scale
    np.testing.assert_allclose(_array(layer(x)), wanted, rtol=2**-20, atol=2**-20)
    assert layer.dtype_policy.name == "int8_from_float32" and layer.quantization_mode == "int8"
    assert [v.trainable for v in layer.weights] == [True, False, False]
    if backend != "numpy":

        def total(x):
            return ops.sum(layer(x))

        gradient = _array(ops.grad(total)(x))
        np.testing.assert_allclose(gradient, np.tile((levels / scale).sum(1), (4, 1)), rtol=2**-18)
    with pytest.raises(ValueError, match="already quantized"):
        layer.quantize("int8")


def test_copies_pickles_and_other_backends(backend):
    x = RNG.standard_normal((4, 6)).astype("float32")
    for name in ("int4",) if backend == "jax" else ("int8", "int4", "float8"):
        layer = layers.Dense(5)
        layer(x)
        layer.quantize(config=_config(quantizers, name))
        wanted = _array(layer(x))
        again = layers.Dense.from_config(layer.get_config())
        again.build((None, 6))
        again.set_weights(layer.get_weights())
        copies = (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), again)
        for made in copies:
            np.testing.assert_array_equal(_array(made(x)), wanted)
        moved = layer.to_backend("numpy")
        assert moved.dtype_policy == layer.dtype_policy
        np.testing.assert_allclose(_array(moved(x)), wanted, rtol=2**-20, atol=2**-20)


def test_both_ways_of_a_table(backend):
    vectors = RNG.standard_normal((2, 6)).astype("float32")
    for mode, steps, tied in (("int8", 127, True), ("int4", 7, True), ("int4", 7, False)):
        if backend != "jax" or (mode, tied) == ("int4", True):
            layer = layers.ReversibleEmbedding(9, 6, tie_weights=tied)
            rows, scores = _array(layer(IDS)), _array(layer(vectors, reverse=True))
            table = layer.embeddings.numpy()
            layer.quantize(mode)
            # One step for a weight; for inputs of 8 bits one step of theirs as well.
            near = np.abs(table).max() / steps
            assert np.abs(_array(layer(IDS)) - rows).max() <= near
            limit = near * np.abs(vectors).sum(1).max() * (2 if mode == "int8" else 1)
            if tied:
                assert np.abs(_array(layer(vectors, reverse=True)) - scores).max() <= limit
            assert layer(vectors, reverse=True).shape == (2, 9)


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
def test_training_in_float8(backend):
    layer = layers.Dense(3, dtype="float8_from_float32")
    x = RNG.standard_normal((8, 4)).astype("float32")
    model = isozoo.Sequential([isozoo.Input((4,)), layer])
    model.compile("sgd", "mse")
    kernel = layer.kernel.numpy()
    model.fit(x, x[:, :3], batch_size=8, epochs=2, verbose=0)
    # The scale of the second step follows from the magnitude of the first.
    np.testing.assert_allclose(layer.inputs_scale.numpy(), np.abs(x).max() / 448, rtol=2**-20)
    np.testing.assert_allclose(
        layer.inputs_amax_history.numpy()[[0, -1]], np.abs(x).max(), rtol=2**-20
    )
    np.testing.assert_allclose(layer.kernel_scale.numpy(), np.abs(kernel).max() / 448, rtol=2**-20)
    assert layer.outputs_grad_amax_history.numpy()[0] > 0
    assert not np.array_equal(layer.kernel.numpy(), kernel)


def test_what_cannot_be_quantized():
    with pytest.raises(ValueError, match="isn't yet built"):
        layers.Dense(2).quantize("int8")
    layer = layers.Dense(2)
    layer.build((None, 3))
    with pytest.raises(ValueError, match="Invalid quantization mode"):
        layer.quantize("int3")
    with pytest.raises(ValueError, match="you must pass a `GPTQConfig`"):
        layer.quantize("gptq")
    with pytest.raises(ValueError, match="Contradictory arguments"):
        layer.quantize("int8", config=quantizers.Int4QuantizationConfig())
    with pytest.raises(ValueError, match="not supported"):
        layer.dtype_policy = "gptq/4/-1_from_float32"
    with pytest.raises(NotImplementedError, match="Invalid quantization mode"):
        layers.Embedding(3, 2).quantize("float8")
    norm = layers.LayerNormalization()
    norm.build((None, 3))
    with pytest.raises(NotImplementedError, match="does not have a `quantize` method"):
        norm.quantize("int8")

    class Own(layers.Dense):
        pass

    own = Own(2)
    own.build((None, 3))
    with pytest.raises(NotImplementedError, match="does not have a `quantize` method"):
        own.quantize("int8")
    own.quantize("int8", type_check=False)
    layer.dtype_policy = "int8_from_float32"
    assert layer.quantization_mode == "int8" and layer.kernel.dtype == "int8"
    with pytest.raises(ValueError, match="isn't yet built"):
        isozoo.Sequential([layers.Dense(2)]).quantize("int8")
