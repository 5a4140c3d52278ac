"""Argument makers that many ops share."""

from collections.abc import Callable, Sequence
from typing import Any

from .draws import FLOATS, Draw
from .rows import Call

Maker = Callable[[Draw], Call]


def unary(choices: Sequence[str], values: str = "wild", least: int = 0) -> Maker:
    """One tensor of at least `least` axes."""

    def make(draw: Draw) -> Call:
        return Call([draw.array(draw.shape(least), draw.dtype(choices), values)])

    return make


def number(draw: Draw, values: str, whole: bool) -> Any:
    """A Python number that any dtype holds (an integer), or that floats do."""
    if whole:
        return draw.pick(1, 2, 3) if values == "positive" else draw.pick(0, 1, 2, 5)
    if values == "positive":
        return draw.pick(0.25, 1.0, 2.5)
    return draw.pick(0.0, 1.0, 0.5, 2.5) if values == "unit" else draw.pick(0.0, -1.5, 0.1, 1e3)


def binary(
    choices: Sequence[str], values: str = "wild", second: str | None = None, scalars: bool = True
) -> Maker:
    """Two tensors that broadcast, at times of two dtypes, or a tensor and a number."""

    def make(draw: Draw) -> Call:
        shape = draw.shape()
        shapes = [shape, draw.alike(shape)]
        if draw.chance(0.5):
            shapes.reverse()
        one = draw.dtype(choices)
        other = one if draw.chance(0.6) else draw.dtype(choices)
        args: list[Any] = [
            draw.array(shapes[0], one, values),
            draw.array(shapes[1], other, second or values),
        ]
        if scalars and draw.chance(0.25):
            place = draw.whole(0, 1)
            dtype = other if place == 0 else one
            floats = dtype in FLOATS and draw.chance(0.6)
            args[place] = number(draw, (values, second or values)[place], not floats)
        return Call(args)

    return make


def reduction(
    choices: Sequence[str], values: str = "wild", axes: str = "several", keepdims: bool = True,
    filled: bool = False,
) -> Maker:  # fmt: skip
    """A tensor, and the axes over which to reduce: "several", or "one" at most.

    With `filled` no axis is empty.
    """

    def make(draw: Draw) -> Call:
        shape = draw.shape(smallest=int(filled))
        rank = len(shape)
        kwargs: dict[str, Any] = {}
        if draw.chance(0.8):
            axis = draw.axes(rank)
            if axes == "one" and isinstance(axis, tuple):
                axis = draw.axis(rank)
            kwargs["axis"] = axis
        if keepdims and draw.chance(0.4):
            kwargs["keepdims"] = draw.chance(0.7)
        return Call([draw.array(shape, draw.dtype(choices), values)], kwargs)

    return make


def smooth_binary(values: str = "apart", second: str | None = None) -> Maker:
    """Two float64 tensors that broadcast, for gradients."""

    def make(draw: Draw) -> Call:
        shape = draw.shape(0, 2, 1)
        return Call(
            [
                draw.array(shape, "float64", values),
                draw.array(draw.alike(shape), "float64", second or values),
            ]
        )

    return make


def smooth_unary(values: str = "tame", least: int = 0) -> Maker:
    """One float64 tensor, with special points among its numbers at times, for gradients."""

    def make(draw: Draw) -> Call:
        x = draw.array(draw.shape(least, 3, 1), "float64", values)
        if values == "tame":
            for place in range(x.size if draw.chance(0.5) else 0):
                if draw.chance(0.3):
                    x.flat[place] = draw.pick(0.0, 1.0, -1.0, 0.5, 3.0, -3.0)
        return Call([x])

    return make
