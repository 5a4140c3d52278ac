"""Layers that distort images: by a random perspective, and as if they were of rubber."""

from typing import Any

from .... import bounding_boxes as boxes_of
from .... import ops, random
from ....ops import image_warp, joining
from . import arguments
from .base import BaseImagePreprocessingLayer, per_image
from .levels import chosen


class RandomPerspective(BaseImagePreprocessingLayer):
    """Shows randomly chosen images as if seen from aside, while training.

    Args:
        factor: the probability, or the two limits between which it is drawn; f stands for (0, f).
        scale: how far the corners move, from 0 to 1.
        interpolation: "bilinear" or "nearest".
        fill_value: what lies outside of the image.
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for other numbers, NotImplementedError for another interpolation.
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        if scale < 0.0 or scale > 1.0:
            raise ValueError(
                "The `scale` argument should be a number in the range [0,1]. Received: "
                f"scale={scale}"
            )
        self.scale = scale
        known = arguments.INTERPOLATIONS
        self.interpolation = arguments.one_of(interpolation, "interpolation", known)
        self.fill_value = fill_value
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "apply_perspective" (batch,), the corners "start_points" and where they go,
        "end_points" (batch, 4, 2), and "input_shape"; None in inference."""
        if not training:
            return None
        shape, count, source = self._shape(data), self._count(data), self._source(seed)
        dtype = self.compute_dtype
        applied = chosen(self, data, source)
        reach = 0.5 * self.scale
        moved = random.uniform((count, 4, 2), -reach, reach, dtype, source)
        bottom, right = (ops.cast(ops.subtract(n, 1), dtype) for n in self._size(shape))
        zero = ops.zeros_like(right)
        corners = [(zero, zero), (right, zero), (zero, bottom), (right, bottom)]
        start = ops.stack([ops.stack(corner) for corner in corners])
        start = ops.broadcast_to(start, (count, 4, 2))
        return {
            "apply_perspective": applied,
            "start_points": start,
            "end_points": ops.add(start, ops.multiply(start, moved)),
            "input_shape": shape,
        }

    def _transform_images(self, images: Any, transformation: Any, interpolation: Any) -> Any:
        if transformation is None:
            return images
        images = ops.convert_to_tensor(images)
        seen = image_warp.perspective_transform(
            images,
            ops.cast(transformation["start_points"], "float32"),
            ops.cast(transformation["end_points"], "float32"),
            interpolation=interpolation,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        return ops.where(per_image(transformation["apply_perspective"]), seen, images)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the boxes around where the corners of the boxes go."""
        if not training or transformation is None:
            return bounding_boxes
        source, size = (
            self.bounding_box_format or "xyxy", self._size(transformation["input_shape"])
        )  # fmt: skip
        found = boxes_of.convert_format(bounding_boxes, source, "xyxy", *size)
        boxes = found["boxes"]
        numbers = _projection(transformation["start_points"], transformation["end_points"])
        a, b, c, d, e, f, g, h = (ops.reshape(n, (-1, 1, 1)) for n in ops.unstack(numbers, axis=1))
        x1, y1, x2, y2 = joining.split(boxes, 4, -1)
        xs, ys = (ops.concatenate(p, axis=-1) for p in ([x1, x2, x2, x1], [y1, y1, y2, y2]))
        below = g * xs + h * ys + 1.0
        places = [(a * xs + b * ys + c) / below, (d * xs + e * ys + f) / below]
        edges = [g(x, axis=-1, keepdims=True) for g in (ops.min, ops.max) for x in places]
        applied = ops.reshape(transformation["apply_perspective"], (-1, 1, 1))
        found["boxes"] = ops.where(applied, ops.concatenate(edges, axis=-1), boxes)
        found = boxes_of.clip_to_image_size(found, *size)
        return boxes_of.convert_format(found, "xyxy", source, *size)


def _projection(start: Any, end: Any) -> Any:
    """The eight numbers (batch, 8) of the projection that takes four points (batch, 4, 2) there."""
    start, end = (ops.cast(points, "float32") for points in (start, end))
    x, y, u, v = start[..., 0], start[..., 1], end[..., 0], end[..., 1]
    zero, one = ops.zeros_like(x), ops.ones_like(x)
    across = ops.stack([x, y, one, zero, zero, zero, -x * u, -y * u], axis=-1)
    down = ops.stack([zero, zero, zero, x, y, one, -x * v, -y * v], axis=-1)
    system = ops.concatenate([across, down], axis=1)
    wanted = ops.expand_dims(ops.concatenate([u, v], axis=1), -1)
    return ops.squeeze(ops.solve(system, wanted), -1)


class RandomElasticTransform(BaseImagePreprocessingLayer):
    """Moves each pixel of randomly chosen images to a random place near by, while training.

    Near pixels move alike (Simard et al. 2003).

    Args:
        factor: the probability, or the two limits between which it is drawn; f stands for (0, f).
        scale: how strong, from 0 to 1: f for (0, f), or two limits.
        interpolation: "bilinear" or "nearest".
        fill_mode: "reflect", "mirror", "wrap", "constant" or "nearest".
        fill_value: of "constant".
        value_range: where pixels lie.
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for other numbers, NotImplementedError for other words.
    """

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.scale = self._factor_limits(scale, "scale")
        known = arguments.INTERPOLATIONS
        self.interpolation = arguments.one_of(interpolation, "interpolation", known)
        known = (*arguments.FILL_MODES, "mirror")
        self.fill_mode = arguments.one_of(fill_mode, "fill_mode", known)
        self.fill_value = fill_value
        self.value_range = arguments.value_range(value_range)
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "apply_transform" (batch,), "distortion_factor" and the key of the displacements,
        "seed"; None in inference, and where nothing moves."""
        if not training or self.scale[1] == 0 or self.factor[1] == 0:
            return None
        source = self._source(seed)
        applied = chosen(self, data, source)
        strength = random.uniform((), *self.scale, self.compute_dtype, source)
        # One key, so that images and masks move alike.
        key = random.randint((2,), 0, 2**31 - 1, seed=source)
        return {"apply_transform": applied, "distortion_factor": strength, "seed": key}

    def _transform_images(self, images: Any, transformation: Any, interpolation: Any) -> Any:
        if transformation is None:
            return images
        images = ops.convert_to_tensor(images)
        height, width = self._size(images.shape)
        strength = ops.cast(transformation["distortion_factor"], "float32")
        moved = image_warp.elastic_transform(
            images,
            alpha=ops.multiply(strength, 0.1 * max(height, width)),
            sigma=ops.multiply(strength, 0.05 * min(height, width)),
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            seed=transformation["seed"],
            data_format=self.data_format,
            max_sigma=0.05 * min(height, width) * self.scale[1],
        )
        return ops.where(per_image(transformation["apply_transform"]), moved, images)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Returns the images, those distorted for which "apply_transform" is true."""
        images = ops.cast(images, self.compute_dtype)
        if not training or transformation is None:
            return images
        x = self._transform_images(images, transformation, self.interpolation)
        return ops.clip(x, *self.value_range)
