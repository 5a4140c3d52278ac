"""Elements repeated along the spatial axes, or images made larger by interpolation."""

from typing import Any

from ... import ops
from ...core.input_spec import InputSpec
from ...ops.image_resize import resize
from ...typing import Tensor
from .. import arguments, windows
from ..described import Described

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos3", "lanczos5")


def _repeated(x: Tensor, factors: tuple[int, ...], first: int) -> Tensor:
    """`x` with its elements repeated along the axes from `first` on."""
    for axis, factor in enumerate(factors, first):
        x = x if factor == 1 else ops.repeat(x, factor, axis)
    return x


class UpSampling1D(Described):
    """Each step `size` times: (batch, steps, channels) becomes (batch, size * steps, channels).

    Args:
        size: how many times.
        **kwargs: see Layer.

    Raises TypeError where `size` is not an integer, ValueError where it is below 1.
    """

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = arguments.positive(size, "size")
        self.input_spec = InputSpec(ndim=3)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the repeated steps."""
        return _repeated(inputs, (self.size,), 1)


class UpSampling2D(Described):
    """Images (batch, height, width, channels) made larger by whole factors.

    Args:
        size: the factor of both axes, or a pair (of the height, of the width).
        data_format: "channels_last", "channels_first" for (batch, channels, height, width), or None
            for the setting of the process.
        interpolation: "nearest", which repeats pixels, "bilinear", "bicubic", "lanczos3" or
            "lanczos5"; see `ops.image.resize`.
        **kwargs: see Layer.

    Raises ValueError for other arguments.
    """

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = windows.data_format_of(data_format)
        self.size = windows.sizes(size, 2, "size")
        self.interpolation = interpolation.lower()
        if self.interpolation not in _INTERPOLATIONS:
            raise ValueError(
                f"Invalid `interpolation` argument: {interpolation}. Expected one of "
                f"{', '.join(_INTERPOLATIONS)}."
            )
        self.input_spec = InputSpec(ndim=4)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns images of `size` times the height and width."""
        first = arguments.first_spatial_axis(self.data_format)
        if self.interpolation == "nearest":
            return _repeated(inputs, self.size, first)
        shape = ops.shape(inputs)
        size = tuple(shape[axis] * n for axis, n in enumerate(self.size, first))
        return resize(inputs, size, self.interpolation, data_format=self.data_format)


class UpSampling3D(Described):
    """Each element of volumes (batch, depth, height, width, channels) repeated along three axes.

    Args:
        size: how many times, for all axes or for each of the three.
        data_format: "channels_last", "channels_first" for (batch, channels, depth, height, width),
            or None for the setting of the process.
        **kwargs: see Layer.

    Raises ValueError for other arguments.
    """

    def __init__(
        self, size: Any = (2, 2, 2), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = windows.data_format_of(data_format)
        self.size = windows.sizes(size, 3, "size")
        self.input_spec = InputSpec(ndim=5)

    def call(self, inputs: Tensor) -> Tensor:
        """Returns the repeated elements."""
        return _repeated(inputs, self.size, arguments.first_spatial_axis(self.data_format))
