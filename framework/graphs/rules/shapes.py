"""ONNX's operators on the form of tensors: sizes, axes, joining, cutting, making.

Definition: github.com/onnx/onnx, docs/Operators.md.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import ops
from ...ops.joining import split
from ..calls import Call, dtype_of, product, rank_of, shape_of
from ..formulas import sizes_array
from ..ir import TEXT
from ..registry import rule


@rule("Identity", absorbs=True, moves=True)
def _identity(call: Call, x: Any) -> Any:
    return x


@rule("Constant")
def _constant(call: Call) -> Any:
    """The readers keep a graph's constants by name; a node is left in a function's body alone."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if (found := call.get(name)) is not None:
            if isinstance(found, np.ndarray):
                return found
            return np.asarray(found, np.float32 if "float" in name else np.int64)
    raise call.wrong("it has no value")


@rule("Shape", absorbs=True)
def _shape(call: Call, x: Any) -> Any:
    rank = rank_of(x)
    start, end = call.get("start", 0), call.get("end", rank)
    return sizes_array(shape_of(x)[slice(start, end)])


@rule("Size", absorbs=True)
def _size(call: Call, x: Any) -> Any:
    return sizes_array([math.prod(shape_of(x))]).reshape(())


@rule("Reshape", numbers=(1,), moves=True)
def _reshape(call: Call, x: Any, shape: Any = None) -> Any:
    wanted = call.ints(call.get("shape") if shape is None else shape, "the shape")
    known = shape_of(x)
    if not call.get("allowzero", 0):
        short = [place for place, n in enumerate(wanted) if _is(n, 0) and place >= len(known)]
        if short:
            raise call.wrong(f"the shape {wanted} keeps axis {short[0]}, which {known} lacks")
        wanted = [known[place] if _is(n, 0) else n for place, n in enumerate(wanted)]
    if dtype_of(x) == TEXT:
        return x.reshape(wanted)
    return ops.reshape(x, _with_known(known, wanted))


def _is(n: Any, number: int) -> bool:
    return isinstance(n, int) and n == number


def _with_known(known: tuple[Any, ...], wanted: list[Any]) -> tuple[Any, ...]:
    """A shape in which -1 is a number, where numbers tell it: backends then know it, too."""
    count, rest = product(known), product([n for n in wanted if not _is(n, -1)])
    if count is None or not rest or sum(_is(n, -1) for n in wanted) != 1:
        return tuple(wanted)
    return tuple(count // rest if _is(n, -1) and count % rest == 0 else n for n in wanted)


@rule("Flatten", moves=True)
def _flatten(call: Call, x: Any) -> Any:
    shape, axis = shape_of(x), call.get("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    first, rest = product(shape[:axis]), product(shape[axis:])
    if rest is not None:
        return ops.reshape(x, (-1 if first is None else first, rest))
    return ops.reshape(x, (math.prod(shape[:axis]), -1))


@rule("Transpose", moves=True)
def _transpose(call: Call, x: Any) -> Any:
    return ops.transpose(x, call.get("perm"))


@rule("Squeeze", numbers=(1,), moves=True)
def _squeeze(call: Call, x: Any, axes: Any = None) -> Any:
    axes = call.get("axes") if axes is None else axes
    known = shape_of(x)
    if axes is None:
        places = tuple(place for place, n in enumerate(known) if _is(n, 1))
    else:
        places = call.axes(axes, len(known))
    if isinstance(x, np.ndarray):
        return x.squeeze(places)
    return ops.squeeze(x, places) if places else x


@rule("Unsqueeze", numbers=(1,), moves=True)
def _unsqueeze(call: Call, x: Any, axes: Any = None) -> Any:
    wanted = call.ints(call.get("axes") if axes is None else axes, "axes")
    places = call.axes(wanted, rank_of(x) + len(wanted))
    if isinstance(x, np.ndarray):
        return np.expand_dims(x, places)
    return ops.expand_dims(x, list(places))


@rule("Concat", moves=False)
def _concat(call: Call, *xs: Any) -> Any:
    axis = call.get("axis", 1)
    if dtype_of(xs[0]) == TEXT:
        return np.concatenate([call.numbers(x, "a part") for x in xs], axis)
    return ops.concatenate(xs, axis)


@rule("Split", numbers=(1,), moves=True)
def _split(call: Call, x: Any, sizes: Any = None) -> Any:
    axis = call.axis(call.get("axis", 0), rank_of(x))
    size = shape_of(x)[axis]
    sizes = call.get("split") if sizes is None else call.ints(sizes, "the sizes")
    if sizes is None:
        count = call.get("num_outputs", len(call.node.outputs))
        part = -(-size // count)
        sizes = [part] * (count - 1) + [size - part * (count - 1)]
    if isinstance(size, int) and (sum(sizes) != size or min(sizes, default=0) < 0):
        raise call.wrong(f"the sizes {sizes} of the parts do not add up to {size}")
    ends = np.cumsum(sizes)[:-1].tolist()
    return tuple(split(x, ends, axis)) if ends else (x,)


def _expand_count(call: Call, x: Any, shape: Any) -> int | None:
    if not isinstance(shape, np.ndarray):
        return None
    pair = zip(reversed(shape_of(x)), reversed(shape.tolist()), strict=False)
    longer = shape.tolist()[: -len(shape_of(x)) or None]
    rest = shape_of(x)[: len(shape_of(x)) - len(shape)] if len(shape) < rank_of(x) else longer
    count, outer = product([n if _is(m, 1) else m for n, m in pair]), product(rest)
    return None if count is None or outer is None else count * outer


@rule("Expand", numbers=(1,), count=_expand_count, moves=True)
def _expand(call: Call, x: Any, shape: Any) -> Any:
    wanted = call.ints(shape, "the shape")
    known = shape_of(x)
    short = len(wanted) - len(known)
    known, wanted = (1,) * short + known, [1] * -short + wanted
    sizes = [n if _is(m, 1) else m for n, m in zip(known, wanted, strict=True)]
    return ops.broadcast_to(x, sizes)


def _tile_count(call: Call, x: Any, repeats: Any, *rest: Any) -> int | None:
    known = product(shape_of(x))
    if not isinstance(repeats, np.ndarray) or known is None or repeats.dtype == object:
        return None
    return known * math.prod(repeats.tolist())


@rule("Tile", numbers=(1,), count=_tile_count, moves=True)
def _tile(call: Call, x: Any, repeats: Any, axis: Any = None) -> Any:
    if call.version < 6 and axis is not None:
        whole = [1] * rank_of(x)
        whole[call.int(axis, "the axis")] = call.int(repeats, "the number of tiles")
        return ops.tile(x, whole)
    return ops.tile(x, call.ints(repeats, "the repeats"))


def slices(call: Call, x: Any, parts: list[Any]) -> list[slice | None]:
    """Returns what to cut out of each axis; None for one that is kept whole."""
    starts, ends = (call.ints(part, "a bound of the slice") for part in parts[:2])
    given = [part for part in parts[2:]]
    axes = given[0] if given and given[0] is not None else list(range(len(starts)))
    places = call.axes(axes, rank_of(x))
    steps = [1] * len(starts)
    if len(given) > 1 and given[1] is not None:
        steps = [int(n) for n in call.ints(given[1], "the steps")]
    if not len(starts) == len(ends) == len(places) == len(steps) or 0 in steps:
        raise call.wrong("starts, ends, axes and steps do not fit each other, or a step is 0")
    found: list[slice | None] = [None] * rank_of(x)
    shape = shape_of(x)
    for start, end, place, step in zip(starts, ends, places, steps, strict=True):
        found[place] = _cut(shape[place], start, end, step)
    return found


_FAR = (1 << 31) - 1


def _cut(size: Any, start: Any, end: Any, step: int) -> slice | None:
    if isinstance(size, int) and isinstance(start, int) and isinstance(end, int):
        first, last, _ = slice(start, end, step).indices(size)
        if step > 0:
            return slice(first, max(first, last), step)
        return slice(first, None if last < 0 else last, step)
    if _is(start, 0) and isinstance(end, int) and end >= _FAR and step == 1:
        return None
    end = None if isinstance(end, int) and end >= _FAR else end
    return slice(start, end, step)


@rule("Slice", numbers=(1, 2, 3, 4), moves=True)
def _slice(call: Call, x: Any, *parts: Any) -> Any:
    given = list(parts)
    if call.version < 10 or not given:
        given = [call.get("starts"), call.get("ends"), call.get("axes"), None]
    cuts = slices(call, x, given)
    key = tuple(slice(None) if cut is None else cut for cut in cuts)
    if isinstance(x, np.ndarray):
        return x[key]
    for axis, cut in enumerate(cuts):  # frameworks take no steps backward
        if cut is not None and cut.step is not None and cut.step < 0:
            x = _backward(x, axis, cut)
            key = (*key[:axis], slice(None), *key[axis + 1 :])
    return ops.get_item(x, key) if any(k != slice(None) for k in key) else x


def _backward(x: Any, axis: int, cut: slice) -> Any:
    places = np.arange(shape_of(x)[axis])[cut]
    return ops.take(x, places.astype(np.int32), axis)


@rule("DepthToSpace", moves=True)
def _depth_to_space(call: Call, x: Any) -> Any:
    n, c, h, w = shape_of(x)
    b = call.get("blocksize")
    if call.get("mode", "DCR") == "DCR":
        x = ops.transpose(ops.reshape(x, (n, b, b, c // (b * b), h, w)), (0, 3, 4, 1, 5, 2))
    else:
        x = ops.transpose(ops.reshape(x, (n, c // (b * b), b, b, h, w)), (0, 1, 4, 2, 5, 3))
    return ops.reshape(x, (n, c // (b * b), h * b, w * b))


@rule("SpaceToDepth", moves=True)
def _space_to_depth(call: Call, x: Any) -> Any:
    n, c, h, w = shape_of(x)
    b = call.get("blocksize")
    if call.get("mode", "DCR") == "DCR":
        x = ops.transpose(ops.reshape(x, (n, c, h // b, b, w // b, b)), (0, 3, 5, 1, 2, 4))
    else:
        x = ops.transpose(ops.reshape(x, (n, c, h // b, b, w // b, b)), (0, 1, 3, 5, 2, 4))
    return ops.reshape(x, (n, c * b * b, h // b, w // b))


def _shape_count(call: Call, shape: Any) -> int | None:
    if not isinstance(shape, np.ndarray) or shape.dtype == object:
        return None
    if (shape < 0).any():
        raise call.wrong(f"the shape {shape.tolist()} has a negative size")
    return math.prod(shape.tolist())


@rule("ConstantOfShape", numbers=(0,), count=_shape_count)
def _constant_of_shape(call: Call, shape: Any) -> Any:
    value = np.asarray(call.get("value", np.zeros(1, np.float32))).reshape(-1)[:1]
    # Filled, and not broadcast: the product of a matrix without strides adds up the last of 1000
    # columns in another order than the others. Five of ONNX's light nets have equal logits of 1e12,
    # of which one rounding decides the softmax.
    sizes, dtype = call.ints(shape, "the shape"), call.dtype(value.dtype.name)
    return ops.full(sizes, value.item(), dtype)


def _range_count(call: Call, start: Any, limit: Any, delta: Any) -> int | None:
    if not all(isinstance(x, np.ndarray) and x.dtype != object for x in (start, limit, delta)):
        return None
    first, last, step = (float(x.reshape(-1)[0]) for x in (start, limit, delta))
    if step == 0:
        raise call.wrong("its step is 0")
    return max(math.ceil((last - first) / step), 0)


@rule("Range", numbers=(0, 1, 2), count=_range_count)
def _range(call: Call, start: Any, limit: Any, delta: Any) -> Any:
    first, last, step = (
        x if isinstance(x, np.ndarray) else call.numbers(x, "a bound")
        for x in (start, limit, delta)
    )
    if object in (first.dtype, last.dtype, step.dtype):
        bounds = [x.reshape(-1)[0] for x in (first, last, step)]
        return ops.arange(bounds[0], bounds[1], bounds[2], dtype="int64")
    count = _range_count(call, first, last, step) or 0
    numbers = first.reshape(()) + np.arange(count).astype(first.dtype) * step.reshape(())
    return ops.convert_to_tensor(numbers.astype(first.dtype))


@rule("EyeLike")
def _eye_like(call: Call, x: Any) -> Any:
    rows, columns = shape_of(x)
    dtype = call.dtype(call.get("dtype") or dtype_of(x))
    return ops.eye(rows, columns, call.get("k", 0), dtype=dtype)


@rule("Trilu", numbers=(1,))
def _trilu(call: Call, x: Any, k: Any = None) -> Any:
    at = 0 if k is None else call.int(k, "k")
    if dtype_of(x) == "bool":
        return ops.cast(
            (ops.triu if call.get("upper", 1) else ops.tril)(ops.cast(x, "int32"), at), "bool"
        )
    return (ops.triu if call.get("upper", 1) else ops.tril)(x, at)


@rule("Pad", numbers=(1, 3), moves=False)
def _pad(call: Call, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    rank = rank_of(x)
    if pads is None:
        given, value = call.get("pads", call.get("paddings")), call.get("value", 0.0)
    else:
        given = call.ints(pads, "the pads")
    places = tuple(range(rank)) if axes is None else call.axes(axes, rank)
    if len(given) != 2 * len(places):
        raise call.wrong(f"{len(given)} numbers of elements for {len(places)} axes")
    pairs = [(0, 0)] * rank
    for number, place in enumerate(places):
        pairs[place] = (given[number], given[number + len(places)])
    mode = call.get("mode", "constant")
    cuts = tuple(
        slice(max(-low, 0), n - max(-high, 0) if high < 0 else None)
        for n, (low, high) in zip(shape_of(x), pairs, strict=True)
    )
    if any(n < 0 for pair in pairs for n in pair):
        x = ops.get_item(x, cuts)
        pairs = [(max(low, 0), max(high, 0)) for low, high in pairs]
    if mode != "constant":
        return ops.pad(x, pairs, mode)
    if value is None:
        value = False if dtype_of(x) == "bool" else 0
    if hasattr(value, "shape") and len(value.shape):
        value = ops.reshape(value, ())
    if isinstance(value, np.ndarray):
        value = value.item()
    total = product([n + low + high for n, (low, high) in zip(shape_of(x), pairs, strict=True)])
    call.limit(total)
    return ops.pad(x, pairs, "constant", value)
