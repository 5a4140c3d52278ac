"""Layers that put parts of images together: RandomErasing, CutMix and MixUp."""

from typing import Any

from .... import ops, random
from .base import BaseImagePreprocessingLayer, StrengthLayer, per_image
from .levels import chosen


def _rectangles(layer: Any, shape: Any, count: Any, shares: Any, source: Any) -> Any:
    """Rectangles at random places, whose sides are shares of the images' (of the width, of the
    height), each (batch,): a mask (batch, height, width, 1), or with the 1 behind the batch, and
    the shares of the area that they cover, (batch, 1, 1, 1)."""
    dtype = layer.compute_dtype
    inside, covered = None, None
    for axis, share in zip((layer.width_axis, layer.height_axis), shares, strict=True):
        size = shape[axis]
        length = ops.cast(ops.multiply(share, size), dtype)
        begin = random.uniform((count,), dtype=dtype, seed=source)
        begin = per_image(ops.multiply(begin, ops.subtract(ops.cast(size, dtype), length)))
        end = ops.add(begin, per_image(length))
        along = [1, 1, 1, 1]
        along[axis] = -1
        places = ops.reshape(ops.arange(0, size, dtype=dtype), along)
        within = ops.logical_and(ops.greater_equal(places, begin), ops.less(places, end))
        part = ops.divide(end - begin, ops.cast(size, dtype))
        inside = within if inside is None else ops.logical_and(inside, within)
        covered = part if covered is None else ops.multiply(covered, part)
    return inside, covered


class RandomErasing(StrengthLayer):
    """Fills a random rectangle of randomly chosen images while training (Zhong et al. 2017).

    Args:
        factor: the probability, or the two limits between which it is drawn; f stands for (0, f).
        scale: the limits of the shares of the area whose roots are those of the sides; f stands for
            (0, f).
        fill_value: a number, or three, one for each channel; None for normal draws times the upper
            end of `value_range`.
        value_range: where pixels lie.
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for other numbers.
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor, value_range, data_format, seed, **kwargs)
        self.scale = self._factor_limits(scale, "scale")
        self.fill_value = fill_value

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "apply_erasing" (batch,), "batch_masks" (true inside of the rectangles) and
        "fill_value"; None in inference."""
        if not training:
            return None
        shape, count, source = self._shape(data), self._count(data), self._source(seed)
        shares = random.uniform((count, 2), *self.scale, self.compute_dtype, source)
        shares = ops.sqrt(shares)
        sides = shares[:, 0], shares[:, 1]
        masks, _ = _rectangles(self, shape, count, sides, source)
        return {
            "apply_erasing": chosen(self, data, source),
            "batch_masks": masks,
            "fill_value": self._filling(shape, source),
        }

    def _filling(self, shape: Any, source: Any) -> Any:
        value = self.fill_value
        if value is None:
            drawn = random.normal(shape, dtype=self.compute_dtype, seed=source)
            value = drawn * float(self.value_range[1])
        elif isinstance(value, tuple | list) and len(value) == 3:
            along = [1, 1, 1, 1]
            along[self.channel_axis] = 3
            value = ops.reshape(ops.convert_to_tensor(value, self.compute_dtype), along)
        elif not isinstance(value, int | float):
            raise ValueError(
                "The `fill_value` argument should be a number (or a list of three numbers). "
                f"Received: fill_value={value}"
            )
        return ops.clip(ops.cast(value, self.compute_dtype), *self.value_range)

    def _changed(self, images: Any, transformation: Any) -> Any:
        """The images, those with a filled rectangle for which "apply_erasing" is true."""
        value = ops.cast(transformation["fill_value"], self.compute_dtype)
        applied = per_image(transformation["apply_erasing"])
        erased = ops.logical_and(transformation["batch_masks"], applied)
        return ops.where(erased, value, images)


class CutMix(BaseImagePreprocessingLayer):
    """Puts a rectangle of another image of the batch into each image while training.

    Labels are mixed by the areas (Yun et al. 2019). A single image passes through.

    Args:
        factor: the parameter of the beta distribution of the shares, from 0 to 1: the two limits
            between which it is drawn, or f for (0, f).
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for other limits.
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "permutation_order" (batch,), "batch_masks" (true where the other image stands)
        and "mix_weight" (batch, 1, 1, 1), the share of the image itself; None in inference, and for
        a single image."""
        shape = self._shape(data)
        if not training or len(shape) == 3:
            return None
        count, source, dtype = shape[0], self._source(seed), self.compute_dtype
        alpha = random.uniform((), self.factor[0], self.factor[1], dtype, source) + 1e-6
        weight = random.beta((count,), alpha, alpha, dtype, source)
        side = ops.sqrt(1.0 - weight)
        masks, covered = _rectangles(self, shape, count, (side, side), source)
        order = random.shuffle(ops.arange(0, count, dtype="int32"), seed=source)
        return {
            "permutation_order": order,
            "batch_masks": masks,
            "mix_weight": ops.subtract(1.0, covered),
        }

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the images with parts of others."""
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        others = ops.take(images, transformation["permutation_order"], axis=0)
        return ops.where(transformation["batch_masks"], others, images)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the masks with the same parts of others."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns labels (batch, ...) mixed by the areas."""
        if not training or transformation is None:
            return labels
        return _mixed(labels, transformation, self.compute_dtype)


def _mixed(x: Any, transformation: Any, dtype: str) -> Any:
    """ "mix_weight" * x + (1 - "mix_weight") * the others' x."""
    order = transformation["permutation_order"]
    x = ops.convert_to_tensor(x)
    rank = len(x.shape)
    weight = ops.cast(transformation["mix_weight"], dtype)
    weight = ops.reshape(weight, (-1, *(1,) * (rank - 1)))
    x = ops.cast(x, dtype)
    others = ops.take(x, order, axis=0)
    return ops.add(ops.multiply(weight, x), ops.multiply(1.0 - weight, others))


class MixUp(BaseImagePreprocessingLayer):
    """Blends each image with another one of the batch, and their labels alike, while training.

    Zhang et al. 2017. Boxes of both are kept.

    Args:
        alpha: the parameter of the beta distribution of the shares, above 0.
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.
    """

    _USE_BASE_FACTOR = False

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.alpha = alpha
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "permutation_order" (batch,) and "mix_weight" (batch,), the share of the image
        itself."""
        count, source = self._count(data), self._source(seed)
        order = random.shuffle(ops.arange(0, count, dtype="int32"), seed=source)
        weight = random.beta((count,), self.alpha, self.alpha, seed=source)
        return {"mix_weight": weight, "permutation_order": order}

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the blended images, in the compute dtype."""
        if not training:
            return ops.cast(images, self.compute_dtype)
        return _mixed(images, transformation, self.compute_dtype)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the blended masks, in the compute dtype."""
        if not training:
            return segmentation_masks
        return _mixed(segmentation_masks, transformation, self.compute_dtype)

    def transform_labels(
        self, labels: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the blended labels (batch, ...)."""
        return _mixed(labels, transformation, self.compute_dtype) if training else labels

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the boxes of each image, and behind them those of the other one."""
        if not training:
            return bounding_boxes
        order = transformation["permutation_order"]
        found = dict(bounding_boxes)
        for key in ("boxes", "labels"):
            x = ops.convert_to_tensor(found[key])
            others = ops.take(x, order, axis=0)
            found[key] = ops.concatenate([x, others], axis=min(1, len(x.shape) - 1))
        return found
