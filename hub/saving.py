"""From a model to a folder: the weight map and the config table read backward."""

from __future__ import annotations

import inspect
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..framework.files import atomic_path, write_atomically
from .config_table import ConfigTable
from .errors import HubError
from .loading import read_json
from .registry import Architecture, Family, Layout, task_of_class
from .weights import export

_NOT_OF_THE_NETWORK = {"self", "name", "dtype"}
# Keys that were true of the file that was read, and need not be of the one that is written.
_OF_THE_FILE = {"_name_or_path", "_commit_hash", "dtype", "torch_dtype", "transformers_version"}
_OF_THE_FILE |= {"architectures"}


def save_to_preset(
    model: Any,
    folder: str | os.PathLike[str],
    layout: str = "huggingface",
    *,
    max_shard_bytes: int = 5_000_000_000,
) -> list[Path]:
    """Writes a model as a folder that `from_preset` and the layout's own library read.

    The folder then holds config.json, model.safetensors (in several files with an index above
    `max_shard_bytes`) with the layout's names of tensors, and the preprocessor's files. Files of
    the same names are replaced; each appears whole or not at all.

    Args:
        model: a backbone or task of a registered family.
        folder: made where there is none.
        layout: a layout of the family whose config is a table, such as "huggingface".
        max_shard_bytes: the most bytes of tensors in one file.

    Returns:
        The files written.

    Raises:
        HubError: no family has the model's class or the layout, or the layout's config has no word
            for an argument of the model.
        WeightsError: the weight map has no row for a variable.
        OSError: the folder cannot be written.
    """
    found = task_of_class(type(model))
    if found is None:
        raise HubError(
            f"{type(model).__name__} belongs to no family: only backbones and tasks that presets "
            "are loaded as can be saved as one."
        )
    family, task = found
    form, table = _layout(family, layout)
    arguments = _arguments(getattr(model, family.backbone, model), form)
    adapter = getattr(model, "preset_adapter", None)
    config = {
        **table.write(arguments),
        **_kept_keys(model, table),
        **_architectures(family, layout, task),
        **(adapter.config_entries(model) if adapter is not None else {}),
    }
    files = adapter.json_files(model) if adapter is not None else {}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    variables = family.map_paths(model.weights_by_path())
    written = export(
        variables,
        form.weight_map(arguments),
        folder / "model.safetensors",
        max_shard_bytes=max_shard_bytes,
    )
    for name, content in {table.file: config, **files}.items():
        write_atomically(folder / name, (json.dumps(content, indent=2) + "\n").encode())
        written.append(folder / name)
    return written + _copy_files(model, form, folder, written)


def _layout(family: Family, name: str) -> tuple[Layout, ConfigTable]:
    tables = {
        key: layout
        for key, layout in family.layouts.items()
        if isinstance(layout.config, ConfigTable)
    }
    if name not in tables or not isinstance(table := tables[name].config, ConfigTable):
        raise HubError(
            f"a {family.name} cannot be saved in layout {name!r}; "
            f"there are: {', '.join(tables) or 'none'}"
        )
    return tables[name], table


def _arguments(backbone: Any, layout: Layout) -> dict[str, Any]:
    """Returns the backbone's arguments with their defaults, as far as they describe the network.

    What the weights file tells (`Layout.parts`) is left to it.
    """
    given = backbone.get_config()
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(type(backbone).__init__).parameters.items():
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            continue
        if name not in _NOT_OF_THE_NETWORK and name not in layout.parts:
            found[name] = given.get(name, parameter.default)
    return found


def _kept_keys(model: Any, table: ConfigTable) -> dict[str, Any]:
    """Returns keys of the preset's config that the table does not hold, such as special tokens."""
    files = getattr(getattr(model, "preprocessor", None), "files", {})
    if table.file not in files:
        return {}
    config = read_json(files[table.file], table.file)
    kept = table.irrelevant - _OF_THE_FILE
    return {key: value for key, value in config.items() if key in kept}


def _architectures(family: Family, layout: str, task: str) -> dict[str, Any]:
    """Returns `architectures` for config.json, where the layout's library has such a class."""
    for wanted in (task, "backbone"):
        for name, described in family.architectures.items():
            found = Architecture(*described)
            fits = found.layout == layout and wanted in (found.task, found.one_class)
            if fits and not found.head:
                return {"architectures": [name]}
    return {}


def _copy_files(model: Any, layout: Layout, folder: Path, written: list[Path]) -> list[Path]:
    """Copies the preset's optional files, such as a tokenizer's, that nothing else has written."""
    preprocessor = getattr(model, "preprocessor", None)
    files: Mapping[str, Path] = getattr(preprocessor, "files", {})
    copied: list[Path] = []
    for name, path in files.items():
        target = folder / name
        if name not in layout.optional_files or target in written:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or not target.samefile(path):
            with atomic_path(target) as temporary:
                shutil.copyfile(path, temporary)
        copied.append(target)
    return copied
