"""GPTQ and AWQ: levels by their definitions, the same on every backend, and worth having."""

from __future__ import annotations

import numpy as np
import pytest

import isozoo
from isozoo import layers
from isozoo.framework.quantization.calibration import awq_levels, gptq_levels, token_windows
from isozoo.quantizers import AWQConfig, GPTQConfig

DRAWS = np.random.default_rng(5)
TEXTS = ["the quick brown fox jumps over the lazy dog", "pack my box with five dozen jugs"]


def tokenize(text: str) -> np.ndarray:
    return np.array([ord(letter) % 32 for letter in text])


def floats(found: dict, matrix: np.ndarray) -> np.ndarray:
    """What levels stand for."""
    places = found["g_idx"].astype(int)
    made = found["scale"][:, places] * (found["levels"] - found["zero"][:, places])
    return made / found.get("awq_scales", 1.0)


def _gptq_by_definition(matrix, hessian, config):
    """Algorithm 1 of the paper with blocks of one column: every correction goes everywhere."""
    inputs = matrix.shape[1]
    damped = hessian + np.eye(inputs) * config.hessian_damping * np.diag(hessian).mean()
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    left, levels = matrix.copy(), np.zeros_like(matrix)
    size = inputs if config.group_size == -1 else config.group_size
    for j in range(inputs):
        if j % size == 0:
            group = left[:, j : j + size]
            low, high = group.min(1), group.max(1)
            scale = (high - low) / 15
            zero = np.clip(np.round(-low / scale), 0, 15)
        levels[:, j] = np.clip(np.round(left[:, j] / scale + zero), 0, 15)
        error = (left[:, j] - scale * (levels[:, j] - zero)) / upper[j, j]
        left[:, j:] -= np.outer(error, upper[j, j:])
    return levels


@pytest.mark.parametrize("size", [-1, 48])  # 48 does not divide the block of 128 columns
def test_gptq_is_the_algorithm_of_the_paper(size):
    matrix = DRAWS.normal(size=(6, 300))
    inputs = DRAWS.normal(size=(1000, 300)) @ DRAWS.normal(size=(300, 300))
    hessian = 2 / 1000 * inputs.T @ inputs
    config = GPTQConfig(None, None, group_size=size)
    found = gptq_levels(matrix, hessian, config)
    np.testing.assert_array_equal(found["levels"], _gptq_by_definition(matrix, hessian, config))
    nearest = floats({"levels": None, **_to_nearest(matrix, 300 if size == -1 else size)}, matrix)
    worse = np.square(inputs @ (nearest - matrix).T).mean()
    assert np.square(inputs @ (floats(found, matrix) - matrix).T).mean() < 0.5 * worse


def _to_nearest(matrix, size):
    places = np.arange(matrix.shape[1]) // size
    groups = [matrix[:, places == g] for g in range(places[-1] + 1)]
    low, high = (np.stack([f(g, axis=1) for g in groups], 1) for f in (np.min, np.max))
    scale = (high - low) / 15
    zero = np.clip(np.round(-low / scale), 0, 15)
    levels = np.clip(np.round(matrix / scale[:, places] + zero[:, places]), 0, 15)
    return {"levels": levels, "scale": scale, "zero": zero, "g_idx": places}


def test_the_order_of_activations_goes_back_to_the_places():
    matrix = DRAWS.normal(size=(4, 20))
    inputs = DRAWS.normal(size=(99, 20)) * np.linspace(0.1, 3, 20)
    hessian = 2 / 99 * inputs.T @ inputs
    order = np.argsort(-np.diag(hessian), kind="stable")
    ordered = GPTQConfig(None, None, group_size=5, activation_order=True)
    plain = GPTQConfig(None, None, group_size=5)
    found = gptq_levels(matrix, hessian, ordered)
    wanted = gptq_levels(matrix[:, order], hessian[np.ix_(order, order)], plain)
    np.testing.assert_array_equal(found["levels"][:, order], wanted["levels"])
    np.testing.assert_array_equal(found["g_idx"][order], np.arange(20) // 5)


@pytest.mark.parametrize("size", [-1, 8])
def test_awq_is_what_keras_finds(size):
    pytest.importorskip("tensorflow")
    original = pytest.importorskip("keras.src.quantizers.awq")
    matrix = DRAWS.normal(size=(6, 32)).astype("float32")
    magnitudes = np.exp(DRAWS.normal(size=32)).astype("float32")
    config = AWQConfig(None, None, group_size=size, num_grid_points=10)
    found = awq_levels(matrix.astype("float64"), magnitudes.astype("float64"), config)
    levels, scale, zero, factors, g_idx = map(
        np.asarray,
        original.awq_quantize_matrix(matrix, magnitudes, num_grid_points=10, group_size=size),
    )
    # Keras computes in float32: a level may fall on the other side of a half.
    assert np.mean(found["levels"] == levels) > 0.99
    np.testing.assert_allclose(found["scale"], scale, rtol=1e-5)
    np.testing.assert_array_equal(found["zero"], zero)
    np.testing.assert_allclose(found["awq_scales"], factors, rtol=1e-5)
    np.testing.assert_array_equal(found["g_idx"], g_idx)


def network(seed=3):
    isozoo.utils.set_random_seed(seed)
    inputs = isozoo.Input((16,), dtype="int32")
    x = layers.Embedding(32, 8)(inputs)
    block = isozoo.Sequential([layers.Dense(24, activation="relu"), layers.Dense(8)])
    other = isozoo.Sequential([layers.EinsumDense("abc,cd->abd", (None, 8))])
    outputs = layers.Dense(4)(layers.GlobalAveragePooling1D()(other(block(x))))
    model = isozoo.Model(inputs, outputs)
    return model, {"pre_block_layers": [model.layers[1]], "sequential_blocks": [block, other]}


_LEVELS: dict[str, list[np.ndarray]] = {}


@pytest.mark.parametrize("kind", [GPTQConfig, AWQConfig])
def test_a_model_is_calibrated_alike_everywhere(kind, backend, tmp_path):
    model, structure = network()
    x = token_windows(tokenize, TEXTS, 16, 4)[:, 0]
    before = model.predict(x, verbose=0)
    model.quantize(
        config=kind(
            TEXTS,
            tokenize,
            group_size=-1,
            num_samples=4,
            sequence_length=16,
            quantization_layer_structure=structure,
        )
    )
    after = model.predict(x, verbose=0)
    assert np.abs(after - before).max() < 0.2 * np.abs(before).max()
    assert np.abs(after - before).max() > 0
    block = structure["sequential_blocks"][0]
    assert block.layers[0].quantization_mode == kind(None, None).mode
    assert model.layers[-1].quantization_mode is None
    levels = [
        np.asarray(isozoo.ops.convert_to_numpy(layer.quantized_kernel))
        for part in structure["sequential_blocks"]
        for layer in part.layers
    ]
    expected = _LEVELS.setdefault(kind.__name__, levels)
    for one, other in zip(levels, expected, strict=True):
        # Activations differ by roundings, which turn a level in a thousand at most.
        assert np.mean(one != other) <= 0.01
    model.save_weights(tmp_path / "w.weights.h5")
    restored = isozoo.models.clone_model(model)
    restored.load_weights(tmp_path / "w.weights.h5")
    np.testing.assert_allclose(restored.predict(x, verbose=0), after, rtol=0, atol=1e-6)


def test_what_calibration_needs():
    model, structure = network()
    with pytest.raises(ValueError, match="requires a dataset and tokenizer"):
        model.quantize(config=GPTQConfig(None, tokenize))
    with pytest.raises(ValueError, match="valid quantization structure must be provided"):
        model.quantize(config=AWQConfig(TEXTS, tokenize))
    with pytest.raises(ValueError, match="no sequential blocks"):
        model.quantize(
            config=AWQConfig(TEXTS, tokenize, quantization_layer_structure={"pre_block_layers": []})
        )
    for data, error in (("text", TypeError), (3, TypeError), ([], ValueError)):
        with pytest.raises(error, match="dataset"):
            token_windows(tokenize, data, 4, 2)
    found = token_windows(tokenize, ["abc"], 4, 3)
    np.testing.assert_array_equal(
        found[:, 0], np.stack([np.tile([1, 2, 3], 4)[i : i + 4] for i in (0, 4, 8)])
    )
