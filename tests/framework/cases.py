"""One row for each public op: inputs, what they should give, and what else holds of the op.

The tests of `test_ops.py` run the whole table. References are NumPy, SciPy or the loops of
`references.py`, in float64; where the name of an op is NumPy's and nothing else is said, its
reference is NumPy's function.

Tensors whose first axis is a batch have `BATCH` rows, a number that no other size is a multiple of:
so a test can tell which sizes of a result must be unknown when the batch is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.special

from . import references as by_hand

BATCH = 7

# What dtypes an op is tried in, beside float32.
FLOATS = ("float16", "bfloat16", "float64")
NUMBERS = ("int32", "uint8", "int64", *FLOATS)
ANY = ("bool", *NUMBERS)
INTEGERS = ("bool", "int32", "uint8", "int64")

# How the dtype of the result follows from that of the tensors.
SAME, FLOAT, NOBOOL = "same", "float", "nobool"


@dataclass(frozen=True)
class Case:
    """A call of a public op and what is known about its result.

    `dtype` is SAME (the common dtype of the tensors), FLOAT (that, or the default float if it is
    none), NOBOOL (that, with booleans counted as int32) or a dtype's name. `tried` are the dtypes
    in which the tensors may come. `gradient` says that the op can be differentiated by its float
    tensors. `error` bounds the relative error of each element; with `of_largest`, relative to the
    largest element of the result, as rounding in a sum is.
    """

    op: str
    args: tuple
    kwargs: dict[str, Any]
    reference: Callable[..., Any]
    dtype: str = SAME
    tried: tuple[str, ...] = ANY
    gradient: bool = True
    error: float = 1e-6
    of_largest: bool = False
    # Tensors (by position) that keep their dtype and get no gradient: indices, masks, statistics.
    fixed: tuple[int, ...] = ()
    note: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.op}-{self.note}" if self.note else self.op


_random = np.random.default_rng(20240229)


def rows(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """BATCH rows of numbers that lie at least 1/64 from every integer and half-integer."""
    return numbers(BATCH, *shape, low=low, high=high)


def numbers(*shape: int, low: float = -2.0, high: float = 2.0) -> np.ndarray:
    """Distinct float32 numbers from `low` to `high`, none near a point where functions jump."""
    cells = int((high - low) * 32)
    size = int(np.prod(shape))
    picked = _random.permutation(np.arange(cells * -(-size // cells)))[:size]
    shift = 1 / 64 + (picked // cells) / 256 / (1 + size // cells)
    return (low + (picked % cells) / 32 + shift).astype(np.float32).reshape(shape)


CASES: list[Case] = []


def case(op: str, *args: Any, reference: Any = None, **settings: Any) -> None:
    """Append a row; keywords that are no field of Case are arguments of the op."""
    fields = {name: settings.pop(name) for name in list(settings) if name in _FIELDS}
    reference = reference or getattr(np, op, None) or getattr(np.fft, op)
    CASES.append(Case(op, args, settings, reference, **fields))


_FIELDS = {"dtype", "tried", "gradient", "error", "of_largest", "fixed", "note"}
A, B = rows(5), rows(5)
C = numbers(5) + np.float32(1 / 128)  # equal to no element of A, where maximum has no gradient
POSITIVE = rows(5, low=0.25, high=3.0)
UNIT = rows(5, low=-0.9, high=0.9)
BITS = _random.integers(0, 200, (BATCH, 5)).astype(np.int32)
SMALL = _random.integers(0, 6, (BATCH, 5)).astype(np.int32)
CONDITION = _random.random((BATCH, 5)) < 0.5
CUBE = rows(3, 4)

# Elementwise ------------------------------------------------------------------------------------

for name in ("add", "multiply", "maximum", "minimum"):
    case(name, A, B)
    case(name, A, C, note="broadcast")
    case(name, A, 0.75, tried=FLOATS, note="scalar")
case("subtract", A, B, tried=NUMBERS)
case("subtract", 2, A, tried=NUMBERS, note="scalar-first")
for name in ("divide", "true_divide"):
    case(name, A, POSITIVE, dtype=FLOAT)
case("divide", 3, A, dtype=FLOAT, note="scalar-first")
case("floor_divide", A, POSITIVE + 1, tried=NUMBERS, gradient=False)
case("floor_divide", A, 0.75, tried=FLOATS, gradient=False, note="scalar")
case("mod", A, POSITIVE + 1, tried=NUMBERS, gradient=False)
case("mod", A, -0.75, tried=FLOATS, gradient=False, note="scalar")
case("power", POSITIVE, B, tried=FLOATS)
case("power", A, 3, tried=NUMBERS, note="scalar")
case("clip", SMALL, 1, 4, tried=NUMBERS, note="whole")
case("power", 2.0, A, tried=FLOATS, note="scalar-first")
case("arctan2", A, B, dtype=FLOAT)
for name in ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"):
    case(name, SMALL, SMALL[:, ::-1].copy(), dtype="bool", gradient=False)
    case(name, A, 0, dtype="bool", gradient=False, note="scalar")
for name in ("logical_and", "logical_or", "logical_xor"):
    case(name, SMALL, SMALL[:, ::-1].copy(), dtype="bool", gradient=False)
    case(name, CONDITION, True, dtype="bool", tried=(), gradient=False, note="scalar")
case("logical_not", SMALL, dtype="bool", gradient=False)
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    case(name, BITS, SMALL, tried=INTEGERS, gradient=False)
    case(name, BITS, 12, tried=("uint8", "int64"), gradient=False, note="scalar")
case("bitwise_not", BITS, tried=INTEGERS, gradient=False)
case("left_shift", BITS, SMALL, tried=("uint8", "int64"), gradient=False)
case("right_shift", BITS, SMALL, tried=("uint8", "int64"), gradient=False)
case("right_shift", -BITS, 2, tried=("int64",), gradient=False, note="scalar")
case("negative", A, tried=NUMBERS)
case("absolute", A)
case("abs", A, reference=np.abs)
case("sign", A, tried=NUMBERS, gradient=False)
case("square", A, dtype=NOBOOL)
case("reciprocal", A, dtype=FLOAT, reference=lambda x: 1 / x)
case("sqrt", POSITIVE, dtype=FLOAT)
case("rsqrt", POSITIVE, dtype=FLOAT, reference=lambda x: x**-0.5)
for name in ("exp", "expm1", "sin", "cos", "arctan", "sinh", "cosh", "tanh", "arcsinh"):
    case(name, A, dtype=FLOAT)
case("tan", UNIT, dtype=FLOAT)
for name in ("log1p", "arcsin", "arccos", "arctanh"):
    case(name, UNIT, dtype=FLOAT)
for name in ("log", "log2", "log10"):
    case(name, POSITIVE, dtype=FLOAT)
case("arccosh", rows(5, low=1.25, high=4.0), dtype=FLOAT)
case("erf", A, dtype=FLOAT, reference=scipy.special.erf)
for name in ("floor", "ceil"):
    case(name, A, dtype=FLOAT, gradient=False)
case("round", A, gradient=False, tried=NUMBERS)
case("round", A * 10, decimals=1, gradient=False, tried=FLOATS, note="decimals")
SPECIAL = np.array([[0.0, np.nan, np.inf], [-np.inf, 1.0, -1.0]], np.float32)
for name in ("isnan", "isinf", "isfinite"):
    case(name, SPECIAL, dtype="bool", gradient=False)
case("clip", A, -0.5, 0.75, tried=FLOATS)
case("clip", A, C - 0.5, C + 0.5, dtype=NOBOOL, note="tensors")
COMPLEX = (A + 1j * B).astype(np.complex64)
for name in ("real", "imag"):
    case(name, COMPLEX, dtype="float32", tried=(), gradient=False, note="complex")
case("real", A, gradient=False)
case("imag", A, gradient=False)
for name in ("conjugate", "conj"):
    case(name, COMPLEX, tried=(), gradient=False, note="complex")
    case(name, A, gradient=False)

# Reductions and products ------------------------------------------------------------------------

AXES = ({}, {"axis": 1}, {"axis": -1, "keepdims": True}, {"axis": (0, 2)}, {"axis": [1, 2]})
_TUPLES = {name: getattr(np, name) for name in ("sum", "prod", "mean", "var", "std", "max", "min")}
_TUPLES |= {"amax": np.max, "amin": np.min, "logsumexp": scipy.special.logsumexp}


def _along(function):
    def reference(x, axis=None, **kwargs):
        return function(x, axis=tuple(axis) if isinstance(axis, list) else axis, **kwargs)

    return reference


for name, function in _TUPLES.items():
    rule = {"sum": NOBOOL, "prod": NOBOOL, "max": SAME, "min": SAME, "amax": SAME, "amin": SAME}
    for i, kwargs in enumerate(AXES[: 2 if name.startswith("am") else 5]):
        case(
            name,
            CUBE,
            reference=_along(function),
            dtype=rule.get(name, FLOAT),
            of_largest=True,
            note=str(i),
            **kwargs,
        )
for name in ("all", "any"):
    for i, kwargs in enumerate(AXES):
        reference = _along(getattr(np, name))
        case(name, SMALL[..., None], reference=reference, dtype="bool", gradient=False, note=str(i),
             **kwargs)  # fmt: skip
for name in ("argmax", "argmin"):
    for i, kwargs in enumerate(({}, {"axis": 1}, {"axis": -1, "keepdims": True})):
        case(name, CUBE, dtype="int32", gradient=False, tried=NUMBERS, note=str(i), **kwargs)
    case(name, SMALL, dtype="int32", axis=1, gradient=False, tried=ANY, note="ties")
    case(name, SMALL, dtype="int32", keepdims=True, gradient=False, tried=(), note="whole")

MATRICES = rows(3, 4)
case("matmul", MATRICES, rows(4, 2), of_largest=True, tried=NUMBERS)
case("matmul", MATRICES, numbers(4, 2), of_largest=True, tried=NUMBERS, note="shared")
case("matmul", numbers(3, 4), rows(4, 2), of_largest=True, tried=NUMBERS, note="shared-first")
case("matmul", MATRICES, numbers(4), of_largest=True, tried=NUMBERS, note="matrix-vector")
case("matmul", numbers(4), rows(4, 2), of_largest=True, tried=NUMBERS, note="vector-matrix")
case("matmul", numbers(4), numbers(4), of_largest=True, tried=NUMBERS, note="vectors")
case("matmul", rows(1, 3, 4), numbers(2, 4, 5), of_largest=True, tried=NUMBERS, note="broadcast")
case("einsum", "bij,bjk->bik", MATRICES, rows(4, 2), of_largest=True, tried=NUMBERS)
case("einsum", "...ij,jk->...ik", MATRICES, numbers(4, 2), of_largest=True, tried=NUMBERS,
     note="ellipsis")  # fmt: skip
case("einsum", "bij->b", MATRICES, of_largest=True, tried=FLOATS, note="sum")
case("einsum", "ij,ij,j", A, B, C, of_largest=True, tried=FLOATS, note="three")

# Making tensors ---------------------------------------------------------------------------------

for name in ("convert_to_tensor", "array"):
    case(name, A, reference=np.array)
case("convert_to_tensor", [[1, 2], [3, 4]], reference=np.array, dtype="int32", note="list")
case("convert_to_tensor", [1, 2.5], reference=np.array, dtype="float32", note="floats")
case("convert_to_tensor", A, dtype_argument="int32", dtype="int32",
     reference=lambda x, dtype_argument: np.trunc(x), gradient=False, tried=NUMBERS,
     note="dtype")  # fmt: skip
case("cast", A, "int32", reference=lambda x, _: np.trunc(x), dtype="int32", gradient=False,
     tried=NUMBERS)  # fmt: skip
case("cast", A, "float16", reference=lambda x, _: x.astype(np.float16), dtype="float16",
     gradient=False, note="half")  # fmt: skip
case("stop_gradient", A, reference=np.array, gradient=False)
case("copy", A)
case("zeros", (2, 3), dtype="float32")
case("zeros", 4, dtype="float32", note="int")
case("ones", (2, 3), dtype="float32")
case("full", (2, 3), 1.5, dtype="float32")
case("full", (2, 3), 2, dtype="float32", note="int")
case("zeros_like", A, gradient=False)
case("ones_like", A, gradient=False)
case("full_like", A, 2, gradient=False, tried=NUMBERS)
case("arange", 5, dtype="int32")
case("arange", 2, 11, 3, dtype="int32", note="steps")
case("arange", 5, -1, -2, dtype="int32", note="down")
case("arange", 0.0, 1.0, 0.25, dtype="float32", note="floats")
case("linspace", 0, 1, 7, dtype="float32")
case("linspace", -1.0, 2, 5, endpoint=False, dtype="float32", note="open")
case("eye", 3, dtype="float32")
case("eye", 3, 5, 1, dtype="float32", note="above")
case("eye", 5, 3, -2, dtype="float32", note="below")

# Shapes, joining, indexing ----------------------------------------------------------------------

case("reshape", CUBE, (-1, 6), reference=lambda x, shape: x.reshape(shape))
case("reshape", CUBE[:4], (2, 4, 6), reference=lambda x, shape: x.reshape(shape), note="full")
case("ravel", CUBE)
case("transpose", CUBE)
case("transpose", CUBE, axes=(0, 2, 1), note="axes")
case("transpose", CUBE, axes=(-1, 0, -2), note="negative")
case("swapaxes", CUBE, -1, 1)
case("moveaxis", CUBE, 0, -1)
case("moveaxis", CUBE, (0, -1), (1, 0), note="several")
case("expand_dims", CUBE, -1)
case("expand_dims", CUBE, (1, -1), note="several")
case("expand_dims", CUBE, [0, 2], reference=lambda x, a: np.expand_dims(x, tuple(a)), note="list")
case("squeeze", rows(1, 3, 1))
case("squeeze", rows(1, 3, 1), axis=-1, note="axis")
case("squeeze", rows(1, 3, 1), axis=(1, 3), note="several")
case("broadcast_to", numbers(3, 1), (2, 3, 4))
case("concatenate", [A, B, rows(2)], axis=1)
case("concatenate", [A, B], axis=-1, note="negative")
case("concatenate", [A, SMALL], axis=1, tried=(), dtype="float32", note="mixed", gradient=False)
case("stack", [A, B])
case("stack", [A, B, A], axis=-1, note="last")
case("unstack", CUBE, axis=1, reference=lambda x, axis: list(np.moveaxis(x, axis, 0)))
case("unstack", CUBE, num=4, axis=-1, reference=lambda x, num, axis: list(np.moveaxis(x, axis, 0)),
     note="last")  # fmt: skip
case("split", numbers(2, 6), 3, axis=1)
case("split", CUBE, [1, 2], axis=1, note="places")
case("split", numbers(2, 6), (2, 2, 9), axis=-1, note="empty")
case("pad", CUBE, ((0, 0), (1, 2), (0, 2)))
case("pad", CUBE[:2], 1, note="int")
case("pad", CUBE[:2], (1, 1), constant_values=5, tried=NUMBERS, note="value")
for mode in ("reflect", "symmetric", "edge", "wrap"):
    case("pad", CUBE, ((0, 0), (1, 2), (0, 2)), mode=mode, note=mode)
case("pad", numbers(3), ((3, 4),), mode="edge", note="wide-edge")
case("flip", CUBE)
case("flip", CUBE, axis=-1, note="axis")
case("flip", CUBE, axis=(0, 2), note="several")
case("tile", A[:3], (2, 2))
case("tile", A[:3], (2, 1, 2), note="more")
case("tile", A[:3], (2,), note="fewer")
case("repeat", CUBE, 2, axis=1)
case("repeat", CUBE[:2], 3, note="flat")
case("repeat", CUBE, [1, 0, 2], axis=1, note="each")
case("roll", CUBE, 2, axis=1)
case("roll", CUBE[:2], -3, note="flat")
case("roll", CUBE, (1, -1), axis=(1, 2), note="several")
case("where", CONDITION, A, B, fixed=(0,))
case("where", CONDITION, A, 0.5, fixed=(0,), tried=FLOATS, note="scalar")
case("where", SMALL, A, C, fixed=(0,), note="numbers")
case("where", CONDITION, 1, 0, dtype="int32", tried=(), gradient=False, note="scalars")
PLACES = np.array([[2, -1, 0], [1, 1, -3]], np.int32)
case("take", CUBE, PLACES, axis=1, fixed=(1,))
case("take", CUBE, 1, axis=1, note="int")
case("take", CUBE, -1, axis=-1, note="last")
case("take", numbers(5, 4), PLACES, axis=0, fixed=(1,), note="table")
case("take", numbers(5, 4), PLACES, fixed=(1,), note="flat")
case("take", numbers(5, 4), [0, -2], axis=1, note="list")
ORDER = np.argsort(CUBE, 1).astype(np.int32)
case("take_along_axis", CUBE, ORDER, axis=1, fixed=(1,))
case("take_along_axis", CUBE, ORDER - 3, axis=1, fixed=(1,), note="negative")
case("take_along_axis", numbers(6), np.array([3, 0, -1]), axis=None, fixed=(1,), note="flat")
case("slice", CUBE[:4], (1, 0, 2), (2, 3, 1), reference=lambda x, s, n: x[1:3, 0:3, 2:3])
case("slice_update", CUBE[:4], (1, 0, 2), numbers(2, 3, 1), reference=by_hand.slice_update)
case("slice_update", CUBE, (0, 1, 0), rows(1, 4), reference=by_hand.slice_update, note="batch")
case("scatter_add", numbers(5), np.array([[0], [3], [0], [-1]]), numbers(4), fixed=(1,),
     tried=NUMBERS, reference=by_hand.scatter_add)  # fmt: skip
case("scatter_add", numbers(5, 2), np.array([[0], [3], [0]]), numbers(3, 2), fixed=(1,),
     tried=NUMBERS, reference=by_hand.scatter_add, note="rows")  # fmt: skip
case("sort", CUBE)
case("sort", CUBE, axis=1, note="axis")
case("argsort", SMALL, dtype="int32", reference=lambda x: np.argsort(x, -1, kind="stable"),
     gradient=False)  # fmt: skip
case("argsort", CUBE, axis=1, dtype="int32", gradient=False, tried=NUMBERS, note="axis")


def _top_k(x, k, **_):
    order = np.argsort(-x, -1, kind="stable")[..., :k]
    return np.take_along_axis(x, order, -1), order


case("top_k", SMALL, 3, reference=_top_k, dtype="mixed", tried=(), gradient=False)
case("top_k", CUBE, 2, reference=_top_k, dtype="mixed", tried=(), gradient=False, note="floats")
case("top_k", BITS.astype(np.uint8), 2, reference=lambda x, k: _top_k(x.astype(int), k),
     dtype="mixed", tried=(), gradient=False, note="unsigned")  # fmt: skip
for name in ("tril", "triu"):
    case(name, CUBE)
    case(name, CUBE, k=1, note="above")
    case(name, CUBE, k=-2, note="below")
for name in ("cumsum", "cumprod"):
    case(name, CUBE, axis=1, dtype=NOBOOL, of_largest=True)
    case(name, CUBE[:2], dtype=NOBOOL, of_largest=True, note="flat")

# Neural networks --------------------------------------------------------------------------------


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

# Ops that give no tensor, or take functions: who tests them.
ELSEWHERE = {
    "convert_to_numpy": "test_backends.py",
    "is_tensor": "test_backends.py",
    "shape": "test_backends.py",
    "ndim": "test_backends.py",
    "value_and_grad": "test_programs.py",
    "grad": "test_programs.py",
    "jit": "test_programs.py",
    "BackendMismatchError": "test_backends.py",
}
