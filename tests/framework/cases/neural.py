"""Rows of ops: neural networks."""

from __future__ import annotations

import numpy as np
import scipy.special

from isozoo.scripts.references import kernels as by_hand
from isozoo.scripts.references import neural as defined

from .table import (
    CUBE,
    FLOAT,
    FLOATS,
    NUMBERS,
    SMALL,
    UNIT,
    A,
    C,
    case,
    numbers,
    rows,
)


def _gelu_by_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _log_softmax(x, axis=-1):
    return scipy.special.log_softmax(x, axis)


case("relu", A, reference=lambda x: np.maximum(x, 0), dtype="nobool")
case("relu6", A * 4, reference=lambda x: np.clip(x, 0, 6), dtype=FLOAT)
case("leaky_relu", A, reference=lambda x: np.where(x > 0, x, 0.2 * x), dtype=FLOAT)
case("elu", A, alpha=0.5, reference=lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(x)),
     dtype=FLOAT)  # fmt: skip
# Near -2 both terms of 1 + erf(x) nearly cancel: a relative error of each element is not to be had.
case("gelu", A, reference=_gelu_by_tanh, dtype=FLOAT, of_largest=True)
case("gelu", A, approximate=False, dtype=FLOAT, of_largest=True, note="exact",
     reference=lambda x, approximate: x * scipy.special.ndtr(x))  # fmt: skip
for name in ("silu", "swish"):
    case(name, A, reference=lambda x: x * scipy.special.expit(x), dtype=FLOAT)
case("sigmoid", A * 4, reference=scipy.special.expit, dtype=FLOAT)
case("softplus", A * 4, reference=lambda x: np.logaddexp(x, 0), dtype=FLOAT)
case("softmax", CUBE, reference=by_hand.softmax, dtype=FLOAT)
case("softmax", CUBE, axis=1, reference=by_hand.softmax, dtype=FLOAT, note="axis")
case("log_softmax", CUBE, reference=_log_softmax, dtype=FLOAT, of_largest=True)
case("log_softmax", CUBE, axis=1, reference=_log_softmax, dtype=FLOAT,
     of_largest=True, note="axis")  # fmt: skip
case("one_hot", SMALL - 1, 4, reference=by_hand.one_hot, dtype="float32", gradient=False,
     tried=("int64", "uint8"))  # fmt: skip
case("one_hot", SMALL, 6, axis=1, reference=by_hand.one_hot, dtype="float32", gradient=False,
     tried=("int64", "uint8"), note="axis")  # fmt: skip
case("dense", CUBE, numbers(4, 2), numbers(2), reference=lambda x, k, b: x @ k + b, tried=FLOATS,
     of_largest=True)  # fmt: skip
case("dense", A, numbers(5, 2), reference=lambda x, k: x @ k, tried=FLOATS, of_largest=True,
     note="no-bias")  # fmt: skip
case("layer_normalization", CUBE, epsilon=1e-3, reference=by_hand.layer_normalization, tried=FLOATS,
     of_largest=True)  # fmt: skip
case("layer_normalization", CUBE, numbers(4), numbers(4), epsilon=1e-5, tried=FLOATS, note="affine",
     reference=by_hand.layer_normalization, of_largest=True)  # fmt: skip
case("layer_normalization", CUBE, numbers(3), numbers(3), axis=1, tried=FLOATS, note="axis",
     reference=by_hand.layer_normalization, of_largest=True)  # fmt: skip
case("rms_normalization", CUBE, numbers(4), reference=by_hand.rms_normalization, tried=FLOATS,
     of_largest=True)  # fmt: skip
case("rms_normalization", CUBE, numbers(3), axis=1, reference=by_hand.rms_normalization,
     tried=FLOATS, of_largest=True, note="axis")  # fmt: skip
for axis, channels in ((-1, 4), (1, 3)):
    case("batch_normalization", CUBE, numbers(channels), numbers(channels, low=0.5, high=2), axis,
         numbers(channels), numbers(channels), reference=by_hand.batch_normalization, tried=FLOATS,
         of_largest=True, note=f"axis{axis}")  # fmt: skip
case("batch_normalization", CUBE, numbers(4), numbers(4, low=0.5, high=2), -1, epsilon=1e-5,
     reference=by_hand.batch_normalization, tried=FLOATS, of_largest=True, note="bare")  # fmt: skip
IMAGE = rows(5, 6, 4)
case("conv", IMAGE, numbers(3, 2, 4, 3), strides=2, padding="same", reference=by_hand.conv,
     tried=FLOATS, of_largest=True)  # fmt: skip
case("conv", IMAGE, numbers(3, 2, 4, 3), bias=numbers(3), padding="same", tried=FLOATS,
     reference=lambda x, kernel, bias, **k: by_hand.conv(x, kernel, **k) + bias, of_largest=True,
     note="bias")  # fmt: skip
case("depthwise_conv", IMAGE, numbers(3, 3, 4, 2), reference=by_hand.depthwise_conv, tried=FLOATS,
     of_largest=True)  # fmt: skip
case("max_pool", IMAGE, 2, padding="same", reference=by_hand.pool, tried=FLOATS)
case("average_pool", IMAGE, 2, padding="same", tried=FLOATS, of_largest=True,
     reference=lambda *a, **k: by_hand.pool(*a, **k, kind="average"))  # fmt: skip
HEADS = rows(4, 2, 3)
case("dot_product_attention", HEADS, rows(5, 2, 3), rows(5, 2, 3), reference=by_hand.attention,
     tried=FLOATS, of_largest=True)  # fmt: skip
case("dot_product_attention", HEADS, rows(4, 2, 3), rows(4, 2, 3), rows(2, 4, 4),
     is_causal=True, reference=by_hand.attention, tried=FLOATS, of_largest=True,
     note="bias of what came before")  # fmt: skip

case("selu", A, reference=defined.selu, dtype=FLOAT)
case("celu", A, alpha=0.5, reference=defined.celu, dtype=FLOAT)
case("glu", rows(6), reference=defined.glu, dtype=FLOAT)
case("glu", rows(4, 3), axis=1, reference=defined.glu, dtype=FLOAT, note="axis")
case("log_sigmoid", A * 4, reference=lambda x: -np.logaddexp(0, -x), dtype=FLOAT)
case("sparse_sigmoid", A, reference=lambda x: np.clip((x + 1) / 2, 0, 1), dtype=FLOAT)
case("hard_sigmoid", A * 3, reference=lambda x: np.clip(x / 6 + 0.5, 0, 1), dtype=FLOAT)
for name in ("hard_silu", "hard_swish"):
    case(name, A * 3, reference=lambda x: x * np.clip(x / 6 + 0.5, 0, 1), dtype=FLOAT)
case("hard_tanh", A, reference=lambda x: np.clip(x, -1, 1), dtype=FLOAT)
case("sparse_plus", A, dtype=FLOAT,
     reference=lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)))  # fmt: skip
case("squareplus", A * 9, b=3, reference=lambda x, b: (x + np.sqrt(x * x + b)) / 2, dtype=FLOAT)
case("softsign", A, reference=lambda x: x / (1 + np.abs(x)), dtype=FLOAT)
# Near zero both terms nearly cancel.
case("tanh_shrink", A, reference=lambda x: x - np.tanh(x), dtype=FLOAT, of_largest=True)
case("soft_shrink", A, threshold=0.75, dtype=FLOAT,
     reference=lambda x, threshold: np.sign(x) * np.maximum(np.abs(x) - threshold, 0))  # fmt: skip
case("hard_shrink", A, threshold=0.7, dtype=FLOAT,
     reference=lambda x, threshold: np.where(np.abs(x) > threshold, x, 0))  # fmt: skip
case("threshold", A, 0.7, 3.0, dtype=FLOAT, reference=lambda x, t, v: np.where(x > t, x, v))


def _off_grid(*shape):
    """Numbers that no sum of others is near to: there sparsemax has no derivative."""
    return np.random.default_rng(8).standard_normal(shape).astype(np.float32)


case("sparsemax", _off_grid(7, 3, 4), reference=defined.sparsemax, dtype=FLOAT, of_largest=True)
case("sparsemax", _off_grid(7, 3, 4), axis=1, reference=defined.sparsemax, dtype=FLOAT,
     of_largest=True, note="axis")  # fmt: skip
for axes, note in (((1, 2), "axes"), ((0, -1), "apart"), (None, "whole")):
    places = None if axes is None else tuple(a % 3 for a in axes)
    case("softmax", CUBE, axis=axes, reference=defined.several_axes(by_hand.softmax, places),
         dtype=FLOAT, note=note)  # fmt: skip
    case("log_softmax", CUBE, axis=axes, reference=defined.several_axes(_log_softmax, places),
         dtype=FLOAT, of_largest=True, note=note)  # fmt: skip
case("one_hot", SMALL, 3, dtype_argument="int8", reference=lambda x, n, dtype_argument:
     by_hand.one_hot(x, n), dtype="int8", gradient=False, tried=("int64", "uint8"),
     note="dtype")  # fmt: skip
case("multi_hot", SMALL - 1, 4, reference=defined.multi_hot, dtype="float32", gradient=False,
     tried=("int64", "uint8"))  # fmt: skip
case("polar", A, C, reference=lambda r, t: r * np.exp(1j * t), dtype="complex64", gradient=False,
     tried=("float16", "bfloat16", "int32", "uint8"), of_largest=True)  # fmt: skip
case("moments", CUBE, (0, 2), reference=defined.moments, dtype=FLOAT, of_largest=True)
case("moments", CUBE, 1, keepdims=True, reference=defined.moments, dtype=FLOAT, of_largest=True,
     note="keepdims")  # fmt: skip
case("normalize", CUBE, reference=defined.normalize, dtype=FLOAT, of_largest=True)
case("normalize", CUBE, axis=(1, 2), order=3, reference=defined.normalize, dtype=FLOAT,
     of_largest=True, note="order3")  # fmt: skip
case("normalize", CUBE, axis=None, order=1, reference=defined.normalize, dtype=FLOAT,
     of_largest=True, note="order1")  # fmt: skip
case("psnr", UNIT, A, 2.0, reference=lambda x, y, m: 10 * np.log10(m * m / np.mean((x - y) ** 2)),
     dtype=FLOAT)  # fmt: skip
case("layer_normalization", CUBE, numbers(3, 4), numbers(3, 4), axis=(1, 2), epsilon=1e-3,
     reference=defined.over_axes(by_hand.layer_normalization, 2), tried=FLOATS, note="axes",
     of_largest=True)  # fmt: skip
case("rms_normalization", CUBE, numbers(3, 4), axis=(-1, 1), epsilon=1e-3, tried=FLOATS,
     reference=defined.over_axes(by_hand.rms_normalization, 2), note="axes",
     of_largest=True)  # fmt: skip
case("separable_conv", rows(5, 4, 2), numbers(3, 2, 2, 2), numbers(1, 1, 4, 3), padding="same",
     reference=defined.separable_conv, tried=FLOATS, of_largest=True)  # fmt: skip
case("conv_transpose", rows(3, 2, 3), numbers(3, 2, 2, 3), strides=2, padding="same", tried=FLOATS,
     reference=defined.conv_transpose, of_largest=True)  # fmt: skip
case("adaptive_max_pool", rows(5, 4, 2), (3, 2), reference=defined.adaptive_pool, tried=NUMBERS)
case("adaptive_average_pool", rows(5, 4, 2), (3, 2), dtype=FLOAT, of_largest=True,
     reference=lambda x, o: defined.adaptive_pool(x, o, np.mean))  # fmt: skip
PLANES = rows(2, 5, 4)
case("unfold", PLANES, (3, 2), padding=1, stride=2, reference=defined.unfold)
case("fold", rows(12, 6), (5, 4), (3, 2), padding=1, stride=(2, 3), reference=defined.fold,
     tried=NUMBERS, of_largest=True)  # fmt: skip
case("depth_to_space", rows(2, 3, 8), 2, reference=defined.depth_to_space)
case("depth_to_space", rows(8, 2, 3), 2, "channels_first", reference=defined.depth_to_space,
     note="first")  # fmt: skip
case("space_to_depth", rows(4, 6, 2), 2, reference=defined.space_to_depth)
case("space_to_depth", rows(2, 4, 6), 2, "channels_first", reference=defined.space_to_depth,
     note="first")  # fmt: skip
LABELS = np.float32(np.random.default_rng(3).dirichlet(np.ones(4), (7, 3)))
SHARES = rows(3, 4, low=0.125, high=0.875)
case("binary_crossentropy", rows(5, low=0, high=1), rows(5, low=0.125, high=0.875), tried=FLOATS,
     reference=defined.binary_crossentropy)  # fmt: skip
case("binary_crossentropy", rows(5, low=0, high=1), A * 4, from_logits=True, tried=FLOATS,
     reference=defined.binary_crossentropy, note="logits")  # fmt: skip
case("categorical_crossentropy", LABELS, SHARES, reference=defined.categorical_crossentropy,
     tried=FLOATS)  # fmt: skip
case("categorical_crossentropy", LABELS, CUBE, from_logits=True, axis=1, tried=FLOATS,
     reference=defined.categorical_crossentropy, note="logits")  # fmt: skip
CLASSES = np.random.default_rng(4).integers(0, 4, (7, 3)).astype(np.int32)
case("sparse_categorical_crossentropy", CLASSES, SHARES, tried=FLOATS, fixed=(0,),
     reference=defined.sparse_categorical_crossentropy)  # fmt: skip
case("sparse_categorical_crossentropy", CLASSES[:, :2] - 1, rows(3, 2), from_logits=True, axis=1,
     tried=FLOATS, fixed=(0,), reference=defined.sparse_categorical_crossentropy,
     note="logits")  # fmt: skip
case("dot_product_attention", rows(4, 4, 3), rows(5, 2, 3), rows(5, 2, 3),
     attn_logits_soft_cap=1.5, reference=defined.attention, tried=FLOATS, of_largest=True,
     note="grouped")  # fmt: skip

WORDS = np.random.default_rng(6).integers(1, 4, (7, 2)).astype(np.int32)
LENGTHS = np.array([2, 2, 1, 2, 0, 2, 1], np.int32)
TIMES = np.array([5, 5, 3, 4, 5, 5, 2], np.int32)
SOUNDS = rows(5, 4)
case("ctc_loss", WORDS, SOUNDS, LENGTHS, TIMES, reference=defined.ctc_loss, dtype="float32",
     tried=("float16", "bfloat16"), fixed=(0, 2, 3))  # fmt: skip
case("ctc_decode", SOUNDS, TIMES, reference=defined.ctc_greedy, gradient=False, tried=(),
     fixed=(1,), note="greedy")  # fmt: skip
case("ctc_decode", rows(4, 3), np.minimum(TIMES, 4), strategy="beam_search", beam_width=31,
     top_paths=2, mask_index=2, gradient=False, tried=(), fixed=(1,), of_largest=True,
     reference=lambda x, n, strategy, beam_width, top_paths, mask_index:
     defined.ctc_beam_search(x, n, top_paths, mask_index), note="beam")  # fmt: skip

# Keys and values of two shared heads, of which each serves two of the queries.
CACHE = (rows(2, 6, 3), rows(2, 6, 3))
SEEN = np.arange(6) <= np.arange(2, 4)[:, None]
case("cached_attention", rows(2, 4, 3), rows(2, 2, 3), rows(2, 2, 3), *CACHE, 2, mask=SEEN,
     reference=defined.cached_attention, tried=FLOATS, of_largest=True)  # fmt: skip
case("cached_attention", rows(1, 4, 3), rows(1, 2, 3), rows(1, 2, 3), *CACHE, 5,
     numbers(1, 4, 1, 6), scale=0.5, reference=defined.cached_attention, tried=FLOATS,
     of_largest=True, note="one token, a bias")  # fmt: skip
case("turn_halves", rows(3, 2, 4), numbers(3, 1, 4), numbers(3, 1, 4), tried=FLOATS,
     reference=defined.turn_halves)  # fmt: skip
