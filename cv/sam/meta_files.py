"""Writing SAM as Meta's `segment_anything` reads it: one file of a state dict."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...framework.files import write_atomically
from ...hub.config_table import ConfigTable
from ...hub.exporting import foreign_tensors
from ...hub.torch_writer import write_state_dict
from ...hub.weight_map import WeightMap
from .adapters import SAMPresetAdapter


def write(
    table: ConfigTable,
    weight_map: WeightMap,
    model: Any,
    arguments: Mapping[str, Any],
    variables: Mapping[str, Any],
    folder: Path,
    dtype: str | None,
) -> list[Path]:
    """Writes sam.pth, and beside it what it does not say: config.json, preprocessor_config.json.

    Args:
        table: of the config file.
        weight_map: of Meta's names.
        model: backbone or segmenter.
        arguments: the backbone's.
        variables: path -> variable or pending tensor.
        folder: where the files go.
        dtype: of the tensors of floats; the variables' own when None.

    Raises:
        HubError: Meta's code has no word for an argument.
        OSError: the folder cannot be written.
    """
    files = {table.file: table.write(arguments)}
    if getattr(model, "preprocessor", None) is not None:
        files |= SAMPresetAdapter.json_files(model, "meta")
    tensors = foreign_tensors(variables, weight_map, dtype=dtype)
    written = [write_state_dict(folder / "sam.pth", tensors)]
    for name, content in files.items():
        write_atomically(folder / name, (json.dumps(content, indent=2) + "\n").encode())
        written.append(folder / name)
    return written
