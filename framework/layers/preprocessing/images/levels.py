"""Layers that change how bright pixels are: by brightness, contrast, and steps."""

from typing import Any

from .... import ops, random
from . import arguments
from .base import ColorLayer, StrengthLayer, per_image


class RandomBrightness(StrengthLayer):
    """Adds a random number to all pixels of an image while training, within `value_range`.

    Args:
        factor: the number's limits as shares of the range, from -1 to 1: f for (-f, f), or both.
        value_range: where pixels lie.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for other limits and ranges.
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(factor, value_range, seed=seed, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "rgb_delta" (batch, 1, 1, 1), what is added; zeros in inference."""
        shape = (self._count(data), 1, 1, 1)
        if not training:
            return {"rgb_delta": ops.zeros(shape)}
        delta = random.uniform(shape, *self.factor, seed=self._source(seed))
        low, high = self.value_range
        return {"rgb_delta": delta * float(high - low)}

    def _changed(self, images: Any, transformation: Any) -> Any:
        """The images with "rgb_delta" added."""
        delta = ops.cast(transformation["rgb_delta"], self.compute_dtype)
        return ops.clip(ops.add(images, delta), *self.value_range)


class RandomContrast(StrengthLayer):
    """Moves pixels from, or to, the mean of their image and channel while training.

    Args:
        factor: (lower, upper), or one number for both: what the distance is multiplied by lies
            between 1 - lower and 1 + upper.
        value_range: where pixels lie.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for limits not in [0, 1].
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(factor, value_range, seed=seed, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "contrast_factor" (batch, 1, 1, 1); zeros in inference."""
        shape = (self._count(data), 1, 1, 1)
        if not training:
            return {"contrast_factor": ops.zeros(shape)}
        limits = 1.0 - self.factor[0], 1.0 + self.factor[1]
        drawn = random.uniform(shape, *limits, self.compute_dtype, self._source(seed))
        return {"contrast_factor": drawn}

    def _changed(self, images: Any, transformation: Any) -> Any:
        """(images - mean) * "contrast_factor" + mean."""
        factor = ops.cast(transformation["contrast_factor"], self.compute_dtype)
        mean = ops.mean(images, axis=(self.height_axis, self.width_axis), keepdims=True)
        return ops.clip(ops.add(ops.multiply(images - mean, factor), mean), *self.value_range)


class RandomInvert(StrengthLayer):
    """Replaces pixels by `value_range[1]` less their value, in randomly chosen images.

    Args:
        factor: the probability, or the two limits between which it is drawn.
        value_range: where pixels lie.
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for limits not in [0, 1].
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor, value_range, data_format, seed, **kwargs)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "apply_inversion" (batch,), booleans; None in inference."""
        if not training:
            return None
        return {"apply_inversion": chosen(self, data, seed)}

    def _changed(self, images: Any, transformation: Any) -> Any:
        """The images, those inverted for which "apply_inversion" is true."""
        inverted = ops.subtract(float(self.value_range[1]), images)
        return ops.where(per_image(transformation["apply_inversion"]), inverted, images)


def chosen(layer: Any, data: Any, seed: Any) -> Any:
    """Returns (batch,) booleans: which images a layer with the probability `factor` changes.

    A class that takes a number f for the probability draws it from (0, f), as Keras does.
    """
    shape, source = (layer._count(data),), layer._source(seed)
    probability = random.uniform(shape, *layer.factor, seed=source)
    return ops.less(random.uniform(shape, seed=source), probability)


class RandomPosterization(StrengthLayer):
    """Keeps the upper bits of pixels alone while training.

    Args:
        factor: how many bits, from 1 to 8: a number, or two limits between which it is drawn (the
            upper one is never drawn).
        value_range: where pixels lie; it is stretched to eight bits.
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for other limits and ranges.
    """

    _FACTOR_BOUNDS = (1, 8)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "shift_factor" (batch,), uint8: how many bits become 0."""
        shape, (low, high) = (self._count(data),), self.factor
        if low == high:
            return {"shift_factor": ops.full(shape, 8 - int(low), "uint8")}
        bits = random.randint(shape, int(low), int(high), seed=self._source(seed))
        return {"shift_factor": ops.cast(ops.subtract(8, bits), "uint8")}

    def _changed(self, images: Any, transformation: Any) -> Any:
        """The images without their lowest "shift_factor" bits."""
        shift = per_image(transformation["shift_factor"])
        x = self._transform_value_range(images, self.value_range, (0, 255), self.compute_dtype)
        x = ops.bitwise_right_shift(ops.cast(x, "uint8"), shift)
        x = ops.cast(ops.bitwise_left_shift(x, shift), self.compute_dtype)
        return self._transform_value_range(x, (0, 255), self.value_range, self.compute_dtype)


class Solarization(ColorLayer):
    """Adds to pixels, and then inverts those that are not below a threshold, while training.

    Args:
        addition_factor: what is added, as a share of the range, from 0 to 1: f for (0, f), or both
            limits.
        threshold_factor: the threshold, likewise. A 0 inverts all pixels.
        value_range: where pixels lie.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for other limits and ranges.
    """

    _USE_BASE_FACTOR = False

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        names = "The `addition_factor` and `threshold_factor` arguments"
        self.addition_factor = arguments.limits(
            addition_factor, "addition_factor", 0, 1, names=names
        )
        self.threshold_factor = arguments.limits(
            threshold_factor, "threshold_factor", 0, 1, names=names
        )
        self.value_range = arguments.value_range(value_range)
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "additions" and "thresholds" (batch, 1, 1, 1), between 0 and 255; None in
        inference. As in Keras, the lower limits are not stretched to 255."""
        if not training:
            return None
        shape, source = (self._count(data), 1, 1, 1), self._source(seed)
        low, high = zip(self.addition_factor, self.threshold_factor, strict=True)
        additions, thresholds = (
            random.uniform(shape, a, b * 255, self.compute_dtype, source)
            for a, b in zip(low, high, strict=True)
        )
        return {"additions": additions, "thresholds": thresholds}

    def _changed(self, images: Any, transformation: Any) -> Any:
        """The images solarized, in the compute dtype."""
        dtype = self.compute_dtype
        additions, thresholds = (
            ops.cast(transformation[name], dtype) for name in ("additions", "thresholds")
        )
        x = self._transform_value_range(images, self.value_range, (0, 255), dtype)
        x = ops.clip(ops.add(x, additions), 0, 255)
        x = ops.where(ops.less(x, thresholds), x, ops.subtract(255.0, x))
        return self._transform_value_range(x, (0, 255), self.value_range, dtype)


class AutoContrast(ColorLayer):
    """Stretches each channel of each image to the whole of `value_range`.

    A channel of one value stays as it is. Training and inference are alike.

    Args:
        value_range: where pixels lie.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for another range.
    """

    _USE_BASE_FACTOR = False

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = arguments.value_range(value_range)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the images stretched, in the compute dtype."""
        images = ops.cast(images, self.compute_dtype)
        x = self._transform_value_range(images, self.value_range, (0, 255), self.compute_dtype)
        axes = (self.height_axis, self.width_axis)
        low, high = (f(x, axis=axes, keepdims=True) for f in (ops.min, ops.max))
        flat = ops.equal(low, high)
        scale = ops.divide(255.0, ops.where(flat, ops.ones_like(high), high - low))
        x = ops.clip(x * scale - low * scale, 0.0, 255.0)
        x = self._transform_value_range(x, (0, 255), self.value_range, self.compute_dtype)
        return ops.where(flat, images, x)
