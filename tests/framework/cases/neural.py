"""Rows of ops: neural networks."""

from __future__ import annotations

import numpy as np
import scipy.special

from .. import references as by_hand
from .table import (
    CUBE,
    FLOAT,
    FLOATS,
    NUMBERS,
    SMALL,
    A,
    case,
    numbers,
    rows,
)


def _gelu_by_tanh(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _log_softmax(x, axis=-1):
    return scipy.special.log_softmax(x, axis)


case("relu", A, reference=lambda x: np.maximum(x, 0), tried=NUMBERS)
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
case("layer_normalization", CUBE, reference=by_hand.layer_normalization, tried=FLOATS,
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
case("depthwise_conv", IMAGE, numbers(3, 3, 4, 2), reference=by_hand.depthwise_conv, tried=FLOATS,
     of_largest=True)  # fmt: skip
case("max_pool", IMAGE, 2, padding="same", reference=by_hand.pool, tried=FLOATS)
case("average_pool", IMAGE, 2, padding="same", tried=FLOATS, of_largest=True,
     reference=lambda *a, **k: by_hand.pool(*a, **k, kind="average"))  # fmt: skip
HEADS = rows(4, 2, 3)
case("dot_product_attention", HEADS, rows(5, 2, 3), rows(5, 2, 3), reference=by_hand.attention,
     tried=FLOATS, of_largest=True)  # fmt: skip


def _conv_norm(x, kernel, bias, mean, variance, gamma, beta, epsilon, strides, padding, dilation,
               depthwise):  # fmt: skip
    y = (by_hand.depthwise_conv if depthwise else by_hand.conv)(
        x, kernel, strides, padding, dilation
    )
    return by_hand.normalize(y + bias, mean, variance, gamma, beta, epsilon)


for depthwise, shape in ((False, (3, 3, 4, 8)), (True, (3, 3, 4, 2))):
    statistics = (numbers(8), numbers(8), numbers(8, low=0.5, high=2), numbers(8), numbers(8))
    case("conv_batch_norm", IMAGE, numbers(*shape), *statistics, 1e-3, (2, 2), "same", (1, 1),
         depthwise, reference=_conv_norm, tried=(), of_largest=True, fixed=(3, 4),
         note="depthwise" if depthwise else "")  # fmt: skip
case("rfft", rows(8), dtype="complex64", tried=("bool", "int32", "uint8"), of_largest=True,
     gradient=False)  # fmt: skip
case("rfft", rows(8), 6, dtype="complex64", tried=(), of_largest=True, gradient=False, note="cut")
case(
    "rfft", rows(5), 8, dtype="complex64", tried=(), of_largest=True, gradient=False, note="filled"
)
SPECTRUM = np.fft.rfft(rows(8)).astype(np.complex64)
case("irfft", SPECTRUM, dtype="float32", tried=(), of_largest=True, gradient=False)
case("irfft", SPECTRUM, 9, dtype="float32", tried=(), of_largest=True, gradient=False, note="odd")
