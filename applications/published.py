"""The weights that Keras publishes for its classifiers."""

from __future__ import annotations

from typing import Any

from ..framework.saving.legacy_h5 import read_legacy_weights
from ..hub.loading import fetch_preset


def load_published(model: Any, preset: str) -> None:
    """Reads a preset's file of weights into a model, by the order of layers.

    Args:
        model: the model that a constructor made.
        preset: the preset's name, such as "vgg16" or "vgg16_notop".

    Raises:
        UnknownPresetError: there is no such preset.
        SourcesExhaustedError: the file can't be had, or has another hash than is published.
        MismatchError: the file does not fit the model; nothing was assigned.
    """
    (path,) = fetch_preset(preset).paths.values()
    read_legacy_weights(model, path)
