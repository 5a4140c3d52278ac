"""What reads weights that are kept in 8 or 4 bits; see `graphs/few_bits`."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import ops
from ...backends.registry import TENSORS
from ...quantization import weights as layers
from ...quantizers import AbsMaxQuantizer, unpack_int4
from ...quantizers.parameters import dequantize_with_sz_map
from ..calls import Call, dtype_of, shape_of
from ..kernels import KINDS
from ..registry import rule
from ..rewriting.net import OWN


def _weight(call: Call, levels: Any) -> layers.Weight:
    """What the levels are of. GraphError where they are not as many as the node says."""
    from ..few_bits import described

    shape, bits = call.get("shape"), call.get("bits")
    good = isinstance(shape, list) and len(shape) > 1 and all(type(n) is int for n in shape)
    if not good or bits not in (4, 8) or call.get("kind") not in KINDS:
        raise call.wrong("it does not say the shape, the kind and the bits of a weight")
    weight = described("", tuple(shape), call.get("kind"))
    wanted = list(weight.shape)
    if bits == 4:
        wanted = list(weight.matrix)
        wanted[weight.pack_axis] = (wanted[weight.pack_axis] + 1) // 2
    if list(shape_of(levels)) != wanted:
        raise call.wrong(f"levels of the shape {list(shape_of(levels))} are not those of {shape}")
    return weight


def _groups(call: Call, members: int) -> np.ndarray:
    size = call.get("block_size")
    if type(size) is not int or size < 1:
        raise call.wrong(f"the size of its blocks is {size!r:.40}")
    return np.arange(members, dtype=np.int64) // size


def _floats(call: Call, levels: Any, scale: Any, zero: Any, dtype: str) -> Any:
    weight = _weight(call, levels)
    if call.get("bits") == 8:
        return layers.int8_floats(levels, scale, weight, dtype)
    groups = None if zero is None else _groups(call, weight.matrix[weight.group_axis])
    return layers.floats_of_int4(levels, scale, zero, groups, weight, dtype)


@rule("Floats", domain=OWN)
def _as_floats(call: Call, levels: Any, scale: Any, zero: Any = None) -> Any:
    """The weight as floats, each level divided by its scale."""
    return _floats(call, levels, scale, zero, call.dtype(call.get("dtype")))


@rule("Rows", domain=OWN)
def _rows(call: Call, indices: Any, levels: Any, scale: Any, zero: Any = None) -> Any:
    """Rows of a table by their numbers, of which alone the levels become floats."""
    dtype, shape = call.dtype(call.get("dtype")), _weight(call, levels).shape
    rows = [x if x is None else ops.take(x, indices, 0) for x in (levels, scale, zero)]
    levels, scale, zero = rows
    picked = shape_of(indices)
    if call.get("bits") == 8:
        scale = ops.reshape(scale, (*picked, *(1,) * (len(shape) - 1)))
        return ops.cast(ops.divide(ops.cast(levels, dtype), scale), dtype)
    members = int(np.prod(shape[1:]))
    levels = unpack_int4(levels, members, axis=-1)
    if zero is None:
        floats = ops.divide(ops.cast(levels, dtype), ops.expand_dims(scale, -1))
    else:
        floats = dequantize_with_sz_map(levels, scale, zero, _groups(call, members))
    return ops.reshape(ops.cast(floats, dtype), (*picked, *shape[1:]))


@rule("Product", domain=OWN)
def _product(call: Call, x: Any, levels: Any, scale: Any, bias: Any = None) -> Any:
    """x (…, in), each vector rounded to 8 bits by its largest magnitude, times levels of 8 bits,
    divided by both scales, and a bias. Its gradient by x is that of the product with floats."""
    by_rows, dtype = call.get("kind") == "rows", dtype_of(x)
    _weight(call, levels)
    round_off = AbsMaxQuantizer()
    y = None
    if TENSORS.get(type(x)) is call.backend and dtype == "float32":
        parts = [(levels, scale)]
        y = call.backend.quantized_dense(x, parts, round_off.epsilon, by_rows)
    if y is None:
        y = _rounded_product(call, x, levels, scale, by_rows, round_off)
    return y if bias is None else ops.add(y, ops.cast(bias, dtype))


def _rounded_product(
    call: Call, x: Any, levels: Any, scale: Any, by_rows: bool, round_off: Any
) -> Any:
    dtype = dtype_of(x)

    @ops.custom_gradient
    def product(x: Any, levels: Any, scale: Any) -> Any:
        rounded, steps = round_off(x, axis=-1)
        y = ops.matmul(rounded, ops.transpose(levels) if by_rows else levels)
        y = ops.divide(ops.cast(y, dtype), ops.multiply(steps, ops.cast(scale, dtype)))

        def gradient(upstream: Any) -> Any:
            floats = _floats(call, levels, scale, None, dtype)
            back = floats if by_rows else ops.transpose(floats)
            return ops.matmul(upstream, back), None, None

        return ops.cast(y, dtype), gradient

    return product(x, *(ops.convert_to_tensor(part) for part in (levels, scale)))
