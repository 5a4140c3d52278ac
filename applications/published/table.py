"""What a preset of Keras's says by the name of its network."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..imagenet_utils import CAFFE_MEAN
from ..keras_modules import MODULES, NETWORKS
from ..preprocessing import IMAGENET_MEAN, IMAGENET_STD

_ONES = (1.0, 1.0, 1.0)
# The mode of `preprocess_input` -> how pictures are prepared. Keras loads them by `nearest` and
# without a crop. "": the network takes pixels as they are.
IMAGES: dict[str, dict[str, Any]] = {
    "caffe": {"scale": 1.0, "mean": CAFFE_MEAN, "std": _ONES, "channel_order": "bgr"},
    "tf": {"scale": 1 / 127.5, "mean": _ONES, "std": _ONES},
    "torch": {"scale": 1 / 255, "mean": IMAGENET_MEAN, "std": IMAGENET_STD},
    "": {"scale": 1.0, "mean": (0.0, 0.0, 0.0), "std": _ONES},
}


def network_of(title: str) -> Any:
    """Returns the row of a network by the name of its constructor. ValueError when unknown."""
    if title not in NETWORKS:
        raise ValueError(f"There is no network {title!r}; there are: {', '.join(sorted(NETWORKS))}")
    package = (__package__ or "").rpartition(".")[0]
    return getattr(import_module(NETWORKS[title], package), title).network


def image_settings_of(title: str, image_size: int = 0) -> dict[str, Any]:
    """Returns the arguments of the preprocessor for a network; its own size where it is 0."""
    size = image_size or network_of(title).usual_size()
    mode = next(row.mode for row in MODULES.values() if title in row.networks)
    usual = {"image_size": (size, size), "crop": "none", "interpolation": "nearest"}
    return {**usual, **IMAGES[mode]}
