"""Layers that apply other layers at random: RandAugment and AugMix."""

from typing import Any

from .... import ops, random
from ....core.keras_tensor import KerasTensor
from . import arguments
from .base import BaseImagePreprocessingLayer
from .colors import RandomColorDegeneration
from .equalization import Equalization
from .filters import RandomSharpness
from .levels import (
    AutoContrast,
    RandomBrightness,
    RandomContrast,
    RandomPosterization,
    Solarization,
)
from .warping import RandomRotation, RandomShear, RandomTranslation


class _Augmenting(BaseImagePreprocessingLayer):
    """Base of layers that choose among others, which are their attributes."""

    _USE_BASE_FACTOR = False
    _FACTOR_BOUNDS = (0, 1)
    _names: tuple[str, ...]
    value_range: Any

    def _make_layers(self, interpolation: str, data_format: str | None) -> None:
        """Make the layers named in `_names`, each as strong as `factor`."""
        common = {"data_format": data_format, "dtype": self.dtype_policy}
        common["bounding_box_format"] = self.bounding_box_format
        drawing = {**common, "seed": self.seed}
        levels = {"value_range": self.value_range}
        factor = self.factor
        warping = {"interpolation": interpolation, **drawing}
        makers = {
            "random_shear": lambda: RandomShear(factor, factor, **warping),
            "random_translation": lambda: RandomTranslation(factor, factor, **warping),
            "random_rotation": lambda: RandomRotation(factor, **warping),
            "random_brightness": lambda: RandomBrightness(factor, **levels, **drawing),
            "random_color_degeneration": lambda: RandomColorDegeneration(
                factor, **levels, **drawing
            ),
            "random_contrast": lambda: RandomContrast(factor, **levels, **drawing),
            "random_sharpness": lambda: RandomSharpness(factor, **levels, **drawing),
            "random_posterization": lambda: RandomPosterization(
                max(1, int(8 * factor[1])), **levels, **drawing
            ),
            "solarization": lambda: Solarization(factor, factor, **levels, **drawing),
            "auto_contrast": lambda: AutoContrast(**levels, **common),
            "equalization": lambda: Equalization(**levels, **common),
        }
        for name in self._names:
            setattr(self, name, makers[name]())

    def compute_output_spec(self, data: Any, **kwargs: Any) -> Any:
        """Returns symbolic images of the same shape: to trace all layers would take long."""
        if not isinstance(data, KerasTensor):
            return super().compute_output_spec(data, **kwargs)
        self._shape(data)
        return KerasTensor(data.shape, self.compute_dtype)

    def _one_of(self, number: Any, results: Any, x: Any) -> Any:
        """What one of several functions gives for a tensor, in its dtype; only that one runs."""
        dtype = ops.dtype(x)
        branches = [lambda x, f=f: ops.cast(f(x), dtype) for f in results]
        return ops.switch(number, branches, x)


class RandAugment(_Augmenting):
    """Applies a few layers, chosen at random of eleven, to a batch while training.

    Cubuk et al. 2019: shear, translation, rotation, brightness, colour, contrast, sharpness,
    posterization, solarization, automatic contrast, equalization.

    Args:
        value_range: where pixels lie.
        num_ops: how many are applied, one after the other.
        factor: how strong they are, from 0 to 1: f for (0, f), or two limits.
        interpolation: "bilinear" or "nearest".
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for other limits.
    """

    _names = (
        "random_shear", "random_translation", "random_rotation", "random_brightness",
        "random_color_degeneration", "random_contrast", "random_sharpness",
        "random_posterization", "solarization", "auto_contrast", "equalization",
    )  # fmt: skip

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = arguments.value_range(value_range)
        self.num_ops = num_ops
        self._set_factor(factor)
        self.interpolation = interpolation
        self._draw_from(seed)
        self._make_layers(interpolation, self.data_format)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "layer_idxes" (num_ops,), which layers are applied, and "transforms", what each
        layer draws, by its name; None in inference."""
        if not training:
            return None
        source = self._source(seed)
        chosen = random.randint((self.num_ops,), 0, len(self._names), seed=source)
        drawn = {
            name: getattr(self, name).get_random_transformation(data, training=True, seed=source)
            for name in self._names
        }
        return {"transforms": drawn, "layer_idxes": chosen}

    def _applied(self, method: str, x: Any, transformation: Any) -> Any:
        """What a method of the chosen layers, one after the other, makes of a tensor."""
        parts = transformation["transforms"].items()
        functions = [
            lambda x, name=name, drawn=drawn: getattr(getattr(self, name), method)(x, drawn)
            for name, drawn in parts
        ]
        for number in range(self.num_ops):
            x = self._one_of(transformation["layer_idxes"][number], functions, x)
        return x

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Returns the images after the chosen layers, in the compute dtype."""
        images = ops.cast(images, self.compute_dtype)
        return self._applied("transform_images", images, transformation) if training else images

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the masks after the chosen layers."""
        if not training:
            return segmentation_masks
        return self._applied("transform_segmentation_masks", segmentation_masks, transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the boxes after the chosen layers."""
        if not training:
            return bounding_boxes
        boxes = ops.cast(bounding_boxes["boxes"], "float32")
        labels = ops.convert_to_tensor(bounding_boxes["labels"])
        kind = ops.dtype(labels)

        def moved(name: str, drawn: Any) -> Any:
            def run(boxes: Any, labels: Any) -> Any:
                layer = getattr(self, name)
                found = layer.transform_bounding_boxes({"boxes": boxes, "labels": labels}, drawn)
                return ops.cast(found["boxes"], "float32"), ops.cast(found["labels"], kind)

            return run

        branches = [moved(name, drawn) for name, drawn in transformation["transforms"].items()]
        for number in range(self.num_ops):
            chosen = transformation["layer_idxes"][number]
            boxes, labels = ops.switch(chosen, branches, boxes, labels)
        return {**bounding_boxes, "boxes": boxes, "labels": labels}


class AugMix(_Augmenting):
    """Blends images with chains of randomly chosen layers applied to them, while training.

    Hendrycks et al. 2019. The layers are drawn for the batch, anew at each call.

    Args:
        value_range: where pixels lie.
        num_chains: how many chains there are.
        chain_depth: how many layers a chain has; some of them do nothing.
        factor: how strong the layers are, from 0 to 1: f for (0, f), or two limits.
        alpha: of the Dirichlet distribution of the chains' shares, and of the beta distribution of
            the share of the images themselves.
        all_ops: whether brightness, colour, contrast and sharpness are among the layers.
        interpolation: "bilinear" or "nearest".
        seed: an int, or None for a seed that follows from the global one.
        data_format: see BaseImagePreprocessingLayer.
        **kwargs: see there.

    Raises ValueError for other limits.
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.value_range = arguments.value_range(value_range)
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self._set_factor(factor)
        self.alpha = alpha
        self.all_ops = all_ops
        self.interpolation = interpolation
        self._draw_from(seed)
        self._names = _SAFE + (_COLORS if all_ops else ())
        self._make_layers(interpolation, self.data_format)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Returns "chain_mixing_weights" (num_chains,), "weight_sample", the share of the images
        themselves, and for each step of each chain which layer it is ("layer_idxes", the last
        number for none) and the key of what it draws ("keys"); None in inference."""
        if not training:
            return None
        source = self._source(seed)
        steps = (self.num_chains, self.chain_depth)
        weights = random.gamma((self.num_chains,), self.alpha, seed=source)
        return {
            "chain_mixing_weights": ops.divide(weights, ops.sum(weights)),
            "weight_sample": random.beta((), self.alpha, self.alpha, seed=source),
            "layer_idxes": random.randint(steps, 0, len(self._names) + 1, seed=source),
            "keys": random.randint((*steps, 2), 0, 2**31 - 1, seed=source),
        }

    def _blended(self, method: str, x: Any, transformation: Any) -> Any:
        """A float tensor blended with what a method of the layers makes of it, chain by chain."""
        dtype = ops.dtype(x)
        share, weights = (
            ops.cast(transformation[name], dtype)
            for name in ("weight_sample", "chain_mixing_weights")
        )
        mixed = ops.zeros_like(x)
        for chain in range(self.num_chains):
            y = x
            for step in range(self.chain_depth):
                source = transformation["keys"][chain, step]
                functions: list[Any] = [
                    lambda x, name=name, source=source: self._drawn(name, method, x, source)
                    for name in self._names
                ]
                functions.append(lambda x: x)
                y = self._one_of(transformation["layer_idxes"][chain, step], functions, y)
            mixed = ops.add(mixed, ops.multiply(y, weights[chain]))
        return ops.add(ops.multiply(share, x), ops.multiply(1.0 - share, mixed))

    def _drawn(self, name: str, method: str, x: Any, source: Any) -> Any:
        layer = getattr(self, name)
        drawn = layer.get_random_transformation(x, training=True, seed=source)
        return getattr(layer, method)(x, drawn)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        """Returns the blended images, in the compute dtype."""
        images = ops.cast(images, self.compute_dtype)
        if not training:
            return images
        mixed = self._blended("transform_images", images, transformation)
        return ops.clip(mixed, *self.value_range)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the blended masks, in the compute dtype."""
        if not training:
            return segmentation_masks
        masks = ops.cast(segmentation_masks, self.compute_dtype)
        return self._blended("transform_segmentation_masks", masks, transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: Any, transformation: Any, training: bool = True
    ) -> Any:
        """Returns the boxes: the images themselves are in the blend."""
        return bounding_boxes


_SAFE = (
    "random_shear", "random_translation", "random_rotation", "random_posterization",
    "solarization", "auto_contrast", "equalization",
)  # fmt: skip
_COLORS = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")
