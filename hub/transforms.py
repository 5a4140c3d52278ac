"""Reversible rearrangements of tensors between a foreign layout and ours.

A transform maps the arrays of one row of a weight map: usually one to one, with `split` one
foreign array to several of ours, with `concat` several foreign ones to one of ours. Forward is
foreign -> ours. Views are returned where NumPy can give them. `None` stands for a part that is
absent on purpose (`ZERO` in a row); going backward it becomes zeros.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Shape = tuple[int, ...]
Parts = list["np.ndarray | None"]


class Transform(ABC):
    """One reversible step. All methods raise ValueError when the shapes do not suit it."""

    @abstractmethod
    def shapes(self, shapes: list[Shape], count: int) -> list[Shape]:
        """Returns our shapes, for arrays of the foreign `shapes`; `count` results are wanted."""

    @abstractmethod
    def forward(self, arrays: list[np.ndarray], count: int) -> list[np.ndarray]:
        """Turns foreign arrays into `count` arrays of ours."""

    @abstractmethod
    def inverse(self, arrays: Parts, count: int) -> Parts:
        """Turns our arrays into `count` foreign arrays."""


class _Each(Transform):
    """A step that treats every array alike, one by one."""

    @abstractmethod
    def shape(self, shape: Shape) -> Shape:
        """Returns the shape of our array, for one of the foreign `shape`."""

    @abstractmethod
    def to_ours(self, array: np.ndarray) -> np.ndarray:
        """Turns one foreign array into ours."""

    @abstractmethod
    def to_foreign(self, array: np.ndarray) -> np.ndarray:
        """Turns one array of ours into the foreign one."""

    def shapes(self, shapes: list[Shape], count: int) -> list[Shape]:
        """Returns our shapes, one for each of the foreign `shapes`."""
        return [self.shape(shape) for shape in shapes]

    def forward(self, arrays: list[np.ndarray], count: int) -> list[np.ndarray]:
        """Turns each foreign array into one of ours."""
        return [self.to_ours(array) for array in arrays]

    def inverse(self, arrays: Parts, count: int) -> Parts:
        """Turns each array of ours into the foreign one; None stays None."""
        return [None if array is None else self.to_foreign(array) for array in arrays]


@dataclass(frozen=True)
class Permute(_Each):
    """Axes in another order: our axis i is the foreign axis `axes[i]`."""

    axes: tuple[int, ...]

    def shape(self, shape: Shape) -> Shape:
        """Returns the sizes in our order of axes. ValueError for another number of axes."""
        if len(shape) != len(self.axes):
            raise ValueError(f"{len(self.axes)} axes are expected, there are {len(shape)}")
        return tuple(shape[axis] for axis in self.axes)

    def to_ours(self, array: np.ndarray) -> np.ndarray:
        """Returns a view of the foreign array with its axes in our order."""
        return array.transpose(self.axes)

    def to_foreign(self, array: np.ndarray) -> np.ndarray:
        """Returns a view of our array with its axes in the foreign order."""
        return array.transpose(np.argsort(self.axes))


@dataclass(frozen=True)
class DepthwiseConv2d(_Each):
    """(channels·multiplier, 1, height, width) <-> (height, width, channels, multiplier)."""

    multiplier: int = 1

    def shape(self, shape: Shape) -> Shape:
        """Returns (height, width, channels, multiplier) of a foreign kernel.

        ValueError where it is not (channels·multiplier, 1, height, width).
        """
        if len(shape) != 4 or shape[1] != 1 or shape[0] % self.multiplier:
            raise ValueError(f"a kernel (channels·{self.multiplier}, 1, height, width) is expected")
        return (shape[2], shape[3], shape[0] // self.multiplier, self.multiplier)

    def to_ours(self, array: np.ndarray) -> np.ndarray:
        """Returns the foreign kernel as (height, width, channels, multiplier)."""
        rows, columns, channels, multiplier = self.shape(array.shape)
        parts = array.reshape(channels, multiplier, rows, columns)
        return parts.transpose(2, 3, 0, 1)

    def to_foreign(self, array: np.ndarray) -> np.ndarray:
        """Returns the kernel as (channels·multiplier, 1, height, width)."""
        rows, columns, channels, multiplier = array.shape
        return array.transpose(2, 3, 0, 1).reshape(channels * multiplier, 1, rows, columns)


@dataclass(frozen=True)
class Squeeze(_Each):
    """Drops an axis of size 1; backward it is put in again."""

    axis: int

    def shape(self, shape: Shape) -> Shape:
        """Returns the sizes without the axis. ValueError where its size is not 1."""
        axis = self.axis % len(shape) if shape else 0
        if len(shape) <= axis or shape[axis] != 1:
            raise ValueError(f"axis {self.axis} of size 1 is expected")
        return shape[:axis] + shape[axis + 1 :]

    def to_ours(self, array: np.ndarray) -> np.ndarray:
        """Returns a view of the foreign array without the axis."""
        return array.squeeze(self.axis)

    def to_foreign(self, array: np.ndarray) -> np.ndarray:
        """Returns a view of our array with the axis put in."""
        return np.expand_dims(array, self.axis)


@dataclass(frozen=True)
class Expand(_Each):
    """Puts in an axis of size 1; backward it is dropped."""

    axis: int

    def shape(self, shape: Shape) -> Shape:
        """Returns the sizes with a 1 put in for the axis."""
        axis = self.axis % (len(shape) + 1)
        return (*shape[:axis], 1, *shape[axis:])

    def to_ours(self, array: np.ndarray) -> np.ndarray:
        """Returns a view of the foreign array with the axis put in."""
        return np.expand_dims(array, self.axis)

    def to_foreign(self, array: np.ndarray) -> np.ndarray:
        """Returns a view of our array without the axis."""
        return array.squeeze(self.axis)


@dataclass(frozen=True)
class Reshape(_Each):
    """Same elements in C order, another shape. Either shape may hold one -1."""

    foreign: Shape
    ours: Shape

    def shape(self, shape: Shape) -> Shape:
        """Returns our shape with its -1 filled in. ValueError for another number of elements."""
        if len(shape) != len(self.foreign) or any(
            want not in (-1, size) for want, size in zip(self.foreign, shape, strict=True)
        ):
            raise ValueError(f"shape {self.foreign} is expected")
        known = math.prod(size for size in self.ours if size != -1)
        rest, left = divmod(math.prod(shape), known) if known else (0, math.prod(shape))
        if left or (-1 not in self.ours and rest != 1):
            raise ValueError(f"it cannot be reshaped to {self.ours}")
        return tuple(rest if size == -1 else size for size in self.ours)

    def to_ours(self, array: np.ndarray) -> np.ndarray:
        """Returns the elements of the foreign array, in C order, in our shape."""
        return array.reshape(self.ours)

    def to_foreign(self, array: np.ndarray) -> np.ndarray:
        """Returns the elements of our array, in C order, in the foreign shape."""
        return array.reshape(self.foreign)


def _sizes(length: int, count: int, sizes: Shape | None, axis: int) -> Shape:
    if sizes is None:
        if count < 1 or length % count:
            raise ValueError(f"axis {axis} of size {length} does not split in {count} equal parts")
        return (length // count,) * count
    if len(sizes) != count or sum(sizes) != length:
        raise ValueError(f"axis {axis} of size {length} does not split into {sizes}")
    return sizes


def _cut(array: np.ndarray, axis: int, count: int, sizes: Shape | None) -> list[np.ndarray]:
    parts = _sizes(array.shape[axis], count, sizes, axis)
    return np.split(array, np.cumsum(parts)[:-1], axis)


def _cut_shape(shape: Shape, axis: int, count: int, sizes: Shape | None) -> list[Shape]:
    if not -len(shape) <= axis < len(shape):
        raise ValueError(f"there is no axis {axis} to split")
    axis %= len(shape)
    return [
        (*shape[:axis], size, *shape[axis + 1 :])
        for size in _sizes(shape[axis], count, sizes, axis)
    ]


def _joined_shape(shapes: Sequence[Shape], axis: int) -> Shape:
    first = shapes[0]
    if not -len(first) <= axis < len(first):
        raise ValueError(f"there is no axis {axis} to join along")
    axis %= len(first)
    for shape in shapes:
        if len(shape) != len(first) or any(
            size != other
            for at, (size, other) in enumerate(zip(shape, first, strict=True))
            if at != axis
        ):
            raise ValueError(f"parts of shapes {list(shapes)} do not join along axis {axis}")
    return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])


@dataclass(frozen=True)
class Split(Transform):
    """One foreign array -> several of ours along an axis, in equal parts unless `sizes` are given.

    Later steps of a chain act on each part.
    """

    axis: int
    sizes: Shape | None = None

    def shapes(self, shapes: list[Shape], count: int) -> list[Shape]:
        """Returns the shapes of the `count` parts of one foreign array.

        ValueError for several arrays, and where the axis does not split so.
        """
        if len(shapes) != 1:
            raise ValueError("one array is expected to split")
        return _cut_shape(shapes[0], self.axis, count, self.sizes)

    def forward(self, arrays: list[np.ndarray], count: int) -> list[np.ndarray]:
        """Cuts one foreign array along the axis into `count` views."""
        return _cut(arrays[0], self.axis, count, self.sizes)

    def inverse(self, arrays: Parts, count: int) -> Parts:
        """Joins our parts along the axis; None counts as zeros.

        ValueError where all parts are None, which have no shape.
        """
        known = next((array for array in arrays if array is not None), None)
        if known is None:
            raise ValueError("a split of nothing but zeros has no shape")
        filled: list[np.ndarray] = []
        for index, array in enumerate(arrays):
            if array is None:
                shape = list(known.shape)
                if self.sizes is not None:
                    shape[self.axis] = self.sizes[index]
                array = np.zeros(shape, known.dtype)
            filled.append(array)
        return [np.concatenate(filled, self.axis)]


@dataclass(frozen=True)
class Concat(Transform):
    """Several foreign arrays -> one of ours along an axis: the mirror of `Split`.

    Going backward the parts are equal unless `sizes` are given.
    """

    axis: int
    sizes: Shape | None = None

    def shapes(self, shapes: list[Shape], count: int) -> list[Shape]:
        """Returns the shape of the joined array. ValueError where the parts do not fit together."""
        return [_joined_shape(shapes, self.axis)]

    def forward(self, arrays: list[np.ndarray], count: int) -> list[np.ndarray]:
        """Joins the foreign arrays along the axis to one of ours."""
        return [np.concatenate(arrays, self.axis)]

    def inverse(self, arrays: Parts, count: int) -> Parts:
        """Cuts our array along the axis into `count` foreign ones; None stays None."""
        (array,) = arrays
        return [None] if array is None else [*_cut(array, self.axis, count, self.sizes)]


@dataclass(frozen=True)
class Chain(Transform):
    """Steps one after the other; backward they are undone in the other order."""

    steps: tuple[Transform, ...] = ()

    def shapes(self, shapes: list[Shape], count: int) -> list[Shape]:
        """Returns the shapes after all steps."""
        for step in self.steps:
            shapes = step.shapes(shapes, count)
        return shapes

    def forward(self, arrays: list[np.ndarray], count: int) -> list[np.ndarray]:
        """Turns foreign arrays into ours: the first step comes first."""
        for step in self.steps:
            arrays = step.forward(arrays, count)
        return arrays

    def inverse(self, arrays: Parts, count: int) -> Parts:
        """Turns our arrays into foreign ones: the last step is undone first."""
        for step in reversed(self.steps):
            arrays = step.inverse(arrays, count)
        return arrays


@dataclass(frozen=True)
class RowsBefore(_Each):
    """Puts rows of zeros before the first axis; backward they are dropped, whatever they hold."""

    count: int

    def shape(self, shape: Shape) -> Shape:
        """Returns the sizes with the rows. ValueError where there is no axis."""
        if not shape:
            raise ValueError("an axis is expected")
        return (shape[0] + self.count, *shape[1:])

    def to_ours(self, array: np.ndarray) -> np.ndarray:
        """Returns the foreign array behind rows of zeros."""
        return np.concatenate([np.zeros((self.count, *array.shape[1:]), array.dtype), array])

    def to_foreign(self, array: np.ndarray) -> np.ndarray:
        """Returns a view of our array without its first rows."""
        return array[self.count :]


transpose = Permute((1, 0))
"""Linear: (out, in) <-> (in, out)."""

conv2d = Permute((2, 3, 1, 0))
"""Conv2d: (out, in, height, width) <-> (height, width, in, out)."""

conv2d_transpose = conv2d
"""ConvTranspose2d: (in, out, height, width) <-> Keras's (height, width, out, in)."""

conv1d = Permute((2, 1, 0))
"""Conv1d: (out, in, width) <-> (width, in, out)."""


def depthwise_conv2d(multiplier: int = 1) -> Transform:
    """Turns (channels·multiplier, 1, h, w) into (h, w, channels, multiplier), and back."""
    return DepthwiseConv2d(multiplier)


def permute(*axes: int) -> Transform:
    """Permutes axes: our axis i is the foreign axis `axes[i]`."""
    return Permute(axes)


def squeeze(axis: int) -> Transform:
    """Drops an axis of size 1 that the foreign array has."""
    return Squeeze(axis)


def expand(axis: int) -> Transform:
    """Puts in an axis of size 1 that the foreign array lacks."""
    return Expand(axis)


def reshape(foreign: Shape, ours: Shape) -> Transform:
    """Reshapes to the same elements in C order; either shape may hold one -1."""
    return Reshape(tuple(foreign), tuple(ours))


def split(axis: int, sizes: Shape | None = None) -> Transform:
    """Splits one foreign array into several of ours; the row's `ours` is then a tuple."""
    return Split(axis, sizes)


def concat(axis: int, sizes: Shape | None = None) -> Transform:
    """Joins several foreign arrays (`Join` in the row) to one of ours."""
    return Concat(axis, sizes)


def chain(*steps: Transform) -> Transform:
    """Chains steps: one after the other from foreign to ours."""
    return Chain(steps)
