"""Inception v3: parallel branches of factorized convolutions.

Definition: keras/src/applications/inception_v3.py.
"""

from __future__ import annotations

from typing import Any

from ...framework import layers
from ..constructor import Network, Top, constructor
from ..forms import form
from ..functional import concatenate, pad
from .units import chain, stem, unit


def inception_v3(x: Any, top: Top) -> Any:
    """Returns features (batch, height / 32, width / 32, 2048), or scores."""
    x = stem(x, _halved)
    for i, filters in enumerate((32, 64, 64)):
        branches = [
            chain(x, (64, 1)),
            chain(x, (48, 1), (64, 5)),
            chain(x, (64, 1), (96, 3), (96, 3)),
            unit(_mean(x), filters, 1),
        ]
        x = concatenate(branches, f"mixed{i}")
    branches = [
        chain(x, (384, 3, "half")),
        chain(x, (64, 1), (96, 3), (96, 3, "half")),
        _halved(x),
    ]
    x = concatenate(branches, "mixed3")
    for i, n in enumerate((128, 160, 160, 192), 4):
        wide, tall = (1, 7), (7, 1)
        branches = [
            chain(x, (192, 1)),
            chain(x, (n, 1), (n, wide), (192, tall)),
            chain(x, (n, 1), (n, tall), (n, wide), (n, tall), (192, wide)),
            unit(_mean(x), 192, 1),
        ]
        x = concatenate(branches, f"mixed{i}")
    branches = [
        chain(x, (192, 1), (320, 3, "half")),
        chain(x, (192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, "half")),
        _halved(x),
    ]
    x = concatenate(branches, "mixed8")
    for i in range(2):
        one = chain(x, (320, 1))
        three = _parted(chain(x, (384, 1)), f"mixed9_{i}")
        double = _parted(chain(x, (448, 1), (384, 3)), None)
        x = concatenate([one, three, double, unit(_mean(x), 192, 1)], f"mixed{9 + i}")
    return top(x)


def _parted(x: Any, name: str | None) -> Any:
    return concatenate([unit(x, 384, (1, 3)), unit(x, 384, (3, 1))], name)


def _mean(x: Any) -> Any:
    if not form().of_keras:  # zeros at the border count
        return layers.AveragePooling2D(3, strides=1)(pad(x, 1))
    return layers.AveragePooling2D(3, strides=1, padding="same")(x)


def _halved(x: Any) -> Any:
    return layers.MaxPooling2D(3, strides=2)(x)


InceptionV3 = constructor(
    Network(
        "InceptionV3",
        inception_v3,
        "inception_v3",
        size=299,
        least=75,
        reference="Szegedy et al., https://arxiv.org/abs/1512.00567",
    )
)
