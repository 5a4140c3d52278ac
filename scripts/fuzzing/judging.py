"""Whether what came out is what was expected."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from ...framework import dtypes
from .draws import name_of
from .rows import Call, Row, arrays, flat, mapped, unfixed

ROUNDINGS = {"bfloat16": 2.0**-7, "float16": 2.0**-10, "float32": 2.0**-23, "float64": 2.0**-52}
# Below these numbers a result may be 0: processors and compilers flush what is smaller.
_LEAST = {"float16": 2.0**-13, "float64": 2.0**-1021}
_PARTS = {"complex64": "float32", "complex128": "float64"}


def size_of(row: Row, call: Call, want: list[np.ndarray]) -> list[np.ndarray]:
    """The number by which the error of each element of each result is measured."""
    if callable(row.size):
        args = [mapped(_magnitude, unfixed(v)) for v in call.args]
        kwargs = {k: mapped(_magnitude, unfixed(v)) for k, v in call.kwargs.items()}
        made = [np.asarray(x) for x in flat(row.size(*args, **kwargs))]
        return made * len(want) if len(made) < len(want) else made
    found = []
    for y in want:
        size = np.abs(y) if y.dtype.kind in "fc" else np.zeros(y.shape)
        if row.size == "largest":
            size = np.full(y.shape, np.max(size, initial=0, where=np.isfinite(size)))
        found.append(size)
    return found


def _magnitude(x: np.ndarray) -> np.ndarray:
    return np.abs(x.astype(np.float64)) if name_of(x) in dtypes.FLOATS else x


def mismatch(
    have: np.ndarray, want: np.ndarray, size: np.ndarray, roundings: float, coarse: str = ""
) -> str:
    """What differs, in words; "" where nothing does. `coarse` is a dtype passed on the way."""
    if have.shape != want.shape:
        return f"shape {have.shape}, expected {want.shape}"
    name = name_of(have)
    if name not in dtypes.FLOATS and name not in dtypes.COMPLEX:
        wrong = have.astype(object) != want.astype(object)
        return _first(wrong, have, want)
    if name in dtypes.COMPLEX and want.dtype.kind != "c":
        want = want.astype(np.complex128)
    part = _PARTS.get(name, name)
    unit = max(ROUNDINGS[part], ROUNDINGS.get(_PARTS.get(coarse, coarse), 0.0))
    least = _LEAST.get(part, 2.0**-125)
    most = dtypes.LARGEST[part]
    wide = have.astype(np.complex128 if name in dtypes.COMPLEX else np.float64)
    want = want.astype(wide.dtype)
    size = np.broadcast_to(np.asarray(size, float), want.shape)
    with np.errstate(all="ignore"):
        bound = roundings * unit * np.maximum(np.abs(want), size) + least
        near = np.abs(wide - want) <= bound
        if wide.dtype.kind == "c":  # an infinite part says nothing of the other one
            real, imaginary = np.abs(want.real), np.abs(want.imag)
            finite = np.where(np.isfinite(real), real, imaginary)
            size = np.where(np.isfinite(size), size, finite)
            bound = roundings * unit * size + least
            parts = ((wide.real, want.real), (wide.imag, want.imag))
            near |= np.logical_and.reduce(
                [
                    (np.abs(a - b) <= bound) | (a == b) | (np.isnan(a) & np.isnan(b))
                    for a, b in parts
                ]
            )
        same = (wide == want) | (np.isnan(wide) & np.isnan(want))
        # Near the ends of the dtype what is added first decides whether infinity comes out.
        beyond = np.maximum(np.abs(want), size) * (1 + roundings * unit) >= most
        beyond &= np.isfinite(want) | ~(np.isinf(want) & ~np.isfinite(size))
        allowed = near | same | (beyond & ~np.isnan(want) & _far(wide, want, most, size))
    return _first(~allowed, have, want)


def _far(wide: np.ndarray, want: np.ndarray, most: float, size: np.ndarray) -> np.ndarray:
    """Whether a result beyond the dtype is one that overflow may give."""
    beside = (np.abs(wide) >= most * 0.9) & (np.sign(wide.real) == np.sign(want.real))
    return beside | (size >= most * 0.1) & np.isfinite(want)


def _first(wrong: np.ndarray, have: np.ndarray, want: np.ndarray) -> str:
    if not wrong.any():
        return ""
    place = tuple(int(i) for i in np.argwhere(wrong)[0])
    count = int(wrong.sum())
    at = f" at {place}" if place else ""
    more = f" ({count} of {wrong.size} elements)" if count > 1 else ""
    return f"{have[place]}{at}, expected {want[place]}{more}"


# Gradients --------------------------------------------------------------------------------------


def slopes(
    function: Callable[[list[np.ndarray]], float],
    values: list[np.ndarray],
    places: Iterable[tuple[int, tuple[int, ...]]],
) -> Iterator[tuple[float, float, float]]:
    """For each place (tensor, index) the slope to the left, to the right, and their mean."""
    middle = function(values)
    for tensor, index in places:
        size = abs(float(values[tensor][index]))
        step = 2.0 ** (math.frexp(size)[1] - 18 if size > 1 else -18)
        ends = []
        for sign in (-1, 1):
            moved = [x.copy() for x in values]
            moved[tensor][index] += sign * step
            ends.append(function(moved))
        left, right = (middle - ends[0]) / step, (ends[1] - middle) / step
        yield left, right, (ends[1] - ends[0]) / (2 * step)


def wrong_slope(
    have: float, left: float, right: float, mean: float, size: float, kinks: bool
) -> str:
    """What is wrong with a derivative, "" if nothing: where it jumps, any between both is right."""
    if not all(map(math.isfinite, (left, right, mean))):
        return ""
    scale = max(abs(left), abs(right), size, 1e-3)
    if abs(left - right) > 2e-3 * scale:  # a kink, or too steep to tell
        low, high = sorted((left, right))
        if kinks or low - 1e-3 * scale <= have <= high + 1e-3 * scale:
            return ""
        return f"{have}, expected a number from {low} to {high}"
    if abs(have - mean) <= 2e-5 * scale + abs(left - right) / 100:
        return ""
    return f"{have}, expected {mean}"


def differentiated(row: Row, call: Call) -> list[int]:
    """Which of the call's tensors the row differentiates by: those of the arguments it names."""
    found, place = [], 0
    for i, arg in enumerate((*call.args, *call.kwargs.values())):
        for x in flat(arg):
            if isinstance(x, np.ndarray):
                if i in row.gradient and name_of(x) in dtypes.FLOATS:
                    found.append(place)
                place += 1
    assert place == len(arrays(call))
    return found


def describe(call: Call) -> str:
    """The arguments in one line."""

    def one(x: Any) -> str:
        x = unfixed(x)
        if isinstance(x, np.ndarray):
            text = np.array2string(x.ravel(), separator=",", max_line_width=10**6, threshold=12)
            return f"{name_of(x)}{x.shape}{text}"
        if isinstance(x, list | tuple) and any(isinstance(v, np.ndarray) for v in flat(unfixed(x))):
            return f"[{', '.join(map(one, x))}]"
        return getattr(x, "__name__", None) or repr(x)

    parts = [one(x) for x in call.args] + [f"{k}={one(v)}" for k, v in call.kwargs.items()]
    return f"({', '.join(parts)})"
