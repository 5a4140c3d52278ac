"""Layers that give images another size: Resizing, CenterCrop, RandomCrop."""

from typing import Any

from .... import bounding_boxes as boxes_of
from .... import dtypes, ops, random
from ....core.keras_tensor import KerasTensor
from ....ops import image_resize, joining
from .base import BaseImagePreprocessingLayer


class _Sized(BaseImagePreprocessingLayer):
    """Base of layers whose outputs have a height and a width of their own."""

    _USE_BASE_FACTOR = False
    height: int
    width: int

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Returns the shape with the layer's height and width. ValueError for other ranks."""
        nested = isinstance(input_shape, dict) or (
            len(input_shape) > 0 and isinstance(input_shape[0], list | tuple)
        )
        if nested or len(input_shape) not in (3, 4):
            raise ValueError(
                "`input_shape` must be a non-nested tuple or list of rank-1 with size 3 "
                f"(unbatched) or 4 (batched). Received: input_shape={input_shape}"
            )
        return self._resized(input_shape, self.height, self.width)

    def _in_new_size(self, bounding_boxes: Any) -> Any:
        """Boxes (left, top, right, bottom) cut at the new borders, in the layer's format."""
        size = self.height, self.width
        found = boxes_of.clip_to_image_size(bounding_boxes, *size)
        return boxes_of.convert_format(found, "xyxy", self.bounding_box_format or "xyxy", *size)


class Resizing(_Sized):
    """Resizes images, in training and inference alike. Their dtype stays.

    Args:
        height, width: the new size.
        interpolation: "bilinear", "nearest", "bicubic", "lanczos3" or "lanczos5".
        crop_to_aspect_ratio: whether the middle of the images, of the new proportions, is taken.
        pad_to_aspect_ratio: whether borders are put around them instead.
        fill_mode: what borders are filled with; "constant".
        fill_value: the constant.
        antialias: whether images are smoothed where they become smaller.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = height, width
        self.interpolation = interpolation
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_mode = fill_mode
        self.fill_value = fill_value
        self.antialias = bool(antialias)

    def _transform_images(self, images: Any, transformation: Any, interpolation: Any) -> Any:
        return image_resize.resize(
            images,
            (self.height, self.width),
            interpolation=interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns the height and the width of the images."""
        return self._size(self._shape(data))

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the images in the new size."""
        return self._transform_images(images, transformation, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the masks in the new size, by nearest neighbours."""
        return self._transform_images(segmentation_masks, transformation, "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the boxes in the new size. Boxes of zeros, or of -1, become zeros."""
        given = bounding_boxes["boxes"]
        empty = [ops.all(ops.equal(given, n), axis=-1, keepdims=True) for n in (-1, 0)]
        source, size = self.bounding_box_format or "xyxy", transformation
        found = boxes_of.convert_format(bounding_boxes, source, "xyxy", *size)
        height, width = (ops.cast(n, "float32") for n in size)
        scale_y, scale_x = self.height / height, self.width / width
        left: Any = 0.0
        top: Any = 0.0
        if self.pad_to_aspect_ratio:
            scale_x = scale_y = ops.minimum(scale_x, scale_y)
            left, top = _half(self.width, width * scale_x), _half(self.height, height * scale_y)
        elif self.crop_to_aspect_ratio:
            scale_x = scale_y = ops.maximum(scale_x, scale_y)
            left = ops.negative(_half(width * scale_x, self.width))
            top = ops.negative(_half(height * scale_y, self.height))
        x1, y1, x2, y2 = joining.split(found["boxes"], 4, -1)
        xs = [ops.add(ops.multiply(x, scale_x), left) for x in (x1, x2)]
        ys = [ops.add(ops.multiply(y, scale_y), top) for y in (y1, y2)]
        found["boxes"] = ops.concatenate([xs[0], ys[0], xs[1], ys[1]], axis=-1)
        found = boxes_of.clip_to_image_size(found, self.height, self.width)
        boxes = found["boxes"]
        found["boxes"] = ops.where(ops.logical_or(*empty), ops.zeros_like(boxes), boxes)
        return boxes_of.convert_format(found, "xyxy", source, self.height, self.width)


def _half(larger: Any, smaller: Any) -> Any:
    """What stands in front, where one size lies in the middle of another."""
    return ops.floor_divide(ops.subtract(larger, smaller), 2)


class CenterCrop(_Sized):
    """Takes the middle of images, in training and inference alike.

    Where an image is smaller than that, its middle of the same proportions is resized.

    Args:
        height, width: the size of what is taken.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height, self.width = height, width

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "input_shape", the shape of the images."""
        return {"input_shape": self._shape(data)}

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the middle of the images, in the compute dtype."""
        images = ops.cast(images, self.compute_dtype)
        height, width = self._size(ops.shape(images))
        small = [isinstance(n, int) and n < m for n, m in self._pairs(height, width)]
        if any(small):
            return image_resize.resize(
                images,
                (self.height, self.width),
                crop_to_aspect_ratio=True,
                data_format=self.data_format,
            )
        top, left = (height - self.height) // 2, (width - self.width) // 2
        return _cut(self, images, top, left)

    def _pairs(self, height: Any, width: Any) -> tuple:
        return (height, self.height), (width, self.width)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the middle of the masks."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the boxes in what is taken."""
        height, width = self._size(transformation["input_shape"])
        source = self.bounding_box_format or "xyxy"
        found = boxes_of.convert_format(bounding_boxes, source, "xyxy", height, width)
        small = any(isinstance(n, int) and n < m for n, m in self._pairs(height, width))
        if small:
            part = (
                max(min(height, int(width * self.height / self.width)), 1),
                max(min(width, int(height * self.width / self.height)), 1),
            )
        else:
            part = self.height, self.width
        top, left = (height - part[0]) // 2, (width - part[1]) // 2
        boxes = boxes_of.crop(found["boxes"], top, left, *part)
        scale = [self.width / part[1], self.height / part[0]] * 2
        found["boxes"] = ops.multiply(boxes, scale) if small else boxes
        return self._in_new_size(found)


def _cut(layer: _Sized, images: Any, top: Any, left: Any) -> Any:
    """The part of images that begins there and has the layer's size."""
    index = [slice(None)] * len(images.shape)
    index[layer.height_axis] = slice(top, top + layer.height)
    index[layer.width_axis] = slice(left, left + layer.width)
    return images[tuple(index)]


class RandomCrop(_Sized):
    """Takes a part of images at a random place while training, the same for the whole batch.

    Where an image is not larger than that, its middle is taken and resized. In inference images
    pass through.

    Args:
        height, width: the size of what is taken.
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        name: its name.
        **kwargs: see BaseImagePreprocessingLayer.
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, name=name, **kwargs)
        self.height, self.width = height, width
        self._draw_from(seed)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns where the part begins (row, column), and the size of the images.

        Raises ValueError for images of unknown size.
        """
        shape = self._shape(data)
        height, width = self._size(shape)
        if not (isinstance(height, int) and isinstance(width, int)):
            raise ValueError(
                "RandomCrop requires the input to have a fully defined height and width. "
                f"Received: images.shape={shape}"
            )
        if training and height > self.height and width > self.width:
            source = self._source(seed)
            top = random.randint((), 0, height - self.height + 1, seed=source)
            left = random.randint((), 0, width - self.width + 1, seed=source)
        else:
            tall = max(min(height, int(width * self.height / self.width)), 1)
            wide = max(min(width, int(height * self.width / self.height)), 1)
            top, left = (height - tall) // 2, (width - wide) // 2
        return top, left, height, width

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Returns the part that begins at (row, column), in the layer's size."""
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        top, left = transformation[:2]
        height, width = self._size(ops.shape(images))
        if isinstance(top, int) and isinstance(left, int):
            images = _cut(self, images, top, left)
        else:
            begin: list[Any] = [0] * len(images.shape)
            begin[self.height_axis], begin[self.width_axis] = top, left
            sizes = self._resized(ops.shape(images), self.height, self.width)
            begin = ops.stack([ops.cast(n, "int32") for n in begin])
            images = ops.slice(images, begin, sizes)
        if (height, width) != (self.height, self.width):
            cut = self._size(ops.shape(images))
            if cut != (self.height, self.width):
                images = image_resize.resize(
                    images, (self.height, self.width), data_format=self.data_format
                )
        return images

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the same part of the masks."""
        return self.transform_images(segmentation_masks, transformation, training=training)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the boxes in the part; a transformation of two numbers says that images have the
        layer's size or more."""
        if not training:
            return bounding_boxes
        top, left, *size = transformation
        source = self.bounding_box_format or "xyxy"
        height, width = size or (self.height, self.width)
        found = boxes_of.convert_format(bounding_boxes, source, "xyxy", height, width)
        part = (self.height, self.width)
        if isinstance(top, int) and isinstance(left, int) and size:
            part = min(self.height, height - top), min(self.width, width - left)
        boxes = boxes_of.crop(found["boxes"], top, left, *part)
        if part != (self.height, self.width):
            boxes = ops.multiply(boxes, [self.width / part[1], self.height / part[0]] * 2)
        found["boxes"] = boxes
        return self._in_new_size(found)

    def compute_output_spec(self, data: Any, **kwargs: Any) -> Any:
        """Returns symbolic results of the layer's size."""
        if not isinstance(data, KerasTensor) or kwargs.get("training") is False:
            return super().compute_output_spec(data, **kwargs)
        shape = self.compute_output_shape(data.shape)
        cast = not dtypes.is_float(data.dtype) or self.autocast
        return KerasTensor(shape, self.compute_dtype if cast else data.dtype)
