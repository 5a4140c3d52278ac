"""Elements taken away at the ends of the spatial axes, and zeros put there."""

from typing import Any

from ... import ops
from ...core.input_spec import InputSpec
from ...core.keras_tensor import KerasTensor
from ...typing import Tensor
from .. import arguments, windows
from ..described import Described

_ELEMENTS = {2: "two elements", 3: "3 elements"}
_PLACES = ("1st", "2nd", "3rd")


class _Margins(Described):
    """Base: numbers of elements at both ends of each of `_count` spatial axes."""

    data_format: str = "channels_last"
    _count: int

    def _margins(self, name: str, value: Any) -> Any:
        """Pairs (in front, behind), of one number, one for each axis, or the pairs themselves; of
        one axis its pair. Also sets which inputs fit."""
        self.input_spec = InputSpec(ndim=self._count + 2)
        if self._count == 1:
            return windows.sizes(value, 2, name, 0)
        if isinstance(value, int):
            if value < 0:
                raise ValueError(f"`{name}` cannot be negative. Received: {name}={value}.")
            return ((value, value),) * self._count
        if not hasattr(value, "__len__"):
            raise ValueError(
                f"`{name}` should be either an int, a tuple of {self._count} ints, or a tuple of "
                f"{self._count} tuples of 2 ints, (in front, behind) for each axis. Received: "
                f"{name}={value}."
            )
        if len(value) != self._count:
            raise ValueError(
                f"`{name}` should have {_ELEMENTS[self._count]}. Received: {name}={value}."
            )
        entries = zip(value, _PLACES, strict=False)
        return tuple(windows.sizes(n, 2, f"{p} entry of {name}", 0) for n, p in entries)

    def _by_axis(self, margins: Any) -> dict[int, tuple[int, int]]:
        pairs = (margins,) if self._count == 1 else margins
        return dict(enumerate(pairs, arguments.first_spatial_axis(self.data_format)))


class _Cropping(_Margins):
    """Base of layers that take elements away. ValueError where an axis has no more than these."""

    cropping: Any

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the inputs without the elements at the ends of their spatial axes."""
        index = [slice(None)] * len(inputs.shape)
        for axis, (front, behind) in self._by_axis(self.cropping).items():
            self._left(inputs.shape, axis)
            index[axis] = slice(front, -behind if behind else None)
        return inputs[tuple(index)]

    def _left(self, shape: Any, axis: int) -> int | None:
        """What is left of an axis, None if unknown. ValueError if nothing is."""
        taken = sum(self._by_axis(self.cropping)[axis])
        if shape[axis] is None or shape[axis] > taken:
            return None if shape[axis] is None else shape[axis] - taken
        if self._count == 1:
            limit = (
                "`cropping` parameter of `Cropping1D` layer must be smaller than the input length"
            )
        else:
            limit = (
                "Values in `cropping` argument should be smaller than the corresponding spatial "
                "dimension of the input"
            )
        raise ValueError(
            f"{limit}. Received: inputs.shape={tuple(shape)}, cropping={self.cropping}"
        )

    def compute_output_spec(self, inputs: KerasTensor, **kwargs: Any) -> KerasTensor:
        """Returns the symbolic result; sizes that are unknown stay so."""
        self._check_inputs((inputs,), {})
        shape = list(inputs.shape)
        for axis in self._by_axis(self.cropping):
            shape[axis] = self._left(inputs.shape, axis)
        return self._rearranged(inputs, shape)


class Cropping1D(_Cropping):
    """Time steps taken away at both ends: (batch, steps, channels).

    Args:
        cropping: how many at each end, or a pair (at the beginning, at the end).
        **kwargs: see Layer.

    Raises ValueError for other arguments.
    """

    _count = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.cropping = self._margins("cropping", cropping)


class Cropping2D(_Cropping):
    """Rows and columns taken away at the borders of images (batch, height, width, channels).

    Args:
        cropping: how many at each border, a pair (of rows, of columns), or pairs ((at the top, at
            the bottom), (left, right)).
        data_format: "channels_last", "channels_first" for (batch, channels, height, width), or None
            for the setting of the process.
        **kwargs: see Layer.

    Raises ValueError for other arguments.
    """

    _count = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = windows.data_format_of(data_format)
        self.cropping = self._margins("cropping", cropping)


class Cropping3D(Cropping2D):
    """Elements taken away at the borders of volumes (batch, depth, height, width, channels).

    Args:
        cropping: how many at each border, a number for each of the three axes, or three pairs (in
            front, behind).
        data_format: "channels_last", "channels_first" for (batch, channels, depth, height, width),
            or None for the setting of the process.
        **kwargs: see Layer.

    Raises ValueError for other arguments.
    """

    _count = 3

    def __init__(
        self,
        cropping: Any = ((1, 1), (1, 1), (1, 1)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


class _ZeroPadding(_Margins):
    """Base of layers that put zeros at the ends of the spatial axes."""

    _spec_settings = ("padding", "data_format")

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = windows.data_format_of(data_format)
        self.padding = self._margins("padding", padding)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the inputs with zeros at the ends of their spatial axes."""
        pairs = self._by_axis(self.padding)
        return ops.pad(inputs, [pairs.get(axis, (0, 0)) for axis in range(len(inputs.shape))])

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        shape: list[int | None] = list(getattr(inputs, "shape", ()))
        if len(shape) != self._count + 2:
            return None
        for axis, pair in self._by_axis(self.padding).items():
            size = shape[axis]
            shape[axis] = None if size is None else size + sum(pair)
        return tuple(shape)


class ZeroPadding1D(_ZeroPadding):
    """Zeros at both ends of the steps: (batch, steps, channels).

    Args:
        padding: how many at each end, or a pair (at the beginning, at the end).
        data_format: "channels_last", "channels_first" for (batch, channels, steps), or None for the
            setting of the process.
        **kwargs: see Layer.

    Raises ValueError for other arguments.
    """

    _count = 1


class ZeroPadding2D(_ZeroPadding):
    """Zeros around images (batch, height, width, channels).

    Args:
        padding: how many at each border, a pair (rows, columns), or pairs ((at the top, at the
            bottom), (left, right)).
        data_format: "channels_last", "channels_first" for (batch, channels, height, width), or None
            for the setting of the process.
        **kwargs: see Layer.

    Raises ValueError for other arguments.
    """

    _count = 2


class ZeroPadding3D(_ZeroPadding):
    """Zeros around volumes (batch, depth, height, width, channels).

    Args:
        padding: how many at each border, a number for each of the three axes, or three pairs (in
            front, behind).
        data_format: "channels_last", "channels_first" for (batch, channels, depth, height, width),
            or None for the setting of the process.
        **kwargs: see Layer.

    Raises ValueError for other arguments.
    """

    _count = 3
