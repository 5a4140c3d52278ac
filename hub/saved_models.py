"""Models of no family as presets: what `model.save` writes, in a folder, a file, or a repository.

A folder holds config.json, metadata.json, model.weights.h5 and assets/, as Keras's `save_model`
writes them with `zipped=False`, and to the hub: so Keras opens them by
`keras.saving.load_model("hf://org/name")`, and what Keras's programs publish opens here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import ChoiceError, HubError
from .preset import SAVED_MODEL, FileEntry, Folder, LocalPreset, Preset
from .registry import Family, Layout, register_family
from .weight_map import WeightMap

if TYPE_CHECKING:
    from .readers.base import Reader

TASK, FILE = "model", "file"
CONFIG, METADATA, WEIGHTS, ASSETS = "config.json", "metadata.json", "model.weights.h5", "assets"
_ENDINGS = (".keras", ".h5", ".hdf5")
# In the header of a safetensors file that `model.save` wrote.
_NATIVE_CONFIG = "isozoo_config"
# The hub's name of a licence that nobody has told.
_NO_LICENCE = "unknown"


def is_saved_model(config: Mapping[str, Any]) -> bool:
    """Whether a parsed config.json is that of a model of no family, as Keras writes it."""
    module = config.get("module")
    return (
        isinstance(config.get("class_name"), str)
        and isinstance(config.get("config"), dict)
        and not (isinstance(module, str) and module.split(".")[0] in ("keras_hub", "keras_nlp"))
    )


def saved_model_file(name: str | os.PathLike[str]) -> Preset | None:
    """Returns the preset that stands for a file of Keras's that a path names; None without one."""
    if not isinstance(name, str | os.PathLike):
        return None  # see `source_of_name`
    path = Path(os.fspath(name)).expanduser()
    if path.suffix.lower() not in _ENDINGS or not path.is_file():
        return None
    files, source = (FileEntry(path.name),), Folder(path.resolve().parent)
    return Preset(os.fspath(name), SAVED_MODEL, TASK, FILE, files, (source,))


def register_saved_models() -> None:
    """Registers the family."""
    folders = Layout(
        lambda files, settings: {},
        lambda arguments: WeightMap(),
        weights=(WEIGHTS,),
        files=(CONFIG,),
        optional_files=(METADATA,),
        folders=(ASSETS,),
        load=_load_folder,
        write=_write,
    )
    files = Layout(
        lambda files, settings: {},
        lambda arguments: WeightMap(),
        weights=("*.safetensors",),
        files=(),
        load=_load_file,
        recognize=_is_native,
    )
    register_family(
        Family(
            SAVED_MODEL,
            tasks={TASK: _model_class},
            layouts={SAVED_MODEL: folders, FILE: files},
            backbone="",
            recognize=is_saved_model,
        )
    )


def _model_class() -> type:
    from ..framework.models import Model

    return Model


# By its class no model is told to be of this family: all would be.
setattr(_model_class, "refers_to", lambda kind: False)  # noqa: B010


def _is_native(reader: Reader) -> dict[str, Any] | None:
    return {} if _NATIVE_CONFIG in reader.metadata else None


def save_model_folder(
    model: Any,
    folder: str | os.PathLike[str],
    layout: str | None = None,
    dtype: str | None = None,
) -> list[Path]:
    """Writes a model of no family as a folder that `from_preset` and Keras read.

    Args:
        model: a built model.
        folder: made where there is none.
        layout: "keras", or None for that.
        dtype: None; the config tells the dtypes.

    Returns:
        The files written.

    Raises:
        HubError: it is no model, or has no weights yet; ChoiceError for another layout or a dtype.
        ImportError: h5py is not installed.
        OSError: the folder cannot be written.
    """
    from ..framework.models import Model
    from ..framework.saving.archive import write_folder

    name = type(model).__name__
    if not isinstance(model, Model):
        raise HubError(f"{name} is no model, and belongs to no family of presets")
    if layout not in (None, SAVED_MODEL):
        raise ChoiceError(
            f"{name} belongs to no family of presets: it is saved in the layout {SAVED_MODEL!r} "
            f"alone; got {layout!r}"
        )
    if dtype is not None:
        raise ChoiceError(
            f"{name} belongs to no family of presets, and its config tells the dtypes of its "
            f"layers: it cannot be written as {dtype!r}"
        )
    if not model.built:
        raise HubError(f"{model.name} has no weights yet: call it on some data first")
    return [Path(folder, file) for file in write_folder(model, folder)]


def _write(model: Any, arguments: Any, variables: Any, folder: Path, dtype: Any) -> list[Path]:
    return save_model_folder(model, folder, dtype=dtype)


def _load_folder(local: LocalPreset, load_weights: bool, options: Mapping[str, Any]) -> Any:
    from ..framework.models import model_from_json
    from ..framework.saving.archive import read_files

    custom_objects, compile = _options(local, options)
    if load_weights:
        return read_files(local.paths, custom_objects, compile)
    return model_from_json(local.paths[CONFIG].read_text("utf-8"), custom_objects)


def _load_file(local: LocalPreset, load_weights: bool, options: Mapping[str, Any]) -> Any:
    from ..framework.saving import load_model

    if not load_weights:
        raise HubError(f"{local.preset.name}: a file of a saved model is read with its weights")
    custom_objects, compile = _options(local, options)
    return load_model(next(iter(local.paths.values())), custom_objects, compile)


def _options(local: LocalPreset, given: Mapping[str, Any]) -> tuple[Any, bool]:
    unknown = given.keys() - {"custom_objects", "compile"}
    if unknown:
        raise HubError(
            f"{local.preset.name} is a saved model, whose arguments stand in its config: "
            f"{', '.join(sorted(unknown))} cannot be changed; `custom_objects` and `compile` are "
            "what it takes"
        )
    return given.get("custom_objects"), given.get("compile", True)


class HubAddress:
    """Models at `hf://org/name[@revision]`: those of Keras's programs, and presets."""

    @staticmethod
    def load(address: str, custom_objects: Any = None, compile: bool = True) -> Any:
        """Returns the model at an address, on the current backend; see `load_preset`."""
        from .loading import find_preset, load_preset

        preset = find_preset(address)
        options = {"custom_objects": custom_objects, "compile": compile}
        return load_preset(preset, **(options if preset.family == SAVED_MODEL else {}))

    @staticmethod
    def save(model: Any, address: str, **options: Any) -> None:
        """Publishes a model; see `publish`, whose options it takes.

        A repository that has no card gets one, with the licence "unknown" unless `license` tells.
        """
        from .publishing import publish
        from .saving import save_to_preset

        with tempfile.TemporaryDirectory() as folder:
            save_to_preset(model, folder)
            publish(folder, address, **{"license": _NO_LICENCE, **options})
