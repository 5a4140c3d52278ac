"""YOLOv8's head: for each place of the feature maps, scores of the classes and a box.

A side of a box is the mean of a distribution over whole numbers of strides from the place to that
side (Li et al. 2020, Generalized Focal Loss, arXiv:2006.04388).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from ...framework import layers, ops
from ...framework.initializers import Constant
from ...framework.typing import Tensor
from .backbone import STRIDES, conv

BINS = 16
"""How many distances a side may have: 0 to 15 strides."""


class Head(layers.Layer):
    """Two branches for each feature map.

    Shapes: a list of (batch, height / s, width / s, channels) for the strides s; the result is a
    dict of "boxes", (batch, places, 4 * 16), logits of the distances to the left, upper, right and
    lower side, and "scores", (batch, places, num_classes), logits. Places stand in the order of the
    maps, row by row.

    Args:
        num_classes: number of classes.
        channels: of the feature maps.
    """

    def __init__(self, num_classes: int, channels: Sequence[int]) -> None:
        super().__init__()
        self.num_classes = num_classes
        box = max(16, channels[0] // 4, 4 * BINS)
        score = max(channels[0], min(num_classes, 100))
        self.boxes = [Branch(n, box, 4 * BINS, 1.0) for n in channels]
        # At first one object in a hundred classes' worth of a picture of 640x640, as in the origin.
        self.scores = [
            Branch(n, score, num_classes, math.log(5 / num_classes / (640 / stride) ** 2))
            for n, stride in zip(channels, STRIDES, strict=True)
        ]
        self.distances = self.add_weight((BINS,), np.arange(BINS, dtype="float32"), trainable=False)
        self.built = True

    def call(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        """Returns the logits of boxes and scores for feature maps; see the class."""
        batch = ops.shape(maps[0])[0]
        found = {}
        for name, branches in (("boxes", self.boxes), ("scores", self.scores)):
            parts = []
            for branch, x in zip(branches, maps, strict=True):
                y = branch(x)
                parts.append(ops.reshape(y, (batch, -1, y.shape[-1])))
            found[name] = ops.concatenate(parts, axis=1)
        return found

    def decode(self, logits: Tensor, height: int, width: int) -> Tensor:
        """Returns boxes (batch, places, 4) in pixels: left, top, right, bottom.

        Args:
            logits: "boxes" of the call, (batch, places, 4 * 16).
            height: rows of the images.
            width: columns of the images.
        """
        shape = ops.shape(logits)
        share = ops.softmax(ops.reshape(logits, (shape[0], shape[1], 4, BINS)), axis=-1)
        distances = ops.sum(ops.multiply(share, self.distances), axis=-1)
        points, strides = places(height, width)
        low = ops.subtract(points, distances[..., :2])
        high = ops.add(points, distances[..., 2:])
        return ops.multiply(ops.concatenate([low, high], axis=-1), strides)


class Branch(layers.Layer):
    """Two convolutions of 3x3 with normalization, and one of 1x1 that gives logits."""

    def __init__(self, inputs: int, inner: int, outputs: int, bias: float) -> None:
        super().__init__()
        self.convs = [conv(inputs, inner, 3), conv(inner, inner, 3)]
        self.output_conv = layers.Conv2D(
            outputs, 1, bias_initializer=Constant(bias), input_shape=(None, None, inner)
        )
        self.built = True

    def call(self, x: Tensor) -> Tensor:
        """Returns logits (batch, rows, columns, outputs) of x, (batch, rows, columns, inputs)."""
        for one in self.convs:
            x = one(x)
        return self.output_conv(x)


def places(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the middles of places (places, 2), x and y in strides, and their strides (places, 1).

    Args:
        height: rows of the images, a multiple of 32.
        width: columns of the images, a multiple of 32.
    """
    points, strides = [], []
    for stride in STRIDES:
        y, x = np.mgrid[: height // stride, : width // stride] + 0.5
        points.append(np.stack([x.ravel(), y.ravel()], axis=-1))
        strides.append(np.full((x.size, 1), stride))
    return (
        np.concatenate(points).astype("float32"),
        np.concatenate(strides).astype("float32"),
    )
