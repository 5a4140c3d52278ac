"""Layers that change the colours of pixels."""

from typing import Any

from .... import config, ops, random
from ....ops import image_color, joining
from . import arguments
from .base import ColorLayer, StrengthLayer, per_image
from .levels import RandomBrightness, RandomContrast


class RandomColorDegeneration(StrengthLayer):
    """Mixes images with their grey form while training.

    Args:
        factor: the share of grey, from 0 to 1: f for (-f, f) within (-1, 1), or both limits.
        value_range: where pixels lie.
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for other limits and ranges.
    """

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "factor" (batch, 1, 1, 1), the share of grey."""
        shape = (self._count(data), 1, 1, 1)
        return {"factor": random.uniform(shape, *self.factor, seed=self._source(seed))}

    def _changed(self, images: Any, transformation: Any) -> Any:
        """images + factor * (grey - images), in the compute dtype."""
        factor = ops.cast(transformation["factor"], self.compute_dtype)
        grey = image_color.rgb_to_grayscale(images, data_format=self.data_format)
        mixed = ops.add(images, ops.multiply(factor, grey - images))
        return ops.clip(mixed, *self.value_range)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape. ValueError for other ranks, and for other than three channels."""
        if len(input_shape) not in (3, 4):
            raise ValueError(
                "Invalid images rank: expected rank 3 (single image) or rank 4 (batch of images). "
                f"Received: input_shape={input_shape}"
            )
        channels = input_shape[self.channel_axis]
        if channels not in (None, 3):
            raise ValueError(
                f"Input images must have 3 channels, but received images with {channels} channels."
            )
        return input_shape


class RandomGrayscale(ColorLayer):
    """Makes randomly chosen images grey while training; they keep three channels.

    Args:
        factor: the probability.
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for a probability not in [0, 1].
    """

    _USE_BASE_FACTOR = False

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        if factor < 0 or factor > 1:
            raise ValueError(f"`factor` should be between 0 and 1. Received: factor={factor}")
        self.factor = factor
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns (batch, 1, 1, 1) booleans: which images become grey."""
        drawn = random.uniform((self._count(data), 1, 1, 1), seed=self._source(seed))
        return ops.less(drawn, self.factor)

    def _transform_images(self, images: Any, transformation: Any, interpolation: Any) -> Any:
        """The images, those grey for which the transformation is true."""
        if transformation is None:
            transformation = self.get_random_transformation(images)
        grey = image_color.rgb_to_grayscale(images, data_format=self.data_format)
        return ops.where(transformation, grey, images)


class _InHueAndSaturation(StrengthLayer):
    """Base of layers that change one channel of (hue, saturation, value)."""

    _FACTOR_BOUNDS = (0, 1)

    def _channels(self, images: Any) -> Any:
        """Hue, saturation and value, each with a channel axis of 1."""
        hsv = image_color.rgb_to_hsv(images, data_format=self.data_format)
        return joining.split(hsv, 3, self.channel_axis)

    def _colors(self, *channels: Any) -> Any:
        hsv = ops.concatenate(channels, axis=self.channel_axis)
        return image_color.hsv_to_rgb(hsv, data_format=self.data_format)


class RandomHue(_InHueAndSaturation):
    """Turns the hue of images by a random share of the half circle while training.

    Args:
        factor: the share, from 0 to 1: f for (0, f), or both limits; the direction is random.
        value_range: where pixels lie.
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for other limits and ranges.
    """

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "factor" (batch,): by how much of a circle the hue turns."""
        shape, source = (self._count(data),), self._source(seed)
        backwards = ops.greater(random.uniform(shape, seed=source), 0.5)
        factor = random.uniform(shape, *self.factor, seed=source) * 0.5
        return {"factor": ops.where(backwards, ops.negative(factor), factor)}

    def _changed(self, images: Any, transformation: Any) -> Any:
        """The images with their hue turned, in the compute dtype."""
        x = self._transform_value_range(images, self.value_range, (0, 1), self.compute_dtype)
        hue, saturation, value = self._channels(x)
        hue = ops.add(hue, per_image(ops.cast(transformation["factor"], self.compute_dtype)))
        hue: Any = ops.where(ops.greater(hue, 1.0), ops.subtract(hue, 1.0), hue)
        hue = ops.where(ops.less(hue, 0.0), ops.add(hue, 1.0), hue)
        x = ops.clip(self._colors(hue, saturation, value), 0.0, 1.0)
        return self._transform_value_range(x, (0, 1), self.value_range, self.compute_dtype)


class RandomSaturation(_InHueAndSaturation):
    """Multiplies the saturation of images by a random number while training.

    Args:
        factor: from 0 (grey) over 0.5 (unchanged) to 1 (as strong as can be): two limits, or f for
            (0, f). A drawn f multiplies by f / (1 - f).
        value_range: where the product is cut.
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for other limits and ranges.
    """

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "factor" (batch,): what the saturation is multiplied by."""
        drawn = random.uniform((self._count(data),), *self.factor, seed=self._source(seed))
        return {"factor": drawn / (1.0 - drawn + config.epsilon())}

    def _changed(self, images: Any, transformation: Any) -> Any:
        """The images with their saturation multiplied by "factor"."""
        hue, saturation, value = self._channels(images)
        factor = per_image(ops.cast(transformation["factor"], self.compute_dtype))
        saturation = ops.clip(ops.multiply(saturation, factor), *self.value_range)
        return self._colors(hue, saturation, value)


class RandomColorJitter(ColorLayer):
    """Changes brightness, contrast, saturation and hue at random while training, in this order.

    Args:
        value_range: where pixels lie.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: of RandomBrightness,
            RandomContrast, RandomSaturation and RandomHue; None leaves one out.
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.
    """

    _USE_BASE_FACTOR = False

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = arguments.value_range(value_range)
        self.brightness_factor = brightness_factor
        self.contrast_factor = contrast_factor
        self.saturation_factor = saturation_factor
        self.hue_factor = hue_factor
        self._draw_from(seed)
        common = {
            "value_range": self.value_range,
            "seed": seed,
            "data_format": self.data_format,
            "dtype": self.dtype_policy,
        }
        self.random_brightness = self.random_contrast = None
        self.random_saturation = self.random_hue = None
        if brightness_factor is not None:
            self.random_brightness = RandomBrightness(brightness_factor, **common)
        if contrast_factor is not None:
            self.random_contrast = RandomContrast(contrast_factor, **common)
        if saturation_factor is not None:
            self.random_saturation = RandomSaturation(saturation_factor, **common)
        if hue_factor is not None:
            self.random_hue = RandomHue(hue_factor, **common)

    def _transform_images(self, images: Any, transformation: Any, interpolation: Any) -> Any:
        """The images, each of the four changes drawn anew."""
        source = self._source(None)
        for layer in (
            self.random_brightness,
            self.random_contrast,
            self.random_saturation,
            self.random_hue,
        ):
            if layer is not None:
                drawn = layer.get_random_transformation(images, seed=source)
                images = layer.transform_images(images, drawn)
        return ops.cast(images, self.compute_dtype)
