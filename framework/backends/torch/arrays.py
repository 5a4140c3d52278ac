"""Picking, placing and casting on torch's tensors."""

from functools import wraps

import numpy as np
import torch

from ... import dtypes
from .distribution import is_spread
from .placing import beside, number

_NATIVE = {name: getattr(torch, name) for name in (*dtypes.ALL, *dtypes.STORED)}
# Unsigned dtypes that torch stores and moves, but has few kernels for: signed ones of their width.
_SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}
_LOWEST = {torch.int16: -(2**15), torch.int32: -(2**31), torch.int64: -(2**63)}
_LISTED = (list, np.ndarray, np.generic)  # a union of them torch.compile cannot trace
_REDUCE = {None: "set", "add": "sum", "max": "amax", "min": "amin", "mul": "prod"}


def moved(function):
    """A kernel that moves elements and computes nothing: unsigned ones move as signed ones do."""

    @wraps(function)
    def kernel(x, *args, **kwargs):
        signed = _SIGNED.get(x.dtype)
        if signed is None:
            return function(x, *args, **kwargs)
        return function(x.view(signed), *args, **kwargs).view(x.dtype)

    return kernel


def in_order(x):
    """`x` in a dtype that torch compares, with the same order of its elements."""
    signed = _SIGNED.get(x.dtype)
    if signed is not None:
        return x.view(signed) ^ _LOWEST[signed]
    return x.to(torch.uint8) if x.dtype is torch.bool else x


def out_of_order(x, dtype):
    """The unsigned elements, of a dtype, that `in_order` made `x` of."""
    return (x ^ _LOWEST[x.dtype]).view(dtype)


class ArrayKernels:
    """Kernels of arrays that are no plain renames."""

    def reshape(self, x, shape):
        if is_spread(x):  # whose part may lie in another order than the whole is said to
            x = x.clone(memory_format=torch.contiguous_format)
        return torch.reshape(x, shape)

    tril = staticmethod(moved(torch.tril))
    triu = staticmethod(moved(torch.triu))
    bitwise_not = staticmethod(moved(torch.bitwise_not))

    def nonzero(self, x):
        return torch.nonzero(in_order(x) if x.dtype not in _SIGNED else x != 0, as_tuple=True)

    def searchsorted(self, line, values, side):
        line, values = in_order(line), in_order(values)
        places = torch.searchsorted(line, values.contiguous(), side=side)
        if not line.dtype.is_floating_point:
            return places
        # NaN, which stands at the end of the line, is larger than everything else.
        real = line.shape[0] - torch.isnan(line).sum()
        line = torch.where(torch.isnan(line), torch.inf, line)
        places = torch.searchsorted(line, values.contiguous(), side=side).minimum(real)
        of_nan = real if side == "left" else torch.full_like(real, line.shape[0])
        return torch.where(torch.isnan(values), of_nan, places)

    def scatter(self, x, indices, updates, reduction):
        if x.dtype in _SIGNED and reduction in (None, "add"):
            signed = _SIGNED[x.dtype]
            return self.scatter(x.view(signed), indices, updates.view(signed), reduction).view(
                x.dtype
            )
        if x.dtype is torch.bool and reduction is not None:
            return self.scatter(x.int(), indices, updates.int(), reduction).bool()
        if x.dtype in _SIGNED:
            return self.scatter(x.long(), indices, updates.long(), reduction).to(x.dtype)
        places = tuple(indices.long().unbind(-1))
        if reduction in (None, "add"):
            return x.index_put(places, updates, accumulate=reduction == "add")
        return _reduced(x, places, updates, _REDUCE[reduction])

    def slice(self, x, start, shape):
        for axis, (first, length) in enumerate(zip(start, shape, strict=True)):
            if isinstance(first, torch.Tensor):  # by places, so that none is read back
                places = first + torch.arange(length, device=x.device)
                x = moved(torch.index_select)(x, axis, places)
            elif type(length) is not int or length != x.shape[axis]:
                x = x.narrow(axis, first, length)
        return x

    def slice_update(self, x, start, updates):
        known = not any(isinstance(first, torch.Tensor) for first in start)
        if known and not is_spread(x):  # a DTensor's slice may be a copy
            out = x.clone()
            self.slice(out, start, updates.shape).copy_(updates)
            return out
        places = []
        for axis, (first, length) in enumerate(zip(start, updates.shape, strict=True)):
            along = first + torch.arange(length, device=x.device)
            places.append(along.reshape(-1, *(1,) * (x.ndim - 1 - axis)))
        return x.index_put(tuple(places), updates)

    def overwrite(self, x, start, updates):
        axes = [i for i, first in enumerate(start) if isinstance(first, torch.Tensor)]
        axis = axes[0] if len(axes) == 1 else 0
        length, sizes = updates.shape[axis], [*x.shape]
        sizes[axis] = length
        whole = len(axes) == 1 and sizes == [*updates.shape]
        whole = whole and not torch.compiler.is_compiling()
        if not (whole and torch.is_inference_mode_enabled()):
            return self.slice_update(x, start, updates)
        places = start[axis].long().reshape(1)
        if length > 1:
            places = places + torch.arange(length, device=x.device)
        return x.index_copy_(axis, places, updates)

    def saturated(self, x, dtype):
        if dtypes.ITEMSIZES[dtype] > 4:
            return super().saturated(x, dtype)  # pyright: ignore
        # float64 holds all the integers of 32 bits, float32 those of 16.
        wide = torch.float64 if dtypes.ITEMSIZES[dtype] == 4 else torch.float32
        x = x if x.dtype is torch.float64 else x.to(wide)
        return torch.nan_to_num(x).clamp(*dtypes.LIMITS[dtype]).to(_NATIVE[dtype])

    def cast_to_storage(self, x, dtype):
        if dtype == "float8_e4m3fn":  # which torch fills with its largest number, 448
            x = torch.where(x.abs() > 464, torch.nan, x)
        return x.to(_NATIVE[dtype])

    def bitcast(self, x, dtype):
        return x.contiguous().view(_NATIVE[dtype])

    def where(self, condition, x1, x2):
        tensor = x1 if isinstance(x1, torch.Tensor) else x2
        if not (isinstance(tensor, torch.Tensor) and tensor.is_cuda and tensor.dtype in _SIGNED):
            return torch.where(condition, x1, x2)
        signed = _SIGNED[tensor.dtype]
        x1, x2 = (
            x if isinstance(x, torch.Tensor) else number(x, tensor.dtype, tensor.device)
            for x in (x1, x2)
        )
        return torch.where(condition, x1.view(signed), x2.view(signed)).view(tensor.dtype)

    def signbit(self, x):
        if x.dtype in _SIGNED:
            return torch.zeros_like(x, dtype=torch.bool)
        return torch.signbit(x)

    def count_length(self, x, least):
        if torch.compiler.is_compiling() and least:
            return least
        return super().count_length(x, least)  # pyright: ignore

    def get_item(self, x, key):
        keys = key if isinstance(key, tuple) else (key,)
        if sum(k is Ellipsis for k in keys) > 1:
            raise IndexError("an index can only have a single ellipsis ('...')")
        keys = tuple(beside(k, x) if _is_listed(k) else k for k in keys)
        keys = tuple(k.long() if _is_place(k) else k for k in keys)
        if any(isinstance(k, torch.Tensor) and k.ndim for k in keys):
            # Beside places in tensors an int is one, too, as NumPy has it.
            keys = tuple(beside(k, x).reshape(1) if _is_whole(k) else k for k in keys)
        if any(isinstance(k, slice) and (k.step or 1) < 0 for k in keys):
            x, keys = _turned(x, keys)
        return x[keys]


def _is_listed(key) -> bool:
    return isinstance(key, _LISTED)


def _is_whole(key) -> bool:
    return type(key) is int or (_is_place(key) and key.ndim == 0)


def _is_place(key) -> bool:
    return isinstance(key, torch.Tensor) and key.dtype is not torch.bool


def _span(key) -> int:
    """How many axes a key stands for."""
    mask = isinstance(key, torch.Tensor) and key.dtype is torch.bool
    return key.ndim if mask else int(key is not None)


def _turned(x, keys):
    """The tensor with the axes reversed that slices walk backwards, and slices that walk forth."""
    spans = [_span(k) for k in keys]
    rest = x.ndim - sum(n for n, k in zip(spans, keys, strict=True) if k is not Ellipsis)
    axis, made, reversed_axes = 0, [], []
    for span, key in zip(spans, keys, strict=True):
        if isinstance(key, slice) and (key.step or 1) < 0:
            size = x.shape[axis]
            start, stop, step = key.indices(size)
            key = slice(size - 1 - start, size - 1 - stop, -step)
            reversed_axes.append(axis)
        axis += rest if key is Ellipsis else span
        made.append(key)
    return moved(torch.flip)(x, reversed_axes), tuple(made)


def _reduced(x, places, updates, reduction):
    """Updates combined with what they meet, by the number of their place in the flat tensor."""
    deep = len(places)
    lead = x.shape[:deep]
    flat = torch.zeros_like(places[0])
    for place, size in zip(places, lead, strict=True):
        flat = flat * size + torch.where(place < 0, place + size, place)
    rows = x.reshape(-1, *x.shape[deep:])
    flat = flat.reshape(-1)
    updates = updates.expand(*places[0].shape, *x.shape[deep:]).reshape(-1, *x.shape[deep:])
    return rows.index_reduce(0, flat, updates, reduction).reshape(x.shape)
