"""GPTQ and AWQ: levels of kernels chosen by what a model's layers see of sample texts.

A model is gone through block by block: each block sees what the blocks before it, already
quantized, make of the samples. What the algorithms compute is done on the host in float64, so that
every backend gets the same levels from the same activations.
"""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from .. import config as settings
from .. import ops
from ..core.layer import Layer
from ..quantizers import (
    compute_quantization_parameters,
    dequantize_with_sz_map,
    pack_int4,
    quantize_with_sz_map,
)
from . import calibrated
from .rules import RULES

_TINY = 1e-8
_BLOCK = 128  # columns after which GPTQ's corrections are carried to all others


def calibrate(model: Layer, config: Any, wanted: Callable[[Layer], bool]) -> None:
    """Quantizes the kernels in a model's blocks.

    Args:
        model: a built model.
        config: a GPTQConfig or AWQConfig with data and tokenizer.
        wanted: tells which layers are quantized.

    Raises:
        ValueError: no data, tokenizer or structure, or a layer of a block saw nothing.
        TypeError: the data are no list of texts or arrays.
    """
    mode = config.mode
    if config.dataset is None or config.tokenizer is None:
        raise ValueError(
            f"{mode.upper()} quantization requires a dataset and tokenizer. Please provide them "
            f"in the {mode.upper()}Config."
        )
    structure = config.quantization_layer_structure
    if structure is None:
        structure = model.get_quantization_layer_structure(mode)  # pyright: ignore
    if structure is None:
        raise ValueError(
            f"For '{mode}' mode, a valid quantization structure must be provided either via "
            "`config.quantization_layer_structure` or by overriding "
            "`model.get_quantization_layer_structure(mode)`. The structure should be a dictionary "
            "with keys 'pre_block_layers' and 'sequential_blocks'."
        )
    blocks = structure.get("sequential_blocks") or []
    if not blocks:
        raise ValueError(f"{model.name}: no sequential blocks were found in the structure.")
    windows = token_windows(
        config.tokenizer, config.dataset, config.sequence_length, config.num_samples
    )
    samples: list[Any] = []
    for window in windows:
        x: Any = ops.convert_to_tensor(window, dtype="int32")
        for layer in structure.get("pre_block_layers") or []:
            x = layer(x)
        samples.append(x)
    for number, block in enumerate(blocks):
        _quantize_block(block, samples, config, wanted)
        if number < len(blocks) - 1:
            samples = [block(x) for x in samples]


def token_windows(tokenizer: Any, dataset: Any, length: int, count: int) -> np.ndarray:
    """Returns `count` windows of token ids out of sample texts, int32 (count, 1, length).

    The texts' tokens stand one behind the other, repeated where there are too few; the windows are
    spread evenly over them.

    Args:
        tokenizer: its `tokenize`, or it itself, gives the token ids of a text.
        dataset: texts, or arrays of token ids.
        length: tokens in a window.
        count: how many windows.

    Raises:
        TypeError: the data cannot be iterated over.
        ValueError: there are none.
    """
    if isinstance(dataset, str | bytes) or not hasattr(dataset, "__iter__"):
        raise TypeError(
            "The `dataset` argument must be an iterable (e.g., a list of strings, a generator, or "
            f"a NumPy array). Got type: {type(dataset).__name__}."
        )
    tokenize = getattr(tokenizer, "tokenize", tokenizer)
    pieces = [
        np.asarray(ops.convert_to_numpy(tokenize(x) if isinstance(x, str) else x)).reshape(-1)
        for x in dataset
    ]
    if not pieces or not sum(piece.size for piece in pieces):
        raise ValueError("Provided dataset is empty.")
    tokens = np.concatenate(pieces).astype(np.int32)
    if tokens.size < count * length:
        tokens = np.tile(tokens, math.ceil(count * length / tokens.size))
    last = tokens.size - length
    starts = np.linspace(0, last, count).astype(int)
    return np.stack([tokens[start : start + length] for start in starts])[:, None, :]


def _quantize_block(
    block: Layer, samples: list[Any], config: Any, wanted: Callable[[Layer], bool]
) -> None:
    inside = block._flatten_layers()
    chosen = [layer for layer in inside if _rule_of(layer) is not None and wanted(layer)]
    statistic = _Hessian if config.mode == "gptq" else _Magnitudes
    seen = {id(layer): statistic(_matrix_shape(layer)[0]) for layer in chosen}
    with _watched(chosen, seen):
        for x in samples:
            block(x)
    # The layers keep a config, and it must not hold data, or layers that hold it.
    settled = copy.copy(config)
    settled.dataset = settled.tokenizer = settled.quantization_layer_structure = None
    for layer in chosen:
        found = seen[id(layer)]
        if not found.count:
            raise ValueError(
                f"{layer.path}: it was not called on the samples, so that nothing is known of its "
                "inputs. Leave it out by `filters`."
            )
        quantize = gptq_levels if config.mode == "gptq" else awq_levels
        rows, columns = _matrix_shape(layer)
        kernel: Any = layer.kernel  # pyright: ignore[reportAttributeAccessIssue]
        matrix = np.asarray(ops.convert_to_numpy(kernel), np.float64).reshape(rows, columns).T
        layer.quantize(config.mode, config=settled)  # pyright: ignore[reportAttributeAccessIssue]
        _assign(layer, config, quantize(matrix, found.value, config))


def _rule_of(layer: Layer) -> Any:
    rule = getattr(layer, "_rule", None)
    return rule if rule in (RULES["Dense"], RULES["EinsumDense"]) else None


def _matrix_shape(layer: Layer) -> tuple[int, int]:
    rule = _rule_of(layer)
    shape = rule.calibrated_shape(layer)
    if shape[0] != rule.weights(layer)[0].matrix[0]:
        raise ValueError(
            f"{layer.path}: the kernel of shape {tuple(layer.kernel.shape)} sums over "  # pyright: ignore[reportAttributeAccessIssue]
            f"{rule.weights(layer)[0].matrix[0]} inputs, where the files of Keras would tell "
            f"{shape[0]}. Leave it out by `filters`."
        )
    return shape


@contextmanager
def _watched(layers: list[Layer], seen: dict[int, Any]) -> Iterator[None]:
    """Has the layers' inputs looked at while the block runs."""
    for layer in layers:
        call, statistic = layer.call, seen[id(layer)]

        def watching(inputs: Any, *args: Any, _call=call, _seen=statistic, **kwargs: Any) -> Any:
            _seen.add(np.asarray(ops.convert_to_numpy(inputs), np.float64))
            return _call(inputs, *args, **kwargs)

        vars(layer)["call"] = watching
    try:
        yield
    finally:
        for layer in layers:
            vars(layer).pop("call", None)


class _Magnitudes:
    """The largest absolute value of each input."""

    def __init__(self, size: int) -> None:
        self.value, self.count = np.zeros(size), 0

    def add(self, x: np.ndarray) -> None:
        rows = x.reshape(-1, self.value.size)
        self.value = np.maximum(self.value, np.abs(rows).max(axis=0))
        self.count += len(rows)


class _Hessian:
    """2/n times the sum of x x^T over all rows of the inputs."""

    def __init__(self, size: int) -> None:
        self.value, self.count = np.zeros((size, size)), 0

    def add(self, x: np.ndarray) -> None:
        rows = x.reshape(-1, len(self.value))
        total = self.count + len(rows)
        self.value = self.value * (self.count / total) + (2 / total) * (rows.T @ rows)
        self.count = total


def awq_levels(matrix: np.ndarray, magnitudes: np.ndarray, config: Any) -> dict[str, np.ndarray]:
    """Returns the levels and scales of AWQ (Lin et al. 2023, arXiv:2306.00978).

    Inputs with large activations matter most: their weights are multiplied by s = magnitude^a
    before they are rounded, and divided by it afterwards. Of the exponents a in [0, 1] the one
    counts whose squared error, weighted by the activations, is least.

    Args:
        matrix: the kernel, (outputs, inputs).
        magnitudes: the largest absolute activation of each input.
        config: an AWQConfig.

    Returns:
        "levels" (outputs, inputs), "scale" and "zero" (outputs, groups), "awq_scales" and "g_idx"
        (inputs).
    """
    largest = np.where(magnitudes < _TINY, 1.0, magnitudes)
    best: dict[str, np.ndarray] = {}
    least = np.inf
    for step in range(config.num_grid_points + 1):
        factors = np.maximum(largest ** (step / config.num_grid_points), 1e-4)
        factors = factors / max(math.sqrt(factors.max() * factors.min()), _TINY)
        found = _rounded(matrix * factors, 4, config.group_size)
        error = (matrix - found.pop("floats") / factors) * largest
        loss = float(np.mean(error**2))
        if loss < least:
            least, best = loss, {**found, "awq_scales": factors}
    return best


def gptq_levels(matrix: np.ndarray, hessian: np.ndarray, config: Any) -> dict[str, np.ndarray]:
    """Returns the levels of GPTQ (Frantar et al. 2022, arXiv:2210.17323).

    Inputs are rounded one after the other; the error of each is made up for by those that are
    still to come, by the Cholesky factor of the Hessian's inverse.

    Args:
        matrix: the kernel, (outputs, inputs).
        hessian: of the squared error of the outputs, (inputs, inputs).
        config: a GPTQConfig.

    Returns:
        "levels" (outputs, inputs), "scale" and "zero" (outputs, groups), and "g_idx" (inputs).
    """
    inputs = matrix.shape[1]
    diagonal = np.diag(hessian).copy()
    diagonal[diagonal == 0] = 1.0  # an input that is always 0
    damped = (
        hessian
        - np.diag(np.diag(hessian))
        + np.diag(diagonal + max(config.hessian_damping, 1e-12) * diagonal.mean())
    )
    order = np.argsort(-diagonal, kind="stable") if config.activation_order else np.arange(inputs)
    left = matrix[:, order].copy()
    upper = np.linalg.cholesky(np.linalg.inv(damped[np.ix_(order, order)])).T
    size = inputs if config.group_size == -1 else config.group_size
    levels = np.zeros_like(left)
    scales: list[np.ndarray] = []
    zeros: list[np.ndarray] = []
    for start in range(0, inputs, _BLOCK):
        stop = min(start + _BLOCK, inputs)
        errors = np.zeros((len(left), stop - start))
        for column in range(start, stop):
            if column % size == 0:
                # What the group's weights are now, after the corrections so far.
                group = left[:, column : min(column + size, inputs)].copy()
                if column > start and column + size > stop:
                    done = upper[start:column, stop : column + size]
                    group[:, max(stop - column, 0) :] -= errors[:, : column - start] @ done
                made = _parameters(group, config)
                scales.append(made[0])
                zeros.append(made[1])
            scale, zero = scales[-1][:, 0], zeros[-1][:, 0]
            most = 2**config.weight_bits - 1
            levels[:, column] = np.clip(np.round(left[:, column] / scale + zero), 0, most)
            rounded = scale * (levels[:, column] - zero)
            error = (left[:, column] - rounded) / upper[column, column]
            left[:, column + 1 : stop] -= np.outer(error, upper[column, column + 1 : stop])
            errors[:, column - start] = error
        left[:, stop:] -= errors @ upper[start:stop, stop:]
    back = np.argsort(order)
    return {
        "levels": levels[:, back],
        "scale": np.concatenate(scales, axis=1),
        "zero": np.concatenate(zeros, axis=1),
        "g_idx": (np.arange(inputs) // size)[back],
    }


def _parameters(group: np.ndarray, config: Any) -> tuple[np.ndarray, np.ndarray]:
    with settings.use_backend("numpy"):
        scale, zero, _ = compute_quantization_parameters(
            group,
            bits=config.weight_bits,
            symmetric=config.symmetric,
            per_channel=config.per_channel,
            group_size=-1,
            compute_dtype="float32",
        )
    return np.asarray(scale, np.float64), np.asarray(zero, np.float64)


def _rounded(matrix: np.ndarray, bits: int, size: int) -> dict[str, np.ndarray]:
    """A matrix rounded to levels, and what these stand for ("floats")."""
    inputs = matrix.shape[1]
    places = np.arange(inputs) // (inputs if size == -1 else size)
    with settings.use_backend("numpy"):
        scale, zero, most = compute_quantization_parameters(
            matrix, bits=bits, symmetric=False, per_channel=True, group_size=size
        )
        levels = quantize_with_sz_map(matrix, scale, zero, places, most)
        floats = dequantize_with_sz_map(levels, scale, zero, places)
    found = {"levels": levels, "scale": scale, "zero": zero, "g_idx": places, "floats": floats}
    return {name: np.asarray(value, np.float64) for name, value in found.items()}


def _assign(layer: Any, config: Any, found: dict[str, np.ndarray]) -> None:
    levels: Any = ops.convert_to_tensor(found["levels"].astype("uint8"))
    if config.weight_bits == 4:
        levels = pack_int4(levels, axis=0, dtype="uint8")[0]
    layer.quantized_kernel.assign(levels)
    layer.kernel_scale.assign(found["scale"].astype("float32"))
    layer.kernel_zero.assign(found["zero"].astype("uint8"))
    layer.g_idx.assign(found["g_idx"].astype("float32"))
    if "awq_scales" in found:
        layer.awq_scales.assign(found["awq_scales"].astype("float32"))
    calibrated.finish(layer)
