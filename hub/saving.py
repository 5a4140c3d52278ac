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
from .errors import ChoiceError
from .exporting import export
from .loading import read_json
from .quantized import quantization_entry, with_parts
from .registry import Architecture, Family, Layout, task_of_class

_NOT_OF_THE_NETWORK = {"self", "name", "dtype"}
# Keys that were true of the file that was read, and need not be of the one that is written.
_OF_THE_FILE = {"_name_or_path", "_commit_hash", "dtype", "torch_dtype", "transformers_version"}
_OF_THE_FILE |= {"architectures"}


def save_to_preset(
    model: Any,
    folder: str | os.PathLike[str],
    layout: str | None = None,
    *,
    max_shard_bytes: int = 5_000_000_000,
    dtype: str | None = None,
    values: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Writes a model as a folder that `from_preset` and the layout's own library read.

    The folder then holds config.json, model.safetensors (in several files with an index above
    `max_shard_bytes`) with the layout's names of tensors, and the preprocessor's files. Files of
    the same names are replaced; each appears whole or not at all.

    Args:
        model: a backbone or task of a registered family; or any other model, such as a Sequential,
            which is written as Keras's `save_model` does to a folder, whole: see `saved_models`.
        folder: made where there is none.
        layout: a layout of the family that can be written; "huggingface" when None, or "keras"
            for a model of no family.
        max_shard_bytes: the most bytes of tensors in one file.
        dtype: of the tensors of floats in the file, such as "bfloat16"; the variables' own when
            None.
        values: path in the weight map -> tensor to write in the place of the model's variables,
            which then need no values.

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
        from .saved_models import save_model_folder

        return save_model_folder(model, folder, layout, dtype)
    family, task = found
    full = writable_layout(family, layout or "huggingface")
    form = family.layouts[full]
    arguments = _arguments(getattr(model, family.backbone, model), form)
    variables = family.map_paths(model.weights_by_path()) if values is None else values
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if form.write is not None:
        return form.write(model, arguments, variables, folder, dtype)
    table = _table(form)
    assert table is not None
    adapter = getattr(model, "preset_adapter", None)
    config = {
        **table.write(arguments),
        **_kept_keys(model, table),
        **_architectures(family, full, table, task),
        **(adapter.config_entries(model, full) if adapter is not None else {}),
    }
    files = adapter.json_files(model, full) if adapter is not None else {}
    weight_map = form.weight_map(arguments)
    if values is None:
        config |= quantization_entry(model)
        weight_map = with_parts(weight_map, variables)
    written = export(
        variables,
        weight_map,
        folder / "model.safetensors",
        max_shard_bytes=max_shard_bytes,
        dtype=dtype,
    )
    for name, content in {table.file: config, **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, (json.dumps(content, indent=2) + "\n").encode())
        written.append(folder / name)
    written += _copy_files(model, form, folder, written)
    return written + _tokenizer_files(model, form, folder)


def _tokenizer_files(model: Any, layout: Layout, folder: Path) -> list[Path]:
    """Writes a tokenizer that was made of another layout's files, which are not copied.

    tokenizer.json says all that the tokenizer does; what transformers asks of
    tokenizer_config.json besides, the tokenizer tells.
    """
    preprocessor = getattr(model, "preprocessor", None)
    tokenizer: Any = getattr(preprocessor, "tokenizer", None)
    files = getattr(preprocessor, "files", {})
    if not {*files}.isdisjoint(layout.optional_files) or not hasattr(tokenizer, "described"):
        return []
    texts = {"tokenizer.json": tokenizer.described()}
    if hasattr(tokenizer, "settings"):
        texts["tokenizer_config.json"] = json.dumps(tokenizer.settings(), indent=2) + "\n"
    written = []
    for name, text in texts.items():
        if name in layout.optional_files:
            write_atomically(folder / name, text.encode())
            written.append(folder / name)
    return written


ALIASES = {"hf": "huggingface", "torchvision": "timm"}
"""Short names of layouts, where a family has no layout of that name itself."""


def writable_layout(family: Family, name: str) -> str:
    """Returns the full name of a layout that models of a family can be saved in.

    Raises:
        HubError: there is no such layout, or it can only be read.
    """
    full = name if name in family.layouts else ALIASES.get(name, name)
    if full == "huggingface" and "diffusers" in family.layouts:
        full = "diffusers"  # what Hugging Face's library for pictures reads
    known = [
        key
        for key, layout in family.layouts.items()
        if layout.write is not None or _table(layout) is not None
    ]
    if full not in known:
        why = "can only be read" if full in family.layouts else "is not known"
        raise ChoiceError(
            f"a model of {family.name} cannot be saved in layout {name!r}, which {why}; "
            f"there are: {', '.join(known) or 'none'}"
        )
    return full


def _table(layout: Layout) -> ConfigTable | None:
    return layout.config if isinstance(layout.config, ConfigTable) else None


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


def _architectures(family: Family, layout: str, table: ConfigTable, task: str) -> dict[str, Any]:
    """Returns `architectures` for config.json, where the layout's library has such a class.

    Where the table has a row for the architecture, as with timm, that tells it.
    """
    if any(getattr(row, "key", "") == "architecture" for row in table.rows):
        return {}
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
