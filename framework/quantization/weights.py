"""How a weight is kept in 8 or 4 bits: its variables, their values, and the way back to floats.

The shapes and names are those of Keras's files. A weight is looked at as a matrix; one scale holds
for each line of it along `group_axis`, or for each block of such a line.
"""

import math
from functools import partial
from typing import Any, NamedTuple

from .. import ops
from ..core.views import View
from ..quantizers import (
    AbsMaxQuantizer,
    abs_max_quantize_grouped_with_zero_point,
    dequantize_with_sz_map,
    pack_int4,
    unpack_int4,
)
from ..typing import Tensor

_INT4_RANGE = (-8, 7)


class Weight(NamedTuple):
    """A weight that is quantized.

    Attributes:
        name: the layer's attribute.
        shape: its shape.
        matrix: its shape as a matrix.
        axes: the axes of the weight over which one scale holds.
        group_axis: the axis of the matrix over which one scale holds.
        pack_axis: the axis of the matrix along which pairs share a byte.
        layout: the shape of the scales of 8 bits in files, and the order of the weight's axes that
            they keep; None where the axes that are left stay in order.
    """

    name: str
    shape: tuple[int, ...]
    matrix: tuple[int, int]
    axes: tuple[int, ...]
    group_axis: int
    pack_axis: int
    layout: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def kept(self) -> tuple[int, ...]:
        """The axes that each have scales of their own, in the order of the scales."""
        if self.layout is not None:
            return self.layout[1]
        rank = len(self.shape)
        summed = {axis % rank for axis in self.axes}
        return tuple(i for i in range(rank) if i not in summed)

    @property
    def scale_shape(self) -> tuple[int, ...]:
        """The shape of the scales of 8 bits."""
        return self.layout[0] if self.layout else tuple(self.shape[i] for i in self.kept)

    def to_file(self, scale: Tensor) -> Tensor:
        """Returns scales with sizes of 1 on `axes` in the form of files."""
        rank = len(self.shape)
        rest = [i for i in range(rank) if i not in self.kept]
        return ops.reshape(ops.transpose(scale, [*rest, *self.kept]), self.scale_shape)

    def from_file(self, scale: Tensor) -> Tensor:
        """Returns scales in the form of files so that they broadcast with the weight."""
        lined = ops.reshape(scale, tuple(self.shape[i] for i in self.kept))
        order = sorted(range(len(self.kept)), key=self.kept.__getitem__)
        sizes = tuple(n if i in self.kept else 1 for i, n in enumerate(self.shape))
        return ops.reshape(ops.transpose(lined, order), sizes)


def make_int8(layer: Any, weight: Weight) -> None:
    """Puts variables of 8 bits in the place of a weight."""
    _put(layer, weight.name, weight.shape, "int8", "zeros")
    _put(layer, f"{weight.name}_scale", weight.scale_shape, None, "ones")


def int8_values(x: Any, weight: Weight, quantizer: Any) -> dict[str, Any]:
    """Returns the values of the variables of `make_int8` for a weight."""
    quantizer = quantizer or AbsMaxQuantizer(axis=weight.axes)
    levels, scale = _quantized(quantizer, x, weight.axes)
    return {weight.name: levels, f"{weight.name}_scale": weight.to_file(scale)}


def int8_floats(levels: Any, scale: Any, weight: Weight, dtype: str) -> Tensor:
    """Returns a weight of 8 bits as floats."""
    scaled = ops.divide(ops.cast(levels, dtype), weight.from_file(scale))
    return ops.cast(scaled, dtype)


def make_int4(layer: Any, weight: Weight, block_size: int | None) -> None:
    """Puts variables of 4 bits in the place of a weight; what they read as is a view of them."""
    packed = list(weight.matrix)
    packed[weight.pack_axis] = (packed[weight.pack_axis] + 1) // 2
    _put(layer, weight.name, tuple(packed), "int8", "zeros")
    lines = weight.matrix[1 - weight.group_axis]
    if block_size is None:
        _put(layer, f"{weight.name}_scale", (lines,), None, "ones")
        return
    members = weight.matrix[weight.group_axis]
    groups = math.ceil(members / block_size)
    shape = (groups, lines) if weight.group_axis == 0 else (lines, groups)
    _put(layer, f"{weight.name}_scale", shape, None, "ones")
    _put(layer, f"{weight.name}_zero", shape, "int8", "zeros")
    if not weight.name.startswith("reverse"):  # whose groups are those of the way there
        _put(layer, "g_idx", (members,), "float32", partial(groups_of, block_size))


def groups_of(size: int, shape: tuple[int, ...], dtype: str = "float32") -> Any:
    """Returns the number of the group of each member, as floats, which is what files have.

    Args:
        size: the members of a group; -1 for one group.
        shape: (members,).
        dtype: of the numbers.
    """
    members = ops.arange(shape[0], dtype=dtype)
    return ops.floor_divide(members, shape[0] if size == -1 else size)


def int4_values(x: Any, weight: Weight, block_size: int | None, quantizer: Any) -> dict[str, Any]:
    """Returns the values of the variables of `make_int4` for a weight."""
    matrix, axis = ops.reshape(x, weight.matrix), weight.group_axis
    found: dict[str, Any] = {}
    if block_size is None:
        quantizer = quantizer or AbsMaxQuantizer(axis=axis, value_range=_INT4_RANGE)
        levels, scale = _quantized(quantizer, matrix, (axis,))
        scale = ops.reshape(scale, (-1,))
    else:
        turned = matrix if axis == 0 else ops.transpose(matrix)
        levels, scale, zero = abs_max_quantize_grouped_with_zero_point(
            turned, block_size, _INT4_RANGE, to_numpy=True
        )
        if axis == 1:
            levels, scale, zero = (ops.transpose(part) for part in (levels, scale, zero))
        found[f"{weight.name}_zero"] = zero
    packed, _, _ = pack_int4(levels, axis=weight.pack_axis)
    return {weight.name: packed, f"{weight.name}_scale": scale, **found}


def int4_floats(layer: Any, weight: Weight, dtype: str) -> Tensor:
    """Returns a weight of 4 bits of a layer as floats."""
    scale, zero = _part(layer, f"{weight.name}_scale"), _part(layer, f"{weight.name}_zero")
    groups = _part(layer, "g_idx")
    return floats_of_int4(layer._tracked[weight.name], scale, zero, groups, weight, dtype)


def floats_of_int4(
    levels: Any, scale: Any, zero: Any, groups: Any, weight: Weight, dtype: str
) -> Tensor:
    """Returns a weight of 4 bits as floats.

    Args:
        levels: packed, as `make_int4` says.
        scale: of each line, or of each group of it.
        zero: the zero points of the groups; None without groups.
        groups: the number of the group of each member.
        weight: what the numbers are of.
        dtype: of the result.
    """
    size = weight.matrix[weight.pack_axis]
    levels = unpack_int4(levels, size, axis=weight.pack_axis)
    if zero is None:
        line = (1, -1) if weight.group_axis == 0 else (-1, 1)
        floats = ops.divide(ops.cast(levels, dtype), ops.reshape(scale, line))
    else:
        floats = dequantize_with_sz_map(levels, scale, zero, groups, weight.group_axis)
    return ops.reshape(ops.cast(floats, dtype), weight.shape)


def _quantized(quantizer: Any, x: Any, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """What a quantizer gives for a weight, over the axes that it says itself or else over these."""
    own = getattr(quantizer, "axis", None)
    return quantizer(x, axis=axes if own is None else own, to_numpy=True)


def _part(layer: Any, name: str) -> Any:
    return vars(layer).get(name)


def _put(layer: Any, name: str, shape: Any, dtype: str | None, initial: Any) -> None:
    setattr(
        layer,
        name,
        layer.add_weight(shape, initial, dtype, trainable=False, name=name),
    )


class FloatView(View):
    """A weight of few bits that reads as floats, in the weight's place in a layer.

    Args:
        base: the variable with the levels.
        layer: the layer that has the other variables. Its `floats_of(name)` gives the tensor.
        name: the layer's attribute.
        shape: the shape of the weight as floats.
    """

    def __init__(self, base: Any, layer: Any, name: str, shape: tuple[int, ...]) -> None:
        super().__init__(base)
        self._layer, self._name, self._shape = layer, name, shape

    @property
    def value(self) -> Any:
        """The native tensor of floats."""
        return self._layer.floats_of(self._name)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the weight as floats."""
        return self._shape

    @property
    def dtype(self) -> str:
        """The dtype in which the layer computes."""
        return self._layer.compute_dtype
