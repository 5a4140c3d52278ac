"""Low-rank adapters by `enable_lora`: the kernel that they make, training, files, removal."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers, lora, ops, saving

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 4)).astype("float32")
Y = RNG.standard_normal((6, 3)).astype("float32")
# A sum of 4 products, then of a few more.
NEAR = {"rtol": 2**-19, "atol": 2**-19}


def _array(x):
    return np.array(ops.convert_to_numpy(x))


def test_the_kernel_is_w_and_the_scaled_product(backend):
    cases = (layers.Dense(3), (2, 4)), (layers.Conv2D(3, 2), (1, 4, 4, 2))
    for layer, shape in cases[: 1 if backend == "jax" else 2]:
        layer.build(shape)
        base = layer.kernel.numpy()
        layer.enable_lora(2, lora_alpha=3)
        a, b = (RNG.standard_normal(v.shape).astype("float32") for v in layer.weights[-2:])
        layer.lora_kernel_a.assign(a)
        layer.lora_kernel_b.assign(b)
        np.testing.assert_allclose(_array(layer.kernel), base + 1.5 * (a @ b), **NEAR)
        assert layer(np.ones(shape, "float32")).shape[-1] == 3
        assert [v.name for v in layer.trainable_weights] == [
            "bias", "lora_kernel_a", "lora_kernel_b",
        ]  # fmt: skip
        again = type(layer).from_config(layer.get_config())
        again.build(shape)
        assert (again.lora_rank, again.lora_alpha, again.lora_enabled) == (2, 3, True)
    table = layers.Embedding(5, 4, lora_rank=2)
    table.lora_embeddings_b.assign(np.ones((2, 4)))
    wanted = table._tracked["embeddings"].numpy() + table.lora_embeddings_a.numpy() @ np.ones(
        (2, 4)
    )
    np.testing.assert_allclose(_array(table(np.arange(5))), wanted, **NEAR)


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"], indirect=True)
def test_training_and_files(backend, tmp_path):
    for mode in ("int8",) if backend == "jax" else (None, "int8"):
        layer = layers.Dense(3)
        model = isozoo.Sequential([isozoo.Input((4,)), layer])
        if mode:
            model.quantize(mode)
        layer.enable_lora(2)
        before = layer._tracked["kernel"].numpy()
        model.compile("sgd", "mse")
        model.fit(X, Y, batch_size=6, epochs=2, verbose=0)
        np.testing.assert_array_equal(layer._tracked["kernel"].numpy(), before)
        assert np.abs(layer.lora_kernel_b.numpy()).max() > 0
        outputs = _array(model(X))
        # One step of the levels for each of four products, where the kernel is quantized anew.
        step = 0 if mode is None else 4 * np.abs(X).max() / 127
        model.save(tmp_path / "model.keras")
        model.save(tmp_path / "model.safetensors")
        model.save_weights(tmp_path / "model.weights.h5")
        plain = isozoo.Sequential([isozoo.Input((4,)), layers.Dense(3)])
        if mode:
            plain.quantize(mode)
        plain.load_weights(tmp_path / "model.weights.h5")
        whole = saving.load_model(tmp_path / "model.keras")
        assert whole.layers[-1].lora_enabled
        assert not whole.layers[-1].lora_kernel_b.numpy().any()
        for made in (plain, whole):
            assert np.abs(_array(made(X)) - outputs).max() <= step + 2**-19
        exact = saving.load_model(tmp_path / "model.safetensors")
        np.testing.assert_allclose(_array(exact(X)), outputs, **NEAR)
        if mode is None:
            lora.merge(model)
            np.testing.assert_allclose(_array(model(X)), outputs, **NEAR)
            assert not layer.lora_enabled and layer.trainable_weights == layer.weights
            assert "lora_rank" not in layer.get_config()


def test_where_no_adapter_goes():
    with pytest.raises(ValueError, match="isn't yet built"):
        layers.Dense(2).enable_lora(2)
    layer = layers.Dense(2, kernel_constraint="non_neg")
    layer.build((None, 3))
    with pytest.raises(ValueError, match="incompatible with kernel constraints"):
        layer.enable_lora(2)
    layer = layers.Dense(2, lora_rank=2)
    layer.build((None, 3))
    with pytest.raises(ValueError, match="already enabled"):
        layer.enable_lora(2)
    with pytest.raises(ValueError, match="adapter cannot be quantized"):
        layer.quantize("int8")
    layer = layers.Dense(2)
    layer.build((None, 3))
    layer.quantize("float8")
    layer.enable_lora(2)
    with pytest.raises(NotImplementedError, match="float8 does not support LoRA"):
        layer(np.ones((1, 3), "float32"))
