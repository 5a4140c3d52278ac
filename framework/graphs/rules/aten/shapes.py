"""The form of tensors: views, axes, joining and cutting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .... import ops
from ....ops.joining import split as split_at
from ...calls import Call, dtype_of, product, rank_of, shape_of
from .binding import as_dtype, aten, met


@aten("alias", "clone", "detach", "contiguous", "lift_fresh_copy", "alias_copy", "detach_")
def _same(call: Call, x: Any, *rest: Any) -> Any:
    return x


@aten("lift_fresh")
def _lifted(call: Call, x: Any) -> Any:
    return x


@aten("view", "reshape", "_unsafe_view", "view_copy", "_reshape_copy")
def _view(call: Call, x: Any, shape: list[Any]) -> Any:
    return ops.reshape(x, with_known(shape_of(x), shape))


def with_known(known: Sequence[Any], wanted: Sequence[Any]) -> tuple[Any, ...]:
    """Returns a shape in which -1 is a number, where numbers tell it: backends then know it."""
    free = [place for place, n in enumerate(wanted) if isinstance(n, int) and n == -1]
    if len(free) != 1:
        return tuple(wanted)
    count, rest = product(known), product([n for n in wanted if not _is(n, -1)])
    if count is None or not rest or count % rest:
        return tuple(wanted)
    return tuple(count // rest if place == free[0] else n for place, n in enumerate(wanted))


def _is(n: Any, number: int) -> bool:
    return isinstance(n, int) and n == number


@aten("view.dtype")
def _bits(call: Call, x: Any, dtype: str) -> Any:
    return ops.view(x, dtype)


@aten("permute", "permute_copy")
def _permute(call: Call, x: Any, dims: list[int]) -> Any:
    rank = rank_of(x)
    return ops.transpose(x, [d % rank for d in dims]) if rank else x


@aten("transpose.int")
def _transpose(call: Call, x: Any, first: int, second: int) -> Any:
    return ops.swapaxes(x, first, second) if rank_of(x) else x


@aten("t")
def _turned(call: Call, x: Any) -> Any:
    return ops.transpose(x) if rank_of(x) == 2 else x


@aten("unsqueeze", "unsqueeze_copy")
def _unsqueeze(call: Call, x: Any, dim: int) -> Any:
    return ops.expand_dims(x, dim)


@aten("squeeze", "squeeze.dim", "squeeze.dims", "squeeze_copy.dim", "squeeze_copy.dims")
def _squeeze(call: Call, x: Any, dims: Any = None) -> Any:
    shape = shape_of(x)
    if dims is None:
        wanted = range(len(shape))
    else:
        wanted = [d % max(len(shape), 1) for d in (dims if isinstance(dims, list) else [dims])]
    places = tuple(place for place in wanted if place < len(shape) and _is(shape[place], 1))
    return ops.squeeze(x, places) if places else x


@aten("expand", "expand_copy", "broadcast_to")
def _expand(call: Call, x: Any, sizes: list[Any], implicit: bool = False) -> Any:
    known = shape_of(x)
    before = len(sizes) - len(known)
    wanted = [
        known[place - before] if _is(n, -1) and place >= before else n
        for place, n in enumerate(sizes)
    ]
    return ops.broadcast_to(x, wanted)


@aten("cat")
def _concatenate(call: Call, xs: list[Any], dim: int = 0) -> Any:
    # PyTorch passes over empty vectors here, whatever the others' ranks.
    kept = [x for x in xs if not (rank_of(x) == 1 and _is(shape_of(x)[0], 0))] or xs[:1]
    return ops.concatenate(met(call, *kept), dim) if len(kept) > 1 else kept[0]


@aten("stack")
def _stack(call: Call, xs: list[Any], dim: int = 0) -> Any:
    return ops.stack(met(call, *xs), dim)


@aten("split_with_sizes", "split_with_sizes_copy")
def _split(call: Call, x: Any, sizes: list[Any], dim: int = 0) -> Any:
    ends, total = [], 0
    for size in sizes[:-1]:
        total = total + size
        ends.append(total)
    return tuple(split_at(x, ends, dim)) if ends else (x,)


@aten("split.Tensor")
def _split_evenly(call: Call, x: Any, size: Any, dim: int = 0) -> Any:
    whole = shape_of(x)[dim]
    return tuple(split_at(x, list(range(size, whole, size)), dim)) if whole > size else (x,)


@aten("unbind.int")
def _unbind(call: Call, x: Any, dim: int = 0) -> Any:
    return tuple(ops.unstack(x, axis=dim))


@aten("select.int", "select_copy.int")
def _select(call: Call, x: Any, dim: int, index: Any) -> Any:
    dim %= rank_of(x)
    return ops.get_item(x, (*(slice(None),) * dim, index))


_FAR = (1 << 31) - 1


@aten("slice.Tensor", "slice_copy.Tensor")
def _slice(
    call: Call, x: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Any:
    dim %= rank_of(x)
    cut = cut_of(shape_of(x)[dim], start, end, step)
    return x if cut is None else ops.get_item(x, (*(slice(None),) * dim, cut))


def cut_of(size: Any, start: Any, end: Any, step: int) -> slice | None:
    """Returns what a slice keeps of an axis; None where that is all."""
    end = None if end is None or (isinstance(end, int) and end >= _FAR) else end
    if all(n is None or isinstance(n, int) for n in (size, start, end)):
        first, last, step = slice(start, end, step).indices(size)
        if (first, last, step) == (0, size, 1):
            return None
        return slice(first, max(first, last), step)
    if (start is None or _is(start, 0)) and end is None and step == 1:
        return None
    return slice(start, end, step)


@aten("narrow")
def _narrow(call: Call, x: Any, dim: int, start: Any, length: Any) -> Any:
    return _slice(call, x, dim, start, start + length)


@aten("flip")
def _flip(call: Call, x: Any, dims: list[int]) -> Any:
    return ops.flip(x, dims) if dims else x


@aten("roll")
def _roll(call: Call, x: Any, shifts: Any, dims: Any = ()) -> Any:
    if not dims:
        return ops.reshape(ops.roll(ops.reshape(x, (-1,)), shifts[0], 0), shape_of(x))
    for shift, dim in zip(shifts, dims, strict=True):
        x = ops.roll(x, shift, dim)
    return x


@aten("repeat")
def _tile(call: Call, x: Any, repeats: list[Any]) -> Any:
    return ops.tile(x, repeats)


@aten("repeat_interleave.self_int")
def _repeat(call: Call, x: Any, repeats: Any, dim: Any = None, output_size: Any = None) -> Any:
    return ops.repeat(x, repeats, dim)


@aten("constant_pad_nd")
def _pad_constant(call: Call, x: Any, pads: list[Any], value: Any = 0) -> Any:
    return padded(x, pads, "constant", value)


@aten("pad")
def _pad(call: Call, x: Any, pads: list[Any], mode: str = "constant", value: Any = None) -> Any:
    return padded(x, pads, mode, 0 if value is None else value)


@aten("reflection_pad1d", "reflection_pad2d", "reflection_pad3d")
def _pad_reflected(call: Call, x: Any, pads: list[Any]) -> Any:
    return padded(x, pads, "reflect")


@aten("replication_pad1d", "replication_pad2d", "replication_pad3d")
def _pad_repeated(call: Call, x: Any, pads: list[Any]) -> Any:
    return padded(x, pads, "replicate")


_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def padded(x: Any, pads: list[Any], mode: str, value: Any = 0) -> Any:
    """Returns `x` with elements around it: pads are pairs, of the last axis first; negative ones
    cut elements off."""
    rank, shape = rank_of(x), shape_of(x)
    pairs = [(0, 0)] * rank
    for place in range(len(pads) // 2):
        pairs[rank - 1 - place] = (pads[2 * place], pads[2 * place + 1])
    if any(isinstance(n, int) and n < 0 for both in pairs for n in both):
        cuts = tuple(
            slice(max(-low, 0), n - max(-high, 0) if high < 0 else None)
            for n, (low, high) in zip(shape, pairs, strict=True)
        )
        x = ops.get_item(x, cuts)
        pairs = [(max(low, 0), max(high, 0)) for low, high in pairs]
    if all(_is(n, 0) for both in pairs for n in both):
        return x
    if mode != "constant":
        return ops.pad(x, pairs, _MODES[mode])
    return ops.pad(x, pairs, "constant", bool(value) if dtype_of(x) == "bool" else value)


@aten("pixel_shuffle")
def _pixel_shuffle(call: Call, x: Any, factor: int) -> Any:
    *outer, c, h, w = shape_of(x)
    x = ops.reshape(x, (*outer, c // factor**2, factor, factor, h, w))
    n = len(outer)
    x = ops.transpose(x, (*range(n), n, n + 3, n + 1, n + 4, n + 2))
    return ops.reshape(x, (*outer, c // factor**2, h * factor, w * factor))


@aten("pixel_unshuffle")
def _pixel_unshuffle(call: Call, x: Any, factor: int) -> Any:
    *outer, c, h, w = shape_of(x)
    x = ops.reshape(x, (*outer, c, h // factor, factor, w // factor, factor))
    n = len(outer)
    x = ops.transpose(x, (*range(n), n, n + 2, n + 4, n + 1, n + 3))
    return ops.reshape(x, (*outer, c * factor**2, h // factor, w // factor))


@aten("unfold")
def _windows(call: Call, x: Any, dim: int, size: int, step: int) -> Any:
    """Windows along an axis, as a last axis of `size` elements."""
    rank = rank_of(x)
    dim %= max(rank, 1)
    moved = ops.moveaxis(x, dim, -1)
    frames = ops.extract_sequences(moved, size, step)
    return ops.moveaxis(frames, -2, dim)


@aten("as_strided", "as_strided_copy")
def _as_strided(
    call: Call, x: Any, size: list[int], stride: list[int], offset: int | None = None
) -> Any:
    """Elements of the flattened tensor at distances of `stride`."""
    if not all(isinstance(n, int) for n in (*size, *stride, *shape_of(x))):
        raise call.wrong("it picks elements of a tensor whose sizes are free")
    places = np.full((), offset or 0, np.int64)
    for n, step in zip(size, stride, strict=True):
        places = places[..., None] + np.arange(n) * step
    if places.size and places.max() >= math.prod(shape_of(x)):
        raise call.wrong("it picks elements outside its tensor")
    flat = ops.take(ops.reshape(x, (-1,)), places.reshape(-1).astype(np.int32), 0)
    return ops.reshape(flat, size)


@aten("tril")
def _lower(call: Call, x: Any, diagonal: int = 0) -> Any:
    return _triangle(ops.tril, x, diagonal)


@aten("triu")
def _upper(call: Call, x: Any, diagonal: int = 0) -> Any:
    return _triangle(ops.triu, x, diagonal)


def _triangle(function: Any, x: Any, diagonal: int) -> Any:
    if dtype_of(x) == "bool":
        return ops.cast(function(ops.cast(x, "int32"), diagonal), "bool")
    return function(x, diagonal)


@aten("diagonal", "diagonal_copy")
def _diagonal(call: Call, x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return ops.diagonal(x, offset, dim1, dim2)


@aten("movedim.int")
def _move(call: Call, x: Any, source: int, target: int) -> Any:
    return ops.moveaxis(x, source, target)


@aten("type_as")
def _type_as(call: Call, x: Any, other: Any) -> Any:
    return as_dtype(call, x, dtype_of(other))
