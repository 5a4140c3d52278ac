"""Layers that turn, move, zoom and shear images at random."""

from abc import abstractmethod
from typing import Any

from .... import bounding_boxes as boxes_of
from .... import ops, random
from ....ops import image_warp
from . import arguments
from .base import BaseImagePreprocessingLayer, affine_rows, hook


class WarpingLayer(BaseImagePreprocessingLayer):
    """Base of layers whose pixels come from other places of the image, by an affine map.

    What comes from outside of the image is filled in: of a b c | "reflect" goes on with c b a,
    "wrap" with a b c, "constant" with `fill_value`, "nearest" with c c c.
    """

    _USE_BASE_FACTOR = False

    fill_mode: str
    fill_value: float

    def _set_filling(self, fill_mode: str, fill_value: float, interpolation: str) -> None:
        self.fill_mode = arguments.one_of(fill_mode, "fill_mode", arguments.FILL_MODES)
        self.fill_value = fill_value
        known = arguments.INTERPOLATIONS
        self.interpolation = arguments.one_of(interpolation, "interpolation", known)

    @abstractmethod
    def _map(self, transformation: Any, images: Any) -> Any:
        """From places in the result to places in the images, (batch, 8)."""
        raise NotImplementedError(f"{type(self).__name__} does not say its map.")

    def _transform_images(self, images: Any, transformation: Any, interpolation: Any) -> Any:
        if transformation is None:
            return images
        return image_warp.affine_transform(
            images,
            self._map(transformation, images),
            interpolation=interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    @abstractmethod
    def _moved_boxes(self, boxes: Any, transformation: Any, size: Any) -> Any:
        """Boxes (left, top, right, bottom) in pixels, after the transformation."""
        raise NotImplementedError(f"{type(self).__name__} does not say what becomes of boxes.")

    def _image_size(self, transformation: Any) -> tuple[Any, Any]:
        return self._size(transformation["input_shape"])

    @hook
    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the boxes around what the boxes become, cut at the borders; what lies outside
        gets the label -1."""
        if not training or transformation is None:
            return bounding_boxes
        size = self._image_size(transformation)
        source = self.bounding_box_format or "xyxy"
        found = boxes_of.convert_format(bounding_boxes, source, "xyxy", *size)
        found["boxes"] = self._moved_boxes(found["boxes"], transformation, size)
        found = boxes_of.clip_to_image_size(found, *size)
        return boxes_of.convert_format(found, "xyxy", source, *size)


class RandomRotation(WarpingLayer):
    """Turns images around their middle while training.

    Args:
        factor: the angle as a share of a full turn, counter-clockwise: f for (-f, f), or two
            limits, from -1 to 1.
        fill_mode: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: an int, or None for a seed that follows from the global one.
        fill_value: of "constant".
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for other limits, NotImplementedError for other words.
    """

    _USE_BASE_FACTOR = True

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(factor=factor, data_format=data_format, **kwargs)
        self._set_filling(fill_mode, fill_value, interpolation)
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "angle" (batch,) in degrees, "rotation_matrix" (batch, 8), "image_height",
        "image_width" and "batch_size"; None in inference."""
        if not training:
            return None
        height, width = self._size(self._shape(data))
        count = self._count(data)
        limits = [f * 360.0 for f in self.factor]
        angle = random.uniform((count,), *limits, seed=self._source(seed))
        zero, one = ops.zeros_like(angle), ops.ones_like(angle)
        matrix = self._compute_affine_matrix(
            0.5, 0.5, angle, zero, zero, one, zero, zero, height, width
        )
        return {
            "angle": angle,
            "rotation_matrix": matrix,
            "image_height": height,
            "image_width": width,
            "batch_size": count,
        }

    def _map(self, transformation: Any, images: Any) -> Any:
        return ops.reshape(transformation["rotation_matrix"], (-1, 8))

    def _image_size(self, transformation: Any) -> tuple[Any, Any]:
        return transformation["image_height"], transformation["image_width"]

    def _moved_boxes(self, boxes: Any, transformation: Any, size: Any) -> Any:
        angle = transformation["angle"]
        zero, one = ops.zeros_like(angle), ops.ones_like(angle)
        return boxes_of.affine_transform(boxes, angle, zero, zero, one, zero, zero, *size)


class RandomTranslation(WarpingLayer):
    """Moves images down and to the right while training.

    Args:
        height_factor, width_factor: by how much, as shares of the size from -1 to 1: f for (-f, f),
            or two limits.
        fill_mode: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: an int, or None for a seed that follows from the global one.
        fill_value: of "constant".
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for other limits, NotImplementedError for other words.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height_lower, self.height_upper = _shift(height_factor, "height_factor")
        self.width_lower, self.width_upper = _shift(width_factor, "width_factor")
        self._set_filling(fill_mode, fill_value, interpolation)
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "translations" (batch, 2), in pixels to the right and down, and "input_shape";
        None in inference."""
        if not training:
            return None
        shape, source = self._shape(data), self._source(seed)
        drawn = (self._count(data), 1)
        height, width = self._size(shape)
        down = random.uniform(drawn, self.height_lower, self.height_upper, seed=source)
        right = random.uniform(drawn, self.width_lower, self.width_upper, seed=source)
        pixels = [ops.multiply(right, width), ops.multiply(down, height)]
        return {
            "translations": ops.cast(ops.concatenate(pixels, axis=1), "float32"),
            "input_shape": shape,
        }

    def _map(self, transformation: Any, images: Any) -> Any:
        moved = ops.convert_to_tensor(transformation["translations"])
        right, down = ops.negative(moved[:, 0]), ops.negative(moved[:, 1])
        zero, one = ops.zeros_like(right), ops.ones_like(right)
        return affine_rows(one, zero, right, zero, one, down)

    def _moved_boxes(self, boxes: Any, transformation: Any, size: Any) -> Any:
        both = ops.concatenate([transformation["translations"]] * 2, axis=1)
        shift = ops.expand_dims(both, 1) if len(boxes.shape) == 3 else both
        return ops.add(boxes, ops.cast(shift, "float32"))


def _shift(value: Any, name: str) -> tuple[float, float]:
    return arguments.limits(value, name, -1, 1, around_zero=True)


class RandomZoom(WarpingLayer):
    """Zooms images in or out, around their middle, while training.

    Args:
        height_factor: how much more of the height is seen, as a share above -1 and up to 1: f for
            (-f, f), or two limits. -0.2 sees 80 % of it, which zooms in; 0.2 zooms out.
        width_factor: likewise; None keeps the proportions.
        fill_mode: "reflect", "wrap", "constant" or "nearest".
        interpolation: "bilinear" or "nearest".
        seed: an int, or None for a seed that follows from the global one.
        fill_value: of "constant".
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for other limits, NotImplementedError for other words.
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self.height_lower, self.height_upper = _zoom(height_factor, "height_factor")
        if width_factor is not None:
            self.width_lower, self.width_upper = _zoom(width_factor, "width_factor")
        self._set_filling(fill_mode, fill_value, interpolation)
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "height_zoom" and "width_zoom" (batch, 1), how much of the size is seen, and
        "input_shape"; None in inference."""
        if not training:
            return None
        drawn, source = (self._count(data), 1), self._source(seed)
        limits = 1.0 + self.height_lower, 1.0 + self.height_upper
        down = across = random.uniform(drawn, *limits, seed=source)
        if self.width_factor is not None:
            limits = 1.0 + self.width_lower, 1.0 + self.width_upper
            across = random.uniform(drawn, *limits, seed=source)
        return {"height_zoom": down, "width_zoom": across, "input_shape": self._shape(data)}

    def _zooms(self, transformation: Any) -> tuple[Any, Any]:
        """The share of the width, and of the height, each (batch,)."""
        found = (transformation[name] for name in ("width_zoom", "height_zoom"))
        across, down = (ops.reshape(ops.cast(x, "float32"), (-1,)) for x in found)
        return across, down

    def _map(self, transformation: Any, images: Any) -> Any:
        across, down = self._zooms(transformation)
        left, top = _beginnings(across, down, self._size(ops.shape(images)))
        zero = ops.zeros_like(across)
        return affine_rows(across, zero, left, zero, down, top)

    def _moved_boxes(self, boxes: Any, transformation: Any, size: Any) -> Any:
        across, down = self._zooms(transformation)
        left, top = _beginnings(across, down, size)
        begin, zoom = (
            ops.expand_dims(ops.stack([x, y, x, y], axis=1), 1)
            for x, y in ((left, top), (across, down))
        )
        return ops.divide(ops.subtract(boxes, begin), zoom)


def _zoom(value: Any, name: str) -> tuple[float, float]:
    names = "The `height_factor` and `width_factor` arguments"
    return arguments.limits(value, name, -1, 1, around_zero=True, above=True, names=names)


def _beginnings(across: Any, down: Any, size: Any) -> tuple[Any, Any]:
    """Where what is seen of images begins: column and row, (batch,)."""
    height, width = (ops.divide(ops.subtract(ops.cast(n, "float32"), 1.0), 2.0) for n in size)
    return ops.multiply(width, 1.0 - across), ops.multiply(height, 1.0 - down)


class RandomShear(WarpingLayer):
    """Shears images along both axes while training.

    Args:
        x_factor, y_factor: how many columns a row lies beside the one above it, and the reverse,
            from 0 to 1: f for (-f, f), or two limits. The direction is random.
        interpolation: "bilinear" or "nearest".
        fill_mode: "reflect", "wrap", "constant" or "nearest".
        fill_value: of "constant".
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.

    Raises ValueError for other limits, NotImplementedError for other words.
    """

    _FACTOR_BOUNDS = (0, 1)

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.x_factor = _slope(x_factor, "x_factor")
        self.y_factor = _slope(y_factor, "y_factor")
        self._set_filling(fill_mode, fill_value, interpolation)
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "shear_factor" (batch, 2), along x and along y, and "input_shape"; None in
        inference."""
        if not training:
            return None
        shape, source = (self._count(data), 1), self._source(seed)
        backwards = ops.greater(random.uniform(shape, seed=source), 0.5)
        drawn = [
            random.uniform(shape, *limits, self.compute_dtype, source)
            for limits in (self.y_factor, self.x_factor)
        ]
        factor = ops.concatenate(drawn[::-1], axis=1)
        return {
            "shear_factor": ops.where(backwards, ops.negative(factor), factor),
            "input_shape": self._shape(data),
        }

    def _map(self, transformation: Any, images: Any) -> Any:
        factor = ops.cast(transformation["shear_factor"], "float32")
        zero, one = ops.zeros_like(factor[:, 0]), ops.ones_like(factor[:, 0])
        return affine_rows(one, factor[:, 0], zero, factor[:, 1], one, zero)

    @hook
    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the sheared boxes, cut at the borders. As in Keras the factors are those of
        shares of the size, and y is sheared after x."""
        if not training or transformation is None:
            return bounding_boxes
        source, size = self.bounding_box_format or "xyxy", self._image_size(transformation)
        dtype = self.compute_dtype
        found = boxes_of.convert_format(bounding_boxes, source, "rel_xyxy", *size, dtype)
        boxes = found["boxes"]
        factor = ops.cast(transformation["shear_factor"], dtype)
        x1, y1, x2, y2 = (boxes[..., i] for i in range(4))
        slope = factor[:, 0:1]
        by_top, by_bottom = ops.multiply(slope, y1), ops.multiply(slope, y2)
        left = ops.less(slope, 0)
        x1 = ops.subtract(x1, ops.where(left, by_top, by_bottom))
        x2 = ops.subtract(x2, ops.where(left, by_bottom, by_top))
        slope = factor[:, 1:2]
        by_left, by_right = ops.multiply(slope, x1), ops.multiply(slope, x2)
        up = ops.greater(slope, 0)
        y1 = ops.subtract(y1, ops.where(up, by_right, by_left))
        y2 = ops.subtract(y2, ops.where(up, by_left, by_right))
        found["boxes"] = ops.stack([x1, y1, x2, y2], axis=-1)
        found = boxes_of.clip_to_image_size(found, bounding_box_format="rel_xyxy")
        return boxes_of.convert_format(found, "rel_xyxy", source, *size, dtype)


def _slope(value: Any, name: str) -> tuple[float, float]:
    if isinstance(value, tuple | list) and len(value) == 2 and value[0] == -value[1] < 0:
        value = value[1]  # what a config writes for a number
    return arguments.limits(value, name, 0, 1, around_zero=True)
