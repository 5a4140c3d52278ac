"""Dropout: elements, or whole channels, set to zero at random while training."""

from typing import Any

from ... import ops, random
from ...core.input_spec import InputSpec
from ...typing import Tensor
from .. import windows
from .base import Drawing, share


class Dropout(Drawing):
    """While training, a share `rate` of the elements is 0 and the rest is divided by 1 - rate.

    Srivastava et al. 2014. Integers become floats while training.

    Args:
        rate: the share, from 0 to 1.
        noise_shape: the shape of what is drawn, which broadcasts over the inputs: (batch, 1,
            features) drops the same features in all steps. None in it stands for the inputs' size.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see Layer.

    Raises ValueError for another rate or noise shape.
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = share(rate, "rate")
        self._draw_from(seed, rate > 0)
        self.noise_shape = checked_noise_shape(noise_shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Returns inputs of any shape, with elements dropped while training."""
        if not self.rate or not training:
            return inputs
        return random.dropout(inputs, self.rate, self._drawn_shape(inputs), self.seed_generator)

    def _drawn_shape(self, inputs: Tensor) -> Any:
        return self.noise_shape

    def _result_shape(self, inputs: Any) -> tuple[int | None, ...] | None:
        shape, noise = getattr(inputs, "shape", None), self.noise_shape
        fits = noise is None or (len(noise) == len(shape or ()) and set(noise) <= {None, 1})
        return shape if fits else None


class _SpatialDropout(Dropout):
    """Base of layers that drop whole channels (Tompson et al. 2014)."""

    _rank: int
    _left_out = ("noise_shape",)
    data_format: str = "channels_last"

    def __init__(
        self, rate: float, data_format: str | None, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(rate, None, seed, **kwargs)
        self.data_format = windows.data_format_of(data_format)
        self.input_spec = InputSpec(ndim=self._rank)

    def _drawn_shape(self, inputs: Tensor) -> Any:
        channels = windows.channel_axis(self.data_format) % self._rank
        return tuple(None if axis in (0, channels) else 1 for axis in range(self._rank))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that make the same layer; `trainable` only where it is False."""
        config = super().get_config()
        if config["trainable"]:  # which Keras's layers of these names do not take
            del config["trainable"]
        return config


class SpatialDropout1D(_SpatialDropout):
    """Dropout of whole channels of (batch, steps, channels): zero in all steps or in none.

    Args:
        rate: the share of channels, from 0 to 1.
        seed: an int, or None for a seed that follows from the global one.
        name: of the layer.
        dtype: a dtype or DTypePolicy; see Layer.
        **kwargs: see Layer.
    """

    _rank = 3
    _left_out = ("data_format", "noise_shape")

    def __init__(
        self,
        rate: float,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, "channels_last", seed, name=name, dtype=dtype, **kwargs)


class SpatialDropout2D(_SpatialDropout):
    """Dropout of whole channels of images (batch, height, width, channels).

    Args:
        rate: the share of channels, from 0 to 1.
        data_format: "channels_last", "channels_first" for (batch, channels, height, width), or None
            for the setting of the process.
        seed: an int, or None for a seed that follows from the global one.
        name: of the layer.
        dtype: a dtype or DTypePolicy; see Layer.
        **kwargs: see Layer.
    """

    _rank = 4

    def __init__(
        self,
        rate: float,
        data_format: str | None = None,
        seed: int | None = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(rate, data_format, seed, name=name, dtype=dtype, **kwargs)


class SpatialDropout3D(SpatialDropout2D):
    """Dropout of whole channels of volumes (batch, depth, height, width, channels).

    Args:
        rate: the share of channels, from 0 to 1.
        data_format: "channels_last", "channels_first" for (batch, channels, depth, height, width),
            or None for the setting of the process.
        seed: an int, or None for a seed that follows from the global one.
        name: of the layer.
        dtype: a dtype or DTypePolicy; see Layer.
        **kwargs: see Layer.
    """

    _rank = 5


def checked_noise_shape(value: Any) -> tuple[int | None, ...] | None:
    """Returns the shape of a draw as a tuple, or None. ValueError for any other thing."""
    if value is None:
        return None
    start = "Invalid value received for argument `noise_shape`. "
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise ValueError(
            f"{start}Expected a tuple or list of integers: an iterable of integers. Received: "
            f"noise_shape={value}"
        )
    found = tuple(value)
    for place, size in enumerate(found):
        if size is not None and not isinstance(size, int):
            raise ValueError(
                f"{start}Expected all elements to be integers or None. Received element at index "
                f"{place}: {size} (type: {type(size).__name__})"
            )
        if size is not None and size < 1:
            raise ValueError(
                f"{start}Expected all dimensions to be positive integers or None. Received "
                f"negative or zero value at index {place}: {size}"
            )
    return found


class AlphaDropout(Drawing):
    """Dropout for `selu` units: mean and variance of the inputs stay (Klambauer et al. 2017).

    While training a share `rate` of the elements becomes the value to which selu falls, and all are
    scaled and shifted.

    Args:
        rate: the share, from 0 to below 1.
        noise_shape: the shape of what is drawn, see `Dropout`.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see Layer.

    Raises ValueError for another rate or noise shape.
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = share(rate, "rate", below_one=True)
        self._draw_from(seed, rate > 0)
        self.noise_shape = checked_noise_shape(noise_shape)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Returns inputs of any shape, with elements dropped while training."""
        if not self.rate or not training:
            return inputs
        shape = ops.shape(inputs)
        if self.noise_shape is not None:
            sizes = zip(self.noise_shape, shape, strict=True)
            shape = tuple(n if m is None else m for m, n in sizes)
        kept = ops.greater_equal(random.uniform(shape, seed=self.seed_generator), self.rate)
        scale = ((1 - self.rate) * (1 + self.rate * _SELU_FLOOR**2)) ** -0.5
        shift = -scale * _SELU_FLOOR * self.rate
        return ops.add(ops.multiply(ops.where(kept, inputs, _SELU_FLOOR), scale), shift)


_SELU_FLOOR = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
