"""Keras's networks as `.keras` and `.weights.h5`, which Keras itself opens."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...framework.files import write_atomically
from ...framework.saving.archive import read_archive_weights
from ...framework.saving.weights import read_weights
from ...hub.config_table import ConfigTable
from ...hub.errors import HubError, WeightsError
from ...hub.weights import LoadReport

ARCHIVE, WEIGHTS = "model.keras", "model.weights.h5"
# What config.json calls files of this form, with and without the layers that score classes.
ARCHITECTURES = {True: "KerasArchive", False: "KerasArchiveWithoutTop"}


def write(
    table: ConfigTable,
    model: Any,
    arguments: Mapping[str, Any],
    values: Mapping[str, Any],
    folder: Path,
    dtype: str | None,
) -> list[Path]:
    """Writes the network as `model.keras` and `model.weights.h5`, and our config.json.

    `keras.saving.load_model` opens the first, `load_weights` the second into Keras's own network of
    the same arguments. The whole model is in memory.

    Args:
        table: of config.json.
        model: a KerasNetwork, or a classifier with one.
        arguments: of the network.
        values: path -> variable, or pending tensor that is assigned first.
        folder: where the files go.
        dtype: None or "float32".

    Raises:
        HubError: another dtype.
    """
    if dtype not in (None, "float32"):
        raise HubError(f"Keras's files are written in float32 alone; got {dtype!r}")
    network = getattr(model, "backbone", model)
    variables = network.weights_by_path()
    for path, value in values.items():
        if value is not variables[path]:
            variables[path].assign(value.read() if hasattr(value, "read") else value)
    network.net.save(folder / ARCHIVE)
    network.net.save_weights(folder / WEIGHTS)
    architecture = ARCHITECTURES[bool(network.classes)]
    config = {**table.write(arguments), "architectures": [architecture]}
    adapter = getattr(model, "preset_adapter", None)
    if adapter is not None:
        config |= adapter.config_entries(model, "keras")
    write_atomically(folder / "config.json", (json.dumps(config, indent=2) + "\n").encode())
    return [folder / ARCHIVE, folder / WEIGHTS, folder / "config.json"]


def fill(model: Any, path: Path) -> LoadReport:
    """Reads one of the files into a KerasNetwork, or a classifier with one, of the same form.

    Raises:
        WeightsError: the file does not fit.
        FileError: it is damaged.
    """
    from ...framework.saving.errors import MismatchError

    network = getattr(model, "backbone", model)
    try:
        (read_archive_weights if path.suffix == ".keras" else read_weights)(network.net, path)
    except MismatchError as error:
        raise WeightsError(str(path), error.problems) from error
    return LoadReport(assigned=[f"net.{name}" for name in network.net.weights_by_path()])
