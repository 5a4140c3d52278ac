"""What tests of layers on images have in common: one line for each layer, and data for it."""

from __future__ import annotations

import functools

import numpy as np

import isozoo
from isozoo import layers
from isozoo.framework.nested import map_structure

_draws = np.random.default_rng(0)
IMAGES = _draws.integers(0, 256, (2, 8, 9, 3)).astype("float32")
MASKS = _draws.integers(0, 4, (2, 8, 9, 1)).astype("float32")
LABELS = np.eye(3, dtype="float32")[:2]
BOXES = np.array([[[1, 1, 6, 5], [0, 3, 4, 8]], [[2, 0, 9, 8], [3, 2, 5, 7]]], "float32")
KINDS = np.array([[0, 1], [2, 3]], "int32")
# Where a pixel comes from is rounded in float32, and two neighbours may differ by 255.
ATOL = 255 * 9 * 8 * np.finfo("float32").eps

# By the layer's name: its arguments, but for the seed.
LAYERS = {
    "AugMix": {"num_chains": 1, "chain_depth": 1},
    "AutoContrast": {},
    "CenterCrop": {"height": 5, "width": 4},
    "ContrastLimitedAdaptiveHistogramEqualization": {"tile_grid_size": (2, 2)},
    "CutMix": {"seed": 6},  # whose order is another one
    "Equalization": {},
    "MaxNumBoundingBoxes": {"max_number": 3},
    "MixUp": {},
    "RandAugment": {"num_ops": 1},
    "RandomBrightness": {"factor": 0.5},
    "RandomColorDegeneration": {"factor": 0.5},
    "RandomColorJitter": {
        "brightness_factor": 0.2, "contrast_factor": 0.5, "saturation_factor": 0.5,
        "hue_factor": 0.5,
    },
    "RandomContrast": {"factor": 0.5},
    "RandomCrop": {"height": 5, "width": 4},
    "RandomElasticTransform": {},
    "RandomErasing": {},
    "RandomFlip": {},
    "RandomGaussianBlur": {},
    "RandomGrayscale": {},
    "RandomHue": {"factor": 0.5},
    "RandomInvert": {"factor": (0.5, 0.5)},
    "RandomPerspective": {},
    "RandomPosterization": {"factor": 4},
    "RandomRotation": {"factor": 0.3},
    "RandomSaturation": {"factor": (0.3, 0.9)},
    "RandomSharpness": {"factor": (0.0, 1.0)},
    "RandomShear": {"x_factor": 0.4, "y_factor": 0.3},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.2},
    "RandomZoom": {"height_factor": 0.4, "width_factor": 0.3},
    "Resizing": {"height": 5, "width": 7},
    "Solarization": {"addition_factor": 0.5, "threshold_factor": 0.5},
}  # fmt: skip
FIXED = {
    "AutoContrast", "CenterCrop", "ContrastLimitedAdaptiveHistogramEqualization", "Equalization",
    "MaxNumBoundingBoxes", "Resizing",
}  # fmt: skip
WITHOUT_BOXES = {"CutMix", "RandomElasticTransform"}


def made(name: str, **kwargs):
    """A layer of the table, on the current backend."""
    if name not in FIXED:
        kwargs = {"seed": LAYERS[name].get("seed", 3), **kwargs}
    if name not in WITHOUT_BOXES:
        kwargs = {"bounding_box_format": "xyxy", **kwargs}
    return getattr(layers, name)(**{**LAYERS[name], **kwargs})


def data(name: str) -> dict:
    """Images, and what a layer takes with them."""
    found = {"images": IMAGES, "labels": LABELS, "segmentation_masks": MASKS}
    if name not in WITHOUT_BOXES:
        found["bounding_boxes"] = {"boxes": BOXES, "labels": KINDS}
    return found


def on_host(x):
    """A nested structure of tensors as arrays."""
    return map_structure(
        lambda t: None if t is None else np.asarray(isozoo.ops.convert_to_numpy(t)), x
    )


@functools.cache
def on_numpy(name: str) -> dict:
    """What a layer of the table makes of its data on the backend numpy."""
    with isozoo.use_backend("numpy"):
        return on_host(made(name)(data(name)))
