"""What layers on images have in common: one call for images and for all that belongs to them."""

import inspect
import math
from abc import abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any

from .... import ops
from ....configs import plain_class
from ....context import entered, state
from ....nested import map_structure
from ....random import SeedGenerator
from ....random.pipelines import KeySequence, generator_for
from ....typing import Tensor
from ... import windows
from ..data_layer import TrainingByDefault
from ..graphs import in_pipeline, of_pipeline
from . import arguments
from .bounding_boxes import densified
from .namespaces import Namespaces

_HOOKS = (
    "get_random_transformation",
    *(f"transform_{name}" for name in ("images", "labels", "bounding_boxes", "segmentation_masks")),
    *(
        f"transform_single_{name}"
        for name in ("image", "label", "bounding_box", "segmentation_mask")
    ),
)


def hook(method: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a method that may also be called by hand: it computes as in a call of its layer."""

    @wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        if state.owner is not None:  # a call of a layer is under way
            return method(self, *args, **kwargs)
        return self._by_hand(method, args, kwargs)

    marks: Any = run
    marks._is_hook, marks.autograph_info__ = True, {}
    return run


class BaseImagePreprocessingLayer(TrainingByDefault):
    """Base of layers that change images, and alike what belongs to them.

    A call takes images, (batch, height, width, channels) or (height, width, channels), with the
    channels in front of the height for `data_format="channels_first"`. Or it takes a dict of
    "images" and any of "labels" (batch, ...), "bounding_boxes" (a dict of "boxes" (batch, boxes, 4)
    and "labels" (batch, boxes)) and "segmentation_masks" (as images), and gives such a dict.

    A subclass draws what it does in `get_random_transformation` and does it in `transform_images`,
    `transform_labels`, `transform_bounding_boxes` and `transform_segmentation_masks`, each of which
    sees a batch.

    Args:
        factor: how strong a random change is: a number f for (-f, f) within the class's
            `_FACTOR_BOUNDS`, or two limits. Only where `_USE_BASE_FACTOR` says so.
        bounding_box_format: of the boxes, such as "xyxy"; see `utils.bounding_boxes`.
        data_format: "channels_last", "channels_first", or None for the setting of the process.
        **kwargs: see Layer.

    Raises ValueError for a factor out of bounds.
    """

    _USE_BASE_FACTOR = True
    _FACTOR_BOUNDS: tuple[float, float] = (-1, 1)

    factor: Any = None
    interpolation: Any = None
    seed: Any
    generator: Any

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in _HOOKS:
            method = vars(cls).get(name)
            if method is not None and not hasattr(method, "_is_hook"):
                setattr(cls, name, hook(method))

    def __init__(
        self,
        factor: Any = None,
        bounding_box_format: str | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bounding_box_format = bounding_box_format
        self.data_format = windows.data_format_of(data_format)
        if self._USE_BASE_FACTOR:
            self._set_factor(factor or 0.0)
        elif factor is not None:
            raise ValueError(
                f"Layer {type(self).__name__} does not take a `factor` argument. Received: "
                f"factor={factor}"
            )

    def _set_factor(self, factor: Any) -> None:
        self.factor = self._factor_limits(factor, "factor")

    def _factor_limits(self, factor: Any, name: str) -> tuple[float, float]:
        """The limits of a factor in `_FACTOR_BOUNDS`; a number f stands for (-|f|, |f|) there."""
        low, high = self._FACTOR_BOUNDS
        pair = isinstance(factor, tuple | list)
        if pair and len(factor) == 2 and factor[0] <= high and factor[1] >= low:
            first, second = sorted(factor)
            return first, second
        if not pair and isinstance(factor, int | float) and low <= factor <= high:
            return max(-abs(factor), low), abs(factor)
        raise ValueError(
            f"The `{name}` argument should be a number (or a list of two numbers) in the range "
            f"[{low}, {high}]. Received: {name}={factor}"
        )

    def _draw_from(self, seed: int | None) -> None:
        """Keep the seed, and the generator of draws."""
        self.seed = seed
        self.generator = SeedGenerator(seed)

    def _source(self, seed: Any) -> Any:
        """Where draws come from: the layer's generator, one that was given, or keys that follow
        from a seed that was given."""
        if seed is None:
            return self._get_seed_generator()
        return seed if isinstance(seed, SeedGenerator) else KeySequence(seed)

    # Where it computes ------------------------------------------------------------------------

    @property
    def backend(self) -> Any:
        """The name of the backend that the layer lives on; its attributes are ops."""
        return Namespaces(self._backend.name)

    def _get_seed_generator(self, backend: Any = None) -> Any:
        """The generator of draws on the backend that computes now, whatever `backend` says."""
        return generator_for(self, self.generator)

    def _by_hand(self, method: Callable[..., Any], args: tuple, kwargs: dict[str, Any]) -> Any:
        """What a hook gives that is called outside of a call."""
        backend = of_pipeline(self._backend, (args, kwargs))
        if backend is not None:
            with in_pipeline(backend):
                return method(self, *args, **kwargs)
        changes: dict[str, Any] = {"backend": self._backend, "owner": self._token, "masks": None}
        changes["autocast"] = self._autocast_dtype()
        with entered(**changes, device=self._native_device()):
            args, kwargs = map_structure(self._brought_here, (args, kwargs))
            return method(self, *args, **kwargs)

    # Images -----------------------------------------------------------------------------------

    @property
    def height_axis(self) -> int:
        """Where the height stands, from the end."""
        return -2 if self.data_format == "channels_first" else -3

    @property
    def width_axis(self) -> int:
        """Where the width stands, from the end."""
        return self.height_axis + 1

    @property
    def channel_axis(self) -> int:
        """Where the channels stand, from the end."""
        return -3 if self.data_format == "channels_first" else -1

    def _shape(self, data: Any) -> tuple:
        """The shape of the images: ints, and scalar tensors where a graph does not know a size."""
        shape = tuple(ops.shape(data["images"] if isinstance(data, dict) else data))
        if len(shape) not in (3, 4):
            raise ValueError(
                "Expected the input image to be rank 3 or 4 (a single image, or a batch of "
                f"images). Received: inputs.shape={shape}, to the layer {self.name!r}"
            )
        return shape

    def _count(self, data: Any) -> Any:
        """How many images there are; 1 for an image without a batch."""
        shape = self._shape(data)
        return shape[0] if len(shape) == 4 else 1

    def _size(self, shape: Any) -> tuple[Any, Any]:
        """The height and the width in a shape of images."""
        return shape[self.height_axis], shape[self.width_axis]

    def _resized(self, shape: Any, height: int, width: int) -> tuple:
        """A shape of images with another height and width."""
        found = list(shape)
        found[self.height_axis], found[self.width_axis] = height, width
        return tuple(found)

    # What a subclass says ---------------------------------------------------------------------

    @hook
    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns what is drawn for a batch, in any form that the other methods know."""
        return None

    @abstractmethod
    def _transform_images(self, images: Any, transformation: Any, interpolation: Any) -> Any:
        """Images in training, or segmentation masks with `interpolation` "nearest", transformed.

        A subclass says this, or overrides the hooks of both.
        """
        raise NotImplementedError(
            f"{type(self).__name__} says neither `transform_images` nor `_transform_images`."
        )

    @hook
    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns a batch of images as the transformation has them, in the compute dtype."""
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        return self._transform_images(images, transformation, self.interpolation)

    @hook
    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        """Returns a batch of labels as the transformation has them: unchanged, unless a subclass
        says more."""
        return labels

    @hook
    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns a batch of boxes as the transformation has them. NotImplementedError where a
        subclass does not say how."""
        raise NotImplementedError(
            f"{type(self).__name__} has no rule for bounding boxes. Leave them out of the input."
        )

    @hook
    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns a batch of masks as the transformation has them, by nearest neighbours."""
        if not training:
            return segmentation_masks
        return self._transform_images(segmentation_masks, transformation, "nearest")

    # A batch of one ---------------------------------------------------------------------------

    @hook
    def transform_single_image(self, image: Any, transformation: Any, training: bool = True) -> Any:
        """Returns one image, without a batch axis, as the transformation has it."""
        return self._alone(self.transform_images, image, transformation, training)

    @hook
    def transform_single_label(self, label: Any, transformation: Any, training: bool = True) -> Any:
        """Returns the label of one image."""
        return self._alone(self.transform_labels, label, transformation, training)

    @hook
    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the mask of one image."""
        transform = self.transform_segmentation_masks
        return self._alone(transform, segmentation_mask, transformation, training)

    @hook
    def transform_single_bounding_box(
        self, bounding_box: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the boxes of one image: a dict of "boxes" (boxes, 4) and "labels" (boxes,)."""
        batch = {
            key: ops.expand_dims(x, 0) if key in ("boxes", "labels") else x
            for key, x in bounding_box.items()
        }
        found = self.transform_bounding_boxes(
            batch, transformation=transformation, training=training
        )
        return {
            key: ops.squeeze(x, 0) if key in ("boxes", "labels") else x for key, x in found.items()
        }

    def _alone(self, transform: Any, x: Any, transformation: Any, training: bool) -> Any:
        batch = ops.expand_dims(x, 0)
        return ops.squeeze(transform(batch, transformation=transformation, training=training), 0)

    # The call ---------------------------------------------------------------------------------

    def call(self, data: Any, training: bool = True) -> Any:
        """Returns images, or a dict of images and what belongs to them, in the form given."""
        transformation = self.get_random_transformation(data, training=training)
        given = data if isinstance(data, dict) else {"images": data}
        single = len(self._shape(data)) == 3
        found = dict(given)
        for key, many, one in (
            ("images", self.transform_images, self.transform_single_image),
            ("bounding_boxes", self.transform_bounding_boxes, self.transform_single_bounding_box),
            ("labels", self.transform_labels, self.transform_single_label),
            (
                "segmentation_masks",
                self.transform_segmentation_masks,
                self.transform_single_segmentation_mask,
            ),
        ):
            if key not in given:
                continue
            x = given[key]
            if key == "bounding_boxes":
                self._check_format()
                x = densified(x)
            else:
                x = ops.convert_to_tensor(x)
            transform = one if single else many
            found[key] = transform(x, transformation=transformation, training=training)
        return found if isinstance(data, dict) else found["images"]

    def _check_format(self) -> None:
        if not self.bounding_box_format:
            raise ValueError(
                "You passed an input with a 'bounding_boxes' key, but you didn't specify a "
                "bounding box format. Pass a `bounding_box_format` argument to your "
                f"{type(self).__name__} layer, e.g. `bounding_box_format='xyxy'`."
            )

    def _config_arguments(self, default: bool) -> dict[str, Any]:
        found = super()._config_arguments(default)
        if "factor" not in inspect.signature(plain_class(type(self)).__init__).parameters:
            found.pop("factor", None)
        if found.get("bounding_box_format", ...) is None:
            del found["bounding_box_format"]
        return found

    # For subclasses ---------------------------------------------------------------------------

    def _transform_value_range(
        self, images: Any, original_range: Any, target_range: Any, dtype: str = "float32"
    ) -> Tensor:
        """Images whose pixels lie in another range, stretched; unchanged if it is the same."""
        (low, high), (new_low, new_high) = original_range, target_range
        if (low, high) == (new_low, new_high):
            return images
        images = ops.cast(images, dtype)
        shares = (images - float(low)) / (float(high) - float(low))
        return shares * (float(new_high) - float(new_low)) + float(new_low)

    def _compute_affine_matrix(
        self,
        center_x: Any,
        center_y: Any,
        angle: Any,
        translate_x: Any,
        translate_y: Any,
        scale: Any,
        shear_x: Any,
        shear_y: Any,
        height: Any,
        width: Any,
    ) -> Tensor:
        """The eight numbers of `ops.image.affine_transform` for each of a batch, (batch, 8).

        Angles are degrees, centres are shares of the size, translations are pixels.
        """
        dtype = ops.dtype(angle)
        angle, shear_x, shear_y = (
            ops.multiply(x, math.pi / 180.0) for x in (angle, shear_x, shear_y)
        )
        middle_x = ops.multiply(center_x, ops.subtract(ops.cast(width, dtype), 1))
        middle_y = ops.multiply(center_y, ops.subtract(ops.cast(height, dtype), 1))
        cos, sin = ops.cos(angle), ops.sin(angle)
        along_x, along_y = ops.tan(shear_x), ops.tan(shear_y)
        a0 = scale * (cos + along_x * sin)
        a1 = scale * (along_x * cos - sin)
        b0 = scale * (along_y * cos + sin)
        b1 = scale * (cos - along_y * sin)
        a2 = translate_x + middle_x - middle_x * a0 - middle_y * a1
        b2 = translate_y + middle_y - middle_x * b0 - middle_y * b1
        return affine_rows(a0, a1, a2, b0, b1, b2)


def affine_rows(*numbers: Tensor) -> Tensor:
    """Returns (batch, 8) of the six numbers (batch,) of an affine map, and two zeros."""
    zero = ops.zeros_like(numbers[0])
    return ops.stack([*numbers, zero, zero], axis=1)


class ColorLayer(BaseImagePreprocessingLayer):
    """Base of layers that change the values of pixels alone: all else is handed on."""

    @hook
    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the boxes: they stay where they are."""
        return bounding_boxes

    @hook
    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        """Returns the masks: they stay as they are."""
        return segmentation_masks

    def _transform_images(self, images: Any, transformation: Any, interpolation: Any) -> Any:
        return images if transformation is None else self._changed(images, transformation)

    @abstractmethod
    def _changed(self, images: Any, transformation: Any) -> Any:
        """Images in the compute dtype as a transformation has them, in training."""
        raise NotImplementedError(
            f"{type(self).__name__} says neither `transform_images` nor `_changed`."
        )


class StrengthLayer(ColorLayer):
    """Base of layers that change the values of pixels by a random strength, the factor.

    Args:
        factor: the strength, see `_FACTOR_BOUNDS`.
        value_range: where pixels lie.
        data_format: see BaseImagePreprocessingLayer.
        seed: an int, or None for a seed that follows from the global one.
        **kwargs: see BaseImagePreprocessingLayer.
    """

    _USE_BASE_FACTOR = False

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self._set_factor(factor)
        self.value_range = arguments.value_range(value_range)
        self._draw_from(seed)


def per_image(x: Tensor) -> Tensor:
    """Returns one number for each image, (batch, ...), as (batch, 1, 1, 1)."""
    return ops.reshape(x, (-1, 1, 1, 1))
