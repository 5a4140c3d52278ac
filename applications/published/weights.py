"""The weights that Keras publishes for its classifiers: HDF5 files, read by the order of layers."""

from __future__ import annotations

from typing import Any

from ...framework.saving.legacy_h5 import read_legacy_weights
from ...hub.loading import fetch_preset
from ...hub.preset import LocalPreset
from ...hub.weights import LoadReport


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


def fill(model: Any, local: LocalPreset) -> LoadReport:
    """Reads the file of a preset into a KerasNetwork, or a classifier with one.

    Where the model has another top than the file, or none, the file is read into a network of its
    own form first, and what both have is taken over.

    Args:
        model: with variables, whose values are not needed.
        local: the preset, whose one file is here.

    Raises:
        MismatchError: the file does not fit the network that the preset names.
    """
    from .model import KerasNetwork

    ours = model if isinstance(model, KerasNetwork) else model.backbone
    (path,) = local.paths.values()
    held = ours.net.weights_by_path()
    classes = local.preset.settings.get("classes", 1000)
    if classes == ours.classes:
        read_legacy_weights(ours.net, path)
        return LoadReport(assigned=list(held))
    whole = ours.with_classes(classes).net
    read_legacy_weights(whole, path)
    given = whole.weights_by_path()
    heads = set(ours.head_paths())
    report = LoadReport(of_heads=[name for name in given if name not in held])
    for name, variable in held.items():
        if name in heads or name not in given:
            report.missing.append(f"net.{name}")
        else:
            variable.assign(given[name].value)
            report.assigned.append(f"net.{name}")
    report.dropped = list(report.of_heads)
    return report
