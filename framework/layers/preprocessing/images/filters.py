"""Layers that sharpen and blur."""

from typing import Any

from .... import ops, random
from ....ops import image_filter
from .base import StrengthLayer, per_image
from .levels import chosen


class RandomSharpness(StrengthLayer):
    """Moves images from, or to, a smoothed form of themselves while training.

    Args:
        factor: from 0 (smooth) over 0.5 (unchanged) to 1 (sharp): two limits, or f for (0, f).
        value_range: where pixels lie.
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for other limits and ranges.
    """

    _FACTOR_BOUNDS = (0, 1)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "factor" (batch,)."""
        shape = (self._count(data),)
        return {"factor": random.uniform(shape, *self.factor, seed=self._source(seed))}

    def _changed(self, images: Any, transformation: Any) -> Any:
        """images + (1 - 2 factor) (smooth - images), in the compute dtype.

        Smooth is the sum of the nine pixels around (0 outside of the image), the middle one five
        times, over 13: the kernel of Pillow's SMOOTH.
        """
        first = self.data_format == "channels_first"
        x = ops.transpose(images, (0, 2, 3, 1)) if first else images
        factor = per_image(ops.cast(transformation["factor"], self.compute_dtype))
        weights = [[1.0, 1.0, 1.0], [1.0, 5.0, 1.0], [1.0, 1.0, 1.0]]
        kernel = ops.divide(ops.convert_to_tensor(weights, self.compute_dtype), 13.0)
        kernel = ops.tile(ops.reshape(kernel, (3, 3, 1, 1)), (1, 1, x.shape[-1], 1))
        smooth = ops.depthwise_conv(x, kernel, padding="same", data_format="channels_last")
        x = ops.add(x, ops.multiply(1.0 - factor * 2.0, smooth - x))
        x = ops.clip(x, *self.value_range)
        return ops.transpose(x, (0, 3, 1, 2)) if first else x


class RandomGaussianBlur(StrengthLayer):
    """Blurs randomly chosen images with a Gaussian while training.

    Args:
        factor: the probability, or the two limits between which it is drawn; f stands for (0, f).
        kernel_size: the taps of the Gaussian, odd; a number, or (for the width, for the height).
        sigma: its standard deviation in pixels, from 0 to 1: f for (0, f), or both limits.
        value_range: where pixels lie.
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for other arguments.
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor, value_range, data_format, seed, **kwargs)
        self.kernel_size = _odd_pair(kernel_size)
        self.sigma = self._factor_limits(sigma, "sigma")

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "should_apply_blur" (batch,) and "blur_factor", the deviations along the width
        and the height; None in inference."""
        if not training:
            return None
        source = self._source(seed)
        return {
            "should_apply_blur": chosen(self, data, source),
            "blur_factor": random.uniform((2,), *self.sigma, self.compute_dtype, source) + 1e-6,
        }

    def _changed(self, images: Any, transformation: Any) -> Any:
        """The images, those blurred for which "should_apply_blur" is true."""
        blurred = image_filter.gaussian_blur(
            images,
            kernel_size=self.kernel_size,
            sigma=transformation["blur_factor"],
            data_format=self.data_format,
        )
        x = ops.where(per_image(transformation["should_apply_blur"]), blurred, images)
        return ops.clip(x, *self.value_range)


def _odd_pair(value: Any) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(pair) != 2:
        raise ValueError(
            "The `kernel_size` argument should be a number (or a list of two numbers). Received: "
            f"kernel_size={value}"
        )
    if not all(isinstance(n, int | float) and n % 2 == 1 for n in pair):
        raise ValueError(f"kernel_size must be an odd number. Received: kernel_size={value}")
    return int(pair[0]), int(pair[1])
